"""How many sessions stand where, counted step by step and never anew.

Each step moves at most one session from one cell to another, so a frame for browsers costs what
changed and not what lives. A cell keeps its sessions in the order in which they came, so whoever
looks for those that stay too long begins with the oldest and stops at the first that does not.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from flows.vocabulary import EVENTS
from runtime.executor.step import Step
from runtime.node.session import Session

MINUTE = 60
FAILURE_MINUTES = 60
FAILED = frozenset({"failed", "error", "unhandled", "expired", "lost"})
"""Outcomes that nobody wished for."""

K = TypeVar("K", bound=Hashable)


class Key(NamedTuple):
    """A state as the sessions of one version and role stand in it."""

    digest: str
    role: str
    state: str


class Cell:
    """The sessions that stand in one place."""

    __slots__ = ("since", "total")

    def __init__(self) -> None:
        self.since: dict[str, float] = {}
        """By session: when it came, in seconds since the epoch; whoever came first stands first."""
        self.total = 0.0
        """The sum of those moments, counted from the tally's own beginning."""


class Window(Generic[K]):
    """Counts of the last `slots` times `width` seconds."""

    __slots__ = ("_slots", "_width", "_old", "_at", "_now", "total")

    def __init__(self, slots: int, width: float) -> None:
        self._slots = slots
        self._width = width
        self._old: deque[tuple[int, Counter[K]]] = deque()
        self._at = 0
        self._now: Counter[K] = Counter()
        self.total: Counter[K] = Counter()

    def add(self, key: K, at: float) -> None:
        """Count one at this moment."""
        slot = int(at / self._width)
        if slot > self._at:
            self._turn(slot)
        self._now[key] += 1
        self.total[key] += 1

    def counts(self, at: float) -> Counter[K]:
        """Return what was counted within the window that ends at this moment."""
        slot = int(at / self._width)
        if slot > self._at:
            self._turn(slot)
        return self.total

    def _turn(self, slot: int) -> None:
        if self._now:
            self._old.append((self._at, self._now))
            self._now = Counter()
        self._at = slot
        while self._old and self._old[0][0] <= slot - self._slots:
            gone = self._old.popleft()[1]
            self.total.subtract(gone)
            for key in gone:
                if self.total[key] <= 0:
                    del self.total[key]


class FlowTally:
    """What goes on in one flow on one node."""

    def __init__(self) -> None:
        self.cells: dict[Key, Cell] = {}
        self.dirty: set[Key] = set()
        """Cells that changed since somebody took them."""
        self.fired: Window[tuple[str, int]] = Window(MINUTE, 1.0)
        """By version and row, in the last minute."""
        self.begun: Window[str] = Window(MINUTE, 1.0)
        """By version, in the last minute."""
        self.failed: Window[Key] = Window(FAILURE_MINUTES, 60.0)
        """By where it happened, in the last hour."""

    def total(self) -> int:
        """Return how many sessions live."""
        return sum(len(cell.since) for cell in self.cells.values())


class _Entry:
    __slots__ = ("session", "flow", "key")

    def __init__(self, session: Session, flow: str, key: Key) -> None:
        self.session = session
        self.flow = flow
        self.key = key


class Tally:
    """All sessions of this node that took a step, where they stand, and what happened lately.

    Times are seconds since the epoch; `begin` is when the counting began.
    """

    def __init__(self, begin: float) -> None:
        self.begin = begin
        self.flows: dict[str, FlowTally] = {}
        self._at: dict[str, _Entry] = {}

    def __contains__(self, session: str) -> bool:
        return session in self._at

    def __len__(self) -> int:
        return len(self._at)

    def session(self, id: str) -> Session | None:
        """Return a living session, None if it is not counted."""
        entry = self._at.get(id)
        return None if entry is None else entry.session

    def of(self, flow: str) -> FlowTally:
        """Return the tally of a flow, an empty one if nothing of it lives."""
        found = self.flows.get(flow)
        if found is None:
            found = self.flows[flow] = FlowTally()
        return found

    def stepped(self, session: Session, step: Step) -> None:
        """Count a step: where the session stands now, and what fired or failed."""
        decision = step.decision
        flow = self.of(session.flow)
        if decision.row >= 0:
            flow.fired.add((decision.version, decision.row), step.time)
        if _is_failure(step):
            flow.failed.add(Key(decision.version, decision.role, decision.from_state), step.time)
        if step.sequence == 1:
            flow.begun.add(decision.version, step.time)
        entry = self._at.get(session.id)
        if decision.ended:
            if entry is not None:
                self._leave(entry)
                del self._at[session.id]
            return
        if entry is not None:
            key = entry.key
            if key.state == decision.to_state and key.digest == decision.version:
                return
            self._leave(entry)
        self._enter(session, Key(decision.version, decision.role, decision.to_state))

    def mend(self, living: Iterable[Session]) -> None:
        """Make good what no step told: sessions that began before, or ended by no step."""
        known = {session.id: session for session in living}
        for id in [id for id in self._at if id not in known]:
            self._leave(self._at.pop(id))
        for session in known.values():
            if session.id not in self._at and session.machine.sequence:
                self._enter(session, Key(session.digest, session.role, session.state))

    def ids(self, flow: str) -> Iterator[str]:
        """Return the sessions of a flow."""
        for cell in self.of(flow).cells.values():
            yield from cell.since

    def key(self, id: str) -> Key | None:
        """Return where a session stands."""
        entry = self._at.get(id)
        return None if entry is None else entry.key

    def told(self, now: float) -> dict[str, Any]:
        """Return all counts as plain data, for another node that sums them."""
        return {name: _plain(flow, self.begin, now) for name, flow in self.flows.items()}

    def _enter(self, session: Session, key: Key) -> None:
        flow = self.of(session.flow)
        cell = flow.cells.get(key)
        if cell is None:
            cell = flow.cells[key] = Cell()
        since = session.since
        cell.since[session.id] = since
        cell.total += since - self.begin
        flow.dirty.add(key)
        self._at[session.id] = _Entry(session, session.flow, key)

    def _leave(self, entry: _Entry) -> None:
        flow = self.flows[entry.flow]
        cell = flow.cells[entry.key]
        cell.total -= cell.since.pop(entry.session.id) - self.begin
        if not cell.since:
            # A sum of nothing is nothing, whatever rounding has left of it.
            del flow.cells[entry.key]
        flow.dirty.add(entry.key)


def _is_failure(step: Step) -> bool:
    """Say whether the step tells of something nobody wished for."""
    if step.decision.kind == "unhandled" or step.event == "ActionFailed":
        # What the product itself ends calls by, as when a node stops, is no event of a table.
        return step.event in EVENTS
    return step.decision.ended and step.decision.outcome in FAILED


def _plain(flow: FlowTally, begin: float, now: float) -> dict[str, Any]:
    return {
        "cells": [
            [*key, len(cell.since), cell.total + begin * len(cell.since)]
            for key, cell in flow.cells.items()
        ],
        "fired": [[*key, count] for key, count in flow.fired.counts(now).items()],
        "failed": [[*key, count] for key, count in flow.failed.counts(now).items()],
        "begun": dict(flow.begun.counts(now)),
    }
