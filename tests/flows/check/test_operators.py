"""Small changes that an operator makes in a hurry: what runs well is not refused, dangers are."""

from pathlib import Path

import pytest

from flows.check.deep import Bounds
from flows.findings import Severity
from flows.report import judge

STARTERS = Path(__file__).parents[3] / "state_tables"
BASIC = (STARTERS / "basic_call.yaml").read_text("utf-8")
ECHO = (STARTERS / "echo_test.yaml").read_text("utf-8")
TABLES = {"basic_call": BASIC, "echo_test": ECHO}
CLOSED = (
    "- {from_state: Idle, role: UAS, event: IncomingCall, guards: [closed == 1], "
    "actions: [{SendSIPResponse: {code: 486}}], next_state: Failed}\n"
)


def told(text, severity=Severity.ERROR):
    return [f.code for f in judge("t", text, bounds=Bounds()).findings if f.severity is severity]


def refusing_at_once(text):
    begin = text.index("actions: [CreateDialog, StoreRemoteSDP", text.index("event: IncomingCall"))
    end = text.index("\n", text.index("publish_events", begin))
    return (
        text[:begin]
        + "actions: [{SendSIPResponse: {code: 486}}]\n  next_state: Failed"
        + text[end:]
    )


def with_switch(text, value):
    named = text.replace("states:\n", f"variables: {{closed: {value}}}\nstates:\n", 1)
    return named.replace("transitions:\n", f"transitions:\n{CLOSED}", 1)


@pytest.mark.parametrize("table", TABLES)
def test_every_call_can_be_refused_at_once(table):
    assert told(refusing_at_once(TABLES[table])) == []


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("table", TABLES)
def test_a_switch_that_refuses_every_call_may_be_on_and_off(table, value):
    text = with_switch(TABLES[table], value)
    assert told(text) == []
    assert told(text, Severity.WARNING)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(("old", "new"), [("{after: 60s}", "{after: 5s}"), ("45s", "10s")])
def test_patience_may_be_shortened(table, old, new):
    assert told(TABLES[table].replace(old, new)) == []


def test_a_cancel_that_is_kept_back_by_the_stack_is_a_warning_and_a_second_one_an_error():
    early = BASIC.replace(
        "next_state: CancelPending", "actions: [SendCANCEL], next_state: Cancelling"
    )
    assert "ACT603" in told(early, Severity.WARNING) and "ACT603" not in told(early)
    assert "ACT603" in told(BASIC.replace("[SendCANCEL]", "[SendCANCEL, SendCANCEL]", 1))


def test_silence_without_a_row_is_a_warning():
    text = "\n".join(line for line in BASIC.splitlines() if "event: RtpTimeout" not in line)
    assert told(text) == []
    assert set(told(text, Severity.WARNING)) == {"COV408"}


def test_a_switched_off_row_is_told_once():
    text = with_switch(ECHO, 0)
    row = [f.code for f in judge("t", text, bounds=Bounds()).findings if f.row == 0]
    assert row == ["DET210"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("[SendACK, SendBYE", "[SendBYE", "ACT609"),
        ("event: DialogCANCEL, actions: [{SendSIPResponse: {code: 487}}, ",
         "event: DialogCANCEL, actions: [", "OBL622"),
        ("- {from_state: Active, role: Both, event: HangupCall, actions: [SendBYE, ",
         "- {from_state: Active, role: Both, event: HangupCall, actions: [", "ACT611"),
        ("StoreRemoteSDP, {SendSIPResponse: {code: 180}}]",
         "StoreRemoteSDP, {SendSIPResponse: {code: 486}}]", "ACT604"),
    ],
)  # fmt: skip
def test_a_real_danger_is_refused(old, new, code):
    assert code in told(BASIC.replace(old, new))


def test_a_caller_who_is_screened_need_not_be_told_to_people():
    row = (
        "- {from_state: Idle, role: UAS, event: IncomingCall, "
        "guards: ['event.from == \"sip:pest@example.com\"'], "
        "actions: [{SendSIPResponse: {code: 603}}], next_state: Failed, "
        "publish_events: [SessionCreated, CallFailed]}\n"
    )
    text = ECHO.replace("transitions:\n", f"transitions:\n{row}", 1)
    assert judge("t", text, bounds=Bounds()).findings == ()


def test_a_row_that_does_not_tell_what_another_tells_is_a_warning():
    text = BASIC.replace("[UnmuteLocalAudio], publish_events: [CallUnmuted]", "[UnmuteLocalAudio]")
    assert text != BASIC
    assert told(text) == [] and told(text, Severity.WARNING) == ["PUB812"]


def test_the_walk_of_the_readme_can_be_deployed():
    text = ECHO.replace(
        "{SendSIPResponse: {code: 200}}]\n  next_state: Answering",
        "{SendSIPResponse: {code: 486}}]\n  next_state: Failed",
        1,
    )
    assert text != ECHO
    assert told(text) == []
    assert {"RES501", "RES502"} <= set(told(text, Severity.WARNING))
