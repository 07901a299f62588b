"""Bodies of several parts (RFC 2046 5.1, RFC 5621): found by one scan, with few of them."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from runtime.sip.uri import parse_params

MOST: Final = 16
"Parts of a body; one with more of them is not taken."

_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,\-./:=? ]{0,69}[A-Za-z0-9'()+_,\-./:=?]")
_IDENTITY: Final = frozenset(("", "7bit", "8bit", "binary"))


class Part(NamedTuple):
    """One part of a body."""

    content_type: str
    'Type and subtype in lower case; "text/plain" if the part does not say (RFC 2046 5.1).'

    required: bool
    "The sender insists that the part is understood (`handling=required`, RFC 3261 20.11)."

    body: bytes


def parts(content_type: str, body: bytes) -> tuple[Part, ...]:
    """The parts of a body, by the Content-Type that names its boundary.

    ValueError if it has no boundary, no end, too many parts, or one in an encoding of its own.
    """
    kind, semicolon, params = content_type.partition(";")
    boundary = parse_params(semicolon + params).get("boundary") or ""
    if not _BOUNDARY.fullmatch(boundary):
        raise ValueError(f"{kind} has no boundary")
    delimiter = b"\r\n--" + boundary.encode()
    pieces = (b"\r\n" + body).split(delimiter, MOST + 2)[1:]
    found: list[Part] = []
    for piece in pieces:
        if piece.startswith(b"--"):
            return tuple(found)
        if len(found) == MOST:
            break
        found.append(_part(piece))
    raise ValueError("the parts have no end, or there are too many")


def _part(piece: bytes) -> Part:
    padding, line_end, rest = piece.partition(b"\r\n")
    if not line_end or padding.strip(b" \t"):
        raise ValueError("a part does not begin with a line of its own")
    head, _, body = (b"\r\n" + rest).partition(b"\r\n\r\n")
    headers = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("content-transfer-encoding", "").lower() not in _IDENTITY:
        raise ValueError("a part has an encoding of its own")
    kind = headers.get("content-type", headers.get("c", "")).partition(";")[0]
    disposition = headers.get("content-disposition", "").replace(" ", "").lower()
    return Part(
        kind.replace(" ", "").lower() or "text/plain", "handling=required" in disposition, body
    )
