"""Keys that come in the body of an INFO instead of in the media."""

from __future__ import annotations

import re

_RELAY = re.compile(rb"^[ \t]*Signal[ \t]*=[ \t]*([0-9*#A-Da-d]|1[0-5])[ \t]*\r?$", re.M | re.I)
_PLAIN = re.compile(rb"\s*([0-9*#A-Da-d]|1[0-5])\s*")
_NUMBERED = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
MOST = 256
"""Bytes of a body that are looked at."""


def key_of(content_type: str, body: bytes) -> str | None:
    """Return the key that an INFO tells of; None if it tells of none."""
    kind = content_type.partition(";")[0].strip().lower()
    match kind:
        case "application/dtmf-relay":
            found = _RELAY.search(body[:MOST])
        case "application/dtmf":
            found = _PLAIN.fullmatch(body[:MOST])
        case _:
            return None
    if found is None:
        return None
    key = found.group(1).decode().upper()
    return _NUMBERED.get(key, key)
