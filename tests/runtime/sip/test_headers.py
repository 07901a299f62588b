"""Typed headers: what the RFCs show is read and written, all else is a ValueError."""

from __future__ import annotations

import random
from typing import Any

import pytest

from runtime.sip import headers
from runtime.sip.headers import Event, RAck, ReferTo, Replaces, SessionExpires, SubscriptionState
from runtime.sip.message import Message
from runtime.sip.uri import parse_name_addr, parse_uri
from runtime.sip.wire import parse
from tests.runtime.sip.peer import request


def message(*lines: str) -> Message:
    return parse(request(headers=lines, contact=None))


READ = [
    (headers.replaces, "Replaces: 425928@bobster.example.org;to-tag=7743;from-tag=6472",
     Replaces("425928@bobster.example.org", "7743", "6472")),
    (headers.replaces, "Replaces: 98732@s.example ;from-tag=r33th4x0r ; to-tag=ff87ff;early-only",
     Replaces("98732@s.example", "ff87ff", "r33th4x0r", early_only=True)),
    (headers.session_expires, "x: 4000;Refresher=UAC", SessionExpires(4000, "uac")),
    (headers.session_expires, "Session-Expires: 1800", SessionExpires(1800)),
    (headers.min_se, "Min-SE: 90;x=y", 90),
    (headers.rack, "RAck: 776656 1 INVITE", RAck(776656, 1, "INVITE")),
    (headers.rseq, "RSeq: 988789", 988789),
    (headers.event, "o: Presence.winfo;id=7", Event("presence.winfo", "7")),
    (headers.subscription_state, "Subscription-State: Terminated;reason=Timeout;retry-after=0",
     SubscriptionState("terminated", "timeout", None, 0)),
    (headers.subscription_state, "Subscription-State: active;expires=3599",
     SubscriptionState("active", "", 3599)),
    (headers.expires, "Expires: 0", 0),
    (headers.min_expires, "Min-Expires: 60", 60),
    (headers.retry_after, "Retry-After: 18000;duration=3600", 18000),
    (headers.retry_after, "Retry-After: 120 (I'm in a meeting)", 120),
    (headers.allow_events, "u: presence, Message-Summary", ("presence", "message-summary")),
    (headers.allow, "Allow: INVITE, ACK", ("INVITE", "ACK")),
    (headers.refer_to, "r: <sip:alice@atlanta.example.com>",
     ReferTo(parse_uri("sip:alice@atlanta.example.com"))),
    (headers.refer_to, "Refer-To: sip:conf44@example.com;isfocus",
     ReferTo(parse_uri("sip:conf44@example.com"))),
    (headers.refer_to, "Refer-To: <sip:a;method=x@h;METHOD=subscribe;lr?Event=x&Subject=a%20b>",
     ReferTo(parse_uri("sip:a;method=x@h;lr"), "SUBSCRIBE", (("Event", "x"), ("Subject", "a b")))),
    (headers.refer_to, "Refer-To: <tel:+4930123>", ReferTo(parse_uri("tel:+4930123"))),
]  # fmt: skip


@pytest.mark.parametrize(("read", "line", "value"), READ, ids=[row[1] for row in READ])
def test_a_header_is_read_once_and_absent_it_is_nothing(read: Any, line: str, value: Any) -> None:
    there = message(line)
    assert read(there) == value
    assert read(there) is read(there)
    assert not read(message())


@pytest.mark.parametrize(
    "value",
    [
        "12345@192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994",
        "12345@192.168.118.3;to-tag=12345;from-tag=5FFE-3994",
        "12345%40192.168.118.3%3bto-tag%3d12345%3bfrom-tag%3d5FFE-3994",
    ],
)
def test_the_embedded_replaces_of_an_attended_transfer_is_read_and_written(value: str) -> None:
    """RFC 3891 4, RFC 5589 7.3; some phones leave the at sign as it is."""
    found = headers.refer_to(message(f"Refer-To: <sip:dave@denver.example.org?Replaces={value}>"))
    assert found is not None
    assert found.replaces == Replaces("12345@192.168.118.3", "12345", "5FFE-3994")
    assert found.uri.text == "sip:dave@denver.example.org"
    assert headers.parse_refer_to(str(found)) == found


def test_what_is_written_is_read_again() -> None:
    for value in (
        ReferTo(parse_uri("sip:a@h"), "BYE", (("X-Y", 'ä "&=?;\\%'), ("Require", "replaces"))),
        ReferTo(parse_uri("sips:a;b@h;lr")),
    ):
        assert headers.parse_refer_to(str(value)) == value
    for text in ("c@h;to-tag=a;from-tag=b;early-only", "c;to-tag=1;from-tag=2"):
        assert str(headers.parse_replaces(text)) == text
    assert str(SessionExpires(90, "uas")) == "90;refresher=uas" and str(Event("a", "b")) == "a;id=b"
    assert str(SubscriptionState("active", "", 5)) == "active;expires=5"
    assert str(SubscriptionState("terminated", "noresource", None, 1)) == (
        "terminated;reason=noresource;retry-after=1"
    )
    assert str(RAck(1, 2, "INVITE")) == "1 2 INVITE" and str(SessionExpires(9)) == "9"


BAD = [
    (headers.replaces, ["Replaces: a;to-tag=1", "Replaces: ;to-tag=1;from-tag=2", "Replaces: "]),
    (headers.replaces, ["Replaces: a;to-tag=1;from-tag=2\r\nReplaces: b;to-tag=1;from-tag=2"]),
    (headers.refer_to, ["Refer-To: ", "r: x", "r: <sip:a@b>\r\nr: <sip:c@d>", "r: <sip:a@b?x>"]),
    (headers.refer_to, ["r: <sip:a@b?a=%0d%0aX:%20y>", "r: <sip:a@b?%0a=b>", "r: <sip:a@b?a=%ff>"]),
    (headers.refer_to, ["r: <sip:a@b?" + "&".join(["a=b"] * 33) + ">", "r: <sip:a@b;method=%20>"]),
    (headers.referred_by, ["Referred-By: <nothing>", "b: <sip:a@b>\r\nb: <sip:a@b>"]),
    (headers.session_expires, ["x: ", "x: -1", "x: 4294967296", "x: 90;refresher=me", "x: 1e3"]),
    (headers.min_se, ["Min-SE: x", "Min-SE: ٣"]),
    (headers.rack, ["RAck: 1 INVITE", "RAck: 1 2", "RAck: 4294967296 1 INVITE"]),
    (headers.rseq, ["RSeq: 0", "RSeq: 99999999999", "RSeq: 1\r\nRSeq: 2"]),
    (headers.event, ["Event: ", "Event: a b", "Event: a;;"]),
    (headers.subscription_state, ["Subscription-State: ;a", "Subscription-State: a;expires=x"]),
    (headers.expires, ["Expires: Thu, 01 Dec 1994 16:00:00 GMT", "Expires: 1\r\nExpires: 1"]),
    (headers.retry_after, ["Retry-After: soon", "Retry-After: 5 minutes"]),
    (headers.allow_events, ["Allow-Events: a b"]),
    (headers.allow, ["Allow: a b"]),
]  # fmt: skip


@pytest.mark.parametrize(("read", "line"), [(read, line) for read, lines in BAD for line in lines])
def test_what_is_malformed_is_a_value_error(read: Any, line: str) -> None:
    with pytest.raises(ValueError):
        read(message(*line.split("\r\n")))


def test_expiry_and_preference_of_a_contact() -> None:
    contact = parse_name_addr("<sip:a@b>;q=0.5;expires=60")
    assert (headers.contact_expires(contact), headers.contact_q(contact)) == (60, 0.5)
    plain = parse_name_addr("<sip:a@b>")
    assert (headers.contact_expires(plain), headers.contact_q(plain)) == (None, 1.0)
    for value in ("q=2", "q=-1", "q=0.1234", "q"):
        if value != "q":
            with pytest.raises(ValueError):
                headers.contact_q(parse_name_addr(f"<sip:a@b>;{value}"))


READERS = (
    headers.replaces, headers.refer_to, headers.referred_by, headers.session_expires,
    headers.min_se, headers.rack, headers.rseq, headers.event, headers.subscription_state,
    headers.expires, headers.min_expires, headers.retry_after, headers.allow_events, headers.allow,
)  # fmt: skip


def test_damaged_values_raise_nothing_but_value_errors() -> None:
    chance = random.Random(7)
    pieces = [*'<>"\\;=?&%@:,. \t', "%0a", "%ff", "é", "٣", "9999999999", "sip:a@b", "a=b", "\x7f"]
    for row in READ * 40:
        name, _, value = row[1].partition(": ")
        at = chance.randrange(len(value) + 1)
        value = value[:at] + chance.choice(pieces) * chance.randint(1, 3) + value[at + 1 :]
        there = Message([(headers_name(name), value)], b"")
        for read in READERS:
            try:
                read(there)
            except ValueError:
                continue


def headers_name(name: str) -> str:
    return {"r": "Refer-To", "x": "Session-Expires", "o": "Event", "u": "Allow-Events"}.get(
        name, name
    )


@pytest.mark.timeout(10)
@pytest.mark.parametrize("piece", ['"', "\\", ";a=b", "<", "%41", "a=b&", "?", "@", ",", " ", "1"])
def test_no_value_costs_more_than_linear_work(piece: str) -> None:
    for begin in ("", "<sip:a@b?", "a;", "1 "):
        there = Message(
            [(row[1].partition(": ")[0], begin + piece * 8000) for row in READ if ": " in row[1]],
            b"",
        )
        for read in READERS:
            try:
                read(there)
            except ValueError:
                continue
