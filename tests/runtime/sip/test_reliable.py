"""Reliable provisional responses on a fake clock (RFC 3262), both sides."""

from __future__ import annotations

import pytest

from runtime.sip.events import (
    AckTimedOut,
    CancelReceived,
    InviteReceived,
    PrackReceived,
    PrackTimedOut,
    ReliableProvisional,
    ResponseReceived,
)
from runtime.sip.message import Request
from runtime.sip.usage import Usage, UsageError
from tests.runtime.sip.peer import SDP, Bench, Sent, request, response

SUPPORTED = ["Supported: 100rel"]
REQUIRED = ["Require: 100rel"]


def rung(
    bench: Bench, headers: list[str] = SUPPORTED, sdp: bytes | None = SDP
) -> tuple[InviteReceived, Sent]:
    """A call that got 183 reliably."""
    invite = bench.ring(headers=headers, body=SDP)
    (progress,) = bench.do(
        invite.usage.respond, invite.transaction, 183, sdp=sdp, reliable=headers is SUPPORTED
    )
    return invite, progress


def prack(
    bench: Bench, usage: Usage, progress: Sent, *, number: int = 2, **options: object
) -> bytes:
    rack = f"RAck: {progress.message.get('RSeq')} {progress.message.cseq.number} INVITE"
    return bench.in_dialog(usage, "PRACK", number=number, headers=[rack], **options)


def test_a_reliable_response_says_so_and_is_repeated_until_its_prack() -> None:
    bench = Bench()
    invite, progress = rung(bench)
    assert progress.message.tokens("Require") == ["100rel"]
    assert progress.message.get("Contact") and progress.message.sdp == SDP
    assert 0 < int(progress.message.get("RSeq") or 0) < 2**31
    sent = bench.advance(8)
    # RFC 3262 3: T1, doubled each time, without the bound of T2.
    assert [round(again.at, 1) for again in sent] == [0.5, 1.5, 3.5, 7.5]
    assert all(again.data == progress.data for again in sent)
    assert bench.receive(prack(bench, invite.usage, progress)) == []
    told = bench.take(PrackReceived)
    (ok,) = bench.do(invite.usage.respond, told.transaction, 200)
    assert ok.kind == "200 PRACK" and bench.advance(40) == []


def test_without_prack_the_user_is_told_after_64_t1_and_only_a_refusal_is_left() -> None:
    bench = Bench()
    invite, _ = rung(bench)
    bench.advance(32.01)
    assert bench.take(PrackTimedOut).transaction is invite.transaction
    with pytest.raises(UsageError, match="5xx"):
        bench.do(invite.usage.respond, invite.transaction, 200)
    assert bench.do(invite.usage.respond, invite.transaction, 504)[0].kind == "504 INVITE"
    bench.advance(64)
    assert not bench.agent.usages and len(bench.agent.timers) == 0


def test_a_second_reliable_response_waits_for_the_prack_of_the_first() -> None:
    bench = Bench()
    invite, first = rung(bench, sdp=None)
    with pytest.raises(UsageError, match="not confirmed"):
        bench.do(invite.usage.respond, invite.transaction, 180, reliable=True)
    assert bench.do(invite.usage.respond, invite.transaction, 181)[0].message.get("RSeq") is None
    bench.receive(prack(bench, invite.usage, first))
    (second,) = bench.do(invite.usage.respond, invite.transaction, 180, reliable=True)
    assert int(second.message.get("RSeq") or 0) == int(first.message.get("RSeq") or 0) + 1


def test_a_2xx_is_held_back_while_a_described_response_waits_for_its_prack() -> None:
    bench = Bench()
    invite, progress = rung(bench)
    assert bench.do(invite.usage.respond, invite.transaction, 200) == []
    assert not invite.usage.established
    with pytest.raises(UsageError):
        bench.do(invite.usage.respond, invite.transaction, 200)
    (answer,) = bench.receive(prack(bench, invite.usage, progress))
    assert answer.kind == "200 INVITE" and invite.usage.established


def test_a_2xx_goes_at_once_after_a_response_without_description() -> None:
    bench = Bench()
    invite, progress = rung(bench, sdp=None)
    (answer,) = bench.do(invite.usage.respond, invite.transaction, 200, sdp=SDP)
    assert answer.kind == "200 INVITE"
    bench.receive(bench.in_dialog(invite.usage, "ACK", number=1))
    assert bench.advance(2) == []  # RFC 3262 3: no more repeats after the final response.
    bench.receive(prack(bench, invite.usage, progress))
    assert bench.happenings[-1].__class__ is PrackReceived


def test_a_held_2xx_gives_way_to_a_refusal() -> None:
    bench = Bench()
    invite, _ = rung(bench)
    bench.do(invite.usage.respond, invite.transaction, 200)
    bench.receive(request("CANCEL"))
    assert bench.do(invite.usage.respond, invite.transaction, 487)[0].kind == "487 INVITE"


def test_a_prack_after_a_refusal_is_answered_by_the_stack() -> None:
    bench = Bench()
    invite, progress = rung(bench)
    bench.do(invite.usage.respond, invite.transaction, 486)
    assert bench.receive(prack(bench, invite.usage, progress))[0].kind == "200 PRACK"
    assert bench.happenings == []
    bench.receive(request("ACK", to_tag=invite.usage.local_tag))
    bench.advance(64)
    assert not bench.agent.usages and not bench.agent.dialogs and len(bench.agent.timers) == 0


@pytest.mark.parametrize(
    ("rack", "code"),
    [("1 1 INVITE", 481), ("{} 2 INVITE", 481), ("{} 1 BYE", 481), ("x", 400), ("", 400)],
)
def test_a_prack_that_confirms_nothing_is_refused(rack: str, code: int) -> None:
    bench = Bench()
    invite, progress = rung(bench)
    headers = [f"RAck: {rack.format(progress.message.get('RSeq'))}"]
    (refused,) = bench.receive(bench.in_dialog(invite.usage, "PRACK", headers=headers))
    assert refused.kind == f"{code} PRACK"


def test_a_repeated_prack_is_absorbed_and_a_second_one_confirms_nothing() -> None:
    bench = Bench()
    invite, progress = rung(bench)
    once = prack(bench, invite.usage, progress)
    bench.receive(once)
    (ok,) = bench.do(invite.usage.respond, bench.take(PrackReceived).transaction, 200)
    assert bench.receive(once)[0].data == ok.data
    again = prack(bench, invite.usage, progress, number=3)
    assert bench.receive(again)[0].kind == "481 PRACK"


def test_a_caller_that_cannot_confirm_gets_no_reliable_response() -> None:
    bench = Bench()
    invite = bench.ring(body=SDP)
    with pytest.raises(UsageError, match="cannot confirm"):
        bench.do(invite.usage.respond, invite.transaction, 183, reliable=True)


def test_a_caller_that_requires_it_gets_every_response_reliably_without_the_user() -> None:
    bench = Bench()
    invite, progress = rung(bench, REQUIRED)
    assert progress.message.tokens("Require") == ["100rel"]
    assert bench.do(invite.usage.respond, invite.transaction, 180) == []
    ok, ringing = bench.receive(prack(bench, invite.usage, progress))
    assert (ok.kind, ringing.kind) == ("200 PRACK", "180 INVITE") and bench.happenings == []
    assert int(ringing.message.get("RSeq") or 0) == int(progress.message.get("RSeq") or 0) + 1
    assert bench.do(invite.usage.respond, invite.transaction, 183, sdp=SDP) == []
    assert bench.do(invite.usage.respond, invite.transaction, 200)[0].kind == "200 INVITE"


def test_a_caller_that_requires_it_and_never_confirms_is_given_up() -> None:
    bench = Bench()
    invite, _ = rung(bench, REQUIRED)
    bench.advance(32.01)
    assert bench.take(CancelReceived).expired
    assert bench.do(invite.usage.respond, invite.transaction, 487)[0].kind == "487 INVITE"
    bench = Bench()
    invite, _ = rung(bench, REQUIRED)
    bench.do(invite.usage.respond, invite.transaction, 200)
    assert bench.advance(32.01)[-1].kind == "504 INVITE"
    assert not bench.take(AckTimedOut).reinvite and invite.usage.ended
    bench.receive(request("ACK", to_tag=invite.usage.local_tag))
    bench.advance(64)
    assert not bench.agent.usages and len(bench.agent.timers) == 0


def test_an_agent_without_the_extension_refuses_who_requires_it() -> None:
    bench = Bench({"extensions": ("timer",)})
    (refused,) = bench.receive(request(headers=REQUIRED))
    assert (refused.kind, refused.message.get("Unsupported")) == ("420 INVITE", "100rel")


# The calling side.


def progress_of(invite: Request, rseq: int | str = 7, code: int = 183, **options: object) -> bytes:
    headers = ["Require: 100rel", f"RSeq: {rseq}"]
    return response(invite, code, headers=headers, **options)  # type: ignore[arg-type]


def test_only_who_asked_for_it_says_that_it_confirms() -> None:
    assert "100rel" not in Bench().call()[1].tokens("Supported")
    assert "100rel" in Bench().call(reliable=True)[1].tokens("Supported")
    bench = Bench()
    _, invite = bench.call()
    bench.receive(progress_of(invite))
    assert bench.take(ResponseReceived).code == 183  # Nothing that could be confirmed.


def test_a_reliable_response_is_told_once_and_confirmed_by_prack() -> None:
    bench = Bench()
    usage, invite = bench.call(reliable=True)
    bench.receive(progress_of(invite, body=SDP))
    told = bench.take(ReliableProvisional)
    assert (told.code, told.sdp, usage.prack_wanted) == (183, SDP, True)
    bench.receive(progress_of(invite, body=SDP))
    bench.receive(progress_of(invite, 9))
    assert bench.happenings == []  # A repeat, and one that came before number 8.
    (sent,) = bench.do(usage.prack)
    assert isinstance(sent.message, Request)
    assert sent.message.get("RAck") == f"7 {invite.cseq.number} INVITE"
    assert sent.message.uri_text == "sip:bob@192.0.2.7:5071"
    bench.receive(response(sent.message, 200))
    answer = bench.take(ResponseReceived)
    assert (answer.method, answer.code) == ("PRACK", 200)
    with pytest.raises(UsageError):
        bench.do(usage.prack)


def test_each_branch_of_a_fork_counts_for_itself_and_is_confirmed_in_its_own_dialog() -> None:
    bench = Bench()
    usage, invite = bench.call(reliable=True)
    bench.receive(progress_of(invite, 100, tag="one"))
    bench.receive(progress_of(invite, 5, tag="two", contact="<sip:two@192.0.2.7:5071>"))
    one, two = bench.do(usage.prack)[0], bench.do(usage.prack)[0]
    assert isinstance(one.message, Request) and isinstance(two.message, Request)
    assert (one.message.to.tag, one.message.get("RAck")) == ("one", "100 1 INVITE")
    assert (two.message.to.tag, two.message.uri_text) == ("two", "sip:two@192.0.2.7:5071")


@pytest.mark.parametrize("rseq", ["0", "x", "4294967296", ""])
def test_a_number_that_is_none_makes_no_reliable_response(rseq: str) -> None:
    bench = Bench()
    _, invite = bench.call(reliable=True)
    bench.receive(progress_of(invite, rseq))
    assert bench.take(ResponseReceived).code == 183


def test_a_prack_is_possible_after_the_2xx_of_its_dialog_and_not_after_a_refusal() -> None:
    bench = Bench()
    usage, invite = bench.call(reliable=True)
    bench.receive(progress_of(invite))
    bench.receive(response(invite, 200, body=SDP))
    assert bench.do(usage.prack)[0].kind == "PRACK"
    usage, invite = bench.call(reliable=True)
    bench.receive(progress_of(invite))
    bench.receive(response(invite, 486))
    with pytest.raises(UsageError):
        bench.do(usage.prack)


def test_a_prack_may_carry_an_offer_that_its_row_answers() -> None:
    bench = Bench()
    invite, progress = rung(bench)
    bench.receive(prack(bench, invite.usage, progress, body=SDP))
    told = bench.take(PrackReceived)
    assert told.sdp == SDP
    (ok,) = bench.do(invite.usage.respond, told.transaction, 200, sdp=SDP)
    assert ok.message.sdp == SDP


def test_a_reliable_response_moves_the_target_of_both_sides_like_a_2xx() -> None:
    """RFC 6141 4.6: in a re-INVITE the new address counts before the final response."""
    bench = Bench()
    usage, _ = bench.connected(reliable=True)
    bench.do(usage.reinvite, sdp=SDP)
    moved = progress_of(bench.last_request(), 1, contact="<sip:moved@192.0.2.7:5071>")
    bench.receive(moved)
    assert bench.take(ReliableProvisional).reinvite
    assert usage.remote_target == "sip:moved@192.0.2.7:5071"
    bench = Bench()
    usage = bench.established()
    offer = bench.in_dialog(
        usage, "INVITE", headers=SUPPORTED, contact="<sip:new@192.0.2.7:5071>", body=SDP
    )
    bench.receive(offer)
    bench.do(usage.respond, usage.open[0], 183, sdp=SDP, reliable=True)
    assert usage.remote_target == "sip:new@192.0.2.7:5071"
