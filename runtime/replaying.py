"""Recorded calls on a candidate, as the worker's child does it: calls in, what differs out.

Free of Django: it runs in a child of its own (`designer.walker`), bounded in time and memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from flows.compile import compile_text
from flows.semantics import Program
from flows.table import Table
from runtime.executor.beside import Beside, Difference

DOING = "runtime.replaying:play"
SAMPLES = 5
"""Calls named of each group of equal differences."""


class Taken(msgspec.Struct, array_like=True, gc=False):
    """One recorded step (`runtime.executor.beside.Recorded`)."""

    sequence: int
    time: float
    event: str
    fields: dict[str, Any]
    row: int
    to_state: str
    actions: list[str]
    published: list[str]
    kind: str
    answer: int | None
    ended: bool = False
    outcome: str | None = None


class Call(msgspec.Struct, array_like=True, gc=False):
    """One recorded call that is over."""

    session: str
    digest: str
    """Of the text it ran."""
    role: str
    outcome: str
    started: float
    steps: list[Taken]


class Question(msgspec.Struct):
    """A chunk of calls, and all texts that are needed for it."""

    text: str
    """The candidate's."""
    texts: dict[str, str]
    """Those the calls ran, by their hash; one that is not kept any more is missing."""
    calls: list[Call]


class Group(msgspec.Struct):
    """Calls that differ first in the same way."""

    ran: str
    """Hash of the text they ran."""
    was_row: int
    row: int
    event: str
    kinds: tuple[str, ...]
    early: float | None
    final: bool
    count: int = 0
    samples: list[tuple[str, int]] = []
    """Session and the number of the recorded step, of the first few."""


class Report(msgspec.Struct):
    """What became of a chunk; `add` puts another one behind it."""

    compared: int = 0
    same: int = 0
    steps: int = 0
    """Recorded steps that were compared."""
    left: int = 0
    """Recorded steps behind a difference, about which nothing can be said."""
    kinds: dict[str, int] = {}
    """In how many calls each kind of difference was found."""
    groups: list[Group] = []
    rows: dict[int, int] = {}
    """By the candidate's row: in how many calls it was taken."""
    unusable: dict[str, int] = {}
    """Calls that could not be compared, by the reason in words."""

    @property
    def changed(self) -> int:
        return self.compared - self.same

    def add(self, other: Report) -> None:
        """Count another chunk to this one."""
        self.compared += other.compared
        self.same += other.same
        self.steps += other.steps
        self.left += other.left
        self.kinds = dict(Counter(self.kinds) + Counter(other.kinds))
        self.rows = dict(Counter(self.rows) + Counter(other.rows))
        self.unusable = dict(Counter(self.unusable) + Counter(other.unusable))
        known = {_key(group): group for group in self.groups}
        for group in other.groups:
            mine = known.get(_key(group))
            if mine is None:
                self.groups.append(group)
                continue
            mine.count += group.count
            mine.samples = [*mine.samples, *group.samples][:SAMPLES]
        self.groups.sort(key=lambda group: -group.count)


def play(question: Question, beat: Callable[[float, int], None]) -> dict[str, Any]:
    """Play the calls of a question on its candidate; the report as plain data."""
    report = Report()
    program = _program(question.text)
    for number, call in enumerate(question.calls):
        beat(number / len(question.calls), number)
        ran = question.texts.get(call.digest)
        try:
            _played(report, program, None if ran is None else _table(ran), call)
        except Exception as error:
            # A mistake of ours in one call says nothing about the others.
            _count(report.unusable, f"a fault of ours ({type(error).__name__})")
    told: dict[str, Any] = msgspec.to_builtins(report, str_keys=True)
    return told


play.decode = msgspec.json.Decoder(Question).decode  # type: ignore[attr-defined]


def _played(report: Report, program: Program, ran: Table | None, call: Call) -> None:
    steps = call.steps
    beside = Beside(program, ran, call.role, call.started, call.session)
    steps[-1].ended, steps[-1].outcome = True, call.outcome
    first: Difference | None = None
    kinds: set[str] = set()
    done = 0
    for step in steps:
        difference = beside.take(step)
        done += 1
        if difference is not None:
            first = first or difference
            kinds.update(difference.kinds)
        if beside.over:
            break
    report.compared += 1
    report.steps += done
    for row in set(beside.taken):
        _count(report.rows, row)
    if first is None:
        report.same += 1
        return
    report.left += len(steps) - done
    for kind in kinds:
        _count(report.kinds, kind)
    _group(report, call, first)


def _group(report: Report, call: Call, first: Difference) -> None:
    made = Group(
        call.digest, first.was_row, first.row, first.event, first.kinds, first.early, first.final
    )
    key = _key(made)
    group = next((each for each in report.groups if _key(each) == key), None)
    if group is None:
        report.groups.append(made)
        group = made
    group.count += 1
    if len(group.samples) < SAMPLES:
        group.samples = [*group.samples, (call.session, first.sequence)]


def _key(group: Group) -> tuple[Any, ...]:
    return (group.ran, group.was_row, group.row, group.event, group.kinds, group.early)


def _count(counts: dict[Any, int], key: Any) -> None:
    counts[key] = counts.get(key, 0) + 1


@lru_cache(maxsize=2)
def _program(text: str) -> Program:
    table = _table(text)
    if table is None:
        raise ValueError("the candidate does not compile")
    return Program(table)


@lru_cache(maxsize=32)
def _table(text: str) -> Table | None:
    return compile_text(text).table
