"""Damaged messages: every kind the stack knows, and what a hostile wire makes of it."""

from __future__ import annotations

import random
from collections.abc import Callable

from runtime.sip import headers
from runtime.sip.auth import DigestServer, challenges, choose
from runtime.sip.message import Malformed, Message, Request, Response
from runtime.sip.wire import parse
from tests.runtime.sip.peer import SDP, Bench, request, response
from tests.runtime.sip.torture import messages

_PIECES = [b"\r\n", b"\r\n\r\n", b"\x00", b'"', b"<", b">", b";", b",", b":", b" ", b"%", b"@"]
_PIECES += [b"\xff", b"99999999999", b"-1", b"\\", b"[", b"]", b"SIP/2.0", b"\t", b"\n", b"\r"]
_PIECES += ["é".encode(), "٣".encode(), b"\\\x00", b"%0d%0a", b"?", b"&", b"*", b"=", b"\r\n "]

_CHALLENGE = 'Digest realm="pbx.example.com", nonce="abc", algorithm=SHA-256, qop="auth,auth-int"'
_CREDENTIALS = (
    'Authorization: Digest username="al\\"ice", realm="r", nonce="n", uri="sip:r", '
    'response="0123456789abcdef0123456789abcdef", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"'
)
_READERS: tuple[Callable[[Message], object], ...] = (
    headers.replaces, headers.refer_to, headers.referred_by, headers.session_expires,
    headers.min_se, headers.rack, headers.rseq, headers.event, headers.subscription_state,
    headers.expires, headers.min_expires, headers.retry_after, headers.allow_events, headers.allow,
    lambda message: [headers.contact_expires(contact) for contact in message.contacts],
    lambda message: [headers.contact_q(contact) for contact in message.contacts],
    lambda message: [contact.uri for contact in message.contacts],
)  # fmt: skip
_SERVER = DigestServer("r", b"secret")


def corpus(bench: Bench) -> list[bytes]:
    """Messages of every kind, some of a call that lives in `bench`."""
    usage = bench.established(call_id="living", branch="z9hG4bK-living")
    _, invite = bench.call()
    return [
        *(message.data for message in (*messages("rfc4475"), *messages("rfc5118"))),
        request(body=SDP, headers=["Record-Route: <sip:192.0.2.50;lr>", "Require: x"]),
        request(headers=['Subject: "a;b,c" <d>', "Supported: a, b", "Timestamp: 5"]),
        request(headers=["Replaces: living;to-tag=1;from-tag=2;early-only", "Min-SE: 90"]),
        request(headers=["Session-Expires: 1800;refresher=uac", "Supported: timer,100rel"]),
        request("CANCEL"),
        request("OPTIONS", branch="z9hG4bK-o"),
        request("REGISTER", contact='"x" <sip:a@b.invalid;transport=ws>;expires=60, <sip:c@d>'),
        request("REGISTER", headers=[_CREDENTIALS, "Expires: 60"]),
        request("SUBSCRIBE", headers=["Event: presence;id=1", "Expires: 600"]),
        request("PUBLISH", headers=["Event: presence", "SIP-If-Match: x"], body=b"<a/>"),
        request("MESSAGE", body=b"hello", content_type="text/plain"),
        request("REFER", headers=["Refer-To: <sip:a@b;method=INVITE?Replaces=c%40d%3Bto-tag%3D1>"]),
        request("ACK", call_id="living", to_tag=usage.local_tag),
        bench.in_dialog(usage, "INVITE", number=3, body=SDP),
        bench.in_dialog(usage, "INFO", number=4, body=b"Signal=1", content_type="text/plain"),
        bench.in_dialog(usage, "UPDATE", number=5),
        bench.in_dialog(usage, "PRACK", number=6, headers=["RAck: 1 1 INVITE"]),
        bench.in_dialog(
            usage, "NOTIFY", number=7,
            headers=["Event: refer", "Subscription-State: terminated;reason=noresource"],
        ),
        response(invite, 183, body=SDP, headers=["Require: 100rel", "RSeq: 1"]),
        response(invite, 200, body=SDP, headers=["Record-Route: <sip:192.0.2.50;lr>"]),
        response(invite, 302, headers=["Contact: <sip:c@d>;q=0.5"]),
        response(invite, 401, headers=[f"WWW-Authenticate: {_CHALLENGE}"]),
        response(invite, 407, headers=[f"Proxy-Authenticate: {_CHALLENGE}, {_CHALLENGE}"]),
        response(invite, 422, headers=["Min-SE: 90", "Retry-After: 5 (x)"]),
        response(invite, 486),
    ]  # fmt: skip


def mutate(data: bytes, chance: random.Random) -> bytes:
    """One to four small damages: bytes flipped, cut, doubled, put in, lines shuffled."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(out) + 1)
        length = chance.randint(1, 12)
        match chance.randrange(7):
            case 0:
                out[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del out[at : at + length]
            case 2:
                out[at:at] = out[at : at + length] * chance.randint(1, 4)
            case 3 | 4:
                out[at:at] = chance.choice(_PIECES)
            case 5:
                del out[at:]
            case 6:
                lines = bytes(out).split(b"\r\n")
                here, there = chance.randrange(len(lines)), chance.randrange(len(lines))
                lines[here], lines[there] = lines[there], lines[here]
                out = bytearray(b"\r\n".join(lines))
    return bytes(out)


def read_all(data: bytes) -> None:
    """Read every typed header of a message: nothing but Malformed and ValueError may come."""
    try:
        message = parse(data)
    except Malformed:
        return
    for reader in _READERS:
        try:
            reader(message)
        except ValueError:
            continue
    if isinstance(message, Response):
        choose(challenges(message))
    if isinstance(message, Request):
        _SERVER.verify(message, 0.0, "192.0.2.7", lambda user, algorithm: None)
