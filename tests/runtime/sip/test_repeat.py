"""Challenged requests that are sent again with credentials, and whatever follows them."""

from __future__ import annotations

import pytest

from runtime.sip.auth import Credentials, DigestClient
from runtime.sip.events import ResponseReceived
from runtime.sip.message import Request
from runtime.sip.usage import UsageError, UsageState
from tests.runtime.sip.peer import SDP, Bench, Sent, response

CHALLENGE = 'Digest realm="example.com", nonce="abc", qop="auth", algorithm=MD5'
CLIENT = Credentials("alice", "secret")


def asked(sent: Sent) -> Request:
    assert isinstance(sent.message, Request)
    return sent.message


def challenge(sent: Request, code: int = 401, nonce: str = "abc") -> bytes:
    name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
    text = CHALLENGE.replace("abc", nonce)
    return response(sent, code, headers=[f"{name}: {text}"])


def client() -> DigestClient:
    return DigestClient(CLIENT, random_hex=lambda size: "c" * 2 * size)


@pytest.mark.parametrize(("code", "header"), [(401, "Authorization"), (407, "Proxy-Authorization")])
def test_an_invite_is_repeated_with_credentials_and_so_is_all_that_follows(
    code: int, header: str
) -> None:
    bench = Bench()
    usage, invite = bench.call(headers=[("X-A", "b")])
    bench.receive(challenge(invite, code))
    usage.authorize(bench.take(ResponseReceived).response, client())
    again = asked(bench.do(usage.repeat, "INVITE")[0])
    assert again.cseq.number == invite.cseq.number + 1 and again.call_id == invite.call_id
    assert again.from_.tag == invite.from_.tag and again.to.tag == ""
    assert again.sdp == SDP and again.lines("X-A") == ["b"] and len(again.lines("Contact")) == 1
    credentials = again.get(header) or ""
    assert 'username="alice"' in credentials and "nc=00000001" in credentials
    bench.receive(response(again, 200, body=SDP))
    ack = asked(bench.do(usage.ack)[0])
    assert ack.get(header) == credentials  # RFC 3261 22.1: an ACK cannot be challenged.
    bye = asked(bench.do(usage.bye)[0])
    assert "nc=00000002" in (bye.get(header) or "")


def test_a_user_may_send_the_first_invite_anew() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(challenge(invite))
    usage.authorize(bench.take(ResponseReceived).response, client())
    again = asked(bench.do(usage.invite, sdp=SDP)[0])
    assert again.get("Authorization") and again.cseq.number == invite.cseq.number + 1
    with pytest.raises(UsageError):
        bench.do(usage.repeat, "INVITE")


def test_a_challenged_bye_ends_the_call_after_all() -> None:
    bench = Bench()
    usage, _ = bench.connected()
    bye = asked(bench.do(usage.bye)[0])
    bench.receive(challenge(bye))
    told = bench.take(ResponseReceived)
    assert told.code == 401 and usage.state is UsageState.TERMINATED
    usage.authorize(told.response, client())
    again = asked(bench.do(usage.repeat, "BYE")[0])
    assert again.cseq.number == bye.cseq.number + 1 and again.get("Authorization")
    bench.receive(response(again, 200))
    assert bench.take(ResponseReceived).code == 200
    bench.advance(64)
    assert not bench.agent.usages and not bench.agent.dialogs and len(bench.agent.timers) == 0


def test_a_bye_with_an_old_nonce_ends_a_call_whose_user_has_let_go() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(challenge(invite))
    usage.authorize(bench.take(ResponseReceived).response, client())
    again = asked(bench.do(usage.repeat, "INVITE")[0])
    bench.receive(response(again, 200, body=SDP))
    bench.do(usage.ack)
    bye = asked(bench.do(usage.close)[0])
    second = asked(bench.receive(challenge(bye, nonce="new"))[0])
    assert second.method == "BYE" and 'nonce="new"' in (second.get("Authorization") or "")
    assert bench.receive(challenge(second, nonce="newer")) == []  # Once: it may never end.
    bench.advance(64)
    assert not bench.agent.usages and not bench.agent.dialogs


@pytest.mark.parametrize("method", ["UPDATE", "INFO", "REFER", "MESSAGE"])
def test_a_request_in_the_dialog_is_repeated_there(method: str) -> None:
    bench = Bench()
    usage, _ = bench.connected()
    options = {"headers": [("Refer-To", "<sip:c@h>")]} if method == "REFER" else {}
    body = {"body": b"x", "content_type": "text/plain"} if method == "INFO" else {}
    first = asked(bench.do(usage.request, method, **options, **body)[0])
    bench.receive(challenge(first, 407))
    usage.authorize(bench.take(ResponseReceived).response, client())
    again = asked(bench.do(usage.repeat, method)[0])
    assert again.uri_text == first.uri_text and again.to.tag == first.to.tag
    assert again.body == first.body and again.content_type == first.content_type
    assert again.get("Refer-To") == first.get("Refer-To") and again.get("Proxy-Authorization")
    assert again.cseq.number == first.cseq.number + 1
    with pytest.raises(UsageError):
        bench.do(usage.repeat, method)


def test_a_re_invite_is_repeated_with_its_offer() -> None:
    bench = Bench()
    usage, _ = bench.connected()
    first = asked(bench.do(usage.reinvite, sdp=SDP)[0])
    bench.receive(challenge(first))
    told = bench.take(ResponseReceived)
    assert told.reinvite and not told.fatal
    usage.authorize(told.response, client())
    again = asked(bench.do(usage.repeat, "INVITE")[0])
    assert again.sdp == SDP and again.to.tag == "bob" and again.get("Authorization")
    assert usage.own_invite is not None and usage.own_invite.reinvite


def test_a_register_is_repeated_with_the_same_call_id() -> None:
    bench = Bench()
    usage = bench.agent.prepare(
        "sip:us@192.0.2.7:5071", caller="sip:us@192.0.2.7", hop=bench.hop, now=bench.now
    )
    first = asked(bench.do(usage.register, expires=60)[0])
    bench.receive(challenge(first))
    usage.authorize(bench.take(ResponseReceived).response, client())
    again = asked(bench.do(usage.repeat, "REGISTER")[0])
    assert again.get("Authorization") and again.get("Expires") == "60"
    assert len(again.lines("Contact")) == 1 and again.call_id == first.call_id
    assert again.cseq.number == first.cseq.number + 1


def test_what_is_no_challenge_cannot_be_answered() -> None:
    bench = Bench()
    usage, invite = bench.call()
    bench.receive(response(invite, 401, headers=["WWW-Authenticate: Basic realm=x"]))
    told = bench.take(ResponseReceived)
    with pytest.raises(UsageError, match="no challenge"):
        usage.authorize(told.response, client())
    with pytest.raises(UsageError):
        bench.do(usage.repeat, "BYE")


def test_a_422_is_repeated_with_an_interval_that_is_long_enough() -> None:
    from runtime.sip.refresh import SessionTimer

    bench = Bench()
    usage, invite = bench.call(session=SessionTimer(90))
    bench.receive(response(invite, 422, headers=["Min-SE: 600"]))
    again = asked(bench.do(usage.repeat, "INVITE")[0])
    assert again.lines("Session-Expires") == ["600"] and again.sdp == SDP
