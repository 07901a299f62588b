"""The node: the one place where stack, media, journal, flows and sessions are joined.

It runs on one asyncio loop and knows no web framework; texts and routes reach it through ports, and
whoever embeds it calls its methods. `runtime.node.api` holds what they answer and refuse.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from flows.vocabulary import EVENTS
from runtime.adapters.leg import CallLeg
from runtime.executor.step import Event
from runtime.media.link import ChildLink, InProcess
from runtime.media.port import MediaError, MediaEvent, MediaLink
from runtime.media.process import ChildProcess
from runtime.node import asking, inspection, media_facts, starting
from runtime.node.api.data import CallRefused, EventRefused, NoSuchSession, Summary, summary
from runtime.node.asking import Answer, Question
from runtime.node.calling import NewCall, user_of
from runtime.node.clock import Clock
from runtime.node.config import NodeConfig
from runtime.node.figures import stack_figures
from runtime.node.journal import Journal, MediaRecord, next_epoch
from runtime.node.keep import read_json, write_json
from runtime.node.loader import SOURCE_PATIENCE, Loaded, Loader, TextSource
from runtime.node.operations import Operations
from runtime.node.peers import Peers, PeerSource, bindings_at, keep, peers_at
from runtime.node.ramp import Rule
from runtime.node.routes import Route, RouteTable
from runtime.node.session import Session
from runtime.node.signalling import Signalling
from runtime.node.supervisor import Listeners, Supervisor
from runtime.sip.agent import AgentSettings

log = logging.getLogger(__name__)

STOP_CODE = 503
BYE_PATIENCE = 1.0
"""Seconds that the peers of ended calls have to answer while the node stops."""
MEDIA_PATIENCE = 5.0
"""Seconds the start waits for the media process; after that the node runs without it meanwhile."""
CHILD_PAUSE = 0.2
"""Seconds before a media process that ended is started again."""


class RouteSource(Protocol):
    """Where the node asks for its routes; any exception means that the source is away."""

    async def routes(self) -> Sequence[Route]:
        """Return the routes in their order."""


class Node:
    """A runtime: it answers calls by the flows deployed to it, until it is stopped."""

    def __init__(
        self,
        config: NodeConfig,
        texts: TextSource | None = None,
        routes: RouteSource | None = None,
        peers: PeerSource | None = None,
        *,
        journal: Callable[[NodeConfig, int], Journal] | None = None,
        link: Callable[[Callable[[MediaEvent], None]], MediaLink] | None = None,
        settings: Callable[[AgentSettings], AgentSettings] = lambda given: given,
        unseal: Callable[[str], str | None] = lambda sealed: None,
    ) -> None:
        """Make a node; `journal`, `link` and `settings` are for tests that put their own in.

        `unseal` opens the passwords of trunks; None for one that cannot be opened.
        """
        self.config = config
        self.name = config.name
        self.epoch = next_epoch(config.folder / "journal", config.name, config.epoch_after)
        self.journal = (journal or _journal)(config, self.epoch)
        self.routes = RouteTable()
        self._texts = texts
        self._route_source = routes
        self._peer_source = peers
        self._supervisor = Supervisor(config, self.journal, Clock())
        self._loader = Loader(config.folder / "flows")
        self.operations = Operations(self._supervisor, self._loader, texts)
        self._link: MediaLink | None = link(self._heard) if link is not None else None
        self._child: ChildProcess | None = None
        self._watch: asyncio.Task[None] | None = None
        self._keeping = asyncio.Lock()
        self._draining = False
        self._closed = ""
        self._running = False
        self._signalling = Signalling(
            config,
            self._supervisor,
            self._loader,
            self.routes,
            self,
            self._media,
            token=f"{config.name}-{self.epoch}",
            settings=settings,
            unseal=unseal,
        )

    @property
    def signalling(self) -> Signalling:
        """The SIP side: trunks, accounts, where users are."""
        return self._signalling

    @property
    def listeners(self) -> Listeners:
        """Who hears of each step."""
        return self._supervisor.listeners

    @property
    def sip_address(self) -> tuple[str, int]:
        """Host and port of SIP over UDP and TCP."""
        return self._signalling.address

    @property
    def tls_address(self) -> tuple[str, int] | None:
        """Host and port of SIP over TLS, None where it is not listened to."""
        return self._signalling.tls_address

    # -- start and stop ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Load what is deployed, join the media, listen. OSError if the SIP address is taken."""
        await self._start_media()
        await self._loader.restore(self._texts)
        await self._restore_routes()
        await self._restore_peers()
        await self._signalling.start()
        self._running = True

    def close(self, reason: str) -> None:
        """Take no new calls, because of `reason`; those that run go on as before."""
        self._closed = reason

    def reopen(self) -> None:
        """Take new calls again."""
        self._closed = ""

    @property
    def closed(self) -> str:
        """Why somebody lets this node take no new calls; empty while it takes them."""
        return self._closed

    async def drained(self) -> None:
        """Return when no session lives."""
        await self._supervisor.drained()

    async def stop(self, drain: float = 0.0) -> None:
        """Take no new call, wait up to `drain` seconds for those there are, end the rest politely.

        Twice is harmless.
        """
        if self._draining and not self._running:
            return
        self._draining = True
        if drain > 0:
            try:
                async with asyncio.timeout(drain):
                    await self._supervisor.drained()
            except TimeoutError:
                log.info("%d calls are ended by the stop", len(self._supervisor.sessions))
        ended = list(self._supervisor)
        for session in ended:
            session.end("NodeStopping", "shutdown", STOP_CODE)
        if ended:
            await self._farewell()
        self._running = False
        await self._supervisor.close(BYE_PATIENCE)
        await self._signalling.close()
        await self._stop_media()
        await asyncio.to_thread(self.journal.close)

    async def _farewell(self) -> None:
        """Give the peers of ended calls a moment to answer, so that BYEs are repeated if lost."""
        try:
            async with asyncio.timeout(BYE_PATIENCE):
                while any(not _quiet(usage) for usage in self._signalling.agent.usages.values()):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            log.info("some peers did not confirm the end of their call")

    # -- flows and routes --------------------------------------------------------------------------

    async def deploy(self, flow: str, digest: str, text: str, force: bool = False) -> Loaded:
        """Let new sessions of `flow` run `text`; raises LoadRefused and changes nothing."""
        return await self._loader.deploy(flow, digest, text, force=force)

    async def withdraw(self, flow: str) -> None:
        """Let no new session of `flow` begin."""
        await self._loader.withdraw(flow)

    async def ramp(
        self, flow: str, digest: str, text: str, rule: Rule, force: bool = False
    ) -> Loaded:
        """Let the new sessions that `rule` names run `text`; raises LoadRefused."""
        return await self._loader.ramp(flow, digest, text, rule, force=force)

    async def withdraw_ramp(self, flow: str) -> None:
        """Let all new sessions of `flow` run its stable version."""
        await self._loader.withdraw_ramp(flow)

    def deployed(self) -> dict[str, str]:
        """Return the digest of the stable version of each flow."""
        return self._loader.deployed()

    def candidates(self) -> dict[str, tuple[str, float]]:
        """Return digest and percentage of the candidate of each flow that is ramped."""
        return self._loader.candidates()

    def set_routes(self, routes: Iterable[Route]) -> None:
        """Replace all routes; ValueError, and nothing changed, for a pattern that is none."""
        self.routes.replace(routes)
        self._supervisor.hold(self._keep_routes())

    async def _keep_routes(self) -> None:
        async with self._keeping:
            try:
                await asyncio.to_thread(write_json, self._routes_file, list(self.routes))
            except OSError as full:
                log.warning("the routes are not kept locally: %s", full)

    async def _restore_routes(self) -> None:
        if self._route_source is not None:
            try:
                async with asyncio.timeout(SOURCE_PATIENCE):
                    self.set_routes(await self._route_source.routes())
                return
            except Exception as away:
                log.warning("routes cannot be asked for, the local copy is used: %s", away)
        self.routes.replace(read_json(self._routes_file, list[Route]) or [])

    @property
    def _routes_file(self) -> Path:
        return self.config.folder / "flows" / "routes.json"

    # -- peers -------------------------------------------------------------------------------------

    def set_peers(self, peers: Peers) -> None:
        """Replace trunks, accounts and policy."""
        self._signalling.set_peers(peers)
        self._supervisor.hold(self._keep_local("peers.json", peers))

    def ask_trunk(self, name: str) -> None:
        """Ask a trunk now whether it is there; CallRefused if none that is enabled has this name.

        The answer changes its standing.
        """
        trunk = self._signalling.trunks.named(name)
        if trunk is None:
            raise CallRefused(f"no trunk named {name} is in use on this node")
        self._signalling.watch.ask(trunk)

    async def tested_trunk(self, name: str) -> dict[str, Any]:
        """Ask a trunk now and return how it stands once it answered, or did not; CallRefused."""
        self.ask_trunk(name)
        return await self._signalling.watch.asked(name)

    def keep_bindings(self) -> None:
        """Keep a copy of where users are, for a start without a database."""
        bindings = list(self._signalling.location)
        self._supervisor.hold(self._keep_local("registrations.json", bindings))

    async def _keep_local(self, name: str, value: Any) -> None:
        async with self._keeping:
            try:
                await asyncio.to_thread(keep, self.config.folder / "sip" / name, value)
            except OSError as full:
                log.warning("%s is not kept locally: %s", name, full)

    async def _restore_peers(self) -> None:
        """Know whom calls come from and go to before the first message is heard."""
        folder = self.config.folder / "sip"
        peers = bindings = None
        if self._peer_source is not None:
            try:
                async with asyncio.timeout(SOURCE_PATIENCE):
                    peers = await self._peer_source.peers()
                    bindings = await self._peer_source.bindings()
            except Exception as away:
                log.warning("peers cannot be asked for, the local copy is used: %s", away)
        if peers is None:
            peers = await asyncio.to_thread(peers_at, folder / "peers.json") or Peers()
        if bindings is None:
            bindings = await asyncio.to_thread(bindings_at, folder / "registrations.json")
        self._signalling.set_peers(peers)
        self._signalling.restore(bindings or [])

    # -- calls -------------------------------------------------------------------------------------

    def call(self, flow: str, target: str, caller: str | None = None) -> str:
        """Place a call that `flow` drives in the role UAC; return the session's id.

        A target without a scheme is a user of this node. Raises CallRefused.
        """
        return self.begin(flow, "MakeCall", {"target": target}, caller)

    def begin(
        self,
        flow: str,
        event: str,
        fields: Mapping[str, Any] | None = None,
        caller: str | None = None,
    ) -> str:
        """Begin a session of `flow` in the role UAC with an event of people; return its id.

        What it may be is what the flow's initial state takes: MakeCall, StartRegistration,
        StartSubscription, SendMessage ... A `target` without a scheme is a user of this node.
        Raises CallRefused.
        """
        trouble = "the node is not running" if not self._running else self.refuses()
        if trouble is None and self.unwritable():
            trouble = f"the journal cannot be written: {self.journal.reason}"
        host = _bracketed(self._signalling.host)
        given = starting.whole(fields or {}, host)
        party = starting.far_side(given)
        program = self._loader.program(flow, NewCall(party, user_of(party)))
        if trouble is None and program is None:
            trouble = f"no version of {flow} is deployed"
        if trouble is None and program is not None:
            trouble = starting.trouble(program, flow, event, given)
        caller = caller or f"sip:{self.config.server_name}@{host}"
        for address in (party, caller):
            trouble = trouble or (starting.unreadable(address) if address else None)
        if trouble is not None or program is None:
            raise CallRefused(trouble or "")
        return self._signalling.place(flow, program, event, given, party, caller).id

    def beginnings(self) -> dict[str, list[str]]:
        """Return for each deployed flow the events that people may begin a session with."""
        programs = self._loader.programs().items()
        found = {flow: starting.beginnings(program) for flow, program in programs}
        return {flow: events for flow, events in found.items() if events}

    def send(self, session_id: str, event: str, fields: Mapping[str, Any] | None = None) -> None:
        """Give a session an event that people may send; raises NoSuchSession or EventRefused."""
        session = self._session(session_id)
        word = EVENTS.get(event)
        if word is None or not word.user:
            raise EventRefused(f"{event} is no event that people may send")
        if session.role not in word.roles:
            raise EventRefused(f"{event} is not for a session in the role {session.role}")
        unknown = set(fields or {}) - set(word.fields)
        if unknown:
            raise EventRefused(f"{event} has no field {sorted(unknown)[0]}")
        session.post(Event(event, dict(fields or {})))

    def possible(self, session_id: str) -> list[str]:
        """Return the events people may send that the session's state has a row for."""
        session = self._session(session_id)
        position = session.machine.program.position(session.state, session.role)
        return [
            name
            for name, word in EVENTS.items()
            if word.user and session.role in word.roles and name in position.candidates
        ]

    def transitions(self, session_id: str) -> list[dict[str, Any]]:
        """Return the rows that could fire next, with their guards; see `inspection.transitions`."""
        return inspection.transitions(self._session(session_id), self._supervisor.now())

    def sessions(self) -> list[Summary]:
        """Return a line for each living session, the oldest first."""
        return [summary(session) for session in self._supervisor]

    @property
    def session_count(self) -> int:
        """How many sessions live."""
        return len(self._supervisor.sessions)

    def each_session(self) -> Iterable[Session]:
        """Return the living sessions themselves, the oldest first."""
        return iter(self._supervisor)

    def living(self, session_id: str) -> Session:
        """Return a living session itself; raises NoSuchSession."""
        return self._session(session_id)

    def session(self, session_id: str) -> Summary:
        """Return the line of a living session; raises NoSuchSession."""
        return summary(self._session(session_id))

    def _session(self, session_id: str) -> Session:
        try:
            return self._supervisor.sessions[session_id]
        except KeyError:
            raise NoSuchSession(f"no session {session_id} lives on this node") from None

    async def media_info(self, session_id: str) -> dict[str, Any]:
        """Return port, codec, remote ... of a session's media; Refused if it has none."""
        return await media_facts.info(self._media(), self._session(session_id).id)

    async def media_statistics(self, session_id: str) -> dict[str, Any]:
        """Return packets, bytes, loss, jitter of a session's media; Refused if it has none."""
        return await media_facts.statistics(self._media(), self._session(session_id).id)

    async def ask(self, question: Question) -> Answer:
        """Send a SIP request that belongs to no session; return its final answer."""
        return await asking.ask(self._signalling, question)

    # -- browsers ----------------------------------------------------------------------------------

    def websocket_connected(
        self,
        connection: str,
        send: Callable[[bytes], None],
        *,
        local: str,
        user: str | None = None,
        secure: bool = False,
    ) -> None:
        """A browser's SIP WebSocket was opened under the unique id `connection`.

        `local` is our "host:port" as the browser sees it; `user` the only one it may register;
        `secure` whether it came over TLS.
        """
        self._signalling.connected(connection, send, local=local, user=user, secure=secure)

    def websocket_received(self, connection: str, data: bytes | str) -> None:
        """One SIP message came over a WebSocket."""
        self._signalling.received(connection, data.encode() if isinstance(data, str) else data)

    def websocket_lost(self, connection: str) -> None:
        """A WebSocket was closed; twice is harmless."""
        self._signalling.lost(connection)

    # -- health ------------------------------------------------------------------------------------

    def refuses(self, reserve: int = 0) -> str | None:
        """Return why no new call is taken now, None if one is; `reserve`: what it may find in use
        beyond the limit."""
        if self._draining:
            return "the node is stopping"
        if self._closed:
            return self._closed
        if self._supervisor.full_beyond(reserve):
            return f"all {self.config.max_sessions} sessions are in use"
        return None

    def trouble(self) -> str:
        """Return why a new call is refused now, whatever the reason; empty if it is taken."""
        refuses = self.refuses()
        if refuses is not None:
            return refuses
        if not self._running:
            return "the node is not running"
        if not self.journal.healthy:
            return f"calls cannot be recorded: {self.journal.reason}"
        return ""

    def unwritable(self) -> bool:
        """Return whether a call would run unrecorded now; asking tries to mend it."""
        return not self.journal.check()

    def health(self) -> dict[str, Any]:
        """Return how the node does, as plain data."""
        journal = self.journal.check()
        attached = getattr(self._link, "attached", self._link is not None)
        well = self._running and journal and attached and self.refuses() is None
        signalling, tls = self._signalling, self.tls_address
        return {
            "status": "ok" if well else "degraded",
            "node": self.name,
            "epoch": self.epoch,
            "sip": {
                "address": f"{_bracketed(self.sip_address[0])}:{self.sip_address[1]}",
                "tls": f"{_bracketed(tls[0])}:{tls[1]}" if tls is not None else "",
                "listening": self._running,
                "draining": self._draining or bool(self._closed),
                "registered": len(self._signalling.location),
                "refused": {str(code): n for code, n in self._signalling.refused.items()},
                **stack_figures(
                    signalling.agent, signalling.shell, signalling.guard, signalling.browsers
                ),
                "unkept": self._signalling.unkept,
                "screened": dict(self._signalling.screening.counters),
                "trunks": self._signalling.trunk_figures(),
            },
            "media": {"mode": self.config.media, "attached": attached},
            "journal": {
                "healthy": journal,
                "reason": self.journal.reason,
                "number": self.journal.number,
                "durable": self.journal.durable,
                "unrecorded": self._supervisor.unrecorded,
            },
            "sessions": {
                "now": len(self._supervisor.sessions),
                "max": self.config.max_sessions,
                "started": self._supervisor.started,
                "outcomes": dict(self._supervisor.outcomes),
                "versions": [
                    {"flow": flow, "digest": digest, "sessions": count}
                    for (flow, digest), count in self._supervisor.versions.items()
                ],
                "unjournalled": sum(session.unjournalled for session in self._supervisor),
            },
            "flows": {
                "deployed": self.deployed(),
                "candidates": {
                    flow: {"digest": digest, "percent": percent}
                    for flow, (digest, percent) in self.candidates().items()
                },
                "failures": dict(self._loader.failures),
            },
        }

    # -- media -------------------------------------------------------------------------------------

    def _media(self) -> MediaLink:
        assert self._link is not None, "the node was not started"
        return self._link

    async def _start_media(self) -> None:
        if self._link is not None:
            return
        if self.config.media == "inprocess":
            self._link = InProcess(self.config.media_config, self._heard)
            return
        if self.config.media == "child":
            self._child = ChildProcess(self.config.socket, self.config.media_config)
            await self._child.start()
            self._watch = asyncio.create_task(self._watch_child(self._child), name="media child")
        link = ChildLink(self.config.socket, self._heard)
        self._link = link
        try:
            legs = await link.attach(MEDIA_PATIENCE)
        except MediaError as away:
            log.warning("the media process is not there yet: %s", away)
            return
        # Calls of an earlier start of this node are over; so is their media.
        for leg in legs:
            await link.close(leg.leg)

    async def _watch_child(self, child: ChildProcess) -> None:
        while True:
            status = await child.wait()
            log.error("the media process ended with %s and is started again", status)
            await asyncio.sleep(CHILD_PAUSE)
            await child.start()

    async def _stop_media(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._link is not None:
            try:
                await self._link.shutdown()
            except MediaError as gone:
                log.info("the media process is gone already: %s", gone)
        if self._child is not None:
            await self._child.stop()

    def _heard(self, event: MediaEvent) -> None:
        session = self._supervisor.sessions.get(event.leg)
        if session is None:
            return
        record = MediaRecord(session.id, self._supervisor.now(), event.name, dict(event.detail))
        if not self._supervisor.keep(record):
            session.unjournalled = True
        try:
            assert isinstance(session.leg, CallLeg)
            heard = session.leg.heard(event)
            if heard is not None:
                session.post(heard)
        except Exception as bug:
            session.fault(bug)


def _journal(config: NodeConfig, epoch: int) -> Journal:
    return Journal(config.folder / "journal", config.name, epoch)


def _quiet(usage: Any) -> bool:
    """Whether nothing of the usage waits for its peer any more."""
    over = usage.bye_tx is None and usage.own_invite is None and not usage.unacknowledged
    return over and not usage.subscriptions


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
