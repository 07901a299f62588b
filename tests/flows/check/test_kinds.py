"""Where a call stands says what can come and be done; counters that are used up are told."""

import pytest

from flows.check import examine

CALLS = """\
- {from_state: Idle, role: UAC, event: MakeCall, actions: [CreateDialog, GenerateLocalSDP, SendINVITE], next_state: Calling}
- {from_state: Calling, role: UAC, event: Dialog200OK, actions: [SendACK], next_state: Active}
- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog, {SendSIPResponse: {code: 200}}], next_state: Answering}
- {from_state: Answering, role: UAS, event: DialogACK, next_state: Active}
- {from_state: Active, role: Both, event: DialogBYE, actions: [CleanupMedia, CleanupDialog], next_state: Terminated}
"""  # noqa: E501


def told(row):
    found = examine(f"{CALLS}- {row}\n").findings
    return [(f.code, f.row) for f in found if f.code in ("NAM111", "NAM112")]


@pytest.mark.parametrize(
    "row",
    [
        "{from_state: Idle, role: Both, event: DialogBYE, next_state: Failed}",
        "{from_state: Idle, role: UAC, event: Dialog180Ringing}",
        "{from_state: Active, role: UAS, event: IncomingCall, next_state: Failed}",
        "{from_state: Active, role: UAS, event: DialogCANCEL, next_state: Failed}",
    ],
)
def test_an_event_that_cannot_come_where_the_call_stands(row):
    assert told(row) == [("NAM111", 5)]


@pytest.mark.parametrize(
    "row",
    [
        "{from_state: Idle, role: Both, event: HangupCall, actions: [SendBYE], next_state: Failed}",
        "{from_state: Active, role: UAC, event: HangupCall, actions: [SendCANCEL]}",
        "{from_state: Active, role: UAC, event: Reset, actions: [SendINVITE], next_state: Calling}",
    ],
)
def test_an_action_that_cannot_be_done_where_the_call_stands(row):
    assert told(row) == [("NAM112", 5)]


@pytest.mark.parametrize(
    "row",
    [
        "{from_state: Active, role: UAS, event: DialogCANCEL, ignore: It comes too late.}",
        "{from_state: Answering, role: UAS, event: DialogCANCEL, ignore: It comes too late.}",
        "{from_state: Any, role: Both, event: DialogError, next_state: Failed}",
        "{from_state: Calling, role: UAC, event: HangupCall, actions: [SendCANCEL]}",
        "{from_state: Lost, role: UAS, event: IncomingCall, next_state: Failed}",
    ],
)
def test_what_can_come_or_is_swallowed_on_purpose_is_left_alone(row):
    assert told(row) == []


MENU = """\
callflow: 1
variables: {tries: 0}
states: {Idle: {initial: true}, Menu: {}, Active: {}, Failed: {final: true}}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog, {SendSIPResponse: {code: 200}}], next_state: Menu}
- {from_state: Menu, role: UAS, event: {after: 5s}, guards: [tries < 3], set: {tries: tries + 1}, next_state: Menu}
- {from_state: Menu, role: UAS, event: {after: 5s}, actions: [SendBYE], next_state: Failed}
- {from_state: Menu, role: UAS, event: PlayFinished, next_state: Active}
- {from_state: Active, role: UAS, event: ResumeCall, next_state: Menu}
"""  # noqa: E501


def counted(text):
    return [(f.row, f.severity.value) for f in examine(text).findings if f.code == "DET210"]


def test_a_counter_that_is_used_up_when_the_call_comes_again_is_told():
    assert counted(MENU) == [(1, "warning")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("PlayFinished, next", "PlayFinished, set: {tries: 0}, next"),
        ("event: ResumeCall, next_state: Menu", "event: ResumeCall, next_state: Failed"),
        ("set: {tries: tries + 1}", "set: {tries: 3}"),
    ],
)
def test_a_counter_that_is_set_back_or_never_needed_again_is_left_alone(old, new):
    assert counted(MENU.replace(old, new)) == []
