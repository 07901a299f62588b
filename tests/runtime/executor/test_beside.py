"""A candidate beside what really happened: the first difference, and what ends the comparison."""

from __future__ import annotations

from typing import Any

import pytest

from flows.compile import compile_text
from flows.semantics import Program
from runtime.executor.beside import ACTION, MESSAGE, OUTCOME, PUBLISHED, STATE, Beside, Difference
from runtime.executor.machine import Machine
from runtime.executor.step import Event, Step

TABLE = """
callflow: 1
name: x
states:
  Idle: {initial: true}
  Ringing: {}
  Active: {}
  Terminated: {final: true}
transitions:
- from_state: Idle
  role: UAS
  event: IncomingCall
  actions: [CreateDialog, {SendSIPResponse: {code: 180}}]
  publish_events: [IncomingCall]
  next_state: Ringing
- id: late
  from_state: Ringing
  role: UAS
  event: {after: 60s}
  actions: [{SendSIPResponse: {code: 480}}]
  publish_events: [CallFailed]
  next_state: Terminated
- id: answer
  from_state: Ringing
  role: UAS
  event: AcceptCall
  actions: [{SendSIPResponse: {code: 200}}]
  publish_events: [CallEstablished]
  next_state: Active
- {from_state: Active, role: UAS, event: MuteCall, next_state: Active}
- from_state: Active
  role: UAS
  event: DialogBYE
  actions: [CleanupDialog]
  publish_events: [CallTerminated]
  next_state: Terminated
"""


def program(*changes: tuple[str, str]) -> Program:
    text = TABLE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    compiled = compile_text(text)
    assert compiled.table is not None, compiled.findings
    return Program(compiled.table)


def ran(*events: tuple[str, float] | tuple[str, float, dict[str, Any]]) -> list[Step]:
    """Play events on the table; a name `timer` lets the next one fire, `failed` an action fail."""
    machine = Machine(program(), "s", "UAS", 0.0)
    steps: list[Step] = []
    for name, at, *more in events:
        if name == "timer":
            step = machine.expire(at)
            assert step is not None
        elif name == "failed":
            step = machine.receive(machine.failed(steps[-1], 1, "no"), at)
        else:
            step = machine.receive(Event(name, more[0] if more else {}), at)
        steps.append(step)
    return steps


def compared(candidate: Program, steps: list[Step]) -> list[Difference]:
    beside = Beside(candidate, program().table, "UAS", 0.0)
    return [found for step in steps if (found := beside.take(step)) is not None]


ANSWERED = (("IncomingCall", 0.0), ("AcceptCall", 4.0), ("DialogBYE", 9.0))


def test_the_same_text_does_the_same() -> None:
    assert compared(program(), ran(*ANSWERED)) == []
    assert compared(program(), ran(("IncomingCall", 0.0), ("timer", 60.004))) == []
    assert compared(program(), ran(("IncomingCall", 0.0), ("failed", 0.1))) == []


def test_a_renamed_state_is_no_difference() -> None:
    candidate = program(("  Ringing: {}", "  Alerting: {}"), ("state: Ringing", "state: Alerting"))
    assert compared(candidate, ran(*ANSWERED)) == []


def test_another_code_is_another_message_and_ends_the_comparison() -> None:
    (found,) = compared(program(("code: 200", "code: 202")), ran(*ANSWERED))
    assert (found.sequence, found.kinds, found.final) == (2, (MESSAGE,), True)
    assert found.was_row == found.row == 2


def test_an_action_left_out_is_another_action() -> None:
    (found,) = compared(program(("\n  actions: [CleanupDialog]", "")), ran(*ANSWERED))
    assert found.kinds == (ACTION,) and found.sequence == 3


def test_another_published_event_or_state_ends_nothing() -> None:
    candidate = program(("[CallEstablished]", "[CallRinging]"))
    (found,) = compared(candidate, ran(*ANSWERED))
    assert found.kinds == (PUBLISHED,) and not found.final
    aside = program(
        ("  Active: {}", "  Active: {}\n  Aside: {}"),
        ("event: MuteCall, next_state: Active", "event: MuteCall, next_state: Aside"),
        ("- from_state: Active", "- from_state: '*'"),
    )
    steps = ran(*ANSWERED[:2], ("MuteCall", 5.0), ("DialogBYE", 9.0))
    (found,) = compared(aside, steps)
    assert found.kinds == (STATE,) and found.sequence == 3


def test_a_row_that_is_missing_is_answered_by_nobody() -> None:
    row = TABLE[TABLE.index("- from_state: Active") :]
    (found,) = compared(program((row, "")), ran(*ANSWERED))
    assert found.final and ACTION in found.kinds and found.row == -1


def test_a_shorter_timer_fires_before_what_was_recorded() -> None:
    steps = ran(("IncomingCall", 0.0), ("AcceptCall", 50.0), ("DialogBYE", 90.0))
    (found,) = compared(program(("after: 60s", "after: 45s")), steps)
    assert found.early == 45.0 and found.sequence == 2 and found.was_row == -1 and found.row == 1
    assert OUTCOME in found.kinds and found.final


def test_a_longer_timer_had_not_fired_yet() -> None:
    steps = ran(("IncomingCall", 0.0), ("timer", 60.0))
    (found,) = compared(program(("after: 60s", "after: 90s")), steps)
    assert found.row == -1 and found.was_row == 1 and OUTCOME in found.kinds


def test_an_event_a_moment_in_front_of_a_late_timer_is_no_difference() -> None:
    steps = ran(("IncomingCall", 0.0), ("AcceptCall", 60.2), ("DialogBYE", 70.0))
    assert compared(program(), steps) == []


def test_what_ended_a_call_from_outside_says_nothing_of_a_candidate() -> None:
    machine = Machine(program(), "s", "UAS", 0.0)
    steps = [
        machine.receive(Event("IncomingCall"), 0.0),
        machine.close(Event("InternalError"), 1.0, "error", "error"),
    ]
    assert compared(program(), steps) == []
    assert compared(program(("code: 180", "code: 183")), steps)[0].sequence == 1


def test_without_the_text_of_the_call_only_names_are_compared() -> None:
    def unknown(candidate: Program) -> list[Difference]:
        beside = Beside(candidate, None, "UAS", 0.0)
        return [found for step in ran(*ANSWERED) if (found := beside.take(step)) is not None]

    assert unknown(program()) == [] == unknown(program(("code: 200", "code: 202")))
    assert unknown(program(("\n  actions: [CleanupDialog]", "")))[0].kinds == (ACTION,)


@pytest.mark.parametrize("at", range(3))
def test_the_rows_that_were_taken_are_kept(at: int) -> None:
    beside = Beside(program(), program().table, "UAS", 0.0)
    for step in ran(*ANSWERED)[: at + 1]:
        beside.take(step)
    assert beside.taken == [0, 2, 4][: at + 1]
