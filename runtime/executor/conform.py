"""Hold what a session did against what its table says (META995): each recorded step, once more.

A proof speaks about the table; that the product does what the table says is looked at here,
on what really happened. The first contradiction ends the comparison, for what follows it was
decided in another state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.ends import MAXIMUM_LIFE
from flows.semantics import NO_ROW, Program
from flows.table import TIMER_EVENT
from flows.vocabulary import EVENTS
from runtime.executor.machine import ACTION_FAILED, MIGRATED, Machine
from runtime.executor.replay import Programs, UnknownVersion
from runtime.executor.step import Event, Step

_EVER = float("inf")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One step as the record has it."""

    sequence: int
    time: float
    event: str
    fields: dict[str, Any]
    row: int
    from_state: str
    to_state: str
    actions: tuple[str, ...]
    published: tuple[str, ...]
    kind: str
    answer: int | None = None
    done: tuple[bool, ...] = ()
    """For each action that was begun, in order: whether it was done."""
    version: str = ""
    """Digest of the text it was decided by."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """Where the record and the table contradict each other."""

    sequence: int
    event: str
    what: str
    """Which part: `row`, `target`, `actions` ..."""
    expected: Any
    recorded: Any
    row: int = NO_ROW
    """The row that the table has for it."""

    @property
    def message(self) -> str:
        """Say it in a sentence."""
        return (
            f"At step {self.sequence}, {self.event}: {self.what} should be {_shown(self.expected)} "
            f"and is {_shown(self.recorded)} in the record"
        )


def deviation(
    program: Program,
    role: str,
    recorded: Sequence[Recorded],
    programs: Programs | None = None,
) -> Deviation | None:
    """Return the first contradiction between the record and the table; None if there is none.

    The record begins with the session's first step. A session that still lives, or whose process
    died, may lack what became of its last step's actions. `program` is what it began with; where it
    went over to another version, `programs` knows that one, and what follows is held against it.
    UnknownVersion if it does not.
    """
    if not recorded:
        return None
    machine = Machine(program, "", role, recorded[0].time, _EVER)
    before: Recorded | None = None
    step: Step | None = None
    for number, now in enumerate(recorded):
        if now.sequence != number + 1:
            return Deviation(now.sequence, now.event, "its number", number + 1, now.sequence)
        if before is not None and step is not None:
            undone = _undone(before, now, step)
            if undone is not None:
                return undone
        if _from_outside(now):
            # Whoever ended it, it was no rule of the language, and nothing comes after it.
            before, step = now, None
            continue
        if machine.ended or (before is not None and step is None):
            return Deviation(now.sequence, now.event, "the session", "over", "going on", now.row)
        if now.kind == MIGRATED:
            step, different = _moved(machine, now, programs)
        else:
            step, different = _once_more(machine, step, now)
        if different is not None:
            return different
        before = now
    return None


def _once_more(
    machine: Machine, previous: Step | None, now: Recorded
) -> tuple[Step, Deviation | None]:
    if now.event == ACTION_FAILED and previous is not None:
        failed = now.fields.get("index")
        if isinstance(failed, int) and 0 <= failed < len(previous.actions):
            machine.failed(previous, failed, str(now.fields.get("reason", "")))
    if now.event == TIMER_EVENT:
        seconds = now.fields.get("seconds")
        if isinstance(seconds, int | float):
            machine.elapsed(float(seconds))
    step = machine.receive(Event(now.event, now.fields), now.time)
    return step, _compared(step, now)


def _moved(
    machine: Machine, now: Recorded, programs: Programs | None
) -> tuple[Step, Deviation | None]:
    """Take the machine where the record says that somebody took the session."""
    program = programs(now.version) if programs is not None else None
    if program is None:
        raise UnknownVersion(now.version)
    event = Event(now.event, now.fields)
    try:
        step = machine.migrate(program, now.to_state, event, now.time)
    except ValueError as impossible:
        stays = machine.migrate(machine.program, machine.state, event, now.time)
        return stays, Deviation(
            now.sequence, now.event, "the target", str(impossible), now.to_state
        )
    different = _compared(step, now)
    if different is None and dict(step.fields) != dict(now.fields):
        different = Deviation(
            now.sequence, now.event, "what is carried over", str(step.fields), str(now.fields)
        )
    return step, different


def _compared(step: Step, now: Recorded) -> Deviation | None:
    for what, expected, recorded in (
        ("the state it began in", step.from_state, now.from_state),
        ("the row", step.row, now.row),
        ("what became of it", step.kind, now.kind),
        ("the target", step.to_state, now.to_state),
        ("the actions", list(step.actions), list(now.actions)),
        ("what is published", list(step.published), list(now.published)),
        ("the answer", step.answer, now.answer),
    ):
        if expected != recorded:
            return Deviation(now.sequence, now.event, what, expected, recorded, step.row)
    return None


def _undone(before: Recorded, now: Recorded, step: Step) -> Deviation | None:
    """Look at what became of the actions of the step before: each was done, or its failure told."""
    done = before.done
    if _from_outside(now) or len(before.actions) == 0:
        return None
    failed = bool(done) and not done[-1]
    told = now.event == ACTION_FAILED and now.fields.get("index") == len(done) - 1
    if failed and not told:
        word = before.actions[len(done) - 1] if len(done) <= len(before.actions) else "?"
        return Deviation(
            before.sequence, before.event, "what follows", f"ActionFailed of {word}", now.event,
            step.row,
        )  # fmt: skip
    if not failed and len(done) != len(before.actions):
        return Deviation(
            before.sequence, before.event, "what was done", list(before.actions),
            list(before.actions[: len(done)]), step.row,
        )  # fmt: skip
    return None


def _from_outside(now: Recorded) -> bool:
    """Whether the shell, and no rule of the language, ended the session with this step."""
    if now.kind == MIGRATED:
        return False
    of_language = now.event in EVENTS or now.event in (TIMER_EVENT, MAXIMUM_LIFE)
    return now.row == NO_ROW and (now.kind == "error" or not of_language)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return "none" if value is None or value == NO_ROW else str(value)
