"""A stand-in for the node: real sessions of real tables, without SIP, media or a clock."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from flows.compile import compile_text
from flows.semantics import Program
from flows.vocabulary import EVENTS
from runtime.executor.machine import Machine
from runtime.executor.step import Event, Step
from runtime.node import api
from runtime.node.api import CallRefused, EventRefused, NoSuchSession, Summary
from runtime.node.figures import stack_figures
from runtime.node.journal import DoneRecord
from runtime.node.loader import Loaded, LoadRefused, _compile
from runtime.node.operations import Operations
from runtime.node.starting import beginnings
from runtime.node.supervisor import Listeners
from runtime.sip.agent import Agent
from runtime.sip.guard import Guard, GuardSettings
from runtime.sip.settings import AgentSettings
from runtime.sip.transport.address import source_of
from runtime.sip.transport.shell import Shell


class FakeSession:
    """A session whose actions are all done at once."""

    def __init__(self, id: str, flow: str, program: Program, role: str, now: float) -> None:
        self.id = id
        self.flow = flow
        self.role = role
        self.machine = Machine(program, id, role, now)
        self.caller, self.callee = "sip:a@x", "sip:b@y"
        self.started = self.since = now
        self.unhandled = 0
        self.outcome: str | None = None
        self.unjournalled = False
        self.ended = False
        self.busy: str | None = None
        """What is open with the peer, in words."""
        self.at_rest: Any = None
        self.node: Any = None

    # What operators do, without a leg.

    def unquiet(self) -> str | None:
        return self.busy

    def post(self, event: Event) -> None:
        self.node.take(self, self.machine.receive(event, self.node.now))

    def end(self, event: str, outcome: str, code: Any, *, fields: Any = None, kind: str) -> None:
        happened = Event(event, fields or {})
        self.node.take(self, self.machine.close(happened, self.node.now, kind, outcome))

    def migrate(self, program: Program, state: str, event: Event) -> Step:
        step = self.machine.migrate(program, state, event, self.node.now)
        self.node.take(self, step)
        return step

    @property
    def state(self) -> str:
        return self.machine.state

    @property
    def digest(self) -> str:
        return self.machine.program.table.digest


class Sessions:
    """The fake node's sessions, as operators reach them."""

    def __init__(self, node: FakeNode) -> None:
        self._node = node

    @property
    def sessions(self) -> dict[str, FakeSession]:
        return self._node.living

    def __iter__(self) -> Any:
        return iter(list(self._node.living.values()))

    def now(self) -> float:
        return self._node.now

    def keep(self, record: Any) -> bool:
        self._node.kept.append(record)
        return True


class Texts:
    """The versions a call can be moved to."""

    def __init__(self, node: FakeNode) -> None:
        self._node = node

    async def prepared(self, source: Any, flow: str, digest: str) -> Program:
        if digest not in self._node.texts:
            raise LoadRefused(flow, digest, f"the text of {digest[:12]} is nowhere to be found")
        return _compile(flow, digest, self._node.texts[digest], True)


class FakeNode:
    """What the web part uses of a node."""

    name = "node1"
    epoch = 7

    def __init__(self) -> None:
        self.listeners = Listeners()
        self.living: dict[str, FakeSession] = {}
        self.begun = 0
        self.programs: dict[str, Program] = {}
        self.ramps: dict[str, tuple[Program, Any]] = {}
        self.routes: list[Any] = []
        guard = Guard(GuardSettings(), source_of)
        agent = Agent(AgentSettings("node1-7", guard=guard))
        self.stack = stack_figures(agent, Shell(agent, on_happening=print), guard, 0)
        self.asked: list[str] = []
        """Trunks that were asked whether they are there."""
        self.placed: list[tuple[str, str]] = []
        self.sent: list[tuple[str, str, dict[str, Any]]] = []
        self.sockets: dict[str, Any] = {}
        self.received: list[tuple[str, bytes | str]] = []
        self.journal = SimpleNamespace(healthy=True, reason="")
        self.now = 1000.0
        self.closed = ""
        self.config = SimpleNamespace(retry_after=5)
        self.texts: dict[str, str] = {}
        """By digest: texts that calls can be moved to."""
        self.kept: list[Any] = []
        """Facts that were journalled beside the steps."""
        self.operations = Operations(Sessions(self), Texts(self))  # type: ignore[arg-type]

    def ask_trunk(self, name: str) -> None:
        self.asked.append(name)

    # Calls, played by the test.

    def begin(self, flow: str, role: str = "UAS") -> FakeSession:
        self.begun += 1
        id = f"{self.name}-{self.epoch}-{self.begun}"
        session = FakeSession(id, flow, self.programs[flow], role, self.now)
        session.node = self
        self.living[id] = session
        return session

    def beginnings(self) -> dict[str, list[str]]:
        return {flow: beginnings(program) for flow, program in self.programs.items()}

    def take(self, session: FakeSession, step: Step) -> None:
        """What a step without actions leads to."""
        session.since = self.now if step.from_state != step.to_state else session.since
        self.listeners.tell(session, step, None)  # type: ignore[arg-type]
        if step.ended:
            session.ended, session.outcome = True, step.outcome
            self.living.pop(session.id)

    def give(self, session: FakeSession, event: str, **fields: Any) -> Step:
        self.now += 1
        before = session.state
        step = session.machine.receive(Event(event, fields), self.now)
        if session.state != before:
            session.since = self.now
        if step.kind == "unhandled":
            session.unhandled += 1
        results = tuple((True, 10, None) for _ in step.actions)
        done = DoneRecord(session.id, step.sequence, results) if results else None  # type: ignore[arg-type]
        self.listeners.tell(session, step, done)  # type: ignore[arg-type]
        if step.ended:
            session.outcome = step.outcome
            self.living.pop(session.id)
        return step

    # The node's own interface.

    async def deploy(self, flow: str, digest: str, text: str, force: bool = False) -> Loaded:
        self.programs[flow] = _compile(flow, digest, text, force)
        return Loaded(flow, digest, 1.5)

    async def ramp(
        self, flow: str, digest: str, text: str, rule: Any, force: bool = False
    ) -> Loaded:
        self.ramps[flow] = (_compile(flow, digest, text, force), rule)
        return Loaded(flow, digest, 1.5)

    async def withdraw_ramp(self, flow: str) -> None:
        self.ramps.pop(flow, None)

    def candidates(self) -> dict[str, tuple[str, float]]:
        return {f: (p.table.digest, rule.percent) for f, (p, rule) in self.ramps.items()}

    def load(self, flow: str, text: str) -> None:
        table = compile_text(text).table
        assert table is not None
        self.programs[flow] = Program(table)

    def deployed(self) -> dict[str, str]:
        return {flow: program.table.digest for flow, program in self.programs.items()}

    def set_routes(self, routes: Any) -> None:
        self.routes = list(routes)

    @property
    def session_count(self) -> int:
        return len(self.living)

    def close(self, reason: str) -> None:
        self.closed = reason

    def reopen(self) -> None:
        self.closed = ""

    def refuses(self) -> str | None:
        return self.closed or None

    def trouble(self) -> str:
        return self.closed or ("" if self.journal.healthy else "the disk is full")

    def sessions(self) -> list[Summary]:
        return [api.summary(session) for session in self.living.values()]  # type: ignore[arg-type]

    def each_session(self) -> list[FakeSession]:
        return list(self.living.values())

    def session(self, id: str) -> Summary:
        if id not in self.living:
            raise NoSuchSession(f"no session {id} lives on this node")
        return api.summary(self.living[id])  # type: ignore[arg-type]

    def possible(self, id: str) -> list[str]:
        session = self.living[id]
        position = session.machine.program.position(session.state, session.role)
        return [n for n, word in EVENTS.items() if word.user and n in position.candidates]

    def call(self, flow: str, target: str, caller: str | None = None) -> str:
        if flow not in self.programs:
            raise CallRefused(f"no version of {flow} is deployed")
        self.placed.append((flow, target))
        return self.begin(flow, "UAC").id

    def send(self, id: str, event: str, fields: Any = None) -> None:
        if id not in self.living:
            raise NoSuchSession(f"no session {id} lives on this node")
        if event not in EVENTS or not EVENTS[event].user:
            raise EventRefused(f"{event} is no event that people may send")
        self.sent.append((id, event, dict(fields or {})))

    def websocket_connected(
        self, connection: str, send: Any, *, local: str, user: Any, secure: bool = False
    ) -> None:
        self.sockets[connection] = SimpleNamespace(send=send, local=local, user=user, secure=secure)

    def websocket_received(self, connection: str, data: bytes | str) -> None:
        self.received.append((connection, data))

    def websocket_lost(self, connection: str) -> None:
        self.sockets.pop(connection)

    def health(self) -> dict[str, Any]:
        return {
            "status": "ok" if self.journal.healthy else "degraded",
            "node": self.name,
            "epoch": self.epoch,
            "sip": {
                "address": "127.0.0.1:5060",
                "tls": "127.0.0.1:5061",
                "listening": True,
                "registered": 0,
                "unkept": 0,
                "screened": {},
                "refused": {"404": 2},
                **self.stack,
            },
            "media": {"mode": "inprocess", "attached": True},
            "journal": {
                "healthy": self.journal.healthy,
                "reason": "" if self.journal.healthy else "the disk is full",
                "number": 5,
                "unrecorded": 0,
            },
            "sessions": {
                "now": len(self.living),
                "max": 2000,
                "started": 9,
                "outcomes": {"completed": 3},
                "versions": [],
            },
            "flows": {"deployed": self.deployed(), "failures": {}},
        }


__all__ = ["FakeNode", "FakeSession", "LoadRefused"]
