"""Run recorded events again: same table, same events, same times, same Steps.

This is how a session is restored after a crash, how guard values are shown although no record
keeps them, and how a new version is tried on what really happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flows.ends import unanswered
from flows.semantics import NO_ROW, Program
from flows.table import TIMER_EVENT
from flows.why import Tried, explain
from runtime.executor.machine import ACTION_FAILED, LONGEST_LIFE, Machine
from runtime.executor.step import Event, Step


def replay(
    program: Program,
    role: str,
    recorded: Iterable[Step],
    *,
    created: float | None = None,
    life: float = LONGEST_LIFE,
) -> list[Step]:
    """Return the Steps that the events of the recorded ones lead to.

    `created` is when the session began; without it, the time of the first step is taken.

    Equal to the recorded ones if program, role and order are the same. Against another table it
    stops where that table ends the session.
    """
    return _run(program, role, recorded, created, life)[1]


def restore(
    program: Program,
    role: str,
    recorded: Iterable[Step],
    *,
    created: float | None = None,
    life: float = LONGEST_LIFE,
) -> Machine | None:
    """Return the machine as it stood after the recorded steps; None if there are none."""
    return _run(program, role, recorded, created, life)[0]


def why(program: Program, role: str, recorded: Sequence[Step]) -> list[Tried]:
    """Return which rows were tried for the last of the steps, and what their guards said."""
    *earlier, last = recorded
    machine = restore(program, role, earlier)
    if machine is None:
        machine = Machine(program, last.session, role, last.time)
    elif last.event == ACTION_FAILED:
        _undo(machine, earlier[-1], last)
    return explain(program, machine.state, role, last.event, machine.values, last.fields)


def _run(
    program: Program,
    role: str,
    recorded: Iterable[Step],
    created: float | None,
    life: float,
) -> tuple[Machine | None, list[Step]]:
    machine: Machine | None = None
    steps: list[Step] = []
    for step in recorded:
        if machine is None:
            began = step.time if created is None else created
            machine = Machine(program, step.session, role, began, life)
        if machine.ended:
            break
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
