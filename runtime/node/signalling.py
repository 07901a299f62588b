"""The node's SIP side: which session a message belongs to, and what happens where there is none.

It owns the stack and its sockets, keeps every message in the journal before it has an effect, and
begins the sessions of calls that come in and of calls that are placed.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from flows.semantics import Program
from runtime.adapters.dialog import DialogHalf, Way
from runtime.adapters.leg import CallLeg
from runtime.adapters.media import MediaHalf
from runtime.executor.step import Event
from runtime.media.port import MediaLink
from runtime.node.calling import NewCall
from runtime.node.config import NodeConfig
from runtime.node.journal import MediaRecord, WireRecord
from runtime.node.loader import Loader
from runtime.node.location import Location
from runtime.node.routes import RouteTable
from runtime.node.session import Session
from runtime.node.supervisor import Supervisor
from runtime.node.trunks import TrunkBook
from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.events import Happening, InviteReceived, OutOfDialogReceived, RequestReceived
from runtime.sip.hop import Hop
from runtime.sip.message import Request
from runtime.sip.screen import Refusal
from runtime.sip.transport.shell import Shell
from runtime.sip.uri import parse_uri
from runtime.sip.usage import Usage, UsageError

log = logging.getLogger(__name__)

MAX_UNCLAIMED = 4096
"""Bytes kept of a message that belongs to no session: junk must not fill the journal."""

UNCLAIMED_PER_SECOND = 200.0
UNCLAIMED_AT_ONCE = 2000.0
"""Such messages that are kept at all; the rest is counted: a flood must not fill the disk."""


class Gate(Protocol):
    """Whether new calls are taken, decided by the node."""

    def refuses(self) -> str | None:
        """Return why no call is taken now, None if one is."""

    def trouble(self) -> str:
        """Return why a new call is refused now, empty if it is taken; without trying anything."""

    def unwritable(self) -> bool:
        """Return whether a call would run unrecorded now."""


class Allowance:
    """So many a second, and so many at once after a quiet time."""

    def __init__(self, rate: float, most: float) -> None:
        self._rate = rate
        self._most = self._left = most
        self._since = float("-inf")

    def take(self, now: float) -> bool:
        """Use one; False if none is left."""
        if now > self._since:
            self._left = min(self._most, self._left + (now - self._since) * self._rate)
            self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Signalling:
    """The SIP stack of a node, joined to its sessions."""

    def __init__(
        self,
        config: NodeConfig,
        supervisor: Supervisor,
        loader: Loader,
        routes: RouteTable,
        gate: Gate,
        link: Callable[[], MediaLink],
        *,
        token: str,
        settings: Callable[[AgentSettings], AgentSettings] = lambda given: given,
    ) -> None:
        self._config = config
        self._supervisor = supervisor
        self._loader = loader
        self._routes = routes
        self._gate = gate
        self._link = link
        self._users: dict[str, str | None] = {}
        self.location = Location()
        self.trunks = TrunkBook()
        self.refused: Counter[int] = Counter()
        """Calls that no session answered, by code."""
        self.unkept = 0
        """Messages that belong to no session and were not kept because too many came."""
        self._allowance = Allowance(UNCLAIMED_PER_SECOND, UNCLAIMED_AT_ONCE)
        self.address = (config.sip_host, config.sip_port)
        self.agent = Agent(
            settings(
                AgentSettings(
                    token=token,
                    server_name=config.server_name,
                    out_of_dialog=frozenset({"REGISTER"}),
                    ready=lambda: not gate.trouble(),
                    retry_after=config.retry_after,
                    load=self._load,
                    screen=self._screen,
                )
            )
        )
        self.shell = Shell(self.agent, on_happening=self._happened, tap=self._tap)

    async def start(self) -> None:
        """Listen; OSError if the address is taken."""
        self.address = await self.shell.listen_udp(self._config.sip_host, self._config.sip_port)

    async def close(self) -> None:
        """Listen no more."""
        await self.shell.close()

    # -- browsers ----------------------------------------------------------------------------------

    def connected(
        self, connection: str, send: Callable[[bytes], None], *, local: str, user: str | None
    ) -> None:
        """A WebSocket was opened; `user` is whom it may register."""
        self._users[connection] = user
        self.shell.open_connection(connection, send, local=local)

    def received(self, connection: str, data: bytes) -> None:
        """A SIP message came over a WebSocket."""
        if connection in self._users:
            self.shell.receive(connection, data)

    def lost(self, connection: str) -> None:
        """A WebSocket was closed; twice is harmless."""
        if connection not in self._users:
            return
        self.location.lost(connection)
        self.shell.close_connection(connection)
        del self._users[connection]

    # -- sessions ----------------------------------------------------------------------------------

    def place(self, flow: str, program: Program, target: str, caller: str) -> Session:
        """Begin the session of a call to `target`."""
        session, _ = self._begin(
            self._supervisor.next_id(), flow, program, "UAC", caller=caller, callee=target
        )
        fields = {"target": target, "caller": caller, "flow": flow}
        session.post(Event("MakeCall", fields))
        return session

    def _begin(
        self, name: str, flow: str, program: Program, role: str, *, caller: str, callee: str
    ) -> tuple[Session, CallLeg]:
        dialog = DialogHalf(
            self.agent, resolve=self._resolve, now=self.shell.now, flush=self.shell.flush
        )
        leg = CallLeg(
            dialog,
            MediaHalf(
                self._link(),
                name,
                sounds=self._config.sounds,
                report=lambda kind, detail: self._media_fact(session, kind, detail),
                peer=lambda: dialog.peer_host,
            ),
            post=lambda event: session.post(event),
            hold=self._supervisor.hold,
            target=callee,
            caller=caller,
            credentials=lambda challenge: self.trunks.credentials(challenge, dialog.trunk),
        )
        session = self._supervisor.begin(
            name, leg, program, role, flow=flow, caller=caller, callee=callee
        )
        dialog.context, dialog.epitaph = session, name
        return session, leg

    def _media_fact(self, session: Session, kind: str, detail: dict[str, object]) -> None:
        record = MediaRecord(session.id, self._supervisor.now(), kind, detail)
        if not self._supervisor.keep(record):
            session.unjournalled = True

    async def _resolve(self, target: str) -> Way:
        uri = parse_uri(target)
        if not uri.is_sip:
            raise ValueError(f"{uri.scheme} is no address this node can call")
        binding = self.location.find(uri.user, self.shell.now())
        if binding is not None and uri.host in (binding.host, *self._own_hosts()):
            return Way(binding.contact, binding.hop)
        return Way(target, await self.shell.resolve(target))

    @property
    def host(self) -> str:
        """The host of our own addresses; with a wildcard socket the one told for media."""
        bound = self.address[0]
        wildcard = bound in ("0.0.0.0", "::")
        return (self._config.media_config.advertised or "localhost") if wildcard else bound

    def _own_hosts(self) -> tuple[str, ...]:
        return (self.host, "localhost") if self.host == "127.0.0.1" else (self.host,)

    # -- what the stack tells ----------------------------------------------------------------------

    def _screen(self, request: Request, hop: Hop, now: float) -> Refusal | None:
        """Say whether a request may begin anything here."""
        if request.method != "INVITE" or self._gate.refuses() is None:
            return None
        self.refused[503] += 1
        return Refusal(503, [("Retry-After", str(self._config.retry_after))])

    def _load(self) -> list[tuple[str, str]]:
        sessions = len(self._supervisor.sessions)
        return [("X-Callsmith-Load", f"sessions={sessions};limit={self._config.max_sessions}")]

    def _happened(self, happening: Happening) -> None:
        match happening:
            case InviteReceived():
                self._incoming(happening)
            case OutOfDialogReceived():
                self._out_of_dialog(happening)
            case _:
                owner = happening.usage.context
                if isinstance(owner, Session):
                    self._hand_over(owner, happening)
                elif isinstance(happening, RequestReceived) and happening.method != "BYE":
                    self._answer(happening.usage, happening, 481)

    def _hand_over(self, session: Session, happening: Happening) -> None:
        try:
            assert isinstance(session.leg, CallLeg)
            event = session.leg.happened(happening)
            if event is not None:
                session.post(event)
        except Exception as bug:
            session.fault(bug)

    def _incoming(self, invite: InviteReceived) -> None:
        call = self._new_call(invite)
        route = self._routes.find(call)
        program = None if route is None else self._loader.program(route.flow, call)
        if route is None or program is None:
            self._answer(invite.usage, invite, 404 if route is None else 480)
            return
        if self._gate.unwritable():
            self._answer(invite.usage, invite, 503)
            return
        name = invite.usage.context or self._supervisor.next_id()
        session, leg = self._begin(
            name, route.flow, program, "UAS", caller=invite.from_uri, callee=invite.request_uri
        )
        leg.dialog.adopt(invite.usage)
        try:
            event = leg.happened(invite)
            assert event is not None
            event.fields["flow"] = route.flow
            session.post(event)
        except Exception as bug:
            session.fault(bug)

    def _new_call(self, invite: InviteReceived) -> NewCall:
        """Return what decides which flow and which version a call takes."""
        request, remote = invite.request, invite.transaction.hop.remote
        browser = isinstance(remote, str)
        return NewCall(
            party=invite.from_uri,
            number=request.uri.user,
            source="" if isinstance(remote, str) else remote[0],
            call=request.call_id,
            domain=request.uri.host,
            web_user=(self._users.get(str(remote)) or "") if browser else "",
            header=request.named,
        )

    def _answer(self, usage: Usage, happening: InviteReceived | RequestReceived, code: int) -> None:
        """Answer a request that no session takes."""
        if isinstance(happening, InviteReceived):
            self.refused[code] += 1
        headers = [("Retry-After", str(self._config.retry_after))] if code == 503 else []
        with suppress(UsageError):
            usage.respond(happening.transaction, code, headers=headers, now=self.shell.now())

    def _out_of_dialog(self, happening: OutOfDialogReceived) -> None:
        now = self.shell.now()
        hop = happening.transaction.hop
        if not hop.browser:
            # Without credentials anybody could take anybody's calls.
            self.agent.respond(happening.transaction, 403, now=now)
            return
        try:
            user = self._users.get(str(hop.remote))
            answer = self.location.register(happening.request, hop, user, now)
        except ValueError as unreadable:
            log.info("a REGISTER is refused: %s", unreadable)
            self.agent.respond(happening.transaction, 400, now=now)
            return
        self.agent.respond(happening.transaction, answer.code, headers=answer.headers, now=now)

    # -- the wire in the journal -------------------------------------------------------------------

    def _tap(self, direction: str, hop: Hop, data: bytes, now: float, usage: Usage | None) -> None:
        owner = usage.context if usage is not None else None
        if owner is None and usage is not None and direction == "in":
            # A new call: what it is told (100) and its own INVITE go under the coming session's id.
            owner = usage.context = self._supervisor.next_id()
        name = owner.id if isinstance(owner, Session) else owner
        if name is None and not self._allowance.take(now):
            self.unkept += 1
            return
        record = WireRecord(
            name,
            self._supervisor.now(),
            direction,
            hop.transport,
            hop.local,
            hop.remote if isinstance(hop.remote, str) else f"{hop.remote[0]}:{hop.remote[1]}",
            data if name is not None else data[:MAX_UNCLAIMED],
        )
        if not self._supervisor.keep(record) and isinstance(owner, Session):
            owner.unjournalled = True
