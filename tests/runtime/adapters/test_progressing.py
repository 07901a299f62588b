"""Reliable provisional answers on both sides, and session timers that a table asks for."""

import pytest

from runtime.adapters.port import ActionError
from runtime.executor.step import Event
from runtime.sip.events import (
    InviteReceived,
    PrackReceived,
    ReliableProvisional,
    RequestReceived,
    ResponseReceived,
)
from runtime.sip.refresh import SessionTimer
from tests.runtime.adapters.fakes import OFFER, THEIRS
from tests.runtime.adapters.test_leg import Call

WORDS = frozenset(("SendPRACK", "SessionRefreshDue"))


@pytest.fixture
def call(tmp_path):
    call = Call(tmp_path, "sip:bob@192.0.2.9")
    call.leg.words = WORDS
    return call


def invited(call, sdp=OFFER, reliable=True, session=None):
    agent = call.wire.theirs
    usage = agent.prepare(
        "sip:echo@192.0.2.1", caller="sip:them@192.0.2.9", hop=THEIRS, reliable=reliable,
        session=session,
    )  # fmt: skip
    usage.invite(sdp=sdp.encode() if sdp else None, now=call.wire.time)
    call.wire.flush()
    return usage


def answered(call, asked, code, **more):
    asked.usage.respond(asked.transaction, code, now=call.wire.time, **more)
    call.wire.flush()


def pass_time(call, seconds):
    for _ in range(int(seconds)):
        call.wire.time += 1
        call.wire.ours.expire(call.wire.time)
        call.wire.theirs.expire(call.wire.time)
        call.wire.flush()


# -- called ----------------------------------------------------------------------------------------


async def test_early_media_is_answered_reliably_and_the_2xx_says_nothing_new(call):
    usage = invited(call)
    await call.do("CreateDialog")
    await call.do("PrepareEarlyMediaSDP")
    await call.do("SendReliableProgress", Event("SendEarlyMedia"))
    early = call.wire.last(ReliableProvisional)
    assert (early.code, early.sdp) == (183, b"v=0 our answer 1\r\n")
    usage.prack(now=call.wire.time)
    call.wire.flush()
    assert call.event.name == "DialogPRACK" and "sdp" not in call.event.fields
    await call.do("SendSIPResponse", call.event, code=200)
    await call.do("NegotiateSDPAsUAS", call.event)
    await call.do("StartMediaSession")
    await call.do("SendReliableProgress", code=180)
    assert call.wire.last(ReliableProvisional).sdp is None
    usage.prack(now=call.wire.time)
    call.wire.flush()
    await call.do("SendSIPResponse", call.event, code=200)
    await call.do("SendSIPResponse", code=200)
    final = call.wire.last(ResponseReceived)
    assert (final.method, final.code, final.sdp) == ("INVITE", 200, None)


async def test_an_offer_of_ours_is_answered_by_the_prack(call):
    usage = invited(call, sdp=None)
    await call.do("CreateDialog")
    await call.do("PrepareEarlyMediaSDP")
    await call.do("SendReliableProgress")
    assert call.wire.last(ReliableProvisional).sdp == b"v=0 our offer 1\r\n"
    usage.prack(sdp=b"v=0 theirs\r\n", now=call.wire.time)
    call.wire.flush()
    assert call.event.fields["sdp"] == "v=0 theirs\r\n"
    await call.do("SendSIPResponse", call.event, code=200)
    await call.do("NegotiateSDPAsUAS", call.event)
    assert call.link.log[-1] == ("accept", "v=0 theirs\r\n")
    await call.do("SendSIPResponse", code=200)
    assert call.wire.last(ResponseReceived).sdp is None


async def test_a_caller_that_cannot_confirm_gets_a_plain_183_instead(call):
    invited(call, reliable=False)
    await call.do("CreateDialog")
    await call.do("PrepareEarlyMediaSDP")
    with pytest.raises(ActionError, match="cannot confirm"):
        await call.do("SendReliableProgress")
    await call.do("SendSIPResponse", code=183)
    assert call.wire.last(ResponseReceived).sdp == b"v=0 our answer 1\r\n"
    await call.do("SendSIPResponse", code=200)
    assert call.wire.last(ResponseReceived).sdp == b"v=0 our answer 1\r\n"


async def test_a_prack_that_never_comes_is_a_timeout(call):
    invited(call)
    await call.do("CreateDialog")
    await call.do("SendReliableProgress", code=180)
    pass_time(call, 40)
    assert call.event == Event("DialogTimeout", {"method": "PRACK"})
    with pytest.raises(ActionError, match="no PRACK"):
        await call.do("SendSIPResponse", code=200)


# -- calling ---------------------------------------------------------------------------------------


async def test_a_reliable_answer_to_our_offer_is_taken_and_confirmed(call):
    invite = await call.placed()
    answered(call, invite, 183, sdp=b"v=0 early\r\n", reliable=True)
    assert call.event.name == "DialogReliableProgress"
    assert (call.event.fields["code"], call.event.fields["sdp"]) == (183, "v=0 early\r\n")
    await call.do("SendPRACK", call.event)
    await call.do("NegotiateSDPAsUAC", call.event)
    assert call.link.log[-1] == ("accept", "v=0 early\r\n")
    prack = call.wire.last(PrackReceived)
    assert prack.sdp is None
    answered(call, prack, 200)
    assert call.names() == ["DialogReliableProgress"]


async def test_an_offer_in_a_reliable_answer_is_answered_by_our_prack(call):
    await call.do("CreateDialog")
    await call.do("SendINVITE")
    answered(call, call.wire.last(InviteReceived), 183, sdp=OFFER.encode(), reliable=True)
    await call.do("SendPRACK", call.event)
    assert call.wire.last(PrackReceived).sdp == b"v=0 our answer 1\r\n"


async def test_a_table_without_prack_says_nothing_of_100rel(call):
    call.leg.words = frozenset()
    invite = await call.placed()
    assert "100rel" not in invite.request.tokens("Supported")


# -- session timers --------------------------------------------------------------------------------


async def up(call, **arguments):
    await call.do("CreateDialog")
    await call.do("ArmSessionRefreshTimer", **arguments)
    await call.do("GenerateLocalSDP")
    await call.do("SendINVITE")
    invite = call.wire.last(InviteReceived)
    answered(call, invite, 200, sdp=OFFER.encode())
    await call.do("SendACK", call.event)
    await call.do("NegotiateSDPAsUAC", call.event)
    return invite


async def test_a_call_that_asked_for_a_timer_is_told_when_to_refresh(call):
    invite = await up(call, interval=120, refresher="ours")
    assert invite.request.get("Session-Expires") == "120;refresher=uac"
    pass_time(call, 61)
    assert call.event == Event("SessionRefreshDue", {"method": "UPDATE"})
    await call.do("SendUPDATE")
    answered(call, call.wire.last(RequestReceived), 200)
    pass_time(call, 58)
    assert call.event.name == "UpdateAccepted"
    pass_time(call, 4)
    assert call.event.name == "SessionRefreshDue"


async def test_a_session_that_nobody_refreshes_expires(call):
    await up(call, interval=90, refresher="theirs")
    pass_time(call, 61)
    assert call.event == Event("SessionExpired")


async def test_an_interval_that_is_too_short_is_made_longer_twice_at_most(call):
    await call.do("CreateDialog")
    await call.do("ArmSessionRefreshTimer", interval=90)
    await call.do("GenerateLocalSDP")
    await call.do("SendINVITE")
    for minimum in (300, 600):
        headers = [("Min-SE", str(minimum))]
        answered(call, call.wire.last(InviteReceived), 422, headers=headers)
        assert call.event.fields["minimum"] == minimum
        await call.do("SendINVITEWithBumpedSessionExpires", call.event)
        again = call.wire.last(InviteReceived)
        assert again.request.get("Session-Expires") == str(minimum)
        assert again.request.get("Min-SE") == str(minimum) and again.sdp
    answered(call, call.wire.last(InviteReceived), 422, headers=[("Min-SE", "900")])
    with pytest.raises(ActionError, match="2 times"):
        await call.do("SendINVITEWithBumpedSessionExpires", call.event)


async def test_a_table_that_knows_no_timers_refreshes_by_itself(call):
    call.leg.words = frozenset()
    session = SessionTimer(120, refresher="remote")
    usage = invited(call, reliable=False, session=session)
    await call.do("CreateDialog")
    await call.do("GenerateLocalSDP")
    await call.do("SendSIPResponse", code=200)
    usage.ack(now=call.wire.time)
    call.wire.flush()
    pass_time(call, 61)
    update = call.wire.last(RequestReceived)
    assert update.method == "UPDATE" and update.sdp is None
    answered(call, update, 200)
    assert call.names() == ["IncomingCall", "DialogACK"]
