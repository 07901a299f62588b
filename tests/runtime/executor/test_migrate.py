"""A session that goes over to another version goes on exactly as that version says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flows.compile import compile_text
from flows.semantics import Program
from flows.table import Table
from runtime.executor.conform import Recorded, deviation
from runtime.executor.machine import ENTERED, MIGRATED, Machine, SessionEnded
from runtime.executor.replay import UnknownVersion, replay, restore, why
from runtime.executor.step import Event, Step
from tests.runtime.executor.test_conform import recorded
from tests.runtime.executor.test_replay import Action, actions, run, tables

OLD = """\
callflow: 1
variables: {tries: 0, note: none yet, agent: 7}
states: {Idle: {initial: true}, Held: {}, Talk: {}, Over: {final: true}}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, set: {tries: tries + 1}, next_state: Held}
- {from_state: Held, role: UAS, event: {after: 10s}, actions: []}
- {from_state: Held, role: UAS, event: {after: 60s}, next_state: Over}
- {from_state: Held, role: UAS, event: HangupCall, next_state: Over}
"""
NEW = """\
callflow: 1
variables: {tries: 5, agent: nobody, queue: sales}
states: {Idle: {initial: true}, Parked: {}, Talk: {}, Over: {final: true}}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Parked}
- {from_state: Parked, role: UAS, event: {after: 5s}, actions: []}
- {from_state: Parked, role: UAS, event: {after: 30s}, guards: [tries < 3], next_state: Over}
- {from_state: Parked, role: UAS, event: ResumeCall, next_state: Talk}
- {from_state: Talk, role: UAC, event: HangupCall, next_state: Over}
"""


def program(text: str) -> Program:
    table = compile_text(text).table
    assert table is not None
    return Program(table)


BEFORE, AFTER = program(OLD), program(NEW)
MOVE = {"operator": {"act": "migrate", "by": "Olaf", "reason": "v2 mends it"}}


def held(now: float = 0.0) -> tuple[Machine, list[Step]]:
    """A session that came to Held at 0 s and lived there until `now`."""
    machine = Machine(BEFORE, "s", "UAS", 0.0)
    steps = [machine.receive(Event("IncomingCall"), 0.0)]
    while (step := machine.expire(now)) is not None:
        steps.append(step)
    return machine, steps


def moved(machine: Machine, now: float, **fields: object) -> Step:
    return machine.migrate(AFTER, "Parked", Event("Migrated", {**MOVE, **fields}), now)


def test_the_step_says_whence_where_who_and_why() -> None:
    machine, _ = held()
    step = moved(machine, 2.0, **{ENTERED: 0.0})
    assert (step.sequence, step.kind, step.row, step.actions) == (2, MIGRATED, -1, ())
    assert (step.from_state, step.to_state, step.version) == ("Held", "Parked", AFTER.table.digest)
    assert step.fields["operator"]["reason"] == "v2 mends it"
    assert (machine.state, machine.program) == ("Parked", AFTER)
    assert machine.receive(Event("ResumeCall"), 3.0).to_state == "Talk"


def test_variables_are_kept_by_name_and_what_is_lost_is_told() -> None:
    machine, _ = held()
    step = moved(machine, 2.0)
    assert machine.values["tries"] == 1, "kept, in spite of another initial value"
    assert machine.values["queue"] == "sales"
    assert machine.values["agent"] == "nobody", "a number cannot go on as a text"
    assert step.fields["lost"] == {"note": "none yet", "agent": 7}
    assert step.fields["gained"] == {"agent": "nobody", "queue": "sales"}


def test_timers_count_from_when_the_old_state_was_entered() -> None:
    machine, _ = held()
    moved(machine, 4.0, **{ENTERED: 0.0})
    assert machine.waits == ((5.0, 5.0), (30.0, 30.0))
    assert machine.expire(4.9) is None
    step = machine.expire(5.0)
    assert step is not None and step.fields == {"seconds": 5.0}


def test_a_timer_whose_time_has_passed_fires_at_once() -> None:
    machine, _ = held(9.0)
    moved(machine, 9.0, **{ENTERED: 0.0})
    assert machine.deadline == 5.0
    step = machine.expire(9.0)
    assert step is not None and step.fields == {"seconds": 5.0}
    assert machine.deadline == 30.0


def test_what_fired_already_does_not_fire_again() -> None:
    machine, _ = held(12.0)
    assert machine.fired == 10.0
    moved(machine, 12.0, **{ENTERED: 0.0})
    assert machine.waits == ((30.0, 30.0),), "after 5s lies before the 10 s that fired"


def test_a_corrective_move_starts_the_timers_anew() -> None:
    machine, _ = held(12.0)
    moved(machine, 12.0)
    assert machine.waits == ((5.0, 17.0), (30.0, 42.0))


def test_nothing_is_changed_where_no_session_could_be() -> None:
    machine, _ = held()
    for state, said in (("Held", "no state"), ("Over", "final"), ("Talk", "no row for the role")):
        with pytest.raises(ValueError, match=said):
            machine.migrate(AFTER, state, Event("Migrated", {}), 1.0)
    assert (machine.state, machine.program, machine.sequence) == ("Held", BEFORE, 1)


def test_what_is_over_is_not_moved() -> None:
    machine, _ = held(60.0)
    with pytest.raises(SessionEnded):
        moved(machine, 61.0)


# -- replay and conformance ------------------------------------------------------------------------


def both(digest: str) -> Program | None:
    return {BEFORE.table.digest: BEFORE, AFTER.table.digest: AFTER}.get(digest)


def a_migrated_call() -> list[Step]:
    machine, steps = held()
    steps.append(moved(machine, 4.0, **{ENTERED: 0.0}))
    while (step := machine.expire(31.0)) is not None:
        steps.append(step)
    return steps


def lines_of(steps: list[Step]) -> list[Recorded]:
    lines = zip(recorded(steps), steps, strict=True)
    return [replace(line, version=step.version) for line, step in lines]


def test_replay_takes_the_right_program_on_either_side() -> None:
    steps = a_migrated_call()
    assert [step.kind for step in steps] == ["fired", MIGRATED, "fired", "fired"]
    assert replay(BEFORE, "UAS", steps, programs=both) == steps
    again = restore(BEFORE, "UAS", steps[:2], programs=both)
    assert again is not None and again.program is AFTER and again.deadline == 5.0
    assert [t.verdict for t in why(BEFORE, "UAS", steps, both)] == ["fired"]
    assert why(BEFORE, "UAS", steps[:2], both) == [], "no row was tried for it"


def test_a_version_that_is_missing_is_said_and_not_guessed() -> None:
    with pytest.raises(UnknownVersion):
        replay(BEFORE, "UAS", a_migrated_call(), programs=lambda digest: None)
    with pytest.raises(UnknownVersion):
        deviation(BEFORE, "UAS", lines_of(a_migrated_call()))


def test_a_candidate_plays_the_whole_call_itself() -> None:
    told = replay(BEFORE, "UAS", a_migrated_call())
    assert [step.version for step in told] == [BEFORE.table.digest] * 4
    assert [step.to_state for step in told] == ["Held", "Held", "Held", "Held"]


def test_a_migrated_call_conforms_to_its_two_versions() -> None:
    lines = lines_of(a_migrated_call())
    assert deviation(BEFORE, "UAS", lines, both) is None
    wrong = deviation(BEFORE, "UAS", [*lines[:2], replace(lines[2], row=2), lines[3]], both)
    assert wrong is not None and (wrong.sequence, wrong.what, wrong.expected) == (3, "the row", 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"to_state": "Talk"},
        {"from_state": "Idle"},
        {"fields": {**MOVE, ENTERED: 0.0}},
        {"version": BEFORE.table.digest},
    ],
)
def test_a_changed_record_of_the_move_itself_is_found(changed: dict[str, object]) -> None:
    lines = lines_of(a_migrated_call())
    lines[1] = replace(lines[1], **changed)  # type: ignore[arg-type]
    wrong = deviation(BEFORE, "UAS", lines, both)
    assert wrong is not None and wrong.sequence == 2


# -- whatever the two versions are -----------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    old=tables(),
    new=tables(),
    role=st.sampled_from(["UAC", "UAS"]),
    before=actions,
    after=actions,
    anew=st.booleans(),
)
def test_after_a_move_each_step_is_what_the_new_version_means(
    old: Table, new: Table, role: str, before: list[Action], after: list[Action], anew: bool
) -> None:
    here, there = Program(replace(old, digest="old")), Program(replace(new, digest="new"))
    machine = Machine(here, "s", role, 0.0)
    steps, now = run(machine, before)
    assume(not machine.ended)
    position = there.position(machine.state, role)
    assume(position.candidates and not position.final)
    entered = {} if anew or machine.entered is None else {ENTERED: machine.entered}
    steps.append(machine.migrate(there, machine.state, Event("Migrated", entered), now))
    for name, value in machine.values.items():
        assert value == restored(here, role, steps[:-1]).values[name], "nothing is made up"
    state, values = machine.state, machine.values
    for kind, name, number in after:
        if machine.ended:
            break
        now += 0.25 + (number if kind == "wait" else 0)
        step = (
            machine.expire(now)
            if kind == "wait"
            else machine.receive(Event(str(name), {"code": number}), now)
        )
        if step is None:
            continue
        steps.append(step)
        meant = there.choose(state, role, step.event, values, step.fields)
        assert step.row == (-1 if meant is None else meant.index)
        assert step.to_state == (state if meant is None else meant.next_state)
        state, values = step.to_state, machine.values
    assert replay(here, role, steps, created=0.0, programs={"new": there}.get) == steps


def restored(program: Program, role: str, steps: list[Step]) -> Machine:
    return restore(program, role, steps, created=0.0) or Machine(program, "s", role, 0.0)
