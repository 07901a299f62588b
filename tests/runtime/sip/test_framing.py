"""Messages out of a byte stream, however it is cut (RFC 3261 18.3)."""

from __future__ import annotations

import random

import pytest

from runtime.sip import limits
from runtime.sip.transport.framing import PING, PONG, Framer
from tests.runtime.sip.peer import SDP, request

ONE = request(body=SDP)
TWO = request("BYE", branch="z9hG4bK-2", number=2)
FOLDED = ONE.replace(b"Content-Length: ", b"Content-Length:\r\n   ")
COMPACT = ONE.replace(b"Content-Length: ", b"l : ")


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(places), len(data)]
    return [data[start:end] for start, end in zip(edges, edges[1:], strict=False)]


def fed(framer: Framer, pieces: list[bytes]) -> list[bytes]:
    return [frame for piece in pieces for frame in framer.feed(piece)]


@pytest.mark.parametrize("stream", [ONE, TWO, FOLDED, COMPACT, b"\r\n" + ONE])
def test_a_message_cut_at_every_byte_is_one_message(stream: bytes) -> None:
    for place in range(1, len(stream)):
        frames = fed(Framer(), cut(stream, [place]))
        assert [f for f in frames if f not in (PING, PONG)] == [stream.lstrip(b"\r\n")]


def test_one_byte_at_a_time_gives_the_same_messages_as_all_at_once() -> None:
    stream = ONE + TWO + FOLDED
    assert fed(Framer(), [bytes([byte]) for byte in stream]) == [ONE, TWO, FOLDED]
    assert Framer().feed(stream) == [ONE, TWO, FOLDED]


@pytest.mark.parametrize("seed", range(50))
def test_any_segmentation_gives_the_same_messages(seed: int) -> None:
    dice = random.Random(seed)
    wanted = [dice.choice((ONE, TWO, FOLDED, COMPACT)) for _ in range(dice.randint(1, 40))]
    stream = b"".join(wanted)
    places = [dice.randrange(len(stream)) for _ in range(dice.randint(0, 200))]
    framer = Framer()
    assert fed(framer, cut(stream, places)) == wanted, f"seed {seed}"
    assert framer.pending == 0 and framer.fault is None


def test_a_double_line_end_is_a_ping_and_a_single_one_a_pong() -> None:
    assert Framer().feed(b"\r\n\r\n") == [PING]
    assert Framer().feed(b"\r\n") == [PONG]
    assert Framer().feed(b"\r\n\r\n" + TWO + b"\r\n\r\n") == [PING, TWO, PING]
    framer = Framer()
    assert fed(framer, [b"\r", b"\n", b"\r", b"\n", TWO]) == [PONG, PING, TWO]


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (ONE.replace(b"Content-Length", b"Content-Size"), 400),
        (ONE.replace(b"Content-Length", b"Content-Length: 3\r\nContent-Length"), 400),
        (ONE.replace(b"Content-Length", b"l: 3\r\nContent-Length"), 400),
        (ONE.replace(b"Content-Length: ", b"Content-Length: -"), 400),
        (ONE.replace(b"Content-Length: ", b"Content-Length: 9999"), 513),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"INVITE sip:a@b SIP/2.0\r\nX: " + b"y" * limits.MESSAGE, 513),
    ],
)
def test_what_cannot_be_framed_ends_the_stream(head: bytes, code: int) -> None:
    framer = Framer()
    assert framer.feed(TWO + head) == [TWO]
    assert framer.fault is not None and framer.fault.code == code
    assert framer.feed(ONE) == [] and framer.pending == 0


def test_a_fault_can_be_answered_where_its_headers_could_be_read() -> None:
    framer = Framer()
    framer.feed(ONE.replace(b"Content-Length", b"Content-Size"))
    assert framer.fault is not None and framer.fault.partial is not None
    assert framer.fault.partial.call_id == "call-1"


def test_a_hundred_thousand_empty_lines_are_few_keep_alives_and_no_memory() -> None:
    framer = Framer()
    assert len(framer.feed(b"\r\n" * 100_000)) <= 4097
    assert framer.pending == 0
    assert framer.feed(TWO) == [TWO]


def test_a_message_that_comes_byte_by_byte_costs_as_much_as_its_length() -> None:
    framer = Framer()
    head = b"INVITE sip:a@b SIP/2.0\r\nX: "
    for byte in head + b"y" * (limits.MESSAGE - len(head)):
        framer.feed(bytes([byte]))
    assert framer.fault is None and framer.pending == limits.MESSAGE
    framer.feed(b"yy")
    assert framer.fault is not None and framer.pending == 0
