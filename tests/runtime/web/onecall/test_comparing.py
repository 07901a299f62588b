"""Two calls beside each other, a call beside its prediction, and a call on another text."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from designer.models import Draft, Flow, Scenario
from flows.compile import compile_text
from flows.semantics import Program
from runtime.models import Session
from runtime.onecall import comparing, playing
from runtime.onecall.legs import Leg, call_of
from tests.runtime.web.recorded import Recorder, echo_call, message
from tests.web import ECHO

pytestmark = pytest.mark.django_db

OFFER = {"from": "sip:a@x", "to": "sip:b@y", "sdp": "v=0"}


def own(session: str) -> Leg:
    call = call_of(session)
    assert call is not None
    return call.own


def hung_up(session: str, by: str) -> None:
    call = Recorder(session, ECHO)
    call.wire(0, "in", message("INVITE sip:x SIP/2.0"))
    call.step(0, "IncomingCall", **OFFER)
    call.step(1, "DialogACK")
    call.step(2, by)
    if by == "DialogBYE":
        call.wire(2, "in", message("BYE sip:x SIP/2.0", cseq="2 BYE", branch="b"))
    call.store()


def test_two_calls_that_went_alike_have_no_difference(flow: Flow) -> None:
    for session in ("node1-3-1", "node1-3-2"):
        hung_up(session, "DialogBYE")
    told = comparing.compared(own("node1-3-1"), own("node1-3-2"))
    assert told.same and told.sentence == "Both go alike, in 3 steps and every message."


def test_the_first_divergence_is_marked_and_said(flow: Flow) -> None:
    hung_up("node1-3-1", "DialogBYE")
    hung_up("node1-3-2", "HangupCall")
    told = comparing.compared(own("node1-3-1"), own("node1-3-2"))
    assert not told.same
    assert told.sentence == (
        "Both go alike for 2 steps. Then the first call takes DialogBYE in Active and goes to"
        " Terminated; the second takes HangupCall in Active and goes to Terminating."
    )
    assert [pair.first for pair in told.steps] == [False, False, True]
    assert told.steps[2].parts[:2] == ("what came", "where it led")
    assert [pair.same for pair in told.messages] == [True, False]
    assert told.messages[1].right is None and told.messages[1].first


def test_a_call_is_held_against_what_its_flow_predicts(flow: Flow) -> None:
    echo_call("node1-3-1", ECHO).store()
    told = comparing.against_prediction(own("node1-3-1"))
    assert [pair.same for pair in told.steps] == [True] * len(told.left.steps), told.sentence
    assert told.messages[0].same and told.messages[0].left is not None


def test_a_call_on_another_text_says_where_it_goes_otherwise(flow: Flow) -> None:
    echo_call("node1-3-1", ECHO).store()
    session = Session.objects.get()
    leg = own("node1-3-1")

    def played(text: str) -> playing.Played:
        table = compile_text(text).table
        assert table is not None
        return playing.play(leg, session, Program(table))

    assert played(ECHO).same
    lines = [line for line in ECHO.splitlines() if "event: InfoReceived" not in line]
    without = played("\n".join(lines))
    assert not without.same and without.at == 5
    assert without.first.startswith("Step 5, InfoReceived in Active: how it was taken was fired")
    assert any("InfoReceived" in change for change in without.changes)


def test_the_pages_compare_replay_and_make_a_test(client: Client, alice: Any, flow: Flow) -> None:
    echo_call("node1-3-1", ECHO).store()
    hung_up("node1-3-2", "DialogBYE")
    client.force_login(alice)
    page = client.get("/calls/node1-3-1/compare/node1-3-2/").content.decode()
    assert "They part." in page and "First difference." in page
    assert "493055500017" not in page
    assert "No difference." in client.get("/calls/node1-3-1/compare/node1-3-1/").content.decode()
    assert client.get("/calls/node1-3-1/compare/predicted/").status_code == 200
    assert client.get("/calls/node1-3-1/compare/none/").status_code == 404

    others = client.get("/calls/node1-3-1/others/").json()["calls"]
    assert [each["id"] for each in others] == ["node1-3-2"]
    told = client.get("/calls/node1-3-1/replay/").json()
    assert told["same"] and told["on"] == "v1" and "mode=simulate&run=" in told["simulate"]
    Draft.objects.create(flow=flow, user=alice, text=ECHO.replace("Active", "Talking"))
    told = client.get("/calls/node1-3-1/replay/").json()
    assert not told["same"] and told["on"] == "your draft" and "Talking" in told["first"]

    made = client.post(
        "/calls/node1-3-1/test/", {"name": "As it went"}, headers={"Accept": "application/json"}
    )
    assert made.json()["name"] == "As it went"
    assert Scenario.objects.get().flow == flow
