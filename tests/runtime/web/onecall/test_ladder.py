"""The ladder of a call: who stands where, which step a message belongs to, what is folded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from designer.models import Flow
from runtime.onecall.ladder import LADDER, ladder_of
from runtime.onecall.legs import call_of
from tests.runtime.web.recorded import Recorder, echo_call, message
from tests.web import ECHO

pytestmark = pytest.mark.django_db


def ladder(session: str) -> dict[str, Any]:
    call = call_of(session)
    assert call is not None
    return ladder_of(call).as_dict()


def sip(drawn: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in drawn["items"] if item["kind"] == "sip"]


def test_each_message_stands_between_its_lifelines_with_its_step(flow: Flow) -> None:
    echo_call("node1-3-1", ECHO).store()
    drawn = ladder("node1-3-1")
    assert [(c["title"], c["own"]) for c in drawn["columns"]] == [
        ("+493055500017", False),
        ("Session", True),
    ]
    assert drawn["columns"][0]["detail"] == "203.0.113.20:5060, UDP"
    shown = [(i["from"], i["to"], i["label"], i["style"], i["steps"]) for i in sip(drawn)]
    assert shown[:5] == [
        (0, 1, "INVITE", "request", ["A1"]),
        (1, 0, "100 Trying", "answer", []),
        (1, 0, "200 OK", "answer", ["A1"]),
        (1, 0, "200 OK", "answer", []),
        (0, 1, "ACK", "request", ["A2"]),
    ]
    assert [item["again"] for item in sip(drawn)][:5] == [False, False, False, True, False]
    assert shown[5:7] == [
        (0, 1, "INFO", "request", ["A5"]),
        (1, 0, "469 Bad Info Package", "bad", ["A5"]),
    ]


def test_media_steps_without_message_and_idle_time_stand_in_between(flow: Flow) -> None:
    echo_call("node1-3-1", ECHO).store()
    drawn = ladder("node1-3-1")
    told = [(item["kind"], item["label"]) for item in drawn["items"] if item["kind"] != "sip"]
    assert told == [
        ("media", "audio comes in, PCMU"),
        ("step", "MediaFlowEstablished"),
        ("gap", "talking, 19 s"),
        ("dtmf", "digit 5 came, 100 ms"),
        ("step", "DtmfDetected"),
        ("gap", "talking, 10 s"),
        ("gap", "talking, 18 s"),
        ("rtcp", "2380 packets in, 2381 out, 2 lost, jitter 1.25 ms"),
    ]
    assert [step["gap"] for step in drawn["steps"] if step["gap"]] == [
        "in Active, 19 s folded",
        "in Active, 10 s folded",
        "in Active, 18 s folded",
    ]


def test_the_shape_is_the_documented_one(flow: Flow) -> None:
    echo_call("node1-3-1", ECHO).store()
    drawn = ladder("node1-3-1")
    assert drawn.keys() == LADDER.keys()
    for name in ("columns", "items"):
        assert all(each.keys() == LADDER[name][0].keys() for each in drawn[name])
    assert all(LADDER["steps"][0].keys() <= step.keys() for step in drawn["steps"])


def test_two_of_our_sessions_with_one_call_id_are_one_call(flow: Flow) -> None:
    ours, theirs = "127.0.0.1:5060", "127.0.0.1:5060"
    caller = Recorder("node1-3-1", ECHO, "UAC", between=(theirs, ours))
    callee = Recorder("node1-3-2", ECHO, at=1000.001, between=(theirs, ours))
    for start, side in [("INVITE sip:700@x SIP/2.0", caller), ("SIP/2.0 200 OK", callee)]:
        other = callee if side is caller else caller
        side.wire(0.01, "out", message(start, call="one@x"))
        other.wire(0.012, "in", message(start, call="one@x"))
    caller.step(0.0, "MakeCall", target="sip:700@x")
    callee.step(0.02, "IncomingCall", **{"from": "sip:a@x", "to": "sip:700@x", "sdp": ""})
    stranger = Recorder("node1-3-3", ECHO, at=1000.5)
    stranger.wire(0.0, "in", message("INVITE sip:700@x SIP/2.0", call="another@x"))
    stranger.step(0.001, "IncomingCall", **{"from": "sip:a@x", "to": "sip:700@x", "sdp": ""})
    for each in (caller, callee, stranger):
        each.store()
    drawn = ladder("node1-3-2")
    assert [column["title"] for column in drawn["columns"]] == ["Session A", "Session B"]
    arrows = [(item["from"], item["to"], item["label"]) for item in sip(drawn)]
    assert arrows == [(0, 1, "INVITE"), (1, 0, "200 OK")]
    assert {step["leg"] for step in drawn["steps"]} == {"A", "B"}


def test_a_session_and_one_that_it_started_are_one_call_however_far_apart(flow: Flow) -> None:
    owner = echo_call("node1-3-1", ECHO)
    owner.media(40.0, "linked", link="consultation", session="node1-3-2", flow="echo_test")
    started = Recorder("node1-3-2", ECHO, "UAC", at=1040.0, between=("192.0.2.7:5060", "x:5060"))
    started.step(0.0, "MakeCall", target="sip:bob@x", owner="node1-3-1", link="consultation")
    stranger = Recorder("node1-3-3", ECHO, "UAC", at=1040.0, between=("192.0.2.7:5060", "x:5060"))
    stranger.step(0.0, "MakeCall", target="sip:bob@x")
    for each in (owner, started, stranger):
        each.store()
    for session in ("node1-3-1", "node1-3-2"):
        call = call_of(session)
        assert call is not None
        assert [leg.id for leg in call.legs] == ["node1-3-1", "node1-3-2"]
    assert "another leg begins: consultation" in [i["label"] for i in ladder("node1-3-2")["items"]]


def test_a_message_that_speaks_of_another_call_links_it(flow: Flow) -> None:
    first = echo_call("node1-3-1", ECHO)
    second = Recorder("node1-3-2", ECHO, at=1040.0, between=("192.0.2.7:5060", "x:5060"))
    replaces = ["Replaces: 384827629@203.0.113.20;to-tag=1;from-tag=2"]
    data = message("INVITE sip:support@x SIP/2.0", call="new@x", more=replaces)
    second.wire(0.0, "in", data)
    who = {"from": "sip:c@x", "to": "sip:support@x", "sdp": ""}
    second.step(0.001, "IncomingCall", **who)
    first.store()
    second.store()
    for session in ("node1-3-1", "node1-3-2"):
        call = call_of(session)
        assert call is not None
        assert [leg.id for leg in call.legs] == ["node1-3-1", "node1-3-2"]
        assert call.own.id == session
    hidden = call_of("node1-3-1", may_see=lambda flow: False)
    assert hidden is not None and len(hidden.legs) == 1


def test_a_call_nobody_knows_is_none(flow: Flow) -> None:
    assert call_of("node1-3-99") is None


def test_an_answer_of_the_stack_belongs_to_no_step(flow: Flow) -> None:
    call = echo_call("node1-3-1", ECHO)
    bye = [each for each in call.records if getattr(each, "data", b"").startswith(b"BYE")]
    call.records.remove(bye[0])
    call.wire(30.002, "in", bye[0].data)  # type: ignore[union-attr]
    ok = message("SIP/2.0 200 OK", cseq="3 BYE", branch="b", inside=True)
    call.wire(30.0021, "out", ok)
    call.store()
    told = {item["label"]: item["steps"] for item in sip(ladder("node1-3-1"))}
    assert told["INFO"] == ["A5"] and told["469 Bad Info Package"] == ["A5"]
    early = [item for item in sip(ladder("node1-3-1")) if item["about"] == "to BYE"][0]
    assert early["steps"] == []


def test_a_subscription_is_drawn_like_a_call(flow: Flow) -> None:
    text = (Path(__file__).parents[4] / "state_tables/presence_notifier.yaml").read_text("utf-8")
    call = Recorder("node1-3-9", text)
    event = ("Event: presence",)
    asked = message("SUBSCRIBE sip:desk@h SIP/2.0", cseq="1 SUBSCRIBE", more=event)
    call.wire(0.0, "in", asked)
    call.step(0.001, "SubscriptionRequested", event="presence", expires=600)
    call.wire(0.002, "out", message("SIP/2.0 200 OK", cseq="1 SUBSCRIBE", inside=True))
    told = message("NOTIFY sip:a@h SIP/2.0", cseq="1 NOTIFY", branch="n", inside=True, more=event)
    call.wire(0.003, "out", told)
    call.wire(0.1, "in", message("SIP/2.0 200 OK", cseq="1 NOTIFY", branch="n", inside=True))
    call.step(600.0, "SubscriptionExpired")
    call.store()
    shown = [(item["from"], item["label"], item["steps"]) for item in sip(ladder("node1-3-9"))]
    assert shown == [
        (0, "SUBSCRIBE", ["A1"]),
        (1, "200 OK", ["A1"]),
        (1, "NOTIFY", ["A1"]),
        (0, "200 OK", []),  # It tells the table nothing.
    ]
