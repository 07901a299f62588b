"""Sizes and counts beyond which a message is refused before anything expensive looks at it."""

from __future__ import annotations

from typing import Final

MESSAGE: Final = 64 * 1024
"Bytes of a whole message."

HEADERS: Final = 256
"Header lines, after unfolding."

HEADER: Final = 8 * 1024
"Characters of one header line, or of the request line."

VIAS: Final = 70
"Via values: one for each hop, and Max-Forwards begins at 70 (RFC 3261 8.1.1.6)."

CONTACTS: Final = 32
"Contact values."

CSEQ: Final = 2**31
"A CSeq number is below this (RFC 3261 8.1.1.5)."

METHODS: Final = (
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "OPTIONS",
    "INFO",
    "UPDATE",
    "PRACK",
    "MESSAGE",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
)
"What the Allow header offers."

EXTENSIONS: Final[tuple[str, ...]] = ("100rel", "timer", "replaces")
"Option tags that a Require may name, and that Supported offers (RFC 3261 20.32, 20.37)."
