"""What operators do to living sessions: hang up, inject an event, pin, move to another version.

Each act carries who did it and why into the session's own record: in the fields of the step it
leads to (`operator`), or, where it leads to none, in a fact beside the steps. Sessions are moved
only at quiet points; one that is not quiet is waited for, so long and no longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.ends import unanswered
from flows.semantics import Program, Transition
from flows.table import duration_text
from flows.vocabulary import EVENTS
from runtime.executor.machine import ENTERED
from runtime.executor.step import Event
from runtime.node.api import EventRefused, NoSuchSession, Refused, Summary, summary
from runtime.node.journal import MediaRecord
from runtime.node.loader import Loader, LoadRefused, TextSource
from runtime.node.session import Session
from runtime.node.supervisor import Supervisor

Ways = Mapping[str, Mapping[str, str]]
"""By role and state: the state of the other version in which a session goes on."""

HUNG_UP = "hangup"
"""Outcome of a session that an operator ended by force."""
FORCED = "forced"
"""`Step.kind` of that end."""
OPERATOR = "operator"
"""Field of a step that says who was behind it."""
LOOK_EVERY = 0.25
"""Seconds between two looks at a session that is waited for: its leg may come to rest by itself."""
MOVED, WAITED, OVER, PINNED, ALREADY = "moved", "waited", "over", "pinned", "already"


class MoveRefused(Refused):
    """The session is not moved, and waiting would not help."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who does something to a call, and why."""

    by: str
    reason: str

    def fields(self, act: str, **more: Any) -> dict[str, Any]:
        """Return what the step of the act says of it."""
        return {OPERATOR: {"act": act, "by": self.by, "reason": self.reason, **more}}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a living session stands: what somebody needs to know before he touches it."""

    line: Summary
    entered: float
    """Since when the timers of its state count, or since when it is there."""
    waits: tuple[tuple[float, float], ...]
    """Timers that are still to fire: (seconds, when), soonest first."""
    unquiet: str | None
    pinned: str
    """Who pinned it to its version and why; empty if nobody did."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            **self.line.as_dict(),
            "entered": self.entered,
            "timers": [
                {"label": f"after {duration_text(seconds)}", "seconds": seconds, "at": when}
                for seconds, when in self.waits
            ],
            "unquiet": self.unquiet,
            "pinned": self.pinned,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an attempt to move a session."""

    session: str
    status: str
    """`moved`, or why not: `waited` (no quiet point in time), `over`, `pinned`, `already`."""
    why: str
    digest: str
    state: str

    def as_dict(self) -> dict[str, str]:
        """Return it as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


class Operations:
    """The acts of operators on the sessions of one node."""

    def __init__(
        self, supervisor: Supervisor, loader: Loader, texts: TextSource | None = None
    ) -> None:
        self.pinned: dict[str, str] = {}
        """By session: who pinned it to its version and why."""
        self._supervisor = supervisor
        self._loader = loader
        self._texts = texts

    # -- how sessions stand ------------------------------------------------------------------------

    def standings(self, flow: str = "", *, but: Collection[str] = ()) -> Iterator[Standing]:
        """Yield how each living session stands, of one flow or of all, the oldest first.

        `but` are digests of versions whose sessions are left out: mostly nearly all of them.
        """
        for session in self._supervisor:
            if flow in ("", session.flow) and session.digest not in but and not session.ended:
                yield self._standing(session)

    def lives(self, session_id: str) -> bool:
        """Say whether a session lives here."""
        return session_id in self._supervisor.sessions

    def standing(self, session_id: str) -> Standing:
        """Return how one session stands; NoSuchSession."""
        return self._standing(self._session(session_id))

    def _standing(self, session: Session) -> Standing:
        machine = session.machine
        return Standing(
            summary(session),
            session.since if machine.entered is None else machine.entered,
            machine.waits,
            session.unquiet(),
            self.pinned.get(session.id, ""),
        )

    def _session(self, session_id: str) -> Session:
        try:
            return self._supervisor.sessions[session_id]
        except KeyError:
            raise NoSuchSession(f"no session {session_id} lives on this node") from None

    # -- the end, and events -----------------------------------------------------------------------

    def hang_up(
        self, session_id: str, operator: Operator, *, force: bool = False, act: str = "hang up"
    ) -> dict[str, Any]:
        """End a call: by the row that takes HangupCall, else (or with `force`) without its table.

        Returns `how` (`row` or `force`), the row's number or why there was none, and whether the
        session has ended already: a row may wait for the peer's answer first.
        """
        session = self._session(session_id)
        state = session.state
        fields = operator.fields(act)
        row = None if force else _taken(session, "HangupCall", fields)
        if row is not None:
            session.post(Event("HangupCall", fields))
            return {"how": "row", "row": row.index, "state": state, "ended": session.ended}
        why = "asked for" if force else f"{state} has no row for HangupCall now"
        session.end("OperatorHangup", HUNG_UP, None, fields=fields, kind=FORCED)
        return {"how": "force", "why": why, "state": state, "ended": session.ended}

    def inject(
        self,
        session_id: str,
        event: str,
        fields: Mapping[str, Any],
        operator: Operator,
        *,
        repair: bool = False,
    ) -> None:
        """Give a session an event: one that people may send, with `repair` others as well.

        Never one that answers a request which is not there. EventRefused says why not.
        """
        session = self._session(session_id)
        word = EVENTS.get(event)
        if word is None:
            raise EventRefused(f"{event} is no event of the language")
        if not word.user and not repair:
            raise EventRefused(f"{event} is no event that people may send, except to repair a call")
        if unanswered(event).answer is not None:
            raise EventRefused(f"{event} comes with a request of the peer and cannot be made up")
        if session.role not in word.roles:
            raise EventRefused(f"{event} is not for a session in the role {session.role}")
        unknown = set(fields) - set(word.fields)
        if unknown:
            raise EventRefused(f"{event} has no field {sorted(unknown)[0]}")
        session.post(Event(event, {**fields, **operator.fields("inject")}))

    # -- pins --------------------------------------------------------------------------------------

    def pin(self, session_id: str, operator: Operator) -> None:
        """Keep a session on its version, whatever is decided for the others."""
        session = self._session(session_id)
        self.pinned[session.id] = f"{operator.by}: {operator.reason}"
        self._note(session, "pin", operator)

    def unpin(self, session_id: str, operator: Operator) -> None:
        """Let the session be moved again."""
        session = self._session(session_id)
        if self.pinned.pop(session.id, None) is not None:
            self._note(session, "unpin", operator)

    def _note(self, session: Session, act: str, operator: Operator) -> None:
        detail = operator.fields(act)[OPERATOR]
        record = MediaRecord(session.id, self._supervisor.now(), OPERATOR, detail)
        if not self._supervisor.keep(record):
            session.unjournalled = True

    # -- moving ------------------------------------------------------------------------------------

    async def migrate(
        self,
        session_id: str,
        digest: str,
        ways: Ways,
        operator: Operator,
        *,
        patience: float = 0.0,
        anew: bool = False,
    ) -> Result:
        """Take a session to another version at its next quiet point, `patience` seconds at most.

        With `anew` the timers of the new state start now (a corrective move), else they count from
        when the old state was entered. LoadRefused, NoSuchSession or MoveRefused say why not.
        """
        session = self._session(session_id)
        if session.digest == digest:
            program = session.machine.program
        else:
            program = await self._program(session, digest)
        if session.at_rest is not None:
            raise MoveRefused("another move of it waits for a quiet point")
        return await _Move(self, session, program, ways, operator, anew).done(patience)

    async def _program(self, session: Session, digest: str) -> Program:
        for other in self._supervisor:
            if other.flow == session.flow and other.digest == digest:
                return other.machine.program
        try:
            return await self._loader.prepared(self._texts, session.flow, digest)
        except LoadRefused as refused:
            raise MoveRefused(refused.reason) from None


class _Move:
    """One session on its way to another version."""

    def __init__(
        self,
        operations: Operations,
        session: Session,
        program: Program,
        ways: Ways,
        operator: Operator,
        anew: bool,
    ) -> None:
        self._operations = operations
        self._session = session
        self._program = program
        self._ways = ways
        self._operator = operator
        self._anew = anew
        self._why = ""
        self._settled = asyncio.Event()
        self._result: Result | None = None

    async def done(self, patience: float) -> Result:
        """Move it now or at its next quiet point; report it if there is none in time."""
        self._attempt()
        if self._result is None and patience > 0:
            self._session.at_rest = self._attempt
            try:
                async with asyncio.timeout(patience):
                    while self._result is None:
                        await self._look()
            except TimeoutError:
                pass
            finally:
                self._session.at_rest = None
        return self._result or self._as(WAITED, self._why)

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY):
                await self._settled.wait()
        except TimeoutError:
            self._attempt()

    def _attempt(self) -> None:
        if self._result is None:
            self._result = self._now()
            if self._result is not None:
                self._settled.set()

    def _now(self) -> Result | None:
        """Move it if that can be done now; None, and `_why`, if it may be possible later."""
        session = self._session
        if session.ended or session.machine.ended:
            return self._as(OVER, "the call is over")
        pinned = self._operations.pinned.get(session.id)
        if pinned is not None:
            return self._as(PINNED, f"pinned to its version by {pinned}")
        state, target = session.state, self._ways.get(session.role, {}).get(session.state)
        same = session.digest == self._program.table.digest
        if same and (target is None or target == state):
            return self._as(ALREADY, "it is there already")
        if target is None:
            self._why = f"nobody said where a session in {state} goes on"
            return None
        unquiet = session.unquiet()
        if unquiet is not None:
            self._why = unquiet
            return None
        fields = self._operator.fields("move" if same else "migrate")
        fields["from_version"] = session.digest
        if not self._anew:
            entered = session.machine.entered
            fields[ENTERED] = session.since if entered is None else entered
        try:
            session.migrate(self._program, target, Event("Moved" if same else "Migrated", fields))
        except ValueError as impossible:
            self._why = str(impossible)
            return None
        return self._as(MOVED, "")

    def _as(self, status: str, why: str) -> Result:
        session = self._session
        return Result(session.id, status, why, session.digest, session.state)


def _taken(session: Session, event: str, fields: Mapping[str, Any]) -> Transition | None:
    """Return the row that would take an event now; None if none would, or the state ignores it."""
    machine = session.machine
    found = machine.program.choose(session.state, session.role, event, machine.values, fields)
    return found if found is not None and found.kind == "fired" else None
