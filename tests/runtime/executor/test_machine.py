"""One session: what a Step says, when timers fire, how it ends and what a failure undoes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flows.compile import compile_text
from flows.semantics import Decision, Program
from runtime.executor.machine import Machine, SessionEnded
from runtime.executor.step import Event, Step

FLOW = """\
callflow: 1
name: t
states:
  Idle: {initial: true}
  Ringing: {}
  Active: {group: talk, ignore: {InfoReceived: not for us}}
  Terminated: {final: true}
  Cancelled: {final: true}
variables: {retries: 0}
transitions:
- id: begin
  from_state: Idle
  role: UAS
  event: IncomingCall
  guards: [IsIdle]
  actions: [CreateDialog, StoreRemoteSDP, {SendSIPResponse: {code: 180}}]
  next_state: Ringing
  publish_events: [SessionCreated, CallRinging]
- {from_state: Ringing, role: UAS, event: DialogCANCEL, next_state: Cancelled}
- {from_state: Ringing, role: UAS, event: AcceptCall, next_state: Active,
   actions: [GenerateLocalSDP, StartMediaSession, {SetCondition: {condition: SDPNegotiated}}],
   set: {retries: retries + 1}, publish_events: [CallEstablished]}
- {from_state: Ringing, role: UAS, event: {after: 20s}, guards: [MediaReady], next_state: Idle}
- {from_state: Ringing, role: UAS, event: {after: 5s}}
- {from_state: Ringing, role: Both, event: {after: 30s}, next_state: Cancelled}
- {from_state: Active, role: UAS, event: HoldCall}
- {from_state: Active, role: UAS, event: ResumeCall, next_state: Active}
- {from_state: Active, role: UAS, event: {after: 60s}, next_state: Terminated}
- {from_state: Active, role: UAS, event: MediaFlowEstablished, ignore: known}
- {from_state: Any, role: Both, event: Dialog4xxFailure, next_state: Terminated}
"""


@pytest.fixture(scope="module")
def program() -> Program:
    compiled = compile_text(FLOW)
    assert compiled.table is not None, compiled.findings
    return Program(compiled.table, bind=lambda word: f"bound {word.name}")


@pytest.fixture
def machine(program: Program) -> Machine:
    return Machine(program, "s-1", "UAS", 100.0)


def ringing(machine: Machine, now: float = 100.0) -> Step:
    return machine.receive(Event("IncomingCall", {"from": "a", "to": "b"}, cause=7), now)


def active(machine: Machine, now: float = 100.0) -> Step:
    ringing(machine, now)
    return machine.receive(Event("AcceptCall"), now)


def test_a_step_says_everything_about_the_decision(machine: Machine, program: Program) -> None:
    fields = {"from": "a", "to": "b"}
    assert ringing(machine, 101.5) == Step(
        session="s-1",
        sequence=1,
        time=101.5,
        event="IncomingCall",
        fields=fields,
        decision=Decision(
            row=0,
            row_id="begin",
            from_state="Idle",
            to_state="Ringing",
            role="UAS",
            actions=("CreateDialog", "StoreRemoteSDP", "SendSIPResponse"),
            published=("SessionCreated", "CallRinging"),
            kind="fired",
            version=program.table.digest,
        ),
    )
    assert machine.state == "Ringing"
    assert machine.values["HasRemoteSDP"] is True


def test_it_gives_the_shell_what_was_bound_and_the_words_with_their_arguments(
    machine: Machine,
) -> None:
    ringing(machine)
    assert machine.calls == ("bound CreateDialog", "bound StoreRemoteSDP", "bound SendSIPResponse")
    assert [word.arguments.get("code") for word in machine.words] == [None, None, 180]
    machine.receive(Event("HoldCall"), 101.0)
    assert machine.calls == ()
    assert machine.words == ()


def test_sequence_numbers_have_no_gap_whatever_kind_the_step_is(machine: Machine) -> None:
    active(machine)
    names = ["HoldCall", "MuteCall", "InfoReceived", "MediaFlowEstablished", "HoldCall"]
    steps = [machine.receive(Event(name), 101.0) for name in names]
    assert [step.sequence for step in steps] == [3, 4, 5, 6, 7]
    assert [s.kind for s in steps] == ["fired", "unhandled", "ignored", "ignored", "fired"]
    assert [step.row for step in steps] == [6, -1, -1, 9, 6]


def test_an_event_without_a_row_changes_nothing_but_is_a_step(machine: Machine) -> None:
    active(machine)
    values, state, deadline = machine.values, machine.state, machine.deadline
    step = machine.receive(Event("MessageReceived", cause=9), 105.0)
    assert (step.kind, step.row, step.answer, step.ended) == ("unhandled", -1, 501, False)
    assert (step.from_state, step.to_state, step.actions) == ("Active", "Active", ())
    assert (machine.values, machine.state, machine.deadline) == (values, state, deadline)


@pytest.mark.parametrize(
    ("event", "answer", "outcome"),
    [
        ("IncomingCall", 480, "unhandled"),
        ("DialogBYE", None, "completed"),
        ("DialogCANCEL", 487, "unhandled"),
        ("DialogTimeout", None, "unhandled"),
        ("ActionFailed", None, "unhandled"),
    ],
)
def test_what_nobody_can_leave_unanswered_ends_the_session(
    machine: Machine, event: str, answer: int | None, outcome: str
) -> None:
    active(machine)
    step = machine.receive(Event(event), 101.0)
    assert (step.kind, step.answer, step.ended, step.outcome) == (
        "unhandled",
        answer,
        True,
        outcome,
    )
    assert machine.ended and machine.deadline is None
    assert machine.state == "Active"


def test_a_final_state_ends_the_session_with_an_outcome(machine: Machine) -> None:
    ringing(machine)
    step = machine.receive(Event("DialogCANCEL"), 101.0)
    assert (step.to_state, step.ended, step.outcome) == ("Cancelled", True, "cancelled")
    assert machine.ended and machine.deadline is None and machine.state == "Cancelled"


@pytest.mark.parametrize("last", ["DialogBYE", "Dialog4xxFailure"])
def test_an_ended_session_refuses_events_and_stays_as_it_is(machine: Machine, last: str) -> None:
    active(machine)
    machine.receive(Event(last), 101.0)
    before = (machine.state, machine.sequence, machine.values)
    for name in ("Dialog4xxFailure", "HoldCall", "DialogBYE"):
        with pytest.raises(SessionEnded):
            machine.receive(Event(name), 102.0)
    assert machine.expire(1e9) is None
    assert (machine.state, machine.sequence, machine.values) == before


def test_each_distinct_duration_fires_once_in_its_order(machine: Machine) -> None:
    ringing(machine, 200.0)
    assert machine.deadline == 205.0
    assert machine.expire(204.9) is None
    stayed = machine.expire(205.0)
    assert stayed is not None
    assert (stayed.event, stayed.fields, stayed.row) == ("after", {"seconds": 5.0}, 4)
    assert machine.deadline == 220.0, "a row that stays lets the other timers run on"
    refused = machine.expire(221.0)
    assert refused is not None
    assert (refused.kind, refused.ended) == ("unhandled", False), "its guard failed"
    assert machine.deadline == 230.0
    last = machine.expire(230.0)
    assert last is not None and last.to_state == "Cancelled"


def test_timers_that_fell_due_together_fire_one_by_one(machine: Machine) -> None:
    ringing(machine, 0.0)
    fired = []
    while machine.deadline is not None and machine.deadline <= 500.0:
        step = machine.expire(500.0)
        assert step is not None
        fired.append(step.fields["seconds"])
    assert fired == [5.0, 20.0, 30.0]


def test_staying_lets_timers_run_and_returning_starts_them_anew(machine: Machine) -> None:
    active(machine, 100.0)
    assert machine.deadline == 160.0
    machine.receive(Event("HoldCall"), 130.0)
    assert machine.deadline == 160.0
    machine.receive(Event("ResumeCall"), 140.0)
    assert machine.deadline == 200.0


def test_leaving_a_state_disarms_its_timers(machine: Machine) -> None:
    ringing(machine, 100.0)
    machine.expire(105.0)
    machine.receive(Event("AcceptCall"), 106.0)
    assert machine.deadline == 166.0


def test_a_session_has_a_maximum_life(program: Program) -> None:
    machine = Machine(program, "s", "UAS", 0.0, life=50.0)
    assert machine.deadline == 50.0
    active(machine, 1.0)
    assert machine.deadline == 50.0, "the timer of 60 s would come later"
    step = machine.expire(50.0)
    assert step is not None
    assert (step.event, step.kind, step.ended, step.outcome) == (
        "MaximumLife",
        "unhandled",
        True,
        "expired",
    )


@pytest.mark.parametrize(
    ("failing", "has_sdp", "ready", "negotiated"),
    [(0, False, False, False), (1, True, False, False), (2, True, True, False)],
)
def test_a_failed_action_undoes_what_it_and_those_behind_it_would_have_set(
    machine: Machine, failing: int, has_sdp: bool, ready: bool, negotiated: bool
) -> None:
    step = active(machine)
    assert machine.values["HasLocalSDP"] and machine.values["MediaReady"]
    event = machine.failed(step, failing, "no port")
    assert event == Event(
        "ActionFailed",
        {"action": step.actions[failing], "reason": "no port", "index": failing},
    )
    assert machine.values["HasLocalSDP"] is has_sdp
    assert machine.values["MediaReady"] is ready
    assert machine.values["SDPNegotiated"] is negotiated
    assert machine.values["retries"] == 1, "the row's own set was done when it was chosen"
    assert machine.state == "Active", "the failure is answered in the state the row led to"


@pytest.mark.parametrize("action", [-1, 3])
def test_a_failure_that_can_not_be_is_refused_and_changes_nothing(
    machine: Machine, action: int
) -> None:
    step = active(machine)
    values = machine.values
    with pytest.raises(ValueError):
        machine.failed(step, action, "x")
    assert machine.values is values


def test_only_the_last_step_can_fail(machine: Machine) -> None:
    first = ringing(machine)
    machine.receive(Event("AcceptCall"), 101.0)
    values = machine.values
    with pytest.raises(ValueError):
        machine.failed(first, 0, "late")
    assert machine.values is values


def test_sessions_that_walk_the_same_way_share_their_values(program: Program) -> None:
    machines = [Machine(program, f"s{i}", "UAS", 0.0) for i in range(3)]
    assert all(m.values is program.initial_values for m in machines)
    before = dict(program.initial_values)
    for machine in machines:
        ringing(machine)
    assert machines[0].values is machines[1].values is machines[2].values
    assert program.initial_values == before


def test_one_sessions_variables_and_failures_are_not_anothers(program: Program) -> None:
    a, b = (Machine(program, name, "UAS", 0.0) for name in "ab")
    step = active(a)
    a.failed(step, 0, "x")
    active(b)
    assert a.values["HasLocalSDP"] is False
    assert b.values["HasLocalSDP"] is True


def test_a_step_survives_messagepack_and_json() -> None:
    decision = Decision(3, "", "A", "B", "UAC", ("X",), (), "fired", "digest")
    step = Step("s", 1, 2.5, "after", {"seconds": 5.0}, decision)
    packed: Any = msgspec.msgpack.encode(step)
    assert msgspec.msgpack.decode(packed, type=Step) == step
    assert msgspec.json.decode(msgspec.json.encode(step), type=Step) == step


def test_the_shell_can_end_a_session_and_the_step_says_so(machine: Machine) -> None:
    active(machine)
    step = machine.close(Event("Drained"), 103.0, "unhandled", "drained")
    assert (step.sequence, step.ended, step.outcome, step.row) == (3, True, "drained", -1)
    assert machine.ended and machine.deadline is None
    with pytest.raises(SessionEnded):
        machine.close(Event("Drained"), 104.0, "unhandled", "drained")
