"""Rules of dialogs that neither side of a call owns: forks, offers that meet, ends that cross."""

from __future__ import annotations

import pytest

from runtime.sip.events import (
    CancelReceived,
    InviteReceived,
    RequestReceived,
    ResponseReceived,
    TransactionTimedOut,
)
from runtime.sip.message import Request
from runtime.sip.uac import FATAL
from runtime.sip.usage import UsageError, UsageState
from tests.runtime.sip.peer import PEER, SDP, Bench, Sent, request, response

OFFER = {"body": SDP, "content_type": "application/sdp"}


def asked(sent: Sent) -> Request:
    assert isinstance(sent.message, Request)
    return sent.message


def early(bench: Bench, *tags: str, **options: object) -> tuple[object, Request]:
    """A call of ours that rings at several places."""
    usage, invite = bench.call(**options)
    for tag in tags:
        bench.receive(response(invite, 180, tag=tag, contact=f"<sip:{tag}@192.0.2.7:5071>"))
    bench.happenings.clear()
    return usage, invite


# Forks (RFC 3261 12.1, 13.2.2.4).


def test_a_branch_that_answers_late_is_ended_even_after_its_call_was() -> None:
    bench = Bench()
    usage, invite = early(bench, "one", "two")
    bench.receive(response(invite, 200, tag="one", body=SDP))
    bench.do(usage.ack)  # type: ignore[attr-defined]
    bye = asked(bench.do(usage.bye)[0])  # type: ignore[attr-defined]
    bench.receive(response(bye, 200))
    bench.happenings.clear()
    ack, second = bench.receive(response(invite, 200, tag="two", body=SDP))
    assert (ack.kind, second.kind, asked(second).to.tag) == ("ACK", "BYE", "two")
    assert bench.receive(response(invite, 200, tag="two", body=SDP))[0].data == ack.data
    assert bench.happenings == [] and bench.agent.counters["fork_ended"] == 1
    bench.receive(response(asked(second), 200))
    bench.advance(64)
    assert not bench.agent.uac.transactions and not bench.agent.dialogs


def test_the_other_branches_are_unknown_once_one_has_answered() -> None:
    bench = Bench()
    usage, invite = early(bench, "one", "two")
    bench.receive(response(invite, 200, tag="one", body=SDP))
    bench.do(usage.ack)  # type: ignore[attr-defined]
    update = request(
        "UPDATE",
        call_id=invite.call_id,
        from_="<sip:bob@192.0.2.7>;tag=two",
        to="<sip:us@192.0.2.1>",
        to_tag=invite.from_.tag,
    )
    assert bench.receive(update)[0].kind == "481 UPDATE"


def test_an_update_of_a_branch_moves_the_target_of_that_branch_alone() -> None:
    bench = Bench()
    usage, invite = early(bench, "one", "two")
    bench.receive(
        request(
            "UPDATE",
            call_id=invite.call_id,
            from_="<sip:bob@192.0.2.7>;tag=one",
            to="<sip:us@192.0.2.1>",
            to_tag=invite.from_.tag,
            contact="<sip:moved@192.0.2.7:5071>",
        )
    )
    told = bench.take(RequestReceived)
    bench.do(usage.respond, told.transaction, 200)  # type: ignore[attr-defined]
    targets = {tag: dialog.remote_target for tag, dialog in usage.early.items()}  # type: ignore[attr-defined]
    assert targets == {"one": "sip:moved@192.0.2.7:5071", "two": "sip:two@192.0.2.7:5071"}


def test_a_bye_of_one_branch_leaves_the_invite_alone() -> None:
    bench = Bench()
    usage, invite = early(bench, "one", "two")
    bye = request(
        "BYE",
        call_id=invite.call_id,
        from_="<sip:bob@192.0.2.7>;tag=two",
        to="<sip:us@192.0.2.1>",
        to_tag=invite.from_.tag,
    )
    assert bench.receive(bye)[0].kind == "200 BYE"
    assert bench.happenings == [] and usage.remote_tag == "one"  # type: ignore[attr-defined]
    bench.receive(response(invite, 200, tag="one", body=SDP))
    assert usage.established  # type: ignore[attr-defined]


# Answers that lack something.


def test_a_2xx_without_contact_leaves_the_target_where_it_was() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 200, contact=None, body=SDP))
    assert usage.established and usage.remote_target == "sip:bob@192.0.2.7:5071"
    usage, _ = early(bench, "one")  # type: ignore[assignment]
    bench.receive(response(bench.last_request(), 200, tag="one", contact=None, body=SDP))
    assert usage.remote_target == "sip:one@192.0.2.7:5071"


def test_a_2xx_of_an_old_peer_without_a_tag_makes_a_dialog_all_the_same() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 200, tag="", body=SDP))
    (ack,) = bench.do(usage.ack)
    assert asked(ack).to.tag == "" and usage.established
    bye = request(
        "BYE",
        call_id=invite.call_id,
        from_="<sip:bob@192.0.2.7>",
        to="<sip:us@192.0.2.1>",
        to_tag=invite.from_.tag,
    )
    assert bench.receive(bye)[0].kind == "200 BYE"
    assert usage.state is UsageState.TERMINATED


# Sequence numbers (RFC 3261 12.2.2).


def test_a_gap_in_the_numbers_is_accepted_and_a_step_back_is_not() -> None:
    bench = Bench()
    usage = bench.established()
    bench.receive(bench.in_dialog(usage, "INFO", number=90))
    bench.do(usage.respond, bench.take(RequestReceived).transaction, 200)
    assert bench.receive(bench.in_dialog(usage, "INFO", number=89))[0].kind == "500 INFO"
    assert bench.receive(bench.in_dialog(usage, "BYE", number=91))[0].kind == "200 BYE"


# Offers that meet (RFC 3261 14, RFC 3311 5).


def test_an_update_is_possible_before_the_call_is_up() -> None:
    bench = Bench()
    usage, _ = early(bench, "one")
    (update,) = bench.do(usage.request, "UPDATE", **OFFER)  # type: ignore[attr-defined]
    assert asked(update).to.tag == "one" and asked(update).get("Session-Expires") is None
    bench.receive(response(asked(update), 200, body=SDP))
    assert bench.take(ResponseReceived).method == "UPDATE"


def test_an_offer_in_an_update_waits_until_the_offer_of_the_invite_is_answered() -> None:
    bench = Bench()
    invite = bench.ring(headers=["Supported: 100rel"], body=SDP)
    update = bench.in_dialog(invite.usage, "UPDATE", **OFFER)
    (refused,) = bench.receive(update)
    assert refused.kind == "500 UPDATE" and refused.message.get("Retry-After")
    plain = bench.in_dialog(invite.usage, "UPDATE", number=3)
    bench.receive(plain)
    assert bench.take(RequestReceived).sdp is None  # Without an offer nothing is in its way.
    bench.do(invite.usage.respond, invite.usage.open[1], 200)
    (progress,) = bench.do(invite.usage.respond, invite.transaction, 183, sdp=SDP, reliable=True)
    rack = f"RAck: {progress.message.get('RSeq')} 1 INVITE"
    bench.receive(bench.in_dialog(invite.usage, "PRACK", number=4, headers=[rack]))
    bench.happenings.clear()
    bench.receive(bench.in_dialog(invite.usage, "UPDATE", number=5, **OFFER))
    assert bench.take(RequestReceived).sdp == SDP


def test_a_second_update_before_the_first_is_answered_gets_500() -> None:
    bench = Bench()
    usage = bench.established()
    bench.receive(bench.in_dialog(usage, "UPDATE"))
    (refused,) = bench.receive(bench.in_dialog(usage, "UPDATE", number=3))
    assert refused.kind == "500 UPDATE" and int(refused.message.get("Retry-After") or "x") < 10


@pytest.mark.parametrize(
    ("ours", "theirs", "glare"),
    [
        ("INVITE", "INVITE", True),
        ("INVITE", "UPDATE", True),
        ("UPDATE", "INVITE", True),
        ("UPDATE", "UPDATE", True),
        ("INVITE", "INFO", False),
        ("UPDATE", "MESSAGE", False),
    ],
)
def test_an_offer_that_meets_ours_is_told_as_glare(ours: str, theirs: str, glare: bool) -> None:
    bench = Bench()
    usage = bench.established()
    if ours == "INVITE":
        bench.do(usage.reinvite, sdp=SDP)
    else:
        bench.do(usage.request, "UPDATE", **OFFER)
    bench.receive(bench.in_dialog(usage, theirs, **OFFER))
    assert bench.take(RequestReceived).glare is glare


def test_an_own_update_makes_no_offer_beside_another_one() -> None:
    bench = Bench()
    usage = bench.established()
    bench.receive(bench.in_dialog(usage, "INVITE", **OFFER))
    with pytest.raises(UsageError, match="of the peer"):
        bench.do(usage.request, "UPDATE", **OFFER)
    assert bench.do(usage.request, "UPDATE")[0].kind == "UPDATE"
    bench = Bench()
    usage, _ = bench.connected()
    bench.do(usage.reinvite, sdp=SDP)
    with pytest.raises(UsageError, match="own offer"):
        bench.do(usage.request, "UPDATE", **OFFER)


def test_a_re_invite_while_our_2xx_waits_for_its_ack_is_told_and_both_are_acknowledged() -> None:
    bench = Bench()
    usage = bench.answered()
    bench.receive(bench.in_dialog(usage, "INVITE", **OFFER))
    told = bench.take(RequestReceived)
    assert not told.glare  # The descriptions are settled: RFC 5407 3.1.4 lets it be answered.
    bench.do(usage.respond, told.transaction, 200, sdp=SDP)
    assert len(usage.unacknowledged) == 2
    bench.receive(bench.in_dialog(usage, "ACK", number=1, branch="z9hG4bK-a1"))
    bench.receive(bench.in_dialog(usage, "ACK", number=2, branch="z9hG4bK-a2"))
    assert not usage.unacknowledged and bench.advance(40) == []


def test_an_update_while_our_offer_waits_for_its_ack_is_glare() -> None:
    bench = Bench()
    usage = bench.answered()  # Their INVITE had no offer: our 200 made one.
    bench.receive(bench.in_dialog(usage, "UPDATE", **OFFER))
    assert bench.take(RequestReceived).glare


# Ends that cross, and ends that are told (RFC 3261 12.2.1.2, 15; RFC 5057).


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_an_offer_that_crosses_our_bye_finds_no_call(method: str) -> None:
    bench = Bench()
    usage = bench.established()
    bench.do(usage.bye)
    refused = bench.receive(bench.in_dialog(usage, method, **OFFER))[-1]
    assert refused.kind == f"481 {method}" and bench.happenings == []


@pytest.mark.parametrize("code", [*sorted(FATAL), 403, 488, 491, 500, 503])
def test_an_answer_that_means_the_end_of_the_dialog_says_so(code: int) -> None:
    bench = Bench()
    usage, _ = bench.connected()
    info = asked(bench.do(usage.request, "INFO")[0])
    bench.receive(response(info, code, headers=["Retry-After: 7;duration=3"]))
    told = bench.take(ResponseReceived)
    assert told.fatal is (code in FATAL) and told.retry_after == 7
    assert bench.do(usage.bye)[0].kind == "BYE"


def test_the_refusal_of_a_first_invite_is_the_end_of_nothing() -> None:
    bench = Bench()
    _, invite = bench.call()
    bench.receive(response(invite, 481))
    told = bench.take(ResponseReceived)
    assert not told.fatal and told.retry_after is None


def test_a_re_invite_of_a_call_that_was_ended_is_given_up_after_64_t1() -> None:
    bench = Bench()
    usage = bench.established()
    (offer,) = bench.do(usage.reinvite, sdp=SDP)
    bench.receive(response(asked(offer), 100, tag=""))
    bench.receive(bench.in_dialog(usage, "BYE"))
    assert bench.take(RequestReceived).method == "BYE"
    bench.advance(64)
    assert bench.happenings == [] and not bench.agent.usages and len(bench.agent.timers) == 0


def test_a_re_invite_that_only_rings_keeps_waiting_while_the_call_lives() -> None:
    bench = Bench()
    usage = bench.established()
    (offer,) = bench.do(usage.reinvite, sdp=SDP)
    bench.receive(response(asked(offer), 180, tag="alice"))
    bench.happenings.clear()
    bench.advance(300)
    assert bench.happenings == [] and usage.pending_invite


# CANCEL (RFC 3261 9).


def test_a_cancel_before_our_first_answer_is_told_and_487_is_still_to_come() -> None:
    bench = Bench()
    invite = bench.ring()
    assert bench.receive(request("CANCEL"))[0].kind == "200 CANCEL"
    with pytest.raises(UsageError):
        bench.do(invite.usage.cancel)
    assert bench.do(invite.usage.respond, invite.transaction, 487)[0].kind == "487 INVITE"


def test_a_cancel_that_meets_our_200_changes_nothing() -> None:
    bench = Bench()
    usage = bench.answered()
    bench.happenings.clear()
    assert bench.receive(request("CANCEL"))[0].kind == "200 CANCEL"
    assert bench.happenings == [] and usage.established


def test_a_cancelled_re_invite_is_told_as_the_invite_it_is() -> None:
    bench = Bench()
    usage = bench.established()
    bench.receive(bench.in_dialog(usage, "INVITE", branch="z9hG4bK-re", **OFFER))
    told = bench.take(RequestReceived)
    cancel = bench.in_dialog(usage, "CANCEL", branch="z9hG4bK-re")
    assert bench.receive(cancel)[0].kind == "200 CANCEL"
    bench.do(usage.respond, told.transaction, 487)
    assert usage.established


# Requests other than INVITE (RFC 4320).


def test_a_request_that_nobody_answers_hears_100_late_and_408_never() -> None:
    bench = Bench()
    usage = bench.established()
    info = bench.in_dialog(usage, "INFO")
    bench.receive(info)
    told = bench.take(RequestReceived)
    assert bench.advance(3.4) == [] and bench.receive(info) == []
    (late,) = bench.advance(0.2)
    assert late.kind == "100 INFO" and bench.receive(info)[0].data == late.data
    with pytest.raises(UsageError, match="408"):
        bench.do(usage.respond, told.transaction, 408)
    assert bench.do(usage.respond, told.transaction, 200)[0].kind == "200 INFO"
    bench.advance(64)
    assert not bench.agent.uas.transactions


def test_a_request_outside_a_dialog_is_met_only_once() -> None:
    bench = Bench()
    invite = bench.ring()
    other = request(via="SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bK-other")
    assert bench.receive(other, PEER)[0].kind == "482 INVITE"
    assert bench.happenings == [] and len(bench.agent.usages) == 1
    again = bench.in_dialog(invite.usage, "OPTIONS")
    assert bench.receive(again)[0].kind == "200 OPTIONS"


def test_what_the_peer_says_of_its_info_package_reaches_the_user() -> None:
    bench = Bench()
    usage = bench.established()
    headers = ["Info-Package: dtmf", "Content-Disposition: Info-Package"]
    bench.receive(
        bench.in_dialog(
            usage, "INFO", headers=headers, body=b"5", content_type="application/dtmf-relay"
        )
    )
    told = bench.take(RequestReceived)
    assert told.request.named("info-package") == ["dtmf"]
    (refused,) = bench.do(usage.respond, told.transaction, 469, headers=[("Recv-Info", "")])
    assert refused.kind == "469 INFO"


def test_a_call_that_was_cancelled_before_it_went_out_is_told_to_have_timed_out() -> None:
    bench = Bench()
    usage, _ = bench.call()
    bench.do(usage.cancel)
    bench.advance(32.01)
    assert bench.take(TransactionTimedOut).method == "INVITE"
    assert usage.state is UsageState.TERMINATED and not bench.agent.usages


def test_a_call_of_a_user_who_forgot_it_is_refused_by_the_stack() -> None:
    bench = Bench()
    bench.receive(request(body=SDP))
    told = bench.take(InviteReceived)
    assert bench.do(told.usage.close)[0].kind == "480 INVITE"
    bench.receive(request("ACK", to_tag=told.usage.local_tag))
    bench.advance(64)
    assert not bench.agent.usages and len(bench.agent.timers) == 0


# What the first INVITE says.


def test_a_route_of_the_user_is_taken_by_the_ack_and_the_cancel_too() -> None:
    bench = Bench()
    routes = ["<sip:edge.example.com;lr>", "<sip:core.example.com;lr>"]
    usage, invite = bench.call(headers=[("Route", route) for route in routes])
    assert invite.lines("Route") == routes
    bench.receive(response(invite, 180))
    assert asked(bench.do(usage.cancel)[0]).lines("Route") == routes
    assert asked(bench.receive(response(invite, 487))[0]).lines("Route") == routes


def test_a_redirected_call_keeps_whom_it_was_for() -> None:
    """RFC 3261 8.1.3.4: To, From and Call-ID stay, the Request-URI alone is another."""
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 302))
    again = asked(bench.do(usage.invite, target="sip:other@192.0.2.7:5071")[0])
    assert again.uri_text == "sip:other@192.0.2.7:5071"
    assert again.get("To") == invite.get("To") and again.get("From") == invite.get("From")


def test_an_invitation_that_has_expired_is_told_like_a_cancelled_one() -> None:
    bench = Bench()
    invite = bench.ring(headers=["Expires: 30"])
    bench.do(invite.usage.respond, invite.transaction, 180)
    bench.advance(29.9)
    assert bench.happenings == []
    bench.advance(0.1)
    told = bench.take(CancelReceived)
    assert told.expired and told.transaction is invite.transaction
    assert bench.do(invite.usage.respond, invite.transaction, 487)[0].kind == "487 INVITE"


def test_an_invitation_that_was_answered_in_time_does_not_expire() -> None:
    bench = Bench()
    usage = bench.established(headers=["Expires: 30"])
    bench.ring(headers=["Expires: x"], call_id="c2", branch="z9hG4bK-c2")
    bench.advance(100)
    assert bench.happenings == [] and usage.established
