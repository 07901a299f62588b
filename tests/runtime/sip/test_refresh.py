"""Session timers on a fake clock (RFC 4028), both roles."""

from __future__ import annotations

import pytest

from runtime.sip.events import InviteReceived, RefreshDue, RequestReceived, ResponseReceived
from runtime.sip.events import SessionExpired as Expired
from runtime.sip.message import Message, Request
from runtime.sip.refresh import SessionTimer
from runtime.sip.usage import Usage
from tests.runtime.sip.peer import SDP, Bench, request, response

TIMER = "Supported: timer"


def answered(
    bench: Bench, *headers: str, wish: SessionTimer | None = None
) -> tuple[Usage, Message]:
    """A call of the peer that was answered; with the 200."""
    bench.receive(request(headers=headers, body=SDP))
    invite = bench.take(InviteReceived)
    invite.usage.session = wish
    (answer,) = bench.do(invite.usage.respond, invite.transaction, 200, sdp=SDP)
    bench.receive(bench.in_dialog(invite.usage, "ACK", number=1))
    bench.happenings.clear()
    return invite.usage, answer.message


# The side that answers: RFC 4028 9, table 2.
WISH = SessionTimer(600, refresher="local")
AGREED = [
    ([TIMER, "Session-Expires: 1800;refresher=uac"], None, "1800;refresher=uac", "timer"),
    ([TIMER, "Session-Expires: 1800;refresher=uas"], None, "1800;refresher=uas", ""),
    ([TIMER, "x: 1800"], None, "1800;refresher=uac", "timer"),
    ([TIMER, "Session-Expires: 1800"], WISH, "600;refresher=uas", ""),
    ([TIMER, "Session-Expires: 1800", "Min-SE: 900"], WISH, "900;refresher=uas", ""),
    ([TIMER], WISH, "600;refresher=uas", ""),
    ([TIMER], None, None, ""),
    ([], WISH, "600;refresher=uas", ""),
    (["Session-Expires: 1800"], None, "1800;refresher=uas", ""),
    (["Session-Expires: 60"], None, None, ""),
    ([], None, None, ""),
]


@pytest.mark.parametrize(("headers", "wish", "expires", "required"), AGREED)
def test_the_answer_says_what_was_agreed(
    headers: list[str], wish: SessionTimer | None, expires: str | None, required: str
) -> None:
    usage, answer = answered(Bench(), *headers, wish=wish)
    assert answer.get("Session-Expires") == expires
    assert (answer.get("Require") or "") == required
    assert (usage.refresh is not None) == (expires is not None)


@pytest.mark.parametrize(("asked", "code"), [("89", 422), ("x", 400), ("99999999999", 400)])
def test_an_interval_that_is_too_small_or_none_is_refused(asked: str, code: int) -> None:
    bench = Bench()
    (refused,) = bench.receive(request(headers=[TIMER, f"Session-Expires: {asked}"]))
    assert refused.kind == f"{code} INVITE"
    assert refused.message.get("Min-SE") == ("90" if code == 422 else None)
    assert bench.agent.counters[f"refused_{code}"] == 1 and bench.happenings == []


def test_a_peer_that_does_not_refresh_lets_the_session_expire() -> None:
    bench = Bench()
    usage, _ = answered(bench, TIMER, "Session-Expires: 300;refresher=uac")
    bench.advance(267)
    assert bench.happenings == []
    bench.advance(1)  # RFC 4028 10: min(32, 300 / 3) s before its end.
    assert bench.take(Expired).usage is usage


def test_a_refresh_of_the_peer_begins_the_interval_anew() -> None:
    bench = Bench()
    usage, _ = answered(bench, TIMER, "Session-Expires: 90;refresher=uac")
    for number in range(2, 6):
        bench.advance(45)
        update = bench.in_dialog(
            usage, "UPDATE", number, headers=[TIMER, "Session-Expires: 90;refresher=uac"]
        )
        bench.receive(update)
        (ok,) = bench.do(usage.respond, bench.take(RequestReceived).transaction, 200)
        assert ok.message.get("Session-Expires") == "90;refresher=uac"
    bench.advance(59)
    assert bench.happenings == []
    bench.advance(1)
    bench.take(Expired)


def test_a_re_invite_without_the_header_ends_the_timer() -> None:
    bench = Bench()
    usage, _ = answered(bench, TIMER, "Session-Expires: 90;refresher=uac")
    bench.receive(bench.in_dialog(usage, "INVITE", body=SDP))
    bench.do(usage.respond, bench.take(RequestReceived).transaction, 200, sdp=SDP)
    bench.receive(bench.in_dialog(usage, "ACK"))
    bench.happenings.clear()
    bench.advance(1000)
    assert bench.happenings == [] and usage.refresh is None


def test_a_re_invite_below_the_least_interval_is_refused() -> None:
    bench = Bench({"min_se": 120})
    usage, _ = answered(bench, TIMER, "Session-Expires: 120;refresher=uac")
    short = [TIMER, "Session-Expires: 90"]
    (refused,) = bench.receive(bench.in_dialog(usage, "INVITE", headers=short, body=SDP))
    assert (refused.kind, refused.message.get("Min-SE")) == ("422 INVITE", "120")


# The side that asks.


def connected(bench: Bench, wish: SessionTimer | None, *headers: str) -> tuple[Usage, Request]:
    usage, invite = bench.call(session=wish)
    bench.receive(response(invite, 200, body=SDP, headers=headers))
    bench.do(usage.ack)
    bench.happenings.clear()
    return usage, invite


def test_a_call_asks_for_a_timer_only_if_its_user_does() -> None:
    _, invite = Bench().call()
    assert invite.get("Session-Expires") is None and "timer" not in invite.tokens("Supported")
    _, invite = Bench().call(session=SessionTimer(1800, 120, "remote"))
    assert invite.get("Session-Expires") == "1800;refresher=uas"
    assert invite.get("Min-SE") == "120" and "timer" in invite.tokens("Supported")


def test_who_refreshes_is_told_at_half_the_interval_and_keeps_its_role() -> None:
    bench = Bench()
    usage, _ = connected(
        bench, SessionTimer(1800), "Session-Expires: 1800;refresher=uac", "Require: timer"
    )
    bench.advance(900)
    assert bench.take(RefreshDue).usage is usage
    (sent,) = bench.do(usage.request, "UPDATE")
    update = sent.message
    assert isinstance(update, Request)
    assert update.get("Session-Expires") == "1800;refresher=uac"
    assert "timer" in update.tokens("Supported")
    bench.receive(response(update, 200, headers=["Session-Expires: 1800;refresher=uac"]))
    bench.take(ResponseReceived)
    bench.advance(899)
    assert bench.happenings == []
    bench.advance(1)
    bench.take(RefreshDue)


def test_a_refresh_that_fails_lets_the_session_expire() -> None:
    bench = Bench()
    connected(bench, SessionTimer(90), "Session-Expires: 90;refresher=uac")
    bench.advance(60)
    assert [type(told) for told in bench.happenings] == [RefreshDue, Expired]


def test_a_peer_that_refreshes_and_falls_silent_is_noticed() -> None:
    bench = Bench()
    connected(bench, SessionTimer(90), "Session-Expires: 90;refresher=uas")
    bench.advance(60)
    assert [type(told) for told in bench.happenings] == [Expired]


def test_a_peer_without_timers_has_none() -> None:
    bench = Bench()
    usage, _ = connected(bench, SessionTimer(90))
    bench.advance(3600)
    assert bench.happenings == [] and usage.refresh is None


def test_after_422_the_next_invite_asks_for_enough() -> None:
    bench = Bench()
    usage, invite = bench.call(session=SessionTimer(90))
    bench.receive(response(invite, 422, headers=["Min-SE: 1800"]))
    assert bench.take(ResponseReceived).code == 422
    (again,) = bench.do(usage.invite, sdp=SDP)
    assert again.message.get("Session-Expires") == "1800"
    assert again.message.get("Min-SE") == "1800"
    assert again.message.cseq.number == invite.cseq.number + 1


def test_nothing_is_left_of_the_timers_of_a_call_that_ended() -> None:
    bench = Bench()
    usage, _ = answered(bench, TIMER, "Session-Expires: 90;refresher=uas")
    bench.receive(bench.in_dialog(usage, "BYE"))
    bench.advance(64)
    assert len(bench.agent.timers) == 0 and not bench.agent.usages


@pytest.mark.parametrize("values", [(60, 60), (90, 120), (2**40, 90)])
def test_a_wish_that_no_message_could_carry_is_refused(values: tuple[int, int]) -> None:
    with pytest.raises(ValueError):
        SessionTimer(*values)
