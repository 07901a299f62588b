"""The calling side on a fake clock: calls we place, and what peers answer."""

from __future__ import annotations

import pytest

from runtime.sip.events import (
    ConnectionLost,
    RequestReceived,
    ResponseReceived,
    TransactionTimedOut,
    TransportFailed,
)
from runtime.sip.hop import UDP, Hop
from runtime.sip.message import Request, Response
from runtime.sip.usage import UsageError, UsageState
from tests.runtime.sip.peer import BROWSER, PEER, SDP, Bench, Sent, request, response


def asked(sent: Sent) -> Request:
    assert isinstance(sent.message, Request)
    return sent.message


def test_an_invite_has_all_that_a_request_must_have() -> None:
    _, invite = Bench().call(caller='"Us, \\"too\\"" <sip:us@192.0.2.1>', headers=[("X-A", "b")])
    assert invite.uri_text == "sip:bob@192.0.2.7:5071"
    assert invite.get("Max-Forwards") == "70"
    assert invite.cseq.method == "INVITE" and invite.via.params["rport"] is None
    assert invite.from_.display == 'Us, "too"' and invite.from_.tag.startswith("n1-1.")
    assert invite.to.tag == "" and invite.sdp == SDP and invite.get("X-A") == "b"
    assert (invite.get("Contact") or "").startswith("<sip:n1-1.")


def test_a_call_is_answered_acknowledged_and_ended_by_us() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 100, tag=""))
    assert bench.happenings == []
    bench.receive(response(invite, 180))
    assert usage.state is UsageState.EARLY
    bench.receive(response(invite, 183, body=SDP))
    bench.receive(response(invite, 200, body=SDP))
    told = [bench.take(ResponseReceived) for _ in range(3)]
    assert [(happening.code, happening.sdp) for happening in told] == [
        (180, None),
        (183, SDP),
        (200, SDP),
    ]
    assert usage.ack_wanted
    (ack,) = bench.do(usage.ack)
    assert ack.message.get("Content-Length") == "0" and not usage.ack_wanted
    (bye,) = bench.do(usage.bye)
    assert asked(bye).cseq.number == invite.cseq.number + 1
    bench.receive(response(asked(bye), 200))
    assert (bench.take(ResponseReceived).method, usage.state) == ("BYE", UsageState.TERMINATED)
    bench.advance(64)
    assert not bench.agent.usages and not bench.agent.dialogs
    assert not bench.agent.uac.transactions and len(bench.agent.timers) == 0


def test_an_answer_to_the_offer_of_a_200_goes_into_the_ack() -> None:
    bench = Bench()
    usage, invite = bench.call(sdp=None)
    assert invite.body == b"" and invite.get("Content-Type") is None
    bench.receive(response(invite, 200, body=SDP))
    (ack,) = bench.do(usage.ack, sdp=SDP)
    assert ack.message.sdp == SDP


@pytest.mark.parametrize("code", [302, 401, 486, 503, 603])
def test_a_final_refusal_is_acknowledged_and_ends_the_usage(code: int) -> None:
    bench = Bench()
    usage, invite = bench.call()
    (ack,) = bench.receive(response(invite, code, "No"))
    assert ack.kind == "ACK" and asked(ack).to.tag == "bob"
    told = bench.take(ResponseReceived)
    assert (told.code, told.reason, usage.state) == (code, "No", UsageState.TERMINATED)
    assert not bench.agent.usages and not bench.agent.dialogs


def test_a_refused_call_can_be_tried_again_with_the_next_number() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 302, contact="<sip:other@192.0.2.7:5071>"))
    (again,) = bench.do(usage.invite, sdp=SDP, target="sip:other@192.0.2.7:5071")
    assert asked(again).uri_text == "sip:other@192.0.2.7:5071"
    assert asked(again).call_id == invite.call_id
    assert asked(again).cseq.number == invite.cseq.number + 1
    bench.receive(response(asked(again), 200))
    assert usage.established


def test_a_cancel_waits_for_a_provisional_response() -> None:
    bench = Bench()
    usage, invite = bench.call()
    assert bench.do(usage.cancel) == []
    (cancel,) = bench.receive(response(invite, 100, tag=""))
    assert cancel.kind == "CANCEL"
    for name in ("Via", "From", "To", "Call-ID"):
        assert cancel.message.get(name) == invite.get(name)
    assert asked(cancel).uri_text == invite.uri_text
    bench.receive(response(asked(cancel), 200))
    bench.receive(response(invite, 487))
    assert bench.take(ResponseReceived).code == 487 and not bench.agent.usages
    with pytest.raises(UsageError):
        bench.do(usage.cancel)


def test_a_cancel_after_ringing_goes_out_at_once_and_only_once() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 180))
    assert bench.do(usage.cancel)[0].kind == "CANCEL"
    with pytest.raises(UsageError):
        bench.do(usage.cancel)
    assert bench.receive(response(invite, 180)) == []


def test_a_200_that_crosses_the_cancel_is_told_as_such() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 180))
    bench.do(usage.cancel)
    bench.receive(response(invite, 200, body=SDP))
    assert [bench.take(ResponseReceived).code for _ in range(2)] == [180, 200]
    assert usage.established and usage.ack_wanted
    bench.do(usage.ack)
    assert bench.do(usage.bye)[0].kind == "BYE"


def test_a_final_refusal_before_any_provisional_drops_the_waiting_cancel() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.do(usage.cancel)
    assert [sent.kind for sent in bench.receive(response(invite, 486))] == ["ACK"]


def test_a_cancelled_invite_without_answer_times_out_after_64_t1() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 180))
    (cancel,) = bench.do(usage.cancel)
    bench.receive(response(asked(cancel), 200))
    bench.advance(32.01)
    bench.take(ResponseReceived)
    assert bench.take(TransactionTimedOut).method == "INVITE"


def test_a_second_branch_that_answers_is_acknowledged_and_ended() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 200, tag="first"))
    bench.do(usage.ack)
    late = response(invite, 200, tag="second", contact="<sip:second@192.0.2.8:5080>")
    ack, bye = bench.receive(late)
    assert [ack.kind, bye.kind] == ["ACK", "BYE"]
    assert asked(ack).to.tag == asked(bye).to.tag == "second"
    assert ack.hop.remote == bye.hop.remote == ("192.0.2.8", 5080)
    assert [sent.data for sent in bench.receive(late)] == [ack.data]
    bench.receive(response(asked(bye), 200))
    assert len(bench.happenings) == 1 and usage.remote_tag == "first" and usage.established


def test_early_dialogs_of_several_branches_live_until_one_is_confirmed() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 180, tag="a"))
    bench.receive(response(invite, 183, tag="b", contact="<sip:b@192.0.2.9>"))
    assert set(usage.early) == {"a", "b"} and len(bench.agent.dialogs) == 2
    bench.receive(response(invite, 200, tag="a"))
    assert usage.remote_tag == "a" and len(bench.agent.dialogs) == 1


def test_the_route_set_is_reversed_and_taken_anew_from_the_200() -> None:
    bench = Bench()
    usage, invite = bench.call()
    early = ["Record-Route: <sip:192.0.2.50;lr>"]
    bench.receive(response(invite, 180, headers=early))
    routes = ["Record-Route: <sip:192.0.2.52;lr>, <sip:192.0.2.51:5090;lr>"]
    bench.receive(response(invite, 200, headers=routes))
    (ack,) = bench.do(usage.ack)
    assert ack.message.get_all("Route") == ["<sip:192.0.2.51:5090;lr>", "<sip:192.0.2.52;lr>"]
    assert asked(ack).uri_text == "sip:bob@192.0.2.7:5071"
    assert ack.hop.remote == ("192.0.2.51", 5090)


def test_a_strict_router_gets_its_own_uri_and_the_target_last() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 200, headers=["Record-Route: <sip:192.0.2.50>"]))
    (ack,) = bench.do(usage.ack)
    assert asked(ack).uri_text == "sip:192.0.2.50"
    assert ack.message.get_all("Route") == ["<sip:bob@192.0.2.7:5071>"]


def test_a_contact_with_a_name_falls_back_to_where_the_peer_was_seen() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 200, contact="<sip:bob@pbx.example.com>"))
    (ack,) = bench.do(usage.ack)
    assert ack.hop == PEER and asked(ack).uri_text == "sip:bob@pbx.example.com"


def test_a_reinvite_is_told_as_one_and_refreshes_the_target() -> None:
    bench = Bench()
    usage, _ = bench.connected()
    (sent,) = bench.do(usage.reinvite, sdp=SDP)
    with pytest.raises(UsageError):
        bench.do(usage.reinvite, sdp=SDP)
    bench.receive(response(asked(sent), 200, contact="<sip:bob@192.0.2.70>", body=SDP))
    told = bench.take(ResponseReceived)
    assert told.reinvite and told.sdp == SDP
    assert usage.remote_target == "sip:bob@192.0.2.70"
    (ack,) = bench.do(usage.ack)
    assert asked(ack).cseq.number == asked(sent).cseq.number
    assert ack.hop.remote == ("192.0.2.70", 5060)


def test_glare_leaves_the_dialog_and_a_new_try_is_possible() -> None:
    bench = Bench()
    usage, _ = bench.connected()
    (sent,) = bench.do(usage.reinvite, sdp=SDP)
    assert bench.receive(response(asked(sent), 491))[0].kind == "ACK"
    told = bench.take(ResponseReceived)
    assert (told.code, told.reinvite, usage.established) == (491, True, True)
    (again,) = bench.do(usage.reinvite, sdp=SDP)
    assert asked(again).cseq.number == asked(sent).cseq.number + 1


def test_requests_in_the_dialog_count_up_and_their_answers_are_told() -> None:
    bench = Bench()
    usage, invite = bench.connected()
    number = invite.cseq.number
    for step, method in enumerate(("INFO", "MESSAGE", "REFER", "UPDATE", "NOTIFY"), start=1):
        (sent,) = bench.do(usage.request, method, body=b"x", content_type="text/plain")
        assert asked(sent).cseq.number == number + step
        bench.receive(response(asked(sent), 200))
        assert bench.take(ResponseReceived).method == method
    with pytest.raises(UsageError):
        bench.do(usage.request, "BYE")
    with pytest.raises(UsageError):
        bench.do(usage.request, "INFO", body=b"x")


def test_a_bye_of_the_peer_ends_a_call_of_ours() -> None:
    bench = Bench()
    usage, invite = bench.connected()
    bye = request(
        "BYE",
        call_id=usage.call_id,
        from_=f"{invite.get('To')};tag=bob",
        to=invite.get("From") or "",
        branch="z9hG4bK-bye",
    )
    assert bench.receive(bye)[0].kind == "200 BYE"
    assert bench.take(RequestReceived).method == "BYE"
    assert usage.state is UsageState.TERMINATED and not bench.agent.usages


def test_two_byes_that_cross_are_both_answered() -> None:
    bench = Bench()
    usage, invite = bench.connected()
    (ours,) = bench.do(usage.bye)
    theirs = request(
        "BYE",
        call_id=usage.call_id,
        from_=f"{invite.get('To')};tag=bob",
        to=invite.get("From") or "",
        branch="z9hG4bK-bye",
    )
    assert bench.receive(theirs)[0].kind == "200 BYE"
    bench.receive(response(asked(ours), 200))
    assert not bench.agent.usages and not bench.agent.dialogs


def test_a_bye_without_answer_times_out_and_the_usage_is_forgotten() -> None:
    bench = Bench()
    usage, _ = bench.connected()
    bench.do(usage.bye)
    assert len(bench.advance(32.01)) == 10
    assert bench.take(TransactionTimedOut).method == "BYE"
    assert not bench.agent.usages and not bench.agent.dialogs


@pytest.mark.parametrize("answered", [False, True])
def test_closing_a_ringing_call_cancels_it_and_ends_a_late_answer(answered: bool) -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.do(usage.close)
    (cancel,) = bench.receive(response(invite, 180))
    bench.receive(response(asked(cancel), 200))
    if answered:
        kinds = [sent.kind for sent in bench.receive(response(invite, 200))]
        assert kinds == ["ACK", "BYE"]
        bench.receive(response(bench.last_request(), 200))
    else:
        bench.receive(response(invite, 487))
    assert bench.happenings == [] and not bench.agent.usages and not bench.agent.dialogs


def test_closing_an_answered_call_acknowledges_and_ends_it() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 200))
    assert [sent.kind for sent in bench.do(usage.close)] == ["ACK", "BYE"]


def test_a_send_that_fails_is_told_and_ends_a_call_that_began() -> None:
    bench = Bench()
    usage, _ = bench.call()
    bench.do(lambda now: bench.agent.transport_failed(PEER, now))
    assert bench.take(TransportFailed).usage is usage
    assert not bench.agent.usages and bench.advance(60) == []


def test_a_lost_connection_fails_what_waits_over_it() -> None:
    bench = Bench(hop=BROWSER)
    usage, invite = bench.call()
    assert invite.via.transport == "WS"
    bench.do(lambda now: bench.agent.connection_lost("connection-1", now))
    assert bench.take(ConnectionLost).usage is usage
    assert bench.take(TransportFailed).method == "INVITE"


def test_a_browser_is_reached_over_its_connection_whatever_its_contact_says() -> None:
    bench = Bench(hop=BROWSER)
    usage, invite = bench.call()
    bench.receive(response(invite, 200, contact="<sip:x@abc.invalid;transport=ws>"))
    (ack,) = bench.do(usage.ack)
    assert ack.hop == BROWSER and asked(ack).uri_text == "sip:x@abc.invalid;transport=ws"


def test_a_response_that_is_not_ours_is_counted_and_dropped() -> None:
    bench = Bench()
    usage, invite = bench.call()
    good = response(invite, 200)
    for bad in (
        good.replace(invite.via.branch.encode(), b"z9hG4bK-forged"),
        good.replace(usage.call_id.encode(), b"another-call"),
        good.replace(b"1 INVITE", b"1 BYE"),
        good.replace(b"\r\nFrom:", b"\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK-b\r\nFrom:"),
    ):
        assert bench.receive(bad) == []
    assert bench.agent.counters["stray_response"] == 4 and bench.happenings == []


@pytest.mark.parametrize(
    "target",
    [
        "bob",
        "tel:+1",
        "sip:",
        "sip:a b@h",
        "sip:a@h\r\nX: y",
        "sip:a@h>;x",
        "sip:a@h?X=y",
        "http://h",
    ],
)
def test_a_target_that_is_no_sip_address_is_refused_and_nothing_is_sent(target: str) -> None:
    bench = Bench()
    with pytest.raises(UsageError):
        bench.agent.invite(target, caller="sip:us@h", hop=PEER, now=0.0)
    assert bench.agent.take_messages() == [] and not bench.agent.usages


@pytest.mark.parametrize("caller", ["us", "<sip:us@h", "sip:us@h\r\nX: y", 'a"b <sip:u@h>'])
def test_a_caller_that_is_no_address_is_refused(caller: str) -> None:
    with pytest.raises(UsageError):
        Bench().agent.invite("sip:b@h", caller=caller, hop=PEER, now=0.0)


def test_two_agents_of_ours_talk_to_each_other() -> None:
    to_right = Hop(UDP, ("192.0.2.1", 5060), "192.0.2.7:5071")
    left, right = Bench(hop=to_right), Bench()

    def carry() -> None:
        moved = True
        while moved:
            moved = False
            for here, there, hop in ((left, right, PEER), (right, left, to_right)):
                waiting, here.sent = here.sent, []
                for sent in waiting:
                    moved = True
                    there.receive(sent.data, hop)

    usage, _ = left.call(target="sip:bob@192.0.2.1:5060", caller="sip:a@192.0.2.7")
    carry()
    invite = right.happenings.pop()
    right.do(invite.usage.respond, invite.transaction, 200, sdp=SDP)  # type: ignore[union-attr]
    carry()
    assert isinstance(left.take(ResponseReceived).response, Response)
    left.do(usage.ack)
    carry()
    right.happenings.clear()
    right.do(invite.usage.bye)  # type: ignore[union-attr]
    carry()
    assert usage.state is UsageState.TERMINATED
    assert not left.agent.usages and not right.agent.usages
