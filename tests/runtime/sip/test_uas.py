"""The answering side on a fake clock: calls that come in and what is refused."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from runtime.sip.events import (
    AckReceived,
    AckTimedOut,
    CancelReceived,
    ConnectionLost,
    InviteReceived,
    OutOfDialogReceived,
    RequestReceived,
    ResponseReceived,
)
from runtime.sip.hop import UDP, WS, Hop
from runtime.sip.message import Response
from runtime.sip.screen import Refusal
from runtime.sip.usage import UsageError, UsageState
from tests.runtime.sip.peer import BROWSER, PEER, SDP, Bench, request, response


def code_of(bench: Bench, data: bytes) -> int:
    (sent,) = bench.receive(data)
    assert isinstance(sent.message, Response)
    return sent.message.code


def test_an_invite_gets_100_at_once_and_is_told_with_its_offer() -> None:
    bench = Bench()
    (trying,) = bench.receive(request(body=SDP))
    assert trying.kind == "100 INVITE" and trying.message.to.tag == ""
    invite = bench.take(InviteReceived)
    assert invite.sdp == SDP
    assert invite.request_uri == "sip:bob@192.0.2.1:5060"
    assert invite.from_uri == "sip:alice@192.0.2.7"
    assert invite.usage.open == [invite.transaction]


def test_the_100_carries_the_timestamp_back() -> None:
    bench = Bench()
    (trying,) = bench.receive(request(headers=["Timestamp: 54"]))
    assert trying.message.get("Timestamp") == "54"


def test_a_call_is_rung_answered_acknowledged_and_ended_by_the_peer() -> None:
    bench = Bench()
    invite = bench.ring(body=SDP)
    usage = invite.usage
    (ringing,) = bench.do(usage.respond, invite.transaction, 180)
    assert ringing.message.to.tag == usage.local_tag
    (answer,) = bench.do(usage.respond, invite.transaction, 200, sdp=SDP)
    assert answer.message.body == SDP
    assert answer.message.get("Contact") == "<sip:n1-1.1@192.0.2.1:5060>"
    assert usage.established and usage.open == []
    bench.receive(bench.in_dialog(usage, "ACK", number=1, body=b"v=0\r\n"))
    assert bench.take(AckReceived).sdp == b"v=0\r\n"
    assert bench.receive(bench.in_dialog(usage, "BYE"))[0].kind == "200 BYE"
    assert bench.take(RequestReceived).method == "BYE"
    assert usage.state is UsageState.TERMINATED
    bench.advance(64)
    assert not bench.agent.usages and not bench.agent.dialogs
    assert not bench.agent.uas.transactions and len(bench.agent.timers) == 0


def test_local_tag_and_contact_name_the_node_and_its_epoch() -> None:
    usage = Bench().answered()
    assert usage.local_tag.startswith("n1-1.")


def test_a_refusal_is_repeated_until_its_ack_and_the_usage_is_over() -> None:
    bench = Bench()
    invite = bench.ring()
    bench.do(invite.usage.respond, invite.transaction, 486)
    assert not bench.agent.usages
    assert [sent.kind for sent in bench.advance(4)] == ["486 INVITE"] * 3
    bench.receive(request("ACK", to_tag=invite.usage.local_tag))
    assert bench.advance(40) == [] and bench.happenings == []


def test_a_200_without_ack_times_out_after_64_t1() -> None:
    bench = Bench()
    usage = bench.answered()
    assert len(bench.advance(31.9)) == 10 and bench.happenings == []
    bench.advance(0.1)
    assert bench.take(AckTimedOut).usage is usage
    assert bench.do(usage.bye)[0].kind == "BYE"


def test_a_bye_waits_for_the_ack() -> None:
    bench = Bench()
    usage = bench.answered()
    assert bench.do(usage.bye) == []
    with pytest.raises(UsageError):
        bench.do(usage.bye)
    assert bench.receive(bench.in_dialog(usage, "ACK", number=1))[0].kind == "BYE"
    bench.take(AckReceived)


def test_a_bye_that_waits_goes_out_when_the_ack_never_comes() -> None:
    bench = Bench()
    usage = bench.answered()
    bench.do(usage.bye)
    assert bench.advance(32.01)[-1].kind == "BYE"
    bench.take(AckTimedOut)


def test_a_cancel_gets_200_and_the_invite_waits_for_the_users_487() -> None:
    bench = Bench()
    invite = bench.ring()
    (ok,) = bench.receive(request("CANCEL"))
    assert ok.kind == "200 CANCEL" and ok.message.to.tag == invite.usage.local_tag
    assert bench.take(CancelReceived).transaction is invite.transaction
    assert invite.transaction.cancelled
    assert bench.receive(request("CANCEL"))[0].data == ok.data and bench.happenings == []
    (final,) = bench.do(invite.usage.respond, invite.transaction, 487)
    assert final.kind == "487 INVITE"


def test_what_the_stack_answers_by_itself_belongs_to_the_call() -> None:
    bench = Bench()
    usage = bench.ring().usage
    told = []
    for data in (request("CANCEL"), bench.in_dialog(usage, "OPTIONS"), request("CANCEL")):
        bench.agent.receive(data, PEER, bench.now)
        told += [message.usage for message in bench.agent.take_messages()]
    assert told == [usage] * 3
    bench.agent.receive(request("OPTIONS", call_id="other"), PEER, bench.now)
    assert [message.usage for message in bench.agent.take_messages()] == [None]


def test_a_cancel_after_the_final_response_changes_nothing() -> None:
    bench = Bench()
    bench.answered()
    assert code_of(bench, request("CANCEL")) == 200
    assert bench.happenings == []


def test_a_cancel_of_nothing_gets_481() -> None:
    assert code_of(Bench(), request("CANCEL")) == 481


def test_an_illegal_answer_raises_and_changes_nothing() -> None:
    bench = Bench()
    invite = bench.ring()
    usage, transaction = invite.usage, invite.transaction
    for arguments in ((100,), (99,), (700,), (200, "OK\r\nX: y")):
        with pytest.raises(UsageError):
            bench.do(usage.respond, transaction, *arguments)
    for header in (("X", "a\r\nb"), ("Via", "x"), ("A b", "c")):
        with pytest.raises(UsageError):
            bench.do(usage.respond, transaction, 200, headers=[header])
    with pytest.raises(UsageError):
        bench.do(usage.bye)
    with pytest.raises(UsageError):
        bench.do(usage.reinvite, sdp=SDP)
    assert usage.open == [transaction] and bench.kinds == ["100 INVITE"]
    bench.do(usage.respond, transaction, 486)
    with pytest.raises(UsageError):
        bench.do(usage.respond, transaction, 200)


def test_a_reinvite_of_the_peer_is_told_answered_and_refreshes_the_target() -> None:
    bench = Bench()
    usage = bench.established()
    data = bench.in_dialog(usage, "INVITE", body=SDP, contact="<sip:alice@192.0.2.99:5099>")
    assert bench.receive(data)[0].kind == "100 INVITE"
    told = bench.take(RequestReceived)
    assert (told.method, told.sdp, told.glare) == ("INVITE", SDP, False)
    bench.do(usage.respond, told.transaction, 200, sdp=SDP)
    assert usage.remote_target == "sip:alice@192.0.2.99:5099"
    bench.receive(bench.in_dialog(usage, "ACK", number=2, branch="z9hG4bK-ack2"))
    assert bench.take(AckReceived).reinvite


def test_a_refused_reinvite_leaves_the_dialog_as_it_was() -> None:
    bench = Bench()
    usage = bench.established()
    bench.receive(bench.in_dialog(usage, "INVITE", contact="<sip:alice@192.0.2.99:5099>"))
    bench.do(usage.respond, bench.take(RequestReceived).transaction, 488)
    assert usage.established and usage.remote_target == "sip:alice@192.0.2.7:5071"


def test_a_reinvite_while_our_own_is_under_way_is_told_as_glare() -> None:
    bench = Bench()
    usage = bench.established()
    (own,) = bench.do(usage.reinvite, sdp=SDP)
    bench.receive(bench.in_dialog(usage, "INVITE"))
    told = bench.take(RequestReceived)
    assert told.glare
    bench.do(usage.respond, told.transaction, 491)
    bench.receive(response(own.message, 491))  # type: ignore[arg-type]
    answer = bench.take(ResponseReceived)
    assert (answer.code, answer.reinvite) == (491, True)
    assert usage.established and not usage.pending_invite


def test_a_second_reinvite_before_the_first_is_answered_gets_500() -> None:
    bench = Bench()
    usage = bench.established()
    bench.receive(bench.in_dialog(usage, "INVITE"))
    (refused,) = bench.receive(bench.in_dialog(usage, "INVITE", number=3))
    assert refused.kind == "500 INVITE"
    assert int(refused.message.get("Retry-After") or "x") < 10


@pytest.mark.parametrize("method", ["UPDATE", "INFO", "MESSAGE", "REFER"])
def test_a_request_in_the_dialog_is_told_and_waits_for_its_answer(method: str) -> None:
    bench = Bench()
    usage = bench.established()
    assert bench.receive(bench.in_dialog(usage, method)) == []
    told = bench.take(RequestReceived)
    assert told.method == method and usage.open == [told.transaction]
    (sent,) = bench.do(usage.respond, told.transaction, 202)
    assert sent.kind == f"202 {method}" and usage.open == []


def test_a_bye_while_a_request_is_open_gives_that_request_487() -> None:
    bench = Bench()
    usage = bench.established()
    bench.receive(bench.in_dialog(usage, "INVITE"))
    kinds = [sent.kind for sent in bench.receive(bench.in_dialog(usage, "BYE", number=3))]
    assert kinds == ["200 BYE", "487 INVITE"]


def test_a_bye_in_the_early_dialog_ends_the_invite_by_487() -> None:
    bench = Bench()
    usage = bench.ring().usage
    kinds = [sent.kind for sent in bench.receive(bench.in_dialog(usage, "BYE"))]
    assert kinds == ["200 BYE", "487 INVITE"] and not bench.agent.usages


def test_a_lower_cseq_in_the_dialog_gets_500() -> None:
    bench = Bench()
    usage = bench.established()
    bench.receive(bench.in_dialog(usage, "INFO", number=7))
    bench.take(RequestReceived)
    assert code_of(bench, bench.in_dialog(usage, "INFO", number=6)) == 500
    assert bench.happenings == []


def test_a_request_for_an_unknown_dialog_gets_481_and_an_ack_silence() -> None:
    bench = Bench()
    for method in ("BYE", "INVITE", "INFO"):
        assert code_of(bench, request(method, to_tag="nobody", branch=f"z9hG4bK{method}")) == 481
    assert bench.receive(request("ACK", to_tag="nobody")) == []


def test_the_same_invite_over_another_path_is_merged_by_482() -> None:
    bench = Bench()
    bench.ring()
    assert code_of(bench, request(branch="z9hG4bK-other")) == 482


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("unknown method", {"method": "PUBLISH"}, 405, "Allow"),
    ("invented method", {"method": "FROB"}, 501, "Allow"),
    ("subscribe", {"method": "SUBSCRIBE"}, 405, "Allow"),
    ("register", {"method": "REGISTER"}, 405, "Allow"),
    ("foreign scheme", {"uri": "urn:service:sos"}, 416, ""),
    ("http scheme", {"uri": "http://example.com"}, 416, ""),
    ("bad Request-URI", {"uri": "sip:"}, 400, ""),
    ("two counts of hops", {"headers": ["Max-Forwards: 0"]}, 400, ""),
    ("body we do not read", {"body": b"x", "content_type": "text/plain"}, 415, "Accept"),
    ("encoded body", {"body": b"x", "headers": ["Content-Encoding: gzip"]}, 415, "Accept-Encoding"),
    ("no contact", {"contact": None}, 400, ""),
    ("contact of no call", {"contact": "*"}, 400, ""),
    ("bad record-route", {"headers": ["Record-Route: <foo>"]}, 400, ""),
    ("bye of nothing", {"method": "BYE"}, 481, ""),
]


@pytest.mark.parametrize(("what", "options", "code", "header"), REFUSED, ids=lambda v: str(v)[:24])
def test_what_is_refused_without_asking(
    what: str, options: dict[str, Any], code: int, header: str
) -> None:
    bench = Bench()
    data = request(**options)
    (refused,) = bench.receive(data)
    assert isinstance(refused.message, Response)
    assert refused.message.code == code and bench.happenings == []
    assert not header or refused.message.get(header)
    assert bench.receive(data)[0].data == refused.data, "the same tag for the same request"
    assert not bench.agent.uas.transactions


def test_max_forwards_of_zero_gets_483_but_options_is_answered() -> None:
    bench = Bench()
    zero = (b"Max-Forwards: 70", b"Max-Forwards: 0")
    assert code_of(bench, request().replace(*zero)) == 483
    assert code_of(bench, request("OPTIONS").replace(*zero)) == 200


def test_an_optional_body_is_ignored() -> None:
    bench = Bench()
    optional = ["Content-Disposition: session ; handling = optional"]
    assert bench.ring(body=b"x", content_type="text/plain", headers=optional).sdp is None


def test_another_version_gets_505() -> None:
    assert code_of(Bench(), request().replace(b" SIP/2.0\r\nVia", b" SIP/7.0\r\nVia")) == 505


def test_options_says_what_we_can_and_503_when_we_are_not_ready() -> None:
    ready = [True]
    bench = Bench({"ready": lambda: ready[0]})
    (sent,) = bench.receive(request("OPTIONS"))
    assert sent.kind == "200 OPTIONS"
    assert "INVITE" in (sent.message.get("Allow") or "")
    assert sent.message.get("Accept") == "application/sdp"
    assert sent.message.get("Supported") is not None
    ready[0] = False
    assert code_of(bench, request("OPTIONS", branch="z9hG4bK-2")) == 503


def test_overload_refuses_new_calls_by_503_and_leaves_running_ones_alone() -> None:
    full: list[Refusal | None] = [None]
    bench = Bench({"screen": lambda request, hop, now: full[0]})
    usage = bench.established()
    full[0] = Refusal(503, [("Retry-After", "7")])
    (refused,) = bench.receive(request(call_id="call-2", branch="z9hG4bK-2"))
    assert refused.kind == "503 INVITE" and refused.message.get("Retry-After") == "7"
    assert not bench.happenings and len(bench.agent.usages) == 1
    bench.receive(bench.in_dialog(usage, "INVITE"))
    bench.take(RequestReceived)


def test_register_is_told_where_it_was_asked_for() -> None:
    bench = Bench({"out_of_dialog": frozenset({"REGISTER"})})
    data = request("REGISTER", contact="<sip:a@x.invalid>;expires=60")
    assert bench.receive(data) == []
    told = bench.take(OutOfDialogReceived)
    contact = [("Contact", told.request.get("Contact") or "")]
    (sent,) = bench.do(bench.agent.respond, told.transaction, 200, headers=contact)
    assert sent.kind == "200 REGISTER" and sent.message.to.tag.startswith("n1-1.")
    assert bench.receive(data)[0].data == sent.data
    with pytest.raises(UsageError):
        bench.do(bench.agent.respond, told.transaction, 200)
    bench.advance(33)
    assert not bench.agent.uas.transactions


def test_a_response_goes_back_symmetrically_when_rport_asks() -> None:
    nat = Hop(UDP, ("198.51.100.9", 40001), "192.0.2.1:5060")
    bench = Bench(hop=nat)
    (trying,) = bench.receive(request(via="SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK-n;rport"))
    assert trying.hop == nat
    via = trying.message.via.params
    assert (via["rport"], via["received"]) == ("40001", "198.51.100.9")
    (trying,) = bench.receive(
        request(call_id="c2", via="SIP/2.0/UDP 10.0.0.5:5099;branch=z9hG4bK-m")
    )
    assert trying.hop.remote == ("198.51.100.9", 5099)
    assert trying.message.via.params["received"] == "198.51.100.9"


def test_all_vias_and_record_routes_come_back_in_order() -> None:
    bench = Bench()
    headers = [
        "Via: SIP/2.0/UDP p1;branch=z9hG4bK-p1, SIP/2.0/UDP p2;branch=z9hG4bK-p2",
        "Record-Route: <sip:p2;lr>, <sip:p1;lr>",
    ]
    invite = bench.ring(headers=headers)
    (answer,) = bench.do(invite.usage.respond, invite.transaction, 200)
    vias = [value.partition(";branch=")[2] for value in answer.message.get_all("Via")]
    assert [via.split(";")[0] for via in vias] == ["z9hG4bK-1", "z9hG4bK-p1", "z9hG4bK-p2"]
    assert answer.message.get_all("Record-Route") == ["<sip:p2;lr>", "<sip:p1;lr>"]
    bench.receive(bench.in_dialog(invite.usage, "ACK", number=1))
    (bye,) = bench.do(invite.usage.bye)
    assert bye.message.get_all("Route") == ["<sip:p2;lr>", "<sip:p1;lr>"]


def test_an_ack_of_an_old_peer_with_the_invites_branch_is_taken() -> None:
    bench = Bench()
    usage = bench.answered()
    bench.receive(bench.in_dialog(usage, "ACK", number=1, branch="z9hG4bK-1"))
    bench.take(AckReceived)
    assert bench.advance(10) == []


def test_a_peer_of_rfc_2543_without_a_magic_cookie_is_served() -> None:
    bench = Bench()
    via = "SIP/2.0/UDP 192.0.2.7:5071;branch=1"
    invite = bench.ring(via=via)
    assert bench.receive(request(via=via))[0].kind == "100 INVITE"
    assert bench.receive(request("CANCEL", via=via))[0].kind == "200 CANCEL"
    bench.take(CancelReceived)
    bench.do(invite.usage.respond, invite.transaction, 487)
    bench.receive(request("ACK", via=via, to_tag=invite.usage.local_tag))
    assert bench.advance(40) == []


def test_closing_answers_what_is_open_and_ends_what_is_established() -> None:
    bench = Bench()
    usage = bench.ring().usage
    assert [sent.kind for sent in bench.do(usage.close)] == ["480 INVITE"]
    assert bench.do(usage.close) == []

    usage = bench.ring(call_id="c2", branch="z9hG4bK-2").usage
    bench.receive(request("CANCEL", call_id="c2", branch="z9hG4bK-2"))
    assert [sent.kind for sent in bench.do(usage.close)] == ["487 INVITE"]

    bench.happenings.clear()
    usage = bench.established(call_id="c3", branch="z9hG4bK-3")
    bench.receive(bench.in_dialog(usage, "INFO"))
    bench.happenings.clear()
    assert [sent.kind for sent in bench.do(usage.close)] == ["500 INFO", "BYE"]
    bench.receive(response(bench.last_request(), 200))
    assert bench.happenings == [] and not bench.agent.usages and not bench.agent.dialogs


def test_a_lost_connection_is_told_and_a_new_one_takes_over_the_dialog() -> None:
    bench = Bench(hop=BROWSER)
    usage = bench.established(contact="<sip:x@abc.invalid;transport=ws>")
    assert usage.hop == BROWSER
    bench.do(lambda now: bench.agent.connection_lost("connection-1", now))
    assert bench.take(ConnectionLost).usage is usage
    again = Hop(WS, "connection-2", BROWSER.local)
    bench.receive(bench.in_dialog(usage, "INVITE", contact="<sip:x@b.invalid;transport=ws>"), again)
    bench.do(usage.respond, bench.take(RequestReceived).transaction, 200)
    bench.receive(bench.in_dialog(usage, "ACK", branch="z9hG4bK-a2"), again)
    assert bench.do(usage.bye)[0].hop == again


def test_counters_tell_refusals_apart() -> None:
    bench = Bench()
    bench.receive(request("BYE"))
    bench.receive(b"junk")
    assert bench.agent.counters == Counter(refused_481=1, malformed=1)
