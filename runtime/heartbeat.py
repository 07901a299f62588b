"""The heart of a node: what it says of itself every second and a half, and what it hears back.

Measured and gathered on the loop, written in the node's thread for rows. A database that is away
changes nothing for calls: the node goes on, and pages show it as lost, which is what they know.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from runtime import nodes, sip_figures
from runtime.models import Node as NodeRow
from runtime.rows import Asks

log = logging.getLogger(__name__)

AWAY = (DatabaseError, InterfaceError)
SOUND_SECONDS = 0.1
"""How often the event loop is asked how late it is."""


class LoopDelay:
    """How late the event loop was at worst, milliseconds, since it was last asked."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._worst = 0.0
        self._due = clock()

    async def measure(self) -> None:
        """Look at the clock ten times a second, until this is cancelled."""
        while True:
            self._due = self._clock() + SOUND_SECONDS
            await asyncio.sleep(SOUND_SECONDS)
            self.woke()

    def woke(self) -> None:
        """Take note of a waking that was due by now."""
        self._worst = max(self._worst, self._clock() - self._due)

    def overdue(self) -> float:
        """Return by how many seconds the next waking is late now; other threads may ask."""
        return max(0.0, self._clock() - self._due)

    def take(self) -> float:
        """Return the worst delay and begin anew."""
        worst, self._worst = self._worst, 0.0
        return round(max(0.0, worst) * 1000, 1)


class Heart:
    """Beats for one node, and brings it to what a person wants of it."""

    def __init__(
        self,
        node: Any,
        rows: Asks,
        folder: str,
        *,
        kind: str,
        http: str,
        delay: LoopDelay,
        lag: Callable[[], int],
    ) -> None:
        """`folder` is that of `nodes.folder_id`; `lag` says how much journal is still to ship."""
        self.node = node
        self.stopping = False
        """Whether this process ends as soon as its calls have."""
        self._rows = rows
        self._folder = folder
        self._kind = kind
        self._http = http
        self._delay = delay
        self._lag = lag
        self._taken = ""
        """Why this node may not go on under its name, should another have taken it."""

    async def beat(self) -> None:
        """Say how the node does and follow what is wanted; DatabaseError if nobody hears it."""
        node = self.node
        said = self.says()
        try:
            wanted = await self._rows.ask(nodes.beat, node.name, self._folder, node.epoch, said)
        except nodes.NameTaken as taken:
            if not self._taken:
                log.error("this node takes no new calls: %s", taken)
            self._taken = taken.message
            node.close(taken.message)
            return
        self._taken = ""
        self.follow(wanted)

    def follow(self, wanted: nodes.Wanted) -> None:
        """Take new calls, or none."""
        if self.stopping:
            return
        if wanted.drain:
            self.node.close(f"{wanted.by} lets it take no new calls: {wanted.reason}")
        elif self.node.closed:
            self.node.reopen()

    def says(self) -> dict[str, Any]:
        """Return the node's row as it stands now."""
        node = self.node
        health = node.health()
        state, trouble = _state(node, self.stopping)
        return {
            "kind": self._kind,
            "host": socket.gethostname()[:255],
            "address": health["sip"]["address"],
            "http": self._http,
            "software": settings.SOFTWARE,
            "state": state,
            "trouble": trouble,
            "sessions": health["sessions"]["now"],
            "max_sessions": health["sessions"]["max"],
            "loop_delay": self._delay.take(),
            "sip": sip_figures.summary(health["sip"]),
            "journal_lag": max(0, self._lag()),
            "runs": health["flows"]["deployed"],
            "failures": health["flows"]["failures"],
        }

    async def stop(self) -> None:
        """Say that the node has ended in order; a database that is away is not waited for."""
        try:
            await self._rows.ask(nodes.stopped, self.node.name, self._folder, self.node.epoch)
        except AWAY as away:
            log.warning("that the node has stopped is not kept: %s", away)


def _state(node: Any, stopping: bool) -> tuple[str, str]:
    trouble = node.trouble()
    if stopping or node.closed:
        return NodeRow.State.DRAINING, trouble
    return (NodeRow.State.REFUSING if trouble else NodeRow.State.READY), trouble
