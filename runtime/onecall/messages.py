"""SIP messages and session descriptions, read for people: whatever came is shown somehow.

The stack's own parsers (`runtime.sip.message`, `runtime.media.sdp`) refuse what is wrong; here
nothing is refused, because a message that broke a call is what somebody wants to look at.

    told = read(b"INVITE sip:b@y SIP/2.0\\r\\n...")
    told.label              # "INVITE", "180 Ringing"
    description(told.body)  # codecs, directions and addresses of an SDP body
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sipmessage.message import COMPACT_FORMS

_STATUS = re.compile(r"SIP/2\.0 (\d{3}) ?(.*)")
_REQUEST = re.compile(r"([A-Za-z]+) \S+ SIP/2\.0")
_BRANCH = re.compile(r";\s*branch=([^;,\s]+)")
_MENTION = re.compile(r"replaces=([^;&>\s]+)", re.IGNORECASE)
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_STATIC = {"0": "PCMU/8000", "3": "GSM/8000", "8": "PCMA/8000", "9": "G722/8000", "18": "G729/8000"}
"""Payload types that need no rtpmap (RFC 3551 6)."""
MOST_HEADERS = 200


@dataclass(frozen=True, slots=True)
class Told:
    """What a message says, as far as it can be read; fields that cannot are empty."""

    line: str
    """The first line."""
    method: str
    """The request's, or the one a response answers."""
    code: int | None
    """None for a request."""
    reason: str
    call_id: str
    cseq: str
    branch: str
    to_tag: bool
    """The message stands inside a dialog."""
    headers: tuple[tuple[str, str], ...]
    """Names in full, in the order of the message."""
    body: str
    content_type: str

    @property
    def label(self) -> str:
        """What stands on its arrow."""
        return self.method or self.line[:40] if self.code is None else f"{self.code} {self.reason}"

    @property
    def style(self) -> str:
        """`request`, `answer` or `bad`: how its arrow is drawn."""
        if self.code is None:
            return "request"
        return "answer" if self.code < 300 else "bad"

    @property
    def has_sdp(self) -> bool:
        return "sdp" in self.content_type.lower() or self.body.startswith("v=0")

    def header(self, name: str) -> str:
        """Return the first header of this name, empty if there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def mentions(self) -> Iterator[str]:
        """Yield the Call-IDs of other dialogs it speaks of (RFC 3891, RFC 3515, RFC 4538)."""
        for name, value in self.headers:
            match name.lower():
                case "replaces" | "target-dialog":
                    yield value.split(";")[0].strip()
                case "refer-to":
                    for found in _MENTION.findall(value):
                        yield found.split("%3B")[0].split("%3b")[0].replace("%40", "@")


def read(data: bytes | str) -> Told:
    """Read a message; never fails."""
    text = data if isinstance(data, str) else data.decode(errors="replace")
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    headers = tuple(_headers(lines))
    # The first of a name counts; the later ones are shown all the same.
    known = {name.lower(): value for name, value in reversed(headers)}
    status = _STATUS.match(first)
    request = _REQUEST.match(first)
    number, _, answered = known.get("cseq", "").partition(" ")
    branch = _BRANCH.search(known.get("via", ""))
    return Told(
        line=first,
        method=request[1] if request else answered.strip(),
        code=int(status[1]) if status else None,
        reason=status[2].strip() if status else "",
        call_id=known.get("call-id", ""),
        cseq=number,
        branch=branch[1] if branch else "",
        to_tag=";tag=" in known.get("to", ""),
        headers=headers,
        body=body,
        content_type=known.get("content-type", ""),
    )


def _headers(lines: list[str]) -> Iterator[tuple[str, str]]:
    name, value = "", ""
    for line in lines[:MOST_HEADERS]:
        if line[:1] in (" ", "\t"):
            value += " " + line.strip()
            continue
        if name:
            yield name, value
        name, _, value = line.partition(":")
        name, value = name.strip(), value.strip()
        name = COMPACT_FORMS.get(name.lower(), name)
    if name:
        yield name, value


# -- session descriptions --------------------------------------------------------------------------


def description(body: str) -> dict[str, Any] | None:
    """Return an SDP body in a few facts, None if it is none.

    {"address", "origin", "media": [{"kind", "port", "protocol", "address", "direction",
    "codecs": [text], "ice": number of candidates, "dtls": text, "rtcp_mux": bool}]}
    """
    if not body.startswith("v="):
        return None
    session: dict[str, Any] = {"address": "", "origin": "", "media": []}
    direction, part = "sendrecv", None
    for line in body.splitlines():
        kind, _, value = line.partition("=")
        match kind:
            case "o":
                session["origin"] = value
            case "m":
                part = _media(value, session["address"], direction)
                session["media"].append(part)
            case "c":
                address = value.split()[-1] if value.split() else ""
                (session if part is None else part)["address"] = address
            case "a" if value in _DIRECTIONS:
                direction = value if part is None else direction
                if part is not None:
                    part["direction"] = value
            case "a" if part is not None:
                _attribute(part, value)
    for part in session["media"]:
        formats, maps = part.pop("formats"), part.pop("maps")
        part["codecs"] = [_codec(number, maps) for number in formats]
    return session


def _media(value: str, address: str, direction: str) -> dict[str, Any]:
    kind, port, protocol, *formats = [*value.split(), "", "", ""][: max(3, len(value.split()))]
    return {
        "kind": kind,
        "port": port,
        "protocol": protocol,
        "address": address,
        "direction": direction,
        "formats": formats,
        "maps": {},
        "ice": 0,
        "dtls": "",
        "rtcp_mux": False,
    }


def _attribute(part: dict[str, Any], value: str) -> None:
    name, _, rest = value.partition(":")
    match name:
        case "rtpmap":
            number, _, codec = rest.partition(" ")
            part["maps"][number] = codec
        case "candidate":
            part["ice"] += 1
        case "fingerprint":
            part["dtls"] = rest
        case "rtcp-mux":
            part["rtcp_mux"] = True


def _codec(number: str, maps: dict[str, str]) -> str:
    return f"{maps.get(number) or _STATIC.get(number) or 'unknown'} ({number})"


def direction_of(told: Told) -> str:
    """Return the direction of the first audio an SDP body offers, empty without one."""
    found = description(told.body) if told.has_sdp else None
    for part in found["media"] if found else ():
        if part["kind"] == "audio":
            return "inactive" if part["port"] == "0" else str(part["direction"])
    return ""
