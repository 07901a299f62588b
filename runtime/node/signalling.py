"""The node's SIP side: which session a message belongs to, and what happens where there is none.

It owns the stack and its sockets, keeps every message in the journal before it has an effect, and
begins the sessions of calls that come in and of calls that are placed.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from flows.semantics import Program
from runtime.adapters.dialog import DialogHalf, Way
from runtime.adapters.leg import CallLeg
from runtime.adapters.media import MediaHalf
from runtime.executor.step import Event
from runtime.media.port import MediaLink
from runtime.node import beginning
from runtime.node.accounts import AccountBook
from runtime.node.allowance import Allowance
from runtime.node.asking import Asking
from runtime.node.calling import NewCall, asserted, believed
from runtime.node.config import NodeConfig
from runtime.node.journal import MediaRecord, WireRecord
from runtime.node.linkbook import LinkBook
from runtime.node.links import Start
from runtime.node.loader import Loader
from runtime.node.location import Binding, Location
from runtime.node.peers import Peers
from runtime.node.places import NodePlaces
from runtime.node.registrar import Registrar
from runtime.node.routes import RouteTable
from runtime.node.screening import Screening
from runtime.node.session import Session
from runtime.node.supervisor import Supervisor
from runtime.node.trunk_watch import Question, TrunkWatch
from runtime.node.trunks import INCOMING, OUTGOING, TrunkBook
from runtime.node.ways import Ways
from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.build import MAX_FORWARDS
from runtime.sip.events import (
    Happening,
    InviteReceived,
    OutOfDialogReceived,
    OutsideReceived,
    RequestReceived,
    TransactionTimedOut,
    TransportFailed,
)
from runtime.sip.guard import Guard
from runtime.sip.hop import Hop
from runtime.sip.message import Request
from runtime.sip.screen import Refusal
from runtime.sip.transport.address import source_of
from runtime.sip.transport.shell import Shell
from runtime.sip.uri import parse_uri
from runtime.sip.usage import Usage, UsageError

log = logging.getLogger(__name__)

DECLINED = 603
MAX_UNCLAIMED = 4096
"""Bytes kept of a message that belongs to no session: junk must not fill the journal."""

STALLED = 0.1
"""Share of new calls below which whoever spreads them is told to leave us alone."""

UNCLAIMED_PER_SECOND = 200.0
UNCLAIMED_AT_ONCE = 2000.0
"""Such messages that are kept at all; the rest is counted: a flood must not fill the disk."""


class Gate(Protocol):
    """Whether new calls are taken, decided by the node."""

    def refuses(self, reserve: int = 0) -> str | None:
        """Return why no call is taken now, None if one is.

        `reserve` is by how many sessions more than the limit may be in use."""

    def trouble(self) -> str:
        """Return why a new call is refused now, empty if it is taken; without trying anything."""

    def unwritable(self) -> bool:
        """Return whether a call would run unrecorded now."""


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
        unseal: Callable[[str], str | None] = lambda sealed: None,
    ) -> None:
        self._config = config
        self._sounds = config.sounds
        self._supervisor = supervisor
        self._loader = loader
        self._routes = routes
        self._gate = gate
        self._link = link
        self._users: dict[str, str | None] = {}
        self.location = Location(config.name)
        self.accounts = AccountBook()
        self.trunks = TrunkBook(unseal, lambda session: session in supervisor.sessions)
        self._registrar = Registrar(self.location)
        self.screening = Screening(
            self.accounts,
            self.trunks,
            browsers=self._users,
            own_hosts=self._own_hosts,
            wall=supervisor.now,
            retry_after=config.retry_after,
        )
        self.refused: Counter[int] = Counter()
        """Calls that no session answered, by code."""
        self.unkept = 0
        """Messages that belong to no session and were not kept because too many came."""
        self._allowance = Allowance(UNCLAIMED_PER_SECOND, UNCLAIMED_AT_ONCE)
        self.guard = Guard(replace(config.guard, trusted=self._trusts), source_of)
        self.address = (config.sip_host, config.sip_port)
        self.tls_address: tuple[str, int] | None = None
        self.agent = Agent(
            settings(
                AgentSettings(
                    token=token,
                    server_name=config.server_name,
                    out_of_dialog=frozenset({"REGISTER"}),
                    begins=beginning.METHODS,
                    events=beginning.EVENTS,
                    ready=lambda: not gate.trouble() and self.guard.share > STALLED,
                    retry_after=config.retry_after,
                    load=self._load,
                    screen=self._screen,
                    guard=self.guard,
                )
            )
        )
        self.links = LinkBook(
            NodePlaces(
                supervisor,
                loader,
                start=self.start_linked,
                note=self._media_fact,
                address=lambda: (self._own_hosts(), self.address[1]),
                known=self._may_refer,
                unwritable=gate.unwritable,
            )
        )
        supervisor.listeners.add(self.links.stepped)
        self.shell = Shell(
            self.agent,
            on_happening=self._happened,
            tap=self._tap,
            batch=supervisor,
            limits=config.streams,
        )
        self.watch = TrunkWatch(
            self.agent,
            self.trunks,
            resolve=self.shell.resolve,
            hold=supervisor.hold,
            now=self.shell.now,
            wall=supervisor.now,
            flush=self.shell.flush,
            sender=lambda: f"sip:{config.server_name}@{bracketed(self.host)}",
        )
        self.trunks.down = self.watch.down
        self._ways = Ways(
            self.trunks,
            self.accounts,
            self.location,
            resolve=lambda uri: self.shell.resolve(uri),
            own_hosts=self._own_hosts,
            now=self.shell.now,
            wall=supervisor.now,
        )

    async def start(self) -> None:
        """Listen; OSError if an address is taken, ValueError if the certificate is not usable."""
        config = self._config
        self.shell.trust(config.tls)
        self.address = await self.shell.listen(config.sip_host, config.sip_port)
        if config.sip_tls is not None:
            self.tls_address = await self.shell.listen_tls(*config.sip_tls, config.tls)

    async def close(self) -> None:
        """Listen no more."""
        await self.shell.close()

    # -- peers -------------------------------------------------------------------------------------

    def set_peers(self, peers: Peers) -> None:
        """Replace trunks, accounts and policy."""
        self.trunks.replace(peers.trunks)
        self.accounts.replace(peers.accounts)
        if self.accounts.policy != peers.policy:
            self.accounts.policy = peers.policy
            self.screening.policy_changed()

    def restore(self, bindings: Iterable[Binding]) -> None:
        """Know where users were when the node began: what ran over connections that ended with its
        last run is gone, and is written as gone."""
        now = self._supervisor.now()
        known = [each for each in bindings if each.expires > now]
        ended = [each for each in known if each.node == self._config.name and each.connection]
        self.location.replace(known)
        for connection in {each.connection for each in ended}:
            self.location.lost(connection)

    def trunk_figures(self) -> dict[str, dict[str, int]]:
        """Return by trunk the calls in and out there are now, and whether it is up."""
        return {
            trunk.name: {
                "in": self.trunks.calls(trunk.name, INCOMING),
                "out": self.trunks.calls(trunk.name, OUTGOING),
                "down": int(bool(self.watch.down(trunk.name))),
            }
            for trunk in self.trunks
        }

    # -- browsers ----------------------------------------------------------------------------------

    @property
    def browsers(self) -> int:
        """How many WebSockets carry SIP."""
        return len(self._users)

    def connected(
        self,
        connection: str,
        send: Callable[[bytes], None],
        *,
        local: str,
        user: str | None,
        secure: bool = False,
    ) -> None:
        """A WebSocket was opened; `user` is whom it may register."""
        self._users[connection] = user
        self.shell.open_connection(connection, send, local=local, secure=secure)

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

    def start_linked(self, start: Start) -> Session:
        """Begin a session that calls; its first event is still to come (`links.Places`)."""
        callee, caller = start.target, start.caller
        session, leg = self._begin(
            self._supervisor.next_id(), start.flow, start.program, "UAC",
            caller=caller, callee=callee, hops=start.hops,
        )  # fmt: skip
        leg.headers = start.headers
        return session

    def place(
        self,
        flow: str,
        program: Program,
        event: str,
        fields: dict[str, Any],
        target: str,
        caller: str,
    ) -> Session:
        """Begin a session of our own with an event: a call to `target`, a registration ..."""
        session, _ = self._begin(
            self._supervisor.next_id(), flow, program, "UAC",
            caller=caller, callee=target, standing=event != "MakeCall",
        )  # fmt: skip
        session.post(Event(event, {**fields, "caller": caller, "flow": flow}))
        return session

    def _begin(
        self,
        name: str,
        flow: str,
        program: Program,
        role: str,
        *,
        caller: str,
        callee: str,
        hops: int = MAX_FORWARDS,
        standing: bool = False,
    ) -> tuple[Session, CallLeg]:
        dialog = DialogHalf(
            self.agent,
            resolve=lambda target: self._ways.of_call(target, name),
            registrar=self._ways.to_registrar,
            now=self.shell.now,
            flush=self.shell.flush,
        )
        leg = CallLeg(
            dialog,
            MediaHalf(
                self._link(),
                name,
                sounds=self._sounds,
                report=lambda kind, detail: self._media_fact(session, kind, detail),
                peer=lambda: dialog.peer_host,
            ),
            post=lambda event: session.post(event),
            hold=self._supervisor.hold,
            target=callee,
            caller=caller,
            credentials=lambda challenge: self.trunks.credentials(challenge, dialog.trunk),
            words=program.words,
        )
        session = self._supervisor.begin(
            name, leg, program, role, flow=flow, caller=caller, callee=callee, standing=standing
        )
        dialog.context, dialog.epitaph = session, name
        leg.hops = hops
        self.links.attach(session, leg, hops)
        return session, leg

    def _media_fact(self, session: Session, kind: str, detail: dict[str, Any]) -> None:
        record = MediaRecord(session.id, self._supervisor.now(), kind, detail)
        if not self._supervisor.keep(record):
            session.unjournalled = True

    async def ways(self, target: str) -> list[Way]:
        """Return the ways to a target, best first; see `Ways.all_to`."""
        return await self._ways.all_to(target)

    def _may_refer(self, target: str) -> bool:
        """Whether a far side may send a call to an address (see `NodeConfig.refer_anywhere`)."""
        if self._config.refer_anywhere:
            return True
        uri = parse_uri(target)
        if not uri.is_sip:
            return False
        if self.trunks.towards(uri) is not None:
            return True
        realm = self.accounts.realm_of(uri.host)
        ours = uri.host in self._own_hosts() and (uri.port or 5060) in (5060, self.address[1])
        return ours or uri.host == realm or self.location.knows_host(uri.user, realm, uri.host)

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
        reserve = self._config.emergency_sessions if self.guard.is_emergency(request) else 0
        if request.method != "REGISTER" and self._gate.refuses(reserve) is not None:
            self.refused[503] += 1
            return Refusal(503, [("Retry-After", str(self._config.retry_after))])
        refusal = self.screening.screen(request, hop, now)
        if refusal is not None and request.method == "INVITE" and refusal.code != 407:
            self.refused[refusal.code] += 1
        return refusal

    def _trusts(self, host: str) -> bool:
        """Whether requests from an address are exempt from the limits of strangers."""
        local = host.startswith("127.") or host == "::1"
        return local or self.trunks.of_source(host) is not None or self._config.guard.trusted(host)

    def _load(self) -> list[tuple[str, str]]:
        sessions = len(self._supervisor.sessions)
        limit, share = self._config.max_sessions, round(100 * self.guard.share)
        return [("X-Callsmith-Load", f"sessions={sessions};limit={limit};takes={share}%")]

    def _happened(self, happening: Happening) -> None:
        match happening:
            case InviteReceived():
                self._incoming(happening)
            case OutOfDialogReceived():
                self._out_of_dialog(happening)
            case OutsideReceived():
                self._outside(happening)
            case _:
                owner = happening.usage.context
                if isinstance(owner, Session):
                    self._hand_over(owner, happening)
                elif isinstance(owner, Question):
                    owner.watch.heard(happening)
                elif isinstance(owner, Asking):
                    owner.heard(happening)
                elif isinstance(happening, RequestReceived) and happening.method != "BYE":
                    self._answer(happening.usage, happening, 481)

    def _hand_over(self, session: Session, happening: Happening) -> None:
        if isinstance(happening, TransactionTimedOut | TransportFailed):
            usage = happening.usage
            if happening.method == "INVITE" and not happening.reinvite:
                self.location.unanswered(usage.target, usage.hop, self._supervisor.now())
        try:
            assert isinstance(session.leg, CallLeg)
            event = session.leg.happened(happening)
            if event is not None:
                session.post(event)
        except Exception as bug:
            session.fault(bug)

    def _incoming(self, invite: InviteReceived) -> None:
        call = self._new_call(invite)
        flow, program, refusal = self._flow_of(invite, call)
        if program is None:
            self._answer(invite.usage, invite, refusal)
            return
        self._start(invite, call, flow, program)

    def _outside(self, asked: OutsideReceived) -> None:
        """Begin a session with a request that is no call, or refuse it."""
        call = self._new_call(asked)
        taken = beginning.taker(self._routes, self._loader, call, asked.method)
        if isinstance(taken, int):
            self._answer(asked.usage, asked, taken)
            asked.usage.close(now=self.shell.now())
            return
        route, program = taken
        self._start(asked, call, route.flow, program)

    def _start(
        self,
        invite: InviteReceived | OutsideReceived,
        call: NewCall,
        flow: str,
        program: Program,
    ) -> None:
        """Begin the session of a request that came in, with its first event."""
        if self._gate.unwritable():
            self._answer(invite.usage, invite, 503)
            return
        name, callee = invite.usage.context or self._supervisor.next_id(), invite.request.uri_text
        session, leg = self._begin(
            name, flow, program, "UAS",
            caller=call.party, callee=callee, standing=isinstance(invite, OutsideReceived),
        )  # fmt: skip
        trunk = self.trunks.named(call.trunk) if call.trunk else None
        if trunk is not None:
            self.trunks.began(trunk, INCOMING, name)
        leg.dialog.adopt(invite.usage)
        self.links.arrived(session, invite.request, call.header)
        try:
            event = leg.happened(invite)
            assert event is not None
            event.fields["flow"] = flow
            if isinstance(invite, InviteReceived) and invite.replaces is not None:
                event.fields["replaces"] = self.links.wants_place(session, invite.replaces.context)
            session.post(event)
        except Exception as bug:
            session.fault(bug)

    def _flow_of(self, invite: InviteReceived, call: NewCall) -> tuple[str, Program | None, int]:
        """Return flow and version that take a call; without a version, the code that refuses it.

        A call that wants to take the place of another goes to that one's flow (RFC 3891 3).
        """
        if invite.replaces is not None:
            replaced = self.links.replaced(invite.replaces.context)
            if replaced is None:
                return "", None, DECLINED
            return replaced.flow, replaced.machine.program, 0
        route = self._routes.find(call)
        if route is None:
            return "", None, 404
        return route.flow, self._loader.program(route.flow, call), 480

    def _new_call(self, invite: InviteReceived | OutsideReceived) -> NewCall:
        """Return what decides which flow and which version a call takes."""
        request, hop = invite.request, invite.transaction.hop
        trunk = None if hop.browser else self.trunks.of_source(hop.host)
        trusted = trunk is not None and trunk.trusted
        return NewCall(
            party=(asserted(request) if trusted else "") or request.from_.uri_text,
            number=request.uri.user,
            source=hop.host,
            call=request.call_id,
            domain=request.uri.host,
            web_user=(self._users.get(hop.flow) or "") if hop.browser else "",
            trunk=trunk.name if trunk is not None else "",
            account=request.identity,
            header=request.named if trusted else believed(request),
        )

    def _answer(
        self, usage: Usage, happening: InviteReceived | RequestReceived | OutsideReceived, code: int
    ) -> None:
        """Answer a request that no session takes."""
        if not isinstance(happening, RequestReceived):
            self.refused[code] += 1
        headers = [("Retry-After", str(self._config.retry_after))] if code == 503 else []
        if code == beginning.NOT_ALLOWED:
            headers.append(("Allow", beginning.allow(happening.request.method)))
        with suppress(UsageError):
            usage.respond(happening.transaction, code, headers=headers, now=self.shell.now())

    def _out_of_dialog(self, happening: OutOfDialogReceived) -> None:
        now = self.shell.now()
        hop = happening.transaction.hop
        request = happening.request
        try:
            realm = self.accounts.realm_of(request.to.uri.host)
            answer = self._registrar.register(request, hop, realm, self._supervisor.now())
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
        if isinstance(owner, Question | Asking):
            owner = None
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


def bracketed(host: str) -> str:
    """Return a host as a URI has it."""
    return f"[{host}]" if ":" in host else host
