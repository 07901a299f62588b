"""The next server when one fails (RFC 3263 4.3), and TCP for long requests (RFC 3261 18.1.1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runtime.sip.events import ResponseReceived, TransactionTimedOut, TransportFailed
from runtime.sip.hop import TCP, UDP, Hop
from runtime.sip.message import Request
from tests.runtime.sip.peer import PEER, SDP, Bench, response

SECOND = Hop(UDP, ("192.0.2.8", 5060), "192.0.2.1:5060")
THIRD = Hop(TCP, ("192.0.2.9", 5080), "192.0.2.1:5060")
HOP = replace(PEER, others=(SECOND, THIRD))
LONG = SDP + b"a=x\r\n" * 300


def fails(bench: Bench, hop: Hop) -> list:
    return bench.do(lambda now: bench.agent.transport_failed(hop, now))


def sent_to(bench: Bench) -> list[tuple]:
    return [(sent.kind, sent.hop.remote[0]) for sent in bench.sent]


def test_a_503_sends_the_call_to_the_next_server_with_another_branch_and_contact() -> None:
    bench = Bench()
    usage, invite = bench.call(hop=replace(HOP, others=(THIRD,)))
    ack, again = bench.receive(response(invite, 503))
    assert (ack.kind, ack.hop.remote) == ("ACK", PEER.remote)
    assert again.hop.remote == THIRD.remote and isinstance(again.message, Request)
    assert again.message.via.branch != invite.via.branch
    assert again.message.top_via_text.startswith("SIP/2.0/TCP 192.0.2.1:5060;rport;branch=")
    assert ";transport=tcp>" in (again.message.get("Contact") or "")
    for name in ("From", "To", "Call-ID", "CSeq"):
        assert again.message.get(name) == invite.get(name)
    assert again.message.body == SDP and bench.happenings == []
    bench.receive(response(again.message, 200, body=SDP), THIRD)
    assert bench.take(ResponseReceived).code == 200 and usage.established


def test_a_503_that_comes_again_is_acknowledged_again_and_no_more() -> None:
    bench = Bench()
    _, invite = bench.call(hop=HOP)
    bench.receive(response(invite, 503))
    (ack,) = bench.receive(response(invite, 503))
    assert (ack.kind, ack.hop.remote) == ("ACK", PEER.remote) and bench.happenings == []


def test_a_server_that_is_silent_for_timer_b_makes_room_for_the_next_and_all_are_told_once() -> (
    None
):
    bench = Bench()
    usage, _ = bench.call(hop=HOP)
    bench.advance(96.1)
    assert {remote for _, remote in sent_to(bench)} == {"192.0.2.7", "192.0.2.8", "192.0.2.9"}
    assert bench.take(TransactionTimedOut).usage is usage and bench.happenings == []
    assert not bench.agent.usages and not bench.agent.uac.transactions


def test_a_transport_that_fails_makes_room_for_the_next() -> None:
    bench = Bench()
    usage, _ = bench.call(hop=HOP)
    for hop in (HOP, SECOND):
        (again,) = fails(bench, hop)
        assert again.kind == "INVITE"
    assert fails(bench, THIRD) == []
    assert bench.take(TransportFailed).usage is usage and bench.happenings == []


def test_a_register_goes_to_the_next_server_too() -> None:
    bench = Bench()
    usage = bench.agent.prepare("sip:bob@example.com", caller="sip:bob@example.com", hop=HOP)
    (first,) = bench.do(usage.register)
    assert isinstance(first.message, Request)
    (again,) = bench.receive(response(first.message, 503))
    assert again.hop.remote == SECOND.remote and isinstance(again.message, Request)
    bench.receive(response(again.message, 200), SECOND)
    assert bench.take(ResponseReceived).code == 200


@pytest.mark.parametrize("code", [486, 500, 404])
def test_any_other_refusal_is_final(code: int) -> None:
    bench = Bench()
    _, invite = bench.call(hop=HOP)
    assert [sent.kind for sent in bench.receive(response(invite, code))] == ["ACK"]
    assert bench.take(ResponseReceived).code == code


def test_a_call_that_rang_somewhere_is_tried_nowhere_else() -> None:
    bench = Bench()
    _, invite = bench.call(hop=HOP)
    bench.receive(response(invite, 180))
    assert [sent.kind for sent in bench.receive(response(invite, 503))] == ["ACK"]
    assert [bench.take(ResponseReceived).code for _ in range(2)] == [180, 503]


def test_a_call_that_is_being_cancelled_is_tried_nowhere_else() -> None:
    bench = Bench()
    usage, invite = bench.call(hop=HOP)
    bench.receive(response(invite, 100))
    bench.do(usage.cancel)
    bench.receive(response(invite, 503))
    assert bench.take(ResponseReceived).code == 503


def long_call(bench: Bench, **options: object) -> tuple:
    bench.agent.streams = True
    bench.agent.local_for = lambda hop: "192.0.2.1:5060"
    return bench.call(sdp=LONG, **options)


def test_a_long_request_goes_over_tcp_and_the_dialog_stays_on_udp() -> None:
    bench = Bench()
    usage, invite = long_call(bench)
    (sent,) = bench.sent
    assert (sent.hop.transport, sent.hop.remote) == ("TCP", PEER.remote)
    assert invite.via.transport == "TCP" and "transport" not in (invite.get("Contact") or "")
    bench.receive(response(invite, 200, body=SDP), replace(sent.hop, connection="tcp-1", others=()))
    (ack,) = bench.do(usage.ack)
    assert ack.hop.connection == "tcp-1"
    bench.do(lambda now: bench.agent.stream_lost(ack.hop, now, asked=True))
    (bye,) = bench.do(usage.bye)
    assert (bye.hop.transport, bye.hop.remote) == ("UDP", PEER.remote)


def test_a_long_request_falls_back_to_udp_where_nobody_listens_to_tcp() -> None:
    bench = Bench()
    usage, invite = long_call(bench)
    (again,) = fails(bench, bench.sent[0].hop)
    assert (again.hop.transport, again.hop.remote) == ("UDP", PEER.remote)
    assert isinstance(again.message, Request) and again.message.via.transport == "UDP"
    bench.receive(response(again.message, 486))
    assert bench.take(ResponseReceived).code == 486 and bench.happenings == []


def test_a_long_request_that_nobody_answers_over_tcp_is_not_tried_over_udp() -> None:
    bench = Bench()
    long_call(bench)
    bench.advance(40)
    bench.take(TransactionTimedOut)
    assert len(bench.sent) == 1 and bench.happenings == []


def test_a_long_reinvite_falls_back_to_udp_in_its_dialog() -> None:
    bench = Bench()
    usage, _ = bench.connected()
    bench.agent.streams = True
    (over_tcp,) = bench.do(usage.reinvite, sdp=LONG)
    assert over_tcp.hop.transport == "TCP"
    (again,) = fails(bench, over_tcp.hop)
    assert again.hop.transport == "UDP" and usage.pending_invite
    assert isinstance(again.message, Request)
    bench.receive(response(again.message, 200, body=SDP))
    bench.do(usage.ack)
    assert bench.take(ResponseReceived).reinvite


def test_it_may_be_told_to_keep_to_udp() -> None:
    bench = Bench({"datagram": 0})
    long_call(bench)
    assert bench.sent[0].hop.transport == "UDP"
