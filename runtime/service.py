"""What stands around the node in its process, from its start to its stop.

The hub that tells browsers; the shipper that brings the journal to the database;
the bell that says a deployment or route has changed, with a slow look at the
rows behind it, because a bell can be missed; the heart that says how the node
does; the fleet, through which nodes know of each other; and, where pages are
served, the watch over tasks whose worker is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from designer import consumers, notices, selectors, tasks
from runtime import (
    asks,
    audit,
    bridge,
    counting,
    deployments,
    dwell,
    nodes,
    registering,
    routes,
    upkeep,
)
from runtime import tasks as runtime_tasks
from runtime.drain.carrier import Carrier
from runtime.executor.step import Step
from runtime.fleet import Fleet
from runtime.heartbeat import Heart, LoopDelay
from runtime.hub import LOOK_SECONDS as UNUSUAL_SECONDS
from runtime.hub import Hub
from runtime.models import Deployment
from runtime.node.journal import DoneRecord
from runtime.node.loader import LoadRefused
from runtime.node.node import Node
from runtime.node.session import Session
from runtime.node.shipper import Shipper
from runtime.peer_desk import PeerDesk
from runtime.ramps.following import Follower
from runtime.relay import Relays
from runtime.rows import Asks, Rows, Shared
from runtime.shadow_desk import ShadowDesk
from runtime.sink import DatabaseSink
from runtime.watchdog import watching

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How often the rows are compared with what the node runs, should a bell have been missed."""
PEER_SECONDS = 1.0
"""How often is told what became of peers, and asked what changed; trunks that are due are asked."""
CARRY_SECONDS = 1.0
"""How often it is looked whether something is to be done to running calls (`runtime.drain`)."""
WATCH_SECONDS = 3.0
"""How often tasks without a sign of life are looked for."""
RAMP_SECONDS = 0.5
"""How often is asked whether a deployment in steps is to be looked at."""
UPKEEP_SECONDS = 300.0
"""How often is asked whether the record is due for its daily upkeep."""
AWAY = (DatabaseError, InterfaceError)
"""What Django raises where the database cannot be asked."""
REJOIN_SECONDS = 60.0
"""How often the group of the bells is joined again."""
BELL_PAUSE = 1.0
"""Seconds before the channel layer is asked again after it failed (Redis away)."""


def source() -> deployments.DatabaseSource:
    """Return where the node asks what it should run."""
    return deployments.DatabaseSource()


@contextlib.asynccontextmanager
async def running(
    node: Node, *, pages: bool = True, watch: str | None = None
) -> AsyncIterator[Heart]:
    """Surround a started node; on leaving, ship what is journalled and let go of everything.

    `pages` says whether this process serves them, and with them cares for tasks of the worker.
    """
    loop = asyncio.get_running_loop()
    rows = Rows(f"{node.name}-rows")
    hub = Hub(node, later=loop.call_later, now=time.time)
    fleet = new_fleet(node, hub, pages)
    desk = Desk(node, rows)
    orders = Rows(f"{node.name}-orders")
    carrier = Carrier(node, rows=orders.ask)
    peers = PeerDesk(node, rows)
    shipper = Shipper(node.config.folder / "journal", node.name, node.epoch, DatabaseSink())
    delay = LoopDelay(loop.time)
    heart = Heart(
        node,
        rows,
        nodes.folder_id(node.config.folder),
        kind="serve" if pages else "node",
        http=settings.CALLSMITH.http_address,
        delay=delay,
        lag=lambda: shipper.lag,
    )
    bridge.set_hub(hub)
    bridge.set_fleet(fleet)
    bridge.set_shipper(shipper)
    heard = (hub.stepped, fleet.stepped, desk.heard, desk.shadows.shadows.stepped)
    for listener in heard:
        node.listeners.add(listener)
    await desk.look()
    with contextlib.suppress(*AWAY):
        await peers.look()
    await beat_first(heart)
    work = [
        delay.measure(),
        desk.hear_bells(heart, peers),
        fleet.run(),
        every(nodes.BEAT_SECONDS, heart.beat),
        every(LOOK_SECONDS, desk.look),
        every(PEER_SECONDS, peers.look),
        every(WATCH_SECONDS, desk.shadows.report),
        # Again and again, because the last records of an earlier run may still be on their way.
        every(WATCH_SECONDS, desk.close_lost),
        every(WATCH_SECONDS, desk.mark_unrecorded),
        every(UNUSUAL_SECONDS, hub.look),
        dwell.learning(hub),
        every(CARRY_SECONDS, carrier.look),
    ]
    if pages:
        work.append(every(LOOK_SECONDS, partial(look_at_nodes, hub, rows)))
        await check_outdated()
        work += [every(WATCH_SECONDS, ring_stale), every(RAMP_SECONDS, ring_ramps)]
        work.append(every(UPKEEP_SECONDS, ring_upkeep))
        work.append(every(WATCH_SECONDS, keep_registrations))
        work.append(every(counting.TURN_SECONDS, count_steps))
    if watch is not None:
        from runtime.watching import follow

        work.append(follow(watch))
    held = [asyncio.create_task(each) for each in work]
    shipper.start()
    try:
        with watching(delay.overdue):
            yield heart
    finally:
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        await carrier.close()
        await consumers.walks.close()
        for listener in heard:
            node.listeners.remove(listener)
        bridge.set_hub(None)
        bridge.set_fleet(None)
        with contextlib.suppress(*AWAY):
            await desk.shadows.report()
            await peers.look()
        await node.stop()
        await shipper.stop()
        await heart.stop()
        await rows.close()
        await orders.close()
        bridge.set_shipper(None)


def new_fleet(node: Node, hub: Hub, pages: bool) -> Fleet:
    """Return this process's side of the fleet; without Redis it is alone."""
    loop = asyncio.get_running_loop()
    layer = get_channel_layer()
    return Fleet(
        node,
        layer,
        asks.answer,
        hub,
        pages=pages,
        later=loop.call_later,
        clock=loop.time,
        alone=not settings.CALLSMITH.redis_url,
        relays=Relays(hub, layer, later=loop.call_later, clock=loop.time),
    )


async def count_steps() -> None:
    """Add up the steps that were stored since the last turn."""
    await database_sync_to_async(counting.turn)()


async def look_at_nodes(hub: Hub, rows: Rows) -> None:
    """Count the nodes, for the line at the top of each page."""
    hub.stand(await rows.ask(nodes.standing))


async def beat_first(heart: Heart) -> None:
    """Let the node be seen before it is ready; with the database away it will be seen later."""
    try:
        await heart.beat()
    except AWAY as away:
        log.warning("the database is away, this node is not seen by others yet: %s", away)


class Desk:
    """Keeps the node at what the rows say: deployments and routes."""

    def __init__(self, node: Node, rows: Asks | None = None) -> None:
        self.node = node
        self._rows: Asks = rows or Shared()
        self._said: dict[str, tuple[int, str]] = {}
        """By flow: the deployment last answered for, and the digest it named."""
        self._ramps = Follower(node)
        self.shadows = ShadowDesk(node, self._rows)
        self._routes: list[Any] | None = None
        self._unrecorded: set[str] = set()
        """Sessions of which something could not be journalled, not marked in the database yet."""
        self._turn = asyncio.Lock()

    async def hear_bells(self, heart: Heart, peers: PeerDesk) -> None:
        """Look at the rows whenever somebody says that they changed."""
        layer = get_channel_layer()
        said = ""
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(notices.NODES, channel)
                said = ""
                await self._hear(layer, channel, heart, peers)
            except asyncio.CancelledError:
                raise
            except Exception as away:  # the layer's own library raises what it likes
                if said != str(away):
                    said = str(away)
                    log.warning("the bell cannot be heard, the rows are looked at: %s", said)
                await asyncio.sleep(BELL_PAUSE)

    async def _hear(self, layer: Any, channel: str, heart: Heart, peers: PeerDesk) -> None:
        """Follow each bell; the group is joined again now and then, for it forgets its members."""
        loop = asyncio.get_running_loop()
        joined = loop.time()
        while True:
            try:
                async with asyncio.timeout(REJOIN_SECONDS):
                    bell = await layer.receive(channel)
            except TimeoutError:
                bell = None
            if loop.time() - joined >= REJOIN_SECONDS:
                await layer.group_add(notices.NODES, channel)
                joined = loop.time()
            if bell is not None:
                await self._heard_bell(bell, heart, peers)

    async def _heard_bell(self, bell: dict[str, Any], heart: Heart, peers: PeerDesk) -> None:
        try:
            match bell.get("type"):
                case "node.wanted":
                    if bell.get("node") == self.node.name:
                        await heart.beat()
                case "peers.changed":
                    await peers.look()
                case "flow.deploy":
                    # The row that is named first: calls may be waiting for it.
                    await self.look_at(bell["deployment"])
                    await self.look()
                case _:
                    await self.look()
        except AWAY as away:
            log.warning("the database is away, the node keeps what it runs: %s", away)

    async def look_at(self, deployment_id: int) -> None:
        """Bring the node to one deployment, if it is in force and no candidate has to go first."""
        async with self._turn:
            deployment = await self._rows.ask(deployments.in_force, deployment_id)
            if deployment is not None and deployment.flow.name not in self.node.candidates():
                await self._follow(deployment)

    async def look(self) -> None:
        """Bring the node to what the rows say and answer for each deployment once."""
        async with self._turn:
            try:
                ramps = await self._ramps.read()
                wanted = await self._rows.ask(deployments.desired)
                stable = {each.flow.name: each.version.digest for each in wanted}
                await self._ramps.release(ramps, stable)
                ordered = await self._rows.ask(routes.for_node)
                for deployment in wanted:
                    await self._follow(deployment)
                await self._ramps.follow(ramps)
                await self.shadows.look()
            except AWAY as away:
                log.warning("the database is away, the node keeps what it runs: %s", away)
                return
            if ordered != self._routes:
                self.node.set_routes(ordered)
                self._routes = ordered

    async def close_lost(self) -> None:
        """Say of calls that died with an earlier run of this node that they did."""
        await self._rows.ask(audit.close_lost, node=self.node.name, epoch=self.node.epoch)

    def heard(self, session: Session, step: Step, done: DoneRecord | None) -> None:
        """Take note of a session whose record has a gap."""
        if session.unjournalled:
            self._unrecorded.add(session.id)

    async def mark_unrecorded(self) -> None:
        """Say in the database which records have a gap, once they are there."""
        marked = set(self._unrecorded)
        if marked:
            await self._rows.ask(audit.mark_unrecorded, marked)
            self._unrecorded -= {s for s in marked if not self._lives(s)}

    def _lives(self, session: str) -> bool:
        return any(line.id == session for line in self.node.sessions())

    async def _follow(self, deployment: Deployment) -> None:
        name, digest = deployment.flow.name, deployment.version.digest
        if self._said.get(name) == (deployment.pk, digest):
            return
        answer: dict[str, Any] = {"digest": digest}
        # Loaded anew even if it runs already: the time shown is then that of a real load.
        try:
            loaded = await self.node.deploy(
                name, digest, deployment.version.text, deployment.forced
            )
            answer["milliseconds"] = loaded.milliseconds
        except LoadRefused as refused:
            answer["digest"] = self.node.deployed().get(name, "")
            answer["error"] = refused.reason
        await self._rows.ask(
            deployments.acknowledge, deployment_id=deployment.pk, node=self.node.name, **answer
        )
        self._said[name] = (deployment.pk, digest)


async def check_outdated() -> None:
    """Have checked anew what another checker checked: what runs, and what is newest."""

    def look() -> None:
        running = [each.version for each in deployments.desired()]
        newest = selectors.newest_versions()
        for version in tasks.check_outdated({v.pk: v for v in [*running, *newest]}.values()):
            log.info("%s is checked anew", version)

    try:
        await database_sync_to_async(look)()
    except AWAY as away:
        log.warning("the database is away, checks of an older checker stay: %s", away)


async def ring_ramps() -> None:
    """Call for a worker for deployments in steps whose figures are due."""
    await database_sync_to_async(runtime_tasks.ring_ramps)()


async def ring_upkeep() -> None:
    """Call for a worker once a day, for the rules about how long calls are kept and for proof."""
    await database_sync_to_async(upkeep.ring_daily)()


async def keep_registrations() -> None:
    """Register trunks again whose registration ended with its node."""
    await database_sync_to_async(registering.keep)()


async def ring_stale() -> None:
    """Call for a worker again where one was lost."""
    await database_sync_to_async(tasks.ring_stale)()


def every(seconds: float, act: Callable[[], Awaitable[None]]) -> Coroutine[Any, Any, None]:
    """Return a loop that does `act` each `seconds`; a database that is away is waited for."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await act()
            except AWAY as away:
                log.warning("%s waits for the database: %s", _name(act), away)
            except Exception:
                # A mistake of ours in one turn must not end all turns to come.
                log.exception("%s failed and is tried again", _name(act))

    return repeat()


def _name(act: Any) -> str:
    return str(getattr(act, "func", act).__name__)
