"""What an event carries is tried in every form that guards tell apart."""

from pathlib import Path

import pytest

from flows.check.deep import examine
from flows.explore.domain import Domain
from flows.explore.free import forms
from flows.explore.stimulus import Stimulus
from flows.explore.wire import Wire
from tests.flows.check.test_seeds import table_of

STARTERS = Path(__file__).parents[3] / "state_tables"
ECHO = (STARTERS / "echo_test.yaml").read_text("utf-8")
MENU = (STARTERS / "auto_attendant_stub.yaml").read_text("utf-8")
BOSS = '"sip:boss@example.com"'
REFUSE = "actions: [{SendSIPResponse: {code: 486}}], next_state: Failed}"
END = "actions: [CleanupMedia, CleanupDialog], next_state: Terminated"


def with_row(text: str, row: str) -> str:
    return text.replace("transitions:\n", f"transitions:\n- {row}\n", 1)


def never_fire(text: str) -> list[str]:
    return [f.message for f in examine(text).findings if f.code == "REA303"]


def test_a_call_is_screened_by_who_calls():
    row = f"{{from_state: Idle, role: UAS, event: IncomingCall, guards: ['event.from == {BOSS}'], "
    assert never_fire(with_row(ECHO, row + REFUSE)) == []


@pytest.mark.parametrize(
    ("event", "guard", "rest"),
    [
        ("DtmfDetected", "event.duration > 900", "publish_events: [DtmfReceived]"),
        ("MediaError", 'event.reason == "no codec"', "actions: [SendBYE, StopMediaSession], "
         "next_state: Terminating"),
        ("DialogError", 'event.method == "BYE"', f"{END}, publish_events: [CallTerminated]"),
        ("InfoReceived", 'event.content_type == "application/dtmf-relay"',
         "actions: [{SendSIPResponse: {code: 200}}]"),
        ("TransferRequested", f"event.refer_to == {BOSS}",
         "actions: [{SendSIPResponse: {code: 603}}]"),
    ],
)  # fmt: skip
def test_a_row_may_look_at_whatever_its_event_carries(event, guard, rest):
    row = f"{{from_state: Active, role: UAS, event: {event}, guards: ['{guard}'], {rest}}}"
    assert never_fire(with_row(ECHO, row)) == []


def test_what_a_variable_keeps_of_an_event_is_told_apart_later():
    kept = MENU.replace("variables:\n", 'variables:\n  caller: ""\n', 1).replace(
        "  next_state: Answering\n",
        "  next_state: Answering\n  set: {caller: event.from}\n",
        1,
    )
    favoured = kept.replace("repeats < 3'", f"repeats < 3 and caller == {BOSS}'", 1)
    assert favoured != kept
    assert never_fire(favoured) == []


def test_an_event_comes_once_if_nothing_looks_at_it():
    stimulus = Stimulus("IncomingCall", (("from", "sip:a"), ("to", "sip:b")), Wire(), "peer")
    assert list(forms(Domain(table_of(ECHO)), stimulus)) == [stimulus]


def test_a_field_that_may_be_missing_is_tried_without():
    text = with_row(
        ECHO, "{from_state: Active, role: UAS, event: MediaError, guards: [not event.reason]}"
    )
    stimulus = Stimulus("MediaError", (("reason", "it broke"),), Wire(), "media")
    tried = [dict(s.fields) for s in forms(Domain(table_of(text)), stimulus)]
    assert tried == [{"reason": "it broke"}, {}]
