"""The conformity probes that other stacks failed, each kept as a test of ours.

Each is asked over every transport where it has a meaning: what is repeated over UDP is not over a
connection, and all else holds wherever it comes from.
"""

from __future__ import annotations

import pytest

from runtime.sip.events import (
    AckReceived,
    InviteReceived,
    RequestReceived,
    ResponseReceived,
    TransactionTimedOut,
)
from runtime.sip.hop import Hop
from runtime.sip.message import Request
from tests.runtime.sip.peer import (
    BROWSER,
    OVER_TCP,
    OVER_TLS,
    PEER,
    SDP,
    Bench,
    request,
    response,
)

HOPS = {"UDP": PEER, "TCP": OVER_TCP, "TLS": OVER_TLS, "WS": BROWSER}
CONNECTIONS = [OVER_TCP, OVER_TLS, BROWSER]


@pytest.fixture(params=HOPS)
def bench(request: pytest.FixtureRequest) -> Bench:
    """One agent whose peer is met over each of the transports."""
    return Bench(hop=HOPS[request.param])


def test_a_200_is_repeated_until_its_ack(bench: Bench) -> None:
    usage = bench.answered()
    assert [sent.kind for sent in bench.advance(3.9)] == ["200 INVITE"] * 3
    bench.receive(bench.in_dialog(usage, "ACK", number=1))
    assert bench.advance(60) == []
    assert bench.take(AckReceived).usage is usage


def test_the_same_invite_again_after_the_200_begins_no_second_call(bench: Bench) -> None:
    usage = bench.answered()
    bench.happenings.clear()
    assert bench.receive(request()) == []  # RFC 6026: absorbed, the 200 repeats by its own timer.
    (again,) = bench.advance(0.5)
    assert again.message.to.tag == usage.local_tag
    assert bench.happenings == [] and len(bench.agent.usages) == 1


def test_the_same_bye_again_gets_the_same_200(bench: Bench) -> None:
    usage = bench.established()
    bye = bench.in_dialog(usage, "BYE")
    (first,) = bench.receive(bye)
    (second,) = bench.receive(bye)
    assert first.kind == "200 BYE" and second.data == first.data
    assert bench.take(RequestReceived).method == "BYE" and bench.happenings == []


def test_an_unknown_extension_that_is_required_is_refused_by_420(bench: Bench) -> None:
    (refused,) = bench.receive(request(headers=["Require: 100rel, foo, Bar"]))
    assert refused.kind == "420 INVITE"
    assert refused.message.get("Unsupported") == "foo, bar"


def test_a_missing_from_gets_400_or_silence_and_no_call(bench: Bench) -> None:
    bench.receive(request(without=["From"]))
    assert bench.happenings == [] and bench.agent.counters["malformed"] == 1


def test_options_whose_cseq_names_invite_is_refused_by_400(bench: Bench) -> None:
    data = request("OPTIONS").replace(b"1 OPTIONS", b"1 INVITE")
    (refused,) = bench.receive(data)
    assert refused.message.code == 400  # type: ignore[union-attr]


@pytest.mark.parametrize("junk", [b"\r\n\r\n", b"\r\n", b"", b"\x00" * 20, b"hello\r\n\r\n"])
def test_garbage_and_keep_alives_are_survived(bench: Bench, junk: bytes) -> None:
    assert [sent.data for sent in bench.receive(junk)] in ([], [b"\r\n"])
    bench.ring()


def test_an_invite_is_repeated_over_udp_seven_times_in_all() -> None:
    bench = Bench()
    usage, _ = bench.call()
    assert [sent.kind for sent in bench.advance(33)] == ["INVITE"] * 6
    assert bench.take(TransactionTimedOut).usage is usage


def test_ringing_may_last_beyond_timer_b(bench: Bench) -> None:
    usage, invite = bench.call()
    bench.receive(response(invite, 180))
    assert bench.advance(180) == []
    bench.receive(response(invite, 200, body=SDP))
    assert [bench.take(ResponseReceived).code for _ in range(2)] == [180, 200]
    assert usage.established


def test_a_repeated_486_is_acknowledged_again(bench: Bench) -> None:
    _, invite = bench.call()
    (first,) = bench.receive(response(invite, 486))
    (second,) = bench.receive(response(invite, 486))
    assert first.kind == "ACK" and second.data == first.data
    assert bench.take(ResponseReceived).code == 486 and bench.happenings == []


def test_a_repeated_200_is_acknowledged_again(bench: Bench) -> None:
    usage, invite = bench.call()
    answer = response(invite, 200, body=SDP)
    assert bench.receive(answer) == []
    (ack,) = bench.do(usage.ack)
    (again,) = bench.receive(answer)
    assert again.data == ack.data
    assert bench.take(ResponseReceived).code == 200 and bench.happenings == []


def test_the_ack_to_a_2xx_has_a_branch_of_its_own(bench: Bench) -> None:
    usage, invite = bench.call()
    bench.receive(response(invite, 200, body=SDP))
    (ack,) = bench.do(usage.ack)
    assert ack.message.via.branch not in ("", invite.via.branch)
    assert ack.message.cseq.number == invite.cseq.number


def test_the_ack_to_a_302_uses_the_uri_of_the_invite(bench: Bench) -> None:
    _, invite = bench.call()
    (ack,) = bench.receive(response(invite, 302, contact="<sip:other@192.0.2.9>"))
    assert isinstance(ack.message, Request)
    assert ack.message.uri_text == invite.uri_text
    assert ack.message.via.branch == invite.via.branch


def test_a_request_in_the_dialog_goes_to_the_remote_target() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 200, contact="<sip:desk@192.0.2.8:5099>"))
    (ack,) = bench.do(usage.ack)
    (bye,) = bench.do(usage.bye)
    for sent in (ack, bye):
        assert isinstance(sent.message, Request)
        assert sent.message.uri_text == "sip:desk@192.0.2.8:5099"
        assert sent.hop.remote == ("192.0.2.8", 5099)


def test_a_non_invite_is_repeated_after_a_provisional_every_t2() -> None:
    bench = Bench()
    usage, _ = bench.connected()
    (info,) = bench.do(usage.request, "INFO", body=b"x", content_type="text/plain")
    assert isinstance(info.message, Request)
    bench.receive(response(info.message, 100, tag=""))
    repeats = bench.advance(9)
    assert [round(sent.at, 1) for sent in repeats] == [0.5, 4.5, 8.5]
    assert {sent.data for sent in repeats} == {info.data}


def test_a_websocket_message_is_answered_on_its_connection_and_not_repeated() -> None:
    bench = Bench(hop=BROWSER)
    via = "SIP/2.0/WS abc.invalid;branch=z9hG4bK-w"
    data = request(via=via, contact="<sip:x@abc.invalid;transport=ws>")
    (trying,) = bench.receive(data)
    assert trying.hop == BROWSER and trying.message.top_via_text == via
    usage = bench.take(InviteReceived).usage
    bench.do(usage.respond, usage.open[0], 486)
    assert bench.advance(31) == []


def test_a_websocket_ping_is_answered_by_a_pong() -> None:
    bench = Bench(hop=BROWSER)
    assert [sent.data for sent in bench.receive(b"\r\n\r\n")] == [b"\r\n"]
    assert bench.receive(b"\r\n") == []


def test_two_messages_in_one_datagram_are_one_message_and_a_rest_that_is_cut() -> None:
    bench = Bench()
    bench.receive(request(body=SDP) + request("BYE", branch="z9hG4bK-x"), PEER)
    assert bench.take(InviteReceived).sdp == SDP


@pytest.mark.parametrize("hop", CONNECTIONS, ids=lambda hop: hop.transport)
def test_an_invite_over_a_connection_is_sent_once_and_fails_when_timer_b_fires(hop: Hop) -> None:
    bench = Bench(hop=hop)
    usage, _ = bench.call()
    assert bench.advance(31.9) == [] and bench.happenings == []
    bench.advance(0.2)
    assert bench.take(TransactionTimedOut).usage is usage


@pytest.mark.parametrize("hop", CONNECTIONS, ids=lambda hop: hop.transport)
def test_a_non_invite_over_a_connection_is_sent_once(hop: Hop) -> None:
    bench = Bench(hop=hop)
    usage, _ = bench.connected()
    (info,) = bench.do(usage.request, "INFO", body=b"x", content_type="text/plain")
    assert isinstance(info.message, Request)
    bench.receive(response(info.message, 100, tag=""))
    assert bench.advance(30) == []


@pytest.mark.parametrize("hop", CONNECTIONS, ids=lambda hop: hop.transport)
def test_a_refusal_over_a_connection_is_sent_once(hop: Hop) -> None:
    bench = Bench(hop=hop)
    invite = bench.ring()
    (refused,) = bench.do(invite.usage.respond, invite.transaction, 486)
    assert refused.hop.flow == hop.flow and bench.advance(31) == []


@pytest.mark.parametrize("hop", CONNECTIONS, ids=lambda hop: hop.transport)
def test_a_request_in_the_dialog_goes_over_the_connection_of_the_call(hop: Hop) -> None:
    bench = Bench(hop=hop)
    usage = bench.established()
    (bye,) = bench.do(usage.bye)
    assert bye.hop.flow == hop.flow and isinstance(bye.message, Request)
    assert bye.message.via.transport == hop.transport


@pytest.mark.parametrize("hop", [PEER, OVER_TCP, OVER_TLS], ids=lambda hop: hop.transport)
def test_a_via_gets_the_address_and_the_port_that_the_request_came_from(hop: Hop) -> None:
    bench = Bench(hop=hop)
    via = f"SIP/2.0/{hop.transport} phone.invalid:9;rport;branch=z9hG4bK-r"
    (trying,) = bench.receive(request(via=via))
    assert trying.message.via.params["received"] == "192.0.2.7"
    assert trying.message.via.params["rport"] == "5071"


@pytest.mark.parametrize(
    ("hop", "contact"),
    [
        (PEER, "@192.0.2.1:5060>"),
        (OVER_TCP, "@192.0.2.1:5060;transport=tcp>"),
        (OVER_TLS, "@192.0.2.1:5061;transport=tls>"),
        (BROWSER, "@192.0.2.1:8000;transport=ws>"),
    ],
    ids=list(HOPS),
)
def test_the_contact_leads_back_over_the_transport_of_the_call(hop: Hop, contact: str) -> None:
    bench = Bench(hop=hop)
    bench.answered()
    assert (bench.sent[-1].message.get("Contact") or "").endswith(contact)
    bench.call()
    assert (bench.sent[-1].message.get("Contact") or "").endswith(contact)
