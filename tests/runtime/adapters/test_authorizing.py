"""Challenges: who gets our credentials, for which request, and who does not."""

import pytest

from runtime.adapters.port import ActionError
from runtime.sip.auth import Credentials, DigestServer, ha1
from runtime.sip.events import InviteReceived, RequestReceived
from tests.runtime.adapters.fakes import OFFER
from tests.runtime.adapters.test_leg import Call

SOURCE = "192.0.2.1"


@pytest.fixture
def call(tmp_path):
    call = Call(tmp_path, "sip:bob@192.0.2.9")
    call.leg.credentials = lambda challenge: (
        Credentials("we", "secret") if challenge.realm == "trunk" else None
    )
    return call


@pytest.fixture
def server():
    return DigestServer("trunk", b"x" * 32)


def challenged(call, server, asked, code=401):
    headers = server.challenge(call.wire.time, SOURCE, proxy=code == 407)
    asked.usage.respond(asked.transaction, code, headers=headers, now=call.wire.time)
    call.wire.flush()


def proves(call, server, request):
    known = {"we": "secret"}
    verdict = server.verify(
        request, call.wire.time, SOURCE, lambda user, how: ha1(user, "trunk", known[user], how)
    )
    return verdict.outcome == "ok"


async def up(call, server=None):
    """Place the call and have it answered, after a challenge if there is a server."""
    invite = await call.placed()
    if server is not None:
        challenged(call, server, invite)
        await call.do("StoreAuthChallenge", call.event)
        await call.do("SendINVITEWithAuth", call.event)
        invite = call.wire.last(InviteReceived)
    invite.usage.respond(invite.transaction, 200, sdp=OFFER.encode(), now=call.wire.time)
    call.wire.flush()
    await call.do("SendACK", call.event)
    await call.do("NegotiateSDPAsUAC", call.event)


@pytest.mark.parametrize("code", [401, 407])
async def test_a_challenged_invite_goes_out_again_with_its_offer_and_credentials(
    call, server, code
):
    first = await call.placed()
    challenged(call, server, first, code)
    assert (call.event.name, call.event.fields["realm"]) == ("AuthRequired", "trunk")
    await call.do("StoreAuthChallenge", call.event)
    await call.do("SendINVITEWithAuth", call.event)
    second = call.wire.last(InviteReceived)
    assert second.sdp == first.sdp and second.request.cseq.number == 2
    assert proves(call, server, second.request)
    second.usage.respond(second.transaction, 200, sdp=OFFER.encode(), now=call.wire.time)
    call.wire.flush()
    await call.do("SendACK", call.event)
    await call.do("NegotiateSDPAsUAC", call.event)
    assert call.link.log[-1] == ("accept", OFFER) and call.leg.unsettled() is None


async def test_a_challenge_answers_nothing_until_it_is_stored(call, server):
    challenged(call, server, await call.placed())
    with pytest.raises(ActionError, match="no challenge"):
        await call.do("SendINVITEWithAuth", call.event)
    await call.do("StoreAuthChallenge", call.event)
    with pytest.raises(ActionError, match="SendINVITEWithAuth"):
        await call.do("SendRequestWithAuth", call.event)


async def test_another_realm_gets_no_credentials(call):
    challenged(call, DigestServer("elsewhere", b"y" * 32), await call.placed())
    await call.do("StoreAuthChallenge", call.event)
    with pytest.raises(ActionError, match="no credentials"):
        await call.do("SendINVITEWithAuth", call.event)
    assert len([line for line in call.wire.lines() if line.startswith("INVITE")]) == 1


@pytest.mark.parametrize(
    ("action", "arguments", "method"),
    [
        ("SendINFO", {"digits": "5"}, "INFO"),
        ("SendMESSAGE", {"body": "hello"}, "MESSAGE"),
        ("SendUPDATE", {}, "UPDATE"),
        ("SendUPDATE", {"direction": "sendonly"}, "UPDATE"),
        ("HoldCall", {}, "INVITE"),
    ],
)
async def test_a_challenged_request_of_the_call_goes_out_again_as_it_was(
    call, server, action, arguments, method
):
    await up(call)
    await call.do(action, **arguments)
    first = call.wire.last(RequestReceived)
    challenged(call, server, first, 407)
    assert call.event.name == "AuthRequired" and call.event.fields["method"] == method
    await call.do("StoreAuthChallenge", call.event)
    await call.do("SendRequestWithAuth", call.event)
    second = call.wire.last(RequestReceived)
    assert second.method == method and second.request.body == first.request.body
    assert second.request.cseq.number == first.request.cseq.number + 1
    assert proves(call, server, second.request)
    sdp = OFFER.encode() if second.sdp else None
    second.usage.respond(second.transaction, 200, sdp=sdp, now=call.wire.time)
    call.wire.flush()
    if method == "INVITE":
        await call.do("SendACK", call.event)
    await call.do("NegotiateSDPAsUAC", call.event)
    assert call.leg.unsettled() is None and "rollback" not in call.link.ops()


async def test_keys_behind_a_challenged_one_follow_when_it_was_accepted(call, server):
    await up(call)
    await call.do("SendINFO", digits="12")
    challenged(call, server, call.wire.last(RequestReceived))
    await call.do("StoreAuthChallenge", call.event)
    await call.do("SendRequestWithAuth", call.event)
    for key in (b"Signal=1", b"Signal=2"):
        asked = call.wire.last(RequestReceived)
        assert asked.request.body.startswith(key)
        asked.usage.respond(asked.transaction, 200, now=call.wire.time)
        call.wire.flush()


async def test_a_redirected_call_takes_no_credentials_along(call, server):
    challenged(call, server, await call.placed())
    await call.do("StoreAuthChallenge", call.event)
    await call.do("SendINVITEWithAuth", call.event)
    second = call.wire.last(InviteReceived)
    assert second.request.get("Authorization")
    headers = [("Contact", "<sip:carol@192.0.2.9>")]
    second.usage.respond(second.transaction, 302, headers=headers, now=call.wire.time)
    call.wire.flush()
    await call.do("RetryWithContact", call.event)
    assert call.wire.last(InviteReceived).request.get("Authorization") is None
