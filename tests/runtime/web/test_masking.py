"""Numbers and names, hidden: what stays readable, and that nothing of a number survives."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.masking import mask, mask_message, mask_party, mask_sdp, mask_values

digits = st.text("0123456789", min_size=7, max_size=15)
separators = st.sampled_from(["", " ", "-", ".", "/", ") ("])


def runs(text: str) -> list[str]:
    """Return the digits that stand together, whatever is written between them."""
    return re.findall(r"\d{5,}", re.sub(r"(?<=\d)[ ()./\-]+(?=\d)", "", text))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+49 30 5556 4217", "+49 30 •••• ••17"),
        ("sip:+4930555642@sbc.example.com", "sip:+4930••••42@sbc.example.com"),
        ("sip:alice@192.168.110.12:5060", "sip:a••••@192.168.110.12:5060"),
        ("sip:100@127.0.0.1:5070", "sip:100@127.0.0.1:5070"),
        ("sip:192.168.110.12:50600", "sip:192.168.110.12:50600"),
        ('"Alice Smith" <sip:+4930555642@x>', '"A•••• S••••" <sip:+4930••••42@x>'),
        ("Alice <sip:12345@x>;tag=1", "A•••• <sip:•••45@x>;tag=1"),
        ("alice@example.com", "a••••@example.com"),
        ("bob", "b••"),
        ("2001", "2001"),
        ("12345", "•••45"),
        ("tel:+1-201-555-0123", "tel:+1-201-•••-••23"),
        ("sip:alice:secret@x", "sip:a••••:••••••@x"),
        ("", ""),
    ],
)
def test_a_party_keeps_what_says_where_it_is_and_loses_who_it_is(text: str, masked: str) -> None:
    assert mask_party(text) == masked


def test_hosts_states_and_short_counts_in_a_text_stay() -> None:
    said = "503 from 10.20.30.40:49170 after 3000 ms in OnHold"
    assert mask(said) == said


def test_what_somebody_typed_is_hidden_whole() -> None:
    fields: dict[str, Any] = {
        "digits": "42",
        "from": "sip:alice@x",
        "headers": {"X-Id": ["call 030/5556421 back"]},
        "status": 486,
        "yes": True,
    }
    assert mask_values(fields) == {
        "digits": "••",
        "from": "sip:a••••@x",
        "headers": {"X-Id": ["call 030/5••••21 back"]},
        "status": 486,
        "yes": True,
    }
    assert fields["digits"] == "42"


SDP = (
    "v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\n"
    "t=0 0\r\nm=audio 49170 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


def test_a_session_description_keeps_its_counters_and_on_request_loses_its_addresses() -> None:
    assert mask_sdp(SDP, "*") == SDP.replace("o=alice", "o=a****")
    hidden = mask_sdp(SDP, "*", addresses=True)
    assert "192.0.2.4" not in hidden and "c=IN IP4 xxx.x.x.x" in hidden
    assert mask(SDP) == SDP.replace("alice", "a••••")


INVITE = (
    b"INVITE sip:+493055564217@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK776asdhds12345\r\n"
    b'From: "J\xc3\xb6rg Maier" <sip:+491701234567@example.com>;tag=1928301774\r\n'
    b"To: <sip:+493055564217@example.com>\r\n"
    b"Call-ID: 491701234567-8843@192.0.2.4\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"P-Asserted-Identity: Maier <tel:+49-170-1234567>,\r\n <sip:maier.j@example.com>\r\n"
    b"Contact: <sip:491701234567@192.0.2.4:5060;line=aaa>\r\n"
    b'Authorization: Digest username="491701234567", realm="x", uri="sip:+493055564217@x",'
    b' response="6629fae49393a05397450978507c4ef1"\r\n'
    b"Identity: eyJhbGciOiJFUzI1NiJ9.eyJ0biI6MX0.sig;info=<https://x/y>\r\n"
    b"X-Caller: 0170 / 1234567\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 4\r\n\r\nv=0\n"
)


def test_a_message_keeps_length_and_syntax_and_loses_its_people() -> None:
    masked = mask_message(INVITE)
    assert len(masked) == len(INVITE)
    text = masked.decode("latin-1")
    for secret in ("1234567", "701234", "555642", "rg Maier", "maier.j", "eyJ"):
        assert secret not in text
    assert text.startswith("INVITE sip:+4930******17@example.com SIP/2.0\r\n")
    for kept in ("CSeq: 314159 INVITE", "branch=z9hG4bK776asdhds12345", ";tag=1928301774"):
        assert kept in text
    assert "6629fae49393a05397450978507c4ef1" in text
    assert b"192.0.2.4" not in mask_message(INVITE, addresses=True)


def test_a_digit_on_the_wire_is_hidden() -> None:
    info = (
        b"INFO sip:x@y SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\n"
        b"Signal=7\r\nDuration=160\r\n"
    )
    assert mask_message(info).endswith(b"\r\n\r\nSignal=*\r\nDuration=160\r\n")


def test_a_body_that_is_no_text_is_hidden_whole() -> None:
    isup = b"INVITE sip:x@y SIP/2.0\r\nContent-Type: application/isup\r\n\r\n\x01\x00\x83\x10"
    assert mask_message(isup).endswith(b"\r\n\r\n****")


@given(digits, separators, st.sampled_from(["{}", "sip:{}@h.example", "tel:+{}", "call {} now"]))
def test_no_five_digits_of_a_number_survive_in_a_text(number: str, gap: str, form: str) -> None:
    written = gap.join([number[:3], number[3:6], number[6:]]).strip(" ()./-")
    if not form.startswith("sip:") or gap in ("", "-", "."):
        assert runs(mask(form.format(written))) == []
        assert runs(mask_party(form.format(written))) == []


@given(
    digits,
    st.sampled_from(["From", "f", "P-Preferred-Identity", "Diversion", "X-Customer", "Refer-To"]),
    st.sampled_from(
        ["<sip:{}@x>", '"{}" <sip:a@x>', "{} <sip:a@x>", "tel:+{}", "<sips:+{};ext=1@x>"]
    ),
)
def test_no_five_digits_of_a_number_survive_in_a_message(
    number: str, header: str, form: str
) -> None:
    value = form.format(number)
    data = f"INVITE sip:a@x SIP/2.0\r\n{header}: {value}\r\nCall-ID: {number}@x\r\n\r\n".encode()
    masked = mask_message(data)
    assert len(masked) == len(data)
    assert not any(number[at : at + 5] in masked.decode() for at in range(len(number) - 4))


@given(st.binary(max_size=300))
def test_whatever_comes_keeps_its_length(data: bytes) -> None:
    assert len(mask_message(data)) == len(data)
    assert len(mask_message(b"INVITE sip:1234567@x SIP/2.0\r\n" + data)) == len(data) + 30


@given(st.text(max_size=200))
def test_masking_again_changes_nothing_more_of_a_number(text: str) -> None:
    once = mask(text)
    assert runs(mask(once)) == [] or mask(once) == once


def test_the_hash_of_a_version_is_nobodys_number() -> None:
    digest = "40c14670123456789099ee" + "0" * 42
    assert mask_values({"to_digest": digest}) == {"to_digest": digest}
