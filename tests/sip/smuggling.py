"""Requests whose headers two parsers may see differently: what smuggles something past a proxy."""

from __future__ import annotations

import random

_LINES = (
    "Via: SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK-{number}",
    "Max-Forwards: 70",
    "From: <sip:alice@127.0.0.1>;tag=alice",
    "To: <sip:bob@127.0.0.1>",
    "Call-ID: smuggled-{number}",
    "CSeq: 7 OPTIONS",
    "Contact: <sip:alice@127.0.0.1>",
    "X-Test: one",
    "Content-Length: {length}",
)
BODY = b"X-Test: body\r\nContent-Length: 3\r\n\r\nabc"
_ENDS = (
    *(b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r", b"\x0b", b"\x0c", b"\x85", b"\x00\r\n"),
    *(
        "\u2028".encode(),
        "\x85".encode(),
        b" \r\n",
        b"\t\r\n",
        b"\r\n ",
        b"\r\n\t ",
        b" \r\n \r\n ",
    ),
)
_COLONS = (b":", b" :", b"\t:", b" : ", b"::", b";:", b" \r\n :", b"\x00:", b"\xa0:", b"")
_EXTRA = (
    "X-Test: two", "x-test: two", "X-Test : two", "X-Test\t: two", " X-Test: two", "\tX-Test: two",
    "X-Test", "X-Test:", ": two", "X Test: two", "X-Test;a: two", "X-Te\u017ft: two",
    "X\u2010Test: two",
    "Call-ID: other", "i: other", "I : other", "CALL-ID: other", "Call-Id:other", "Call_ID: other",
    "CSeq: 8 OPTIONS", "CSeq: 7 INVITE", "cseq:9 OPTIONS", "From: <sip:eve@h>;tag=eve",
    "f: <sip:eve@h>;tag=eve", "t: <sip:eve@h>;tag=eve", "To : <sip:eve@h>;tag=eve",
    "Content-Length: 0", "Content-Length: 5", "l: 0", "L : 5", "Content-Length: +5",
    "Content-Length: 0x5", "Content-Length: 5 5", "Content-Length: 5, 6", "Content-Length: ",
    "Content-Length: -1", "Content-Length: 99999999999999999999", "Content-Length: 5;a",
    "Content-Length: \u0663", "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK-x", "v: SIP/2.0/UDP h",
    "Via: SIP/2.0/UDP a;branch=z9hG4bK-a, SIP/2.0/UDP b;branch=z9hG4bK-b", "Via:",
    "V\t:SIP/2.0/UDP h",
    "Contact: <sip:eve@h>", "m: <sip:eve@h>, <sip:mallory@h>", "Contact: *", "Contact:",
    'Contact: "a, <sip:x@y>" <sip:eve@h>', 'Contact: "a\\", <sip:x@y>" <sip:eve@h>',
    'Contact: "a <sip:eve@h>', "Contact: <sip:eve@h>;a=\"b,c\"", "Route: <sip:a;lr>, <sip:b;lr>",
    'Subject: "open', "Subject: a\x00b", 'X-Other: "a\r\n X-Test: two"',
    "X-Other: a\r\n X-Test: two",
    "X-Other: a\r\n\r\nX-Test: two", "X-Other: a\nX-Test: two", "X-Other: a\rX-Test: two",
    "X-Other: a\r\n\tX-Test: two\r\n : three", "\u00a0X-Test: two", "\ufeffX-Test: two",
)  # fmt: skip


def messages(count: int, seed: int, port: int) -> list[bytes]:
    """So many requests, each with one or two doubtful things; the same ones for a seed."""
    chance = random.Random(seed)
    return [_message(number, chance, port) for number in range(count)]


def _message(number: int, chance: random.Random, port: int) -> bytes:
    body = BODY if chance.random() < 0.5 else b""
    lines = [line.format(port=port, number=number, length=len(body)).encode() for line in _LINES]
    ends = [b"\r\n"] * len(lines)
    first = b"OPTIONS sip:bob@127.0.0.1 SIP/2.0"
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(len(lines))
        match chance.randrange(8):
            case 0:
                ends[at] = chance.choice(_ENDS)
            case 1:
                lines[at] = lines[at].replace(b":", chance.choice(_COLONS), 1)
            case 2 | 3 | 4 | 5:
                lines.insert(at, chance.choice(_EXTRA).encode())
                ends.insert(at, b"\r\n")
            case 6:
                lines[at] = lines[at].replace(b" ", chance.choice((b"\r\n ", b"\t", b"  ", b"")), 1)
            case 7:
                ends[-1] = chance.choice(
                    (b"\r\n\r\n", b"\n\n\r\n", b"\r\n \r\n", b"\r\r\n", b"\r\n")
                )
    made = b"".join(line + end for line, end in zip(lines, ends, strict=True))
    return first + chance.choice((b"\r\n",) * 9 + _ENDS) + made + b"\r\n" + body
