"""Candidates beside living calls: each judges a share of the sessions of its flow, muted.

    shadows = Shadows()
    listeners.add(shadows.stepped)
    shadows.follow([Shade(7, "support_line", program, share=20, most=500)])
    shadows.counted()               # what was found since it was asked last, by the shadow's number

A session is judged from its first step on by a second machine that is fed with the same events at
the same times (`runtime.executor.beside`); nothing of it is performed. It is left at its first
difference. A mistake of ours in a shadow ends that shadow on this node, never a call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from zlib import crc32

from flows.semantics import Program
from runtime.executor.beside import Beside, Difference
from runtime.executor.step import Step
from runtime.node.journal import DoneRecord
from runtime.node.session import Session

log = logging.getLogger(__name__)

SAMPLES = 5
"""Calls named of each difference between two reports."""
MOST_DIFFERENCES = 500
"""Different differences kept between two reports; beyond it they are only counted."""

Key = tuple[str, int, int, str, tuple[str, ...], float | None, bool]
"""Hash of the text that ran, its row, the candidate's row, event, kinds, early, final."""


@dataclass(slots=True)
class Found:
    """Calls that differ first in the same way."""

    count: int = 0
    samples: list[tuple[str, int]] = field(default_factory=list)
    """Session and the number of the step."""


@dataclass(slots=True)
class Counted:
    """What a shadow found on this node since the last report."""

    followed: int = 0
    same: int = 0
    differed: int = 0
    left_out: int = 0
    steps: int = 0
    differences: dict[Key, Found] = field(default_factory=dict)


class Shade:
    """One candidate beside the calls of its flow on this node."""

    __slots__ = ("id", "flow", "program", "share", "most", "living", "error", "_counted")

    def __init__(self, id: int, flow: str, program: Program, *, share: int, most: int) -> None:
        self.id = id
        self.flow = flow
        self.program = program
        self.share = share
        self.most = most
        self.living: dict[str, Beside] = {}
        self.error = ""
        """Why it judges no more calls here, or empty."""
        self._counted = Counted()

    def stepped(self, session: Session, step: Step) -> None:
        """Judge one step of a session."""
        beside = self.living.get(session.id)
        if beside is None:
            if step.sequence != 1:
                return
            beside = self._begun(session)
            if beside is None:
                return
        self._counted.steps += 1
        difference = beside.take(step)
        if difference is not None:
            self._differs(session, step, difference)
        elif step.ended or beside.over:
            del self.living[session.id]
            self._counted.same += 1

    def take(self, lives: Callable[[str], bool]) -> Counted:
        """Return what was counted and begin anew; sessions that are gone are let go of."""
        for session in [each for each in self.living if not lives(each)]:
            del self.living[session]
        counted, self._counted = self._counted, Counted()
        return counted

    def give_back(self, counted: Counted) -> None:
        """Count again what could not be told."""
        mine = self._counted
        for name in ("followed", "same", "differed", "left_out", "steps"):
            setattr(mine, name, getattr(mine, name) + getattr(counted, name))
        for key, found in counted.differences.items():
            known = mine.differences.setdefault(key, Found())
            known.count += found.count
            known.samples = [*found.samples, *known.samples][:SAMPLES]

    def fail(self, bug: Exception) -> None:
        """Judge nothing any more: the fault is this program's."""
        self.error = f"{type(bug).__name__}: {bug}"[:500]
        self.living.clear()

    def _begun(self, session: Session) -> Beside | None:
        ran = session.machine.program.table
        if ran.digest == self.program.table.digest or not self._sampled(session.id):
            return None
        if len(self.living) >= self.most:
            self._counted.left_out += 1
            return None
        beside = Beside(self.program, ran, session.role, session.started, session.id)
        self.living[session.id] = beside
        self._counted.followed += 1
        return beside

    def _sampled(self, session: str) -> bool:
        return crc32(session.encode()) % 100 < self.share

    def _differs(self, session: Session, step: Step, found: Difference) -> None:
        del self.living[session.id]
        counted = self._counted
        counted.differed += 1
        key = (
            session.digest, found.was_row, found.row, found.event, found.kinds, found.early,
            found.final,
        )  # fmt: skip
        known = counted.differences.get(key)
        if known is None:
            if len(counted.differences) >= MOST_DIFFERENCES:
                return
            known = counted.differences[key] = Found()
        known.count += 1
        if len(known.samples) < SAMPLES:
            known.samples.append((session.id, step.sequence))


class Shadows:
    """All shadows of a node."""

    def __init__(self) -> None:
        self._shades: dict[int, Shade] = {}
        self._by_flow: dict[str, Shade] = {}

    def __iter__(self) -> Iterator[Shade]:
        return iter(list(self._shades.values()))

    def get(self, id: int) -> Shade | None:
        """Return the shadow of this number, if it is followed here."""
        return self._shades.get(id)

    def follow(self, shades: Iterable[Shade]) -> None:
        """Let these judge, and no others; one that did already keeps the sessions it follows."""
        self._shades = {each.id: self._shades.get(each.id, each) for each in shades}
        self._by_flow = {each.flow: each for each in self._shades.values()}

    def stepped(self, session: Session, step: Step, done: DoneRecord | None) -> None:
        """Hear of a step (`supervisor.Listener`)."""
        shade = self._by_flow.get(session.flow)
        if shade is None or shade.error:
            return
        try:
            shade.stepped(session, step)
        except Exception as bug:
            log.exception("the shadow %d of %s ends by a fault of ours", shade.id, shade.flow)
            shade.fail(bug)
