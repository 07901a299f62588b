"""Which row answers an event, in which order they are asked, and what the row writes."""

from __future__ import annotations

from typing import Any

import pytest

from flows.compile import compile_text
from flows.ends import swallowed, unanswered
from flows.semantics import Program
from flows.why import Tried, explain

HEAD = """\
callflow: 1
name: t
states:
  Idle: {initial: true}
  Active: {group: talk, ignore: {InfoReceived: not for us}}
  Held: {}
  Terminated: {final: true}
  Cancelled: {final: true}
  Failed: {final: true}
variables: {retries: 0, limit: 3}
transitions:
"""


def program(*rows: str, head: str = HEAD) -> Program:
    text = head + "".join(f"- {{{row}}}\n" for row in rows)
    compiled = compile_text(text)
    assert compiled.table is not None, compiled.findings
    return Program(compiled.table)


def chosen(
    p: Program,
    state: str,
    event: str,
    role: str = "UAC",
    fields: dict[str, Any] | None = None,
    **values: Any,
) -> int | None:
    found = p.choose(state, role, event, {**p.initial_values, **values}, fields or {})
    return None if found is None else found.index


def test_the_classes_of_rows_are_asked_in_their_order() -> None:
    p = program(
        "from_state: Any, role: Both, event: DialogBYE, next_state: Terminated",
        "from_state: Any, role: UAC, event: DialogBYE, guards: [SDPNegotiated], next_state: Failed",
        "from_state: Active, role: Both, event: DialogBYE, guards: [MediaReady], next_state: Held",
        "from_state: Active, role: UAC, event: DialogBYE, guards: [HasLocalSDP], next_state: Idle",
    )
    everything = {"SDPNegotiated": True, "MediaReady": True, "HasLocalSDP": True}
    assert chosen(p, "Active", "DialogBYE", **everything) == 3
    assert chosen(p, "Active", "DialogBYE", **{**everything, "HasLocalSDP": False}) == 2
    assert chosen(p, "Active", "DialogBYE", SDPNegotiated=True) == 1
    assert chosen(p, "Active", "DialogBYE") == 0
    assert chosen(p, "Active", "DialogBYE", role="UAS", **everything) == 2
    assert chosen(p, "Held", "DialogBYE", role="UAS", **everything) == 0


def test_inside_a_class_the_order_of_the_file_decides() -> None:
    p = program(
        "from_state: Active, role: UAC, event: HoldCall, guards: [MediaReady], next_state: Held",
        "from_state: Active, role: UAC, event: HoldCall, next_state: Failed",
        "from_state: Active, role: UAC, event: HoldCall, guards: [SDPNegotiated], next_state: Idle",
    )
    assert chosen(p, "Active", "HoldCall", MediaReady=True, SDPNegotiated=True) == 0
    assert chosen(p, "Active", "HoldCall", SDPNegotiated=True) == 1


def test_an_event_without_a_row_is_answered_by_none() -> None:
    p = program("from_state: Active, role: UAC, event: HoldCall, next_state: Held")
    assert chosen(p, "Active", "ResumeCall") is None
    assert chosen(p, "Active", "HoldCall", role="UAS") is None
    assert chosen(p, "Held", "HoldCall") is None


@pytest.mark.parametrize(
    ("guard", "values", "fields", "holds"),
    [
        ("MediaReady", {"MediaReady": True}, {}, True),
        ("MediaReady", {}, {}, False),
        ("not MediaReady", {}, {}, True),
        ("AllConditionsMet", {"MediaReady": True, "SDPNegotiated": True}, {}, False),
        (
            "AllConditionsMet",
            {"MediaReady": True, "SDPNegotiated": True, "DialogEstablished": True},
            {},
            True,
        ),
        ("not AllConditionsMet", {}, {}, True),
        ("retries < limit", {"retries": 2}, {}, True),
        ("retries < limit", {"retries": 3}, {}, False),
        ("event.code in (486, 600)", {}, {"code": 486}, True),
        ("event.code in (486, 600)", {}, {"code": 404}, False),
        ("event.code in (486, 600)", {}, {}, False),
        ("InActiveCall", {}, {}, True),
        ("IsIdle", {}, {}, False),
        ("not IsIdle", {}, {}, True),
    ],
)
def test_a_guard_reads_conditions_variables_fields_and_the_state(
    guard: str, values: dict[str, Any], fields: dict[str, Any], holds: bool
) -> None:
    p = program(
        f'from_state: Active, role: UAC, event: Dialog4xxFailure, guards: ["{guard}"], '
        "next_state: Failed"
    )
    found = chosen(p, "Active", "Dialog4xxFailure", fields=fields, **values)
    assert (found == 0) is holds


def test_every_combination_of_plain_guards_is_the_conjunction() -> None:
    names = ["MediaReady", "SDPNegotiated", "HasLocalSDP", "HasRemoteSDP"]
    for size in range(1, 5):
        for signs in range(2**size):
            guards = [
                name if signs >> i & 1 else f"not {name}" for i, name in enumerate(names[:size])
            ]
            p = program(
                f"from_state: Active, role: UAC, event: HoldCall, guards: [{', '.join(guards)}], "
                "next_state: Held"
            )
            for bits in range(2**size):
                values = {name: bool(bits >> i & 1) for i, name in enumerate(names[:size])}
                assert (chosen(p, "Active", "HoldCall", **values) == 0) is (bits == signs)


def test_a_state_ignores_before_wildcards_and_after_its_own_rows() -> None:
    p = program(
        "from_state: Any, role: Both, event: InfoReceived, next_state: Failed",
        "from_state: Active, role: UAC, event: InfoReceived, guards: [MediaReady], "
        "next_state: Held",
    )
    assert chosen(p, "Active", "InfoReceived", MediaReady=True) == 1
    assert chosen(p, "Held", "InfoReceived") == 0
    swallowed = p.choose("Active", "UAC", "InfoReceived", p.initial_values, {})
    assert swallowed is not None
    assert (swallowed.index, swallowed.kind, swallowed.moves) == (-1, "ignored", False)
    assert swallowed.decision.answer == 469, (
        "the request that came with it still waits for an answer"
    )


def test_a_row_that_ignores_does_nothing_else() -> None:
    p = program(
        "from_state: Active, role: Both, event: MediaFlowEstablished, ignore: known already"
    )
    found = p.choose("Active", "UAS", "MediaFlowEstablished", p.initial_values, {})
    assert found is not None
    assert (found.kind, found.index, found.writes, found.moves) == ("ignored", 0, False, False)


def test_a_row_without_next_state_stays_and_one_that_names_its_own_state_moves() -> None:
    p = program(
        "from_state: Active, role: UAC, event: MuteCall",
        "from_state: Active, role: UAC, event: UnmuteCall, next_state: Active",
    )
    stays = p.choose("Active", "UAC", "MuteCall", p.initial_values, {})
    returns = p.choose("Active", "UAC", "UnmuteCall", p.initial_values, {})
    assert stays is not None and returns is not None
    assert (stays.next_state, stays.moves) == ("Active", False)
    assert (returns.next_state, returns.moves) == ("Active", True)


def test_event_then_actions_then_set_write_in_this_order() -> None:
    p = program(
        "from_state: Active, role: UAS, event: DialogACK, "
        "actions: [{SetCondition: {condition: DialogEstablished, value: false}}, "
        "{SetCondition: {condition: MediaReady, value: true}}], "
        'set: {retries: "retries + 1", limit: "retries"}'
    )
    found = p.choose("Active", "UAS", "DialogACK", p.initial_values, {})
    assert found is not None
    before = {**p.initial_values, "retries": 5}
    after = found.values_after(before, {})
    assert after["DialogEstablished"] is False, "the action writes after the event's contract"
    assert after["MediaReady"] is True
    assert after["retries"] == 6
    assert after["limit"] == 5, "expressions read the values from before the row"
    partly = found.values_after(before, {}, performed=0)
    assert partly["DialogEstablished"] is True, "no action done: only the event's contract"
    assert partly["MediaReady"] is False


def test_timers_of_own_state_and_role_run_and_each_knows_its_rows() -> None:
    p = program(
        "from_state: Active, role: Both, event: {after: 30s}, next_state: Held",
        "from_state: Active, role: UAC, event: {after: 5s}, guards: [MediaReady], "
        "next_state: Failed",
        "from_state: Active, role: UAS, event: {after: 7s}, next_state: Failed",
    )
    assert p.timers("Active", "UAC") == (5.0, 30.0)
    assert p.timers("Active", "UAS") == (7.0, 30.0)
    assert p.timers("Idle", "UAC") == ()
    assert chosen(p, "Active", "after", fields={"seconds": 30.0}) == 0
    assert chosen(p, "Active", "after", fields={"seconds": 5.0}) is None
    assert chosen(p, "Active", "after", fields={"seconds": 5.0}, MediaReady=True) == 1


def test_nothing_fires_in_a_final_state() -> None:
    p = program("from_state: Any, role: Both, event: DialogBYE, next_state: Failed")
    assert chosen(p, "Terminated", "DialogBYE") is None
    assert chosen(p, "Active", "DialogBYE") == 0


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ("event: DialogBYE, next_state: Terminated", "completed"),
        (
            "event: DialogBYE, next_state: Terminated, publish_events: [CallTerminated]",
            "completed",
        ),
        ("event: DialogBYE, next_state: Failed", "failed"),
        ("event: DialogBYE, next_state: Terminated, publish_events: [CallFailed]", "failed"),
        ("event: DialogCANCEL, next_state: Cancelled", "cancelled"),
        ("event: DialogCANCEL, next_state: Failed, publish_events: [CallCancelled]", "cancelled"),
        (
            "event: RejectCall, actions: [{SendSIPResponse: {code: 603}}], next_state: Failed, "
            "publish_events: [CallFailed]",
            "rejected",
        ),
        (
            "event: IncomingCall, actions: [{SendSIPResponse: {code: 486}}], next_state: Failed",
            "rejected",
        ),
        (
            "event: ActionFailed, actions: [{SendSIPResponse: {code: 488}}], next_state: Failed",
            "failed",
        ),
        ("event: DialogBYE, next_state: Held", None),
    ],
)
def test_the_outcome_is_told_by_the_row_that_ends_the_session(
    row: str, outcome: str | None
) -> None:
    p = program(f"from_state: Active, role: UAS, {row}")
    event = p.table.rows[0].event
    found = p.choose("Active", "UAS", event, p.initial_values, {})
    assert found is not None
    assert found.decision.outcome == outcome
    assert found.decision.ended is (outcome is not None)


@pytest.mark.parametrize(
    ("event", "answer", "ends"),
    [
        ("IncomingCall", 480, True),
        ("ReinviteReceived", 488, False),
        ("UpdateReceived", 488, False),
        ("InfoReceived", 469, False),
        ("MessageReceived", 501, False),
        ("TransferRequested", 501, False),
        ("DialogBYE", None, True),
        ("DialogCANCEL", 487, True),
        ("DialogTimeout", None, True),
        ("ActionFailed", None, True),
        ("MediaFlowEstablished", None, False),
        ("HoldCall", None, False),
        ("after", None, False),
    ],
)
def test_what_meets_no_row_is_answered_by_rule(event: str, answer: int | None, ends: bool) -> None:
    rule = unanswered(event)
    assert (rule.answer, rule.ends) == (answer, ends)
    assert (rule.outcome is not None) is ends


@pytest.mark.parametrize(
    ("event", "answer", "ends"),
    [
        ("IncomingCall", 480, True),
        ("ReinviteReceived", 488, False),
        ("DialogCANCEL", None, False),
        ("DialogBYE", None, False),
        ("ActionFailed", None, False),
    ],
)
def test_what_is_ignored_on_purpose_ends_nothing_but_its_own_request(
    event: str, answer: int | None, ends: bool
) -> None:
    rule = swallowed(event)
    assert (rule.answer, rule.ends) == (answer, ends)


def test_it_explains_each_row_that_was_asked() -> None:
    p = program(
        "from_state: Any, role: Both, event: InfoReceived, next_state: Failed",
        'from_state: Active, role: UAC, event: InfoReceived, guards: [InActiveCall, "retries > 1"],'
        " next_state: Held",
        "from_state: Held, role: UAC, event: InfoReceived, next_state: Active",
        "from_state: Active, role: Both, event: InfoReceived, guards: [MediaReady], "
        "next_state: Held",
    )
    values = {**p.initial_values, "MediaReady": True}
    assert explain(p, "Active", "UAC", "InfoReceived", values, {}) == [
        Tried(1, [("InActiveCall", True), ("retries > 1", False)], "guards failed"),
        Tried(3, [("MediaReady", True)], "fired"),
        Tried(-1, [], "not reached"),
        Tried(0, [], "not reached"),
    ]
    assert [t.verdict for t in explain(p, "Active", "UAC", "InfoReceived", p.initial_values, {})][
        2:
    ] == ["ignored", "not reached"]


def test_binding_happens_once_for_each_use_of_an_action() -> None:
    text = HEAD + (
        "- {from_state: Active, role: UAS, event: HoldCall, "
        "actions: [{SendSIPResponse: {code: 180}}, CreateDialog]}\n"
    )
    table = compile_text(text).table
    assert table is not None
    p = Program(table, bind=lambda word: (word.name, word.arguments.get("code")))
    found = p.choose("Active", "UAS", "HoldCall", p.initial_values, {})
    assert found is not None
    assert found.calls == (("SendSIPResponse", 180), ("CreateDialog", None))
    assert found.decision.actions == ("SendSIPResponse", "CreateDialog")
