"""Run recorded events again: same table, same events, same times, same Steps.

This is how a session is restored after a crash, how guard values are shown although no record
keeps them, and how a new version is tried on what really happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from flows.ends import unanswered
from flows.semantics import NO_ROW, Program
from flows.table import TIMER_EVENT
from flows.why import Tried, explain
from runtime.executor.machine import ACTION_FAILED, LONGEST_LIFE, MIGRATED, Machine
from runtime.executor.step import Event, Step

Programs = Callable[[str], Program | None]
"""Finds the program of a digest; None if nobody knows it."""


class UnknownVersion(LookupError):
    """A session went over to a version whose program is nowhere to be found."""


def replay(
    program: Program,
    role: str,
    recorded: Iterable[Step],
    *,
    created: float | None = None,
    life: float = LONGEST_LIFE,
    programs: Programs | None = None,
) -> list[Step]:
    """Return the Steps that the events of the recorded ones lead to.

    `created` is when the session began; without it, the time of the first step is taken.

    `programs` knows the versions that a migrated session went over to: each of its steps is run by
    the program it ran on (UnknownVersion if that is missing). Without it the one program plays the
    whole call, as a candidate does, and a migration only moves it to the named state if it has one.

    Equal to the recorded ones if program, role and order are the same. Against another table it
    stops where that table ends the session.
    """
    return _run(program, role, recorded, created, life, programs)[1]


def restore(
    program: Program,
    role: str,
    recorded: Iterable[Step],
    *,
    created: float | None = None,
    life: float = LONGEST_LIFE,
    programs: Programs | None = None,
) -> Machine | None:
    """Return the machine as it stood after the recorded steps; None if there are none."""
    return _run(program, role, recorded, created, life, programs)[0]


def why(
    program: Program, role: str, recorded: Sequence[Step], programs: Programs | None = None
) -> list[Tried]:
    """Return which rows were tried for the last of the steps, and what their guards said."""
    *earlier, last = recorded
    if last.kind == MIGRATED:
        return []
    machine = restore(program, role, earlier, programs=programs)
    if machine is None:
        machine = Machine(program, last.session, role, last.time)
    elif last.event == ACTION_FAILED:
        _undo(machine, earlier[-1], last)
    return explain(machine.program, machine.state, role, last.event, machine.values, last.fields)


def _run(
    program: Program,
    role: str,
    recorded: Iterable[Step],
    created: float | None,
    life: float,
    programs: Programs | None,
) -> tuple[Machine | None, list[Step]]:
    machine: Machine | None = None
    steps: list[Step] = []
    for step in recorded:
        if machine is None:
            began = step.time if created is None else created
            machine = Machine(program, step.session, role, began, life)
        if machine.ended:
            break
        if step.kind == MIGRATED:
            steps.append(_migrated(machine, step, programs))
            continue
        if step.event == ACTION_FAILED and steps:
            _undo(machine, steps[-1], step)
        if step.event == TIMER_EVENT:
            machine.elapsed(float(step.fields["seconds"]))
        event = Event(step.event, step.fields)
        if _came_from_outside(step):
            steps.append(machine.close(event, step.time, step.kind, str(step.outcome)))
        else:
            steps.append(machine.receive(event, step.time))
    return machine, steps


def _migrated(machine: Machine, step: Step, programs: Programs | None) -> Step:
    """Take the machine where somebody took the session."""
    event = Event(step.event, step.fields)
    if programs is not None:
        program = programs(step.version)
        if program is None:
            raise UnknownVersion(step.version)
        return machine.migrate(program, step.to_state, event, step.time)
    state = step.to_state if step.to_state in machine.program.table.states else machine.state
    try:
        return machine.migrate(machine.program, state, event, step.time)
    except ValueError:
        # No session of this role could be there: this program leaves it where it is.
        return machine.migrate(machine.program, machine.state, event, step.time)


def _came_from_outside(step: Step) -> bool:
    """Whether the shell, and no rule of the language, ended the session with this step."""
    return (
        step.ended
        and step.row == NO_ROW
        and step.kind != "ignored"
        and (step.outcome != unanswered(step.event).outcome)
    )


def _undo(machine: Machine, previous: Step, failure: Step) -> None:
    """Do again what the shell did between the two steps: tell the machine what failed."""
    action = failure.fields.get("index")
    if isinstance(action, int) and 0 <= action < len(previous.actions):
        machine.failed(previous, action, str(failure.fields.get("reason", "")))
