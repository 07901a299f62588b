"""The sessions of a node: who lives, what they hold, and what is written down about them."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final

from flows.semantics import Program
from runtime.adapters.port import Leg
from runtime.executor.machine import Machine
from runtime.executor.step import Step
from runtime.node.clock import Clock, Timers
from runtime.node.config import NodeConfig
from runtime.node.journal import DoneRecord, Journal, JournalFull, Record, StepRecord
from runtime.node.session import Session

log = logging.getLogger(__name__)

Listener = Callable[[Session, Step, DoneRecord | None], None]


class Listeners:
    """Who wants to hear of each step; nothing is made ready for nobody."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    def add(self, listener: Listener) -> None:
        """Call `listener` on the loop for each step whose actions are done."""
        self._listeners = (*self._listeners, listener)

    def remove(self, listener: Listener) -> None:
        """Call it no more; an unknown one is harmless."""
        self._listeners = tuple(known for known in self._listeners if known != listener)

    def __bool__(self) -> bool:
        return bool(self._listeners)

    def tell(self, session: Session, step: Step, done: DoneRecord | None) -> None:
        """Call all of them; what one of them fails at is not the session's matter."""
        for listener in self._listeners:
            try:
                listener(session, step, done)
            except Exception:
                log.exception("a listener failed")


STANDING_LIFE: Final = 10 * 365 * 86400.0
"""Seconds a session may live that is no call."""


class Supervisor:
    """The shell of all sessions of a node (see `session.Shell`)."""

    def __init__(self, config: NodeConfig, journal: Journal, clock: Clock) -> None:
        self.action_limit = config.action_limit
        self.sessions: dict[str, Session] = {}
        self.listeners = Listeners()
        self.outcomes: Counter[str] = Counter()
        self.started = 0
        self.unrecorded = 0
        """Records that could not be written since the start."""
        self.versions: Counter[tuple[str, str]] = Counter()
        """Living sessions by flow and digest."""
        self._config = config
        self._journal = journal
        self._clock = clock
        self._timers = Timers(clock.now)
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        self._standing: set[str] = set()
        """Sessions that are no calls."""
        self._holding = False
        self._waiting: list[str | None] = []
        """Sessions of the records that are held back."""
        self._empty = asyncio.Event()
        self._empty.set()

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self.sessions.values()))

    @property
    def full(self) -> bool:
        """Whether no further session may begin."""
        return self.full_beyond(0)

    def full_beyond(self, reserve: int) -> bool:
        """Whether none may begin even if so many more than the limit may live."""
        return len(self.sessions) >= self._config.max_sessions + reserve

    def next_id(self) -> str:
        """Return a session id that is unique over all nodes and starts."""
        return f"{self._journal.node}-{self._journal.epoch}-{next(self._numbers)}"

    def begin(
        self,
        name: str,
        leg: Leg,
        program: Program,
        role: str,
        *,
        flow: str,
        caller: str,
        callee: str,
        standing: bool = False,
    ) -> Session:
        """Begin a session in its initial state; its first event is still to come.

        One that is `standing` (a registration, a subscription) is no call: it may live for years,
        and nobody waits for its end.
        """
        if not self.sessions:
            self._clock.follow_wall()
        life = STANDING_LIFE if standing else self._config.max_life
        machine = Machine(program, name, role, self.now(), life)
        session = Session(self, machine, leg, flow=flow, caller=caller, callee=callee)
        self.sessions[name] = session
        self.versions[flow, session.digest] += 1
        if standing:
            self._standing.add(name)
        else:
            self._empty.clear()
        self.started += 1
        return session

    async def drained(self) -> None:
        """Return when no call lives; what stands, like a registration, goes on."""
        await self._empty.wait()

    async def close(self, patience: float) -> None:
        """Wake nobody any more, and wait for what is still being done."""
        self._timers.close()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=patience)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def keep(self, record: Record) -> bool:
        """Append a record to the journal; whether it is kept.

        While records are held back this is told later: `commit` marks the sessions it concerns.
        """
        try:
            self._journal.append(record)
        except JournalFull as full:
            self._lost(full, 1)
            return False
        if self._holding:
            name = record.step.session if isinstance(record, StepRecord) else record.session
            self._waiting.append(name)
        return True

    def hold_back(self) -> None:
        """Let records wait for `commit` until `let_through`: several are written at once."""
        self._holding = True
        self._journal.hold()

    def commit(self) -> None:
        """Write the records that wait; from now on what they are about may be seen outside."""
        if self._waiting:
            self._written(self._journal.commit)

    def let_through(self) -> None:
        """Write the records that wait, and the next ones at once."""
        self._holding = False
        self._written(self._journal.release)

    def _written(self, write: Callable[[], None]) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            write()
        except JournalFull as full:
            self._lost(full, len(waiting))
            for name in waiting:
                session = self.sessions.get(name or "")
                if session is not None:
                    session.unjournalled = True

    def _lost(self, full: JournalFull, count: int) -> None:
        if self.unrecorded == 0:
            log.error("records are lost: %s", full)
        self.unrecorded += count

    # -- what sessions ask for ---------------------------------------------------------------------

    def now(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._clock.now()

    def record(self, session: Session, record: StepRecord | DoneRecord) -> None:
        """Append to the journal; trouble with it marks the session, and the call goes on."""
        if not self.keep(record):
            session.unjournalled = True

    def arm(self, session: Session, when: float | None) -> None:
        """Wake the session at `when`."""
        self._timers.arm(session, when)

    def hold(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` as a task that is held until it is done."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._let_go)
        return task

    def stepped(self, session: Session, step: Step, done: DoneRecord | None) -> None:
        """Tell the listeners, once the step is written."""
        if self.listeners:
            self.commit()
        self.listeners.tell(session, step, done)

    def ended(self, session: Session) -> None:
        """Forget a session."""
        if self.sessions.pop(session.id, None) is None:
            return
        self.outcomes[session.outcome or "completed"] += 1
        self._leave(session.flow, session.digest)
        self._standing.discard(session.id)
        if len(self.sessions) == len(self._standing):
            self._empty.set()

    def migrated(self, session: Session, before: str) -> None:
        """Count a session under the version it went over to."""
        self.versions[session.flow, session.digest] += 1
        self._leave(session.flow, before)

    def _leave(self, flow: str, digest: str) -> None:
        version = flow, digest
        self.versions[version] -= 1
        if not self.versions[version]:
            del self.versions[version]

    def _let_go(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("work beside a session failed", exc_info=task.exception())
