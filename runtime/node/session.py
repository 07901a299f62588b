"""A session: one call's machine, its leg, and the loop that joins them.

In words: take an event or the deadline; ask the executor; append the Step to the journal; perform
its actions in the order written; arm the next deadline. A session has no task of its own: it runs
when something happens, and a chain of actions gets one task only where an action has to be awaited.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from time import perf_counter_ns
from typing import Any, Final, Protocol

from flows.semantics import Program
from runtime.adapters.port import ActionError, Leg
from runtime.executor.machine import ENTERED, Machine
from runtime.executor.step import Event, Step
from runtime.node.journal import ActionResult, DoneRecord, StepRecord

log = logging.getLogger(__name__)

MAX_PENDING: Final = 256
"""Events that may wait while an action is awaited; more are dropped and counted."""
SERVER_ERROR: Final = 500
"""What open requests are answered when this program fails."""
OVERLOADED: Final = 503


class Shell(Protocol):
    """What a session needs of the node it runs in."""

    action_limit: float
    """Seconds an awaited action may take."""

    def now(self) -> float:
        """Return the time, in seconds since the epoch."""

    def record(self, session: Session, record: StepRecord | DoneRecord) -> None:
        """Append to the journal; trouble with it marks the session, and the call goes on."""

    def arm(self, session: Session, when: float | None) -> None:
        """Call `session.due()` at `when`."""

    def hold(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` as a task that somebody holds until it is done."""

    def stepped(self, session: Session, step: Step, done: DoneRecord | None) -> None:
        """Tell listeners that a step and its actions are done; None if it had no actions."""

    def ended(self, session: Session) -> None:
        """Forget the session."""

    def migrated(self, session: Session, before: str) -> None:
        """Take note that the session left the version with the digest `before`."""


class Session:
    """One session of a flow, from its first event until it has ended."""

    __slots__ = (
        "id",
        "flow",
        "role",
        "caller",
        "callee",
        "started",
        "since",
        "machine",
        "leg",
        "ended",
        "outcome",
        "unhandled",
        "dropped",
        "unjournalled",
        "armed",
        "at_rest",
        "_shell",
        "_pending",
        "_busy",
        "_decided",
        "_awaited",
        "_task",
        "__weakref__",
    )

    def __init__(
        self, shell: Shell, machine: Machine, leg: Leg, *, flow: str, caller: str, callee: str
    ) -> None:
        self.id = machine.session
        self.flow = flow
        self.role = machine.role
        self.caller = caller
        self.callee = callee
        self.started = self.since = shell.now()
        self.machine = machine
        self.leg = leg
        self.ended = False
        self.outcome: str | None = None
        self.unhandled = 0
        self.dropped = 0
        self.unjournalled = False
        """Some of its records could not be written."""
        self.armed: float | None = None
        self.at_rest: Callable[[], None] | None = None
        """Called each time nothing waits for its turn any more, and when the session has ended."""
        self._shell = shell
        self._pending: list[Event | None] = []
        """What waits for its turn, hardly ever more than one (an empty deque would be 600 bytes of
        each session); None stands for a deadline that has passed."""
        self._busy = False
        self._decided: str | None = None
        """The outcome that the last step gave, if it ended the session."""
        self._task: asyncio.Task[None] | None = None
        self._awaited: Awaitable[None] | None = None
        """What the task awaits first."""
        shell.arm(self, machine.deadline)

    @property
    def state(self) -> str:
        return self.machine.state

    @property
    def digest(self) -> str:
        """SHA-256 of the text this session runs, whatever was deployed since."""
        return self.machine.program.table.digest

    def post(self, event: Event) -> None:
        """Take an event: now if the session is at rest, else when its turn comes."""
        if self.ended:
            return
        if len(self._pending) >= MAX_PENDING:
            self.dropped += 1
            if event.cause is not None:
                self.leg.answer(event.cause, OVERLOADED)
            return
        self._pending.append(event)
        if not self._busy:
            self._run()

    def due(self) -> None:
        """Take note that the armed deadline has passed."""
        if self.ended:
            return
        self._pending.append(None)
        if not self._busy:
            self._run()

    def end(
        self,
        event: str,
        outcome: str,
        code: int | None,
        *,
        fields: dict[str, Any] | None = None,
        kind: str = "unhandled",
    ) -> None:
        """End the session from outside its table, politely, with a step that says so.

        `code` is the answer of open requests, None what suits each.
        """
        if self.ended:
            return
        if self.machine.ended:
            # A row has ended it; only its last actions are still awaited.
            self._end(self._decided or outcome, code)
            return
        self._audit(Event(event, fields or {}), kind=kind, outcome=outcome)
        self._end(outcome, code)

    # -- going over to another version -------------------------------------------------------------

    def unquiet(self) -> str | None:
        """Say why its version must not change just now; None at a quiet point.

        Quiet is: no action is awaited, no event waits, and nothing is open with the peer.
        """
        if self.ended or self.machine.ended:
            return "the call is over"
        if self._busy:
            return "an action is awaited"
        if self._pending:
            return "events wait for their turn"
        return self.leg.unsettled()

    def migrate(self, program: Program, state: str, event: Event) -> Step:
        """Go on in a state of another version (see `Machine.migrate`), with a step that says so.

        Only at a quiet point: ValueError, and nothing changed, at any other, or where no session
        of this role could be.
        """
        reason = self.unquiet()
        if reason is not None:
            raise ValueError(reason)
        now, before = self._shell.now(), self.digest
        step = self.machine.migrate(program, state, event, now)
        if ENTERED not in step.fields:
            self.since = now
        self.leg.knows(program.words)
        self._shell.record(self, StepRecord(step))
        self._shell.migrated(self, before)
        self._shell.stepped(self, step, None)
        self._shell.arm(self, self.machine.deadline)
        return step

    # -- the loop ----------------------------------------------------------------------------------

    def _run(self) -> None:
        self._busy = True
        try:
            while self._pending and not self.ended:
                rest = self._take(self._pending.pop(0))
                if rest is not None:
                    # The session stays busy; the task goes on with the loop.
                    self._task = self._shell.hold(self._continue(rest))
                    self._task.add_done_callback(partial(_discard, rest, self._awaited))
                    return
        except Exception as bug:
            self.fault(bug)
        self._busy = False
        if not self.ended:
            self._shell.arm(self, self.machine.deadline)
            self._rest()

    def _rest(self) -> None:
        """Give whoever waits for a quiet point his turn."""
        if self.at_rest is None:
            return
        try:
            self.at_rest()
        except Exception as bug:
            self.fault(bug)

    async def _continue(self, rest: Coroutine[Any, Any, None]) -> None:
        try:
            await rest
        except Exception as bug:
            self.fault(bug)
        self._task = None
        self._run()

    def _take(self, event: Event | None) -> Coroutine[Any, Any, None] | None:
        """Let one event have its effects; what is returned has to be awaited first."""
        now = self._shell.now()
        if event is None:
            step = self.machine.expire(now)
            if step is None:
                return None
            if (self.machine.deadline or now + 1) <= now:
                # Timers that fell due together fire one by one.
                self._pending.insert(0, None)
            event = Event(step.event, step.fields)
        elif self.leg.is_stale(event):
            return None
        else:
            step = self.machine.receive(event, now)
        if step.from_state != step.to_state:
            self.since = now
        self._shell.record(self, StepRecord(step))
        self._decided = step.outcome
        if step.answer is not None:
            self.leg.answer(event.cause, step.answer)
        if step.kind == "unhandled":
            self.unhandled += 1
        if not step.actions:
            self._finish(step, None)
            return None
        return self._perform(step, event)

    def _perform(self, step: Step, event: Event) -> Coroutine[Any, Any, None] | None:
        """Do the actions in order up to the first that has to be awaited."""
        results: list[ActionResult] = []
        calls = self.machine.calls
        for index, call in enumerate(calls):
            began = perf_counter_ns()
            try:
                awaited = self.leg.perform(call, event)
            except ActionError as refused:
                self._action_failed(step, index, results, began, refused.reason)
                return None
            except Exception as bug:
                self._record_done(step, [*results, _result(False, began, _name(bug))])
                raise
            if awaited is not None:
                self._awaited = awaited
                return self._perform_awaited(step, event, calls, index, results, awaited, began)
            results.append(_result(True, began))
        self._finish(step, results)
        return None

    async def _perform_awaited(
        self,
        step: Step,
        event: Event,
        calls: tuple[Any, ...],
        index: int,
        results: list[ActionResult],
        awaited: Awaitable[None] | None,
        began: int,
    ) -> None:
        """Do the rest of the actions, from the one that is awaited."""
        while True:
            try:
                if awaited is not None:
                    await self._within_limit(awaited)
                if self.ended:
                    return
                results.append(_result(True, began))
                index += 1
                if index == len(calls):
                    break
                began = perf_counter_ns()
                awaited = self.leg.perform(calls[index], event)
            except ActionError as refused:
                self._action_failed(step, index, results, began, refused.reason)
                return
            except Exception as bug:
                self._record_done(step, [*results, _result(False, began, _name(bug))])
                raise
        self._finish(step, results)

    async def _within_limit(self, awaited: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._shell.action_limit):
                await awaited
        except TimeoutError as late:
            limit = self._shell.action_limit
            raise ActionError(f"it was not done within {limit:g} s") from late

    def _action_failed(
        self, step: Step, index: int, results: list[ActionResult], began: int, reason: str
    ) -> None:
        if self.ended:
            return
        results.append(_result(False, began, reason))
        if not step.ended:
            self._pending.insert(0, self.machine.failed(step, index, reason))
        self._finish(step, results)

    def _finish(self, step: Step, results: list[ActionResult] | None) -> None:
        done = None if results is None else self._record_done(step, results)
        self._shell.stepped(self, step, done)
        if step.ended:
            self._end(step.outcome or "completed", None)

    def _record_done(self, step: Step, results: list[ActionResult]) -> DoneRecord:
        done = DoneRecord(self.id, step.sequence, tuple(results))
        self._shell.record(self, done)
        return done

    # -- the end -----------------------------------------------------------------------------------

    def _end(self, outcome: str, code: int | None) -> None:
        if self.ended:
            return
        self.ended = True
        self.outcome = outcome
        self._pending.clear()
        self._shell.arm(self, None)
        closing = self.leg.release(code)
        if closing is not None:
            self._shell.hold(_await(closing))
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._shell.ended(self)
        waiting, self.at_rest = self.at_rest, None
        if waiting is not None:
            waiting()

    def fault(self, bug: Exception) -> None:
        """End this session alone: the fault is this program's, so its audit has to show it."""
        log.error("session %s ends by a fault of ours", self.id, exc_info=bug)
        if self.ended:
            return
        if not self.machine.ended:
            event = Event("InternalError", {"error": _name(bug)})
            self._audit(event, kind="error", outcome="error")
        self._end("error", SERVER_ERROR)

    def _audit(self, event: Event, *, kind: str, outcome: str) -> None:
        """Record an end that no row decided."""
        step = self.machine.close(event, self._shell.now(), kind, outcome)
        self._shell.record(self, StepRecord(step))
        self._shell.stepped(self, step, None)


def _result(ok: bool, began: int, error: str | None = None) -> ActionResult:
    return ActionResult(ok, (perf_counter_ns() - began) // 1000, error)


def _name(bug: Exception) -> str:
    return f"{type(bug).__name__}: {bug}"[:500]


def _discard(*work: object) -> None:
    """Let go of work whose task was cancelled before it began."""
    for one in work:
        if asyncio.iscoroutine(one):
            one.close()


async def _await(closing: Awaitable[None]) -> None:
    await closing
