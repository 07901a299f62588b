"""The same events at the same times lead to the same Steps, on any table."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.compile import compile_text
from flows.expressions import parse
from flows.findings import Place
from flows.semantics import Program
from flows.table import Guard, Row, State, Table, Word
from flows.why import Tried
from runtime.executor.machine import Machine
from runtime.executor.replay import replay, restore, why
from runtime.executor.step import Event, Step

HERE = Place(1, 1, 1, 1)
STATES = ["Idle", "B", "C", "D", "End"]
EVENTS = ["MakeCall", "IncomingCall", "HoldCall", "InfoReceived", "DialogTimeout", "ActionFailed"]
GUARDS = [
    "MediaReady",
    "not MediaReady",
    "SDPNegotiated",
    "not HasLocalSDP",
    "count < 2",
    "event.code == 1",
    "count + 1 > 2 or MediaReady",
    "AllConditionsMet",
    "IsIdle",
]
ACTIONS = [
    Word("GenerateLocalSDP"),
    Word("StartMediaSession"),
    Word("StopMediaSession"),
    Word("SetCondition", {"condition": "SDPNegotiated", "value": True}),
    Word("SetCondition", {"condition": "SDPNegotiated", "value": False}),
    Word("CreateDialog"),
]
SETS = ["count + 1", "0", "event.code"]


@st.composite
def rows(draw: st.DrawFn, index: int) -> Row:
    after = draw(st.sampled_from([None, None, None, 1.0, 2.5]))
    own = after is not None or draw(st.booleans())
    return Row(
        index=index,
        id=draw(st.sampled_from(["", f"row {index}"])),
        from_state=draw(st.sampled_from(STATES[:-1])) if own else "*",
        role=draw(st.sampled_from(["UAC", "UAS", "Both"])),
        event="after" if after is not None else draw(st.sampled_from(EVENTS)),
        after=after,
        guards=tuple(
            Guard(text, parse(text), HERE)
            for text in draw(st.lists(st.sampled_from(GUARDS), max_size=3))
        ),
        actions=tuple(draw(st.lists(st.sampled_from(ACTIONS), max_size=3))),
        set=tuple(("count", parse(s)) for s in draw(st.lists(st.sampled_from(SETS), max_size=1))),
        next_state=draw(st.sampled_from([None, *STATES])),
        publish=(),
        ignore=draw(st.sampled_from([None, None, None, "on purpose"])),
        description="",
        waive=(),
        place=HERE,
    )


@st.composite
def tables(draw: st.DrawFn) -> Table:
    states = {
        name: State(
            name,
            name == "Idle",
            name == "End",
            "",
            "",
            {"InfoReceived": "why not"} if draw(st.booleans()) else {},
            HERE,
            True,
        )
        for name in STATES
    }
    table_rows = tuple(draw(rows(i)) for i in range(draw(st.integers(0, 14))))
    return Table("t", "", (), states, "Idle", {"count": 0}, table_rows, (), "digest")


Action = tuple[str, str | float | None, int]

actions = st.lists(
    st.tuples(
        st.sampled_from(["event", "event", "event", "wait", "fail"]),
        st.sampled_from(EVENTS),
        st.integers(0, 3),
    ),
    max_size=40,
)


def run(machine: Machine, script: list[Action]) -> tuple[list[Step], float]:
    """Play shell: events come, time passes, actions fail; return the steps and the time."""
    now, steps = 0.0, []
    for kind, name, number in script:
        if machine.ended:
            break
        now += 0.25
        if kind == "event":
            steps.append(machine.receive(Event(str(name), {"code": number}), now))
        elif kind == "wait":
            now += number
            while (step := machine.expire(now)) is not None:
                steps.append(step)
        elif steps and number < len(steps[-1].actions) and steps[-1].kind == "fired":
            failure = machine.failed(steps[-1], number, "because")
            steps.append(machine.receive(failure, now))
    return steps, now


@settings(max_examples=150, deadline=None)
@given(table=tables(), role=st.sampled_from(["UAC", "UAS"]), script=actions)
def test_replay_gives_the_same_steps(table: Table, role: str, script: list[Action]) -> None:
    machine = Machine(Program(table), "s", role, 0.0)
    steps, now = run(machine, script)
    assert replay(Program(table), role, steps, created=0.0) == steps
    again = restore(Program(table), role, steps, created=0.0)
    if not steps:
        assert again is None
        return
    assert again is not None
    assert (again.state, again.values, again.sequence) == (
        machine.state,
        machine.values,
        machine.sequence,
    )
    assert (again.ended, again.deadline, again.words) == (
        machine.ended,
        machine.deadline,
        machine.words,
    )
    assert run(again, script) == run(machine, script), "and it goes on in the same way"


@settings(max_examples=60, deadline=None)
@given(table=tables(), role=st.sampled_from(["UAC", "UAS"]), script=actions)
def test_what_fired_is_what_the_explanation_says(
    table: Table, role: str, script: list[Action]
) -> None:
    steps, _ = run(Machine(Program(table), "s", role, 0.0), script)
    program = Program(table)
    for count in range(1, len(steps) + 1):
        tried = why(program, role, steps[:count])
        told = [t for t in tried if t.verdict in ("fired", "ignored")]
        last = steps[count - 1]
        if last.kind == "unhandled":
            assert told == []
        else:
            assert [(t.row, t.verdict) for t in told] == [(last.row, last.kind)]
            assert all(holds for _, holds in told[0].guards)


def test_why_this_row_after_an_action_failed() -> None:
    text = """\
- {from_state: Idle, role: UAC, event: MakeCall, actions: [StartMediaSession, CreateDialog],
   next_state: Initiating}
- {from_state: Initiating, role: UAC, event: ActionFailed, guards: [MediaReady],
   next_state: Failed}
- {from_state: Initiating, role: UAC, event: ActionFailed, next_state: Terminated}
"""
    table = compile_text(text).table
    assert table is not None
    program = Program(table)
    machine = Machine(program, "s", "UAC", 0.0)
    first = machine.receive(Event("MakeCall", {"target": "sip:x"}), 0.0)
    steps = [first, machine.receive(machine.failed(first, 0, "no port"), 0.1)]
    assert steps[-1].row == 2
    assert why(program, "UAC", steps) == [
        Tried(1, [("MediaReady", False)], "guards failed"),
        Tried(2, [], "fired"),
    ]
    assert why(program, "UAC", steps[:1]) == [Tried(0, [], "fired")]


def test_replay_against_another_table_stops_where_that_one_ends() -> None:
    ends = compile_text(
        "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Failed}\n"
    ).table
    goes_on = compile_text(
        "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Active}\n"
        "- {from_state: Active, role: UAS, event: DialogBYE, next_state: Terminated}\n"
    ).table
    assert ends is not None and goes_on is not None
    machine = Machine(Program(goes_on), "s", "UAS", 0.0)
    recorded = [machine.receive(Event(name), 0.0) for name in ("IncomingCall", "DialogBYE")]
    told: list[Any] = replay(Program(ends), "UAS", recorded)
    assert [(step.to_state, step.ended) for step in told] == [("Failed", True)]


def test_an_end_from_outside_is_replayed_too() -> None:
    table = compile_text(
        "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Active}\n"
        "- {from_state: Active, role: UAS, event: DialogBYE, next_state: Terminated}\n"
    ).table
    assert table is not None
    machine = Machine(Program(table), "s", "UAS", 0.0)
    steps = [
        machine.receive(Event("IncomingCall"), 0.0),
        machine.close(Event("InternalError", {"error": "x"}), 1.0, "error", "error"),
    ]
    assert replay(Program(table), "UAS", steps) == steps
