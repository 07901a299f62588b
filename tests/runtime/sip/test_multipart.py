"""Bodies of several parts: the description is found among them, and damage is nobody's call."""

from __future__ import annotations

import random

import pytest

from runtime.sip.events import InviteReceived
from runtime.sip.multipart import MOST, parts
from tests.runtime.sip.peer import SDP, Bench, request

MIXED = "multipart/mixed;boundary=b1"


def joined(*pieces: tuple[str, bytes], end: bytes = b"--b1--\r\n") -> bytes:
    lines = [b"--b1\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n" for head, body in pieces]
    return b"preamble\r\n" + b"".join(lines) + end


SIGNAL = (
    "Content-Type: application/isup\r\nContent-Disposition: signal;handling=optional",
    b"\x01\x10\x00",
)
OFFER = ("Content-Type: application/sdp", SDP)


def test_parts_are_told_apart_whatever_they_hold() -> None:
    found = parts('multipart/mixed; boundary="b1"', joined(SIGNAL, OFFER))
    assert [(part.content_type, part.body) for part in found] == [
        ("application/isup", b"\x01\x10\x00"),
        ("application/sdp", SDP),
    ]


def test_a_part_without_headers_is_plain_text() -> None:
    (part,) = parts(MIXED, b"--b1\r\n\r\nhello\r\n--b1--")
    assert (part.content_type, part.body) == ("text/plain", b"hello")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/mixed", joined(OFFER)),
        ('multipart/mixed;boundary="a\x01"', joined(OFFER)),
        (MIXED, joined(OFFER, end=b"")),
        (MIXED, b"--b1junk\r\n\r\nx\r\n--b1--"),
        (MIXED, joined(*[OFFER] * (MOST + 1))),
        (MIXED, joined(("Content-Transfer-Encoding: base64", b"YQ=="))),
        (MIXED, b""),
    ],
)
def test_a_body_that_cannot_be_told_apart_has_no_parts(content_type: str, body: bytes) -> None:
    with pytest.raises(ValueError):
        parts(content_type, body)


def test_the_offer_of_an_invite_is_found_beside_other_parts() -> None:
    bench = Bench()
    invite = bench.ring(body=joined(SIGNAL, OFFER), content_type=MIXED)
    assert invite.sdp == SDP
    assert bench.do(invite.usage.respond, invite.transaction, 200, sdp=SDP)


REQUIRED = (
    "Content-Type: application/x\r\nContent-Disposition: session; handling = Required",
    b"x",
)


@pytest.mark.parametrize("pieces", [(SIGNAL,), (OFFER, REQUIRED), (OFFER, OFFER)])
def test_a_call_without_a_description_we_read_or_with_what_we_must_know_gets_415(
    pieces: tuple[tuple[str, bytes], ...],
) -> None:
    bench = Bench()
    (refused,) = bench.receive(request(body=joined(*pieces), content_type=MIXED))
    assert refused.kind == "415 INVITE" and refused.message.get("Accept") == "application/sdp"


def test_damaged_parts_break_nothing_and_take_linear_time() -> None:
    chance = random.Random(1)
    whole = joined(SIGNAL, OFFER)
    bench = Bench()
    for number in range(400):
        at = chance.randint(0, len(whole))
        body = (
            whole[:at]
            + chance.choice([b"", b"--b1", b"\r\n", b"\x00", b":" * 50])
            + whole[at + 2 :]
        )
        data = request(
            call_id=f"c{number}", branch=f"z9hG4bK-m{number}", body=body, content_type=MIXED
        )
        bench.receive(data)
    assert any(isinstance(happening, InviteReceived) for happening in bench.happenings)
    assert len(parts(MIXED, b"--b1\r\n\r\n" + b"\r\n--b" * 10_000 + b"\r\n--b1--")) == 1
