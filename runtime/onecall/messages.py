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

_STATUS = re.compile(r"SIP/2\.0 (\d{3}) ?(.*)")
_REQUEST = re.compile(r"([A-Za-z]+) \S+ SIP/2\.0")
_BRANCH = re.compile(r";\s*branch=([^;,\s]+)")
_MENTION = re.compile(r"replaces=([^;&>\s]+)", re.IGNORECASE)
_KNOWN = re.compile(
    r"^(via|v|to|t|call-id|i|cseq|content-type|c)[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE
)
_USUAL = (
    ("\nVia:", "via"),
    ("\nTo:", "to"),
    ("\nCall-ID:", "call-id"),
    ("\nCSeq:", "cseq"),
    ("\nContent-Type:", "content-type"),
)
"""As nearly every stack writes them; looked for first, because a call has thousands of messages."""
_FULL = {"v": "via", "t": "to", "i": "call-id", "c": "content-type"}
"""Short forms (RFC 3261 7.3.3)."""
_MAY_SPEAK = re.compile(r"eplaces|EPLACES|arget-|ARGET-|efer-|EFER-|^r", re.MULTILINE)
_SPEAKS = re.compile(
    r"^(replaces|target-dialog|refer-to|r)[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE
)
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_STATIC = {"0": "PCMU/8000", "3": "GSM/8000", "8": "PCMA/8000", "9": "G722/8000", "18": "G729/8000"}
"""Payload types that need no rtpmap (RFC 3551 6)."""


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
    body: str
    has_sdp: bool
    head: str
    """All headers as they came, ends of lines made one."""

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

    def mentions(self) -> Iterator[str]:
        """Yield the Call-IDs of other dialogs it speaks of (RFC 3891, RFC 3515, RFC 4538)."""
        if not _MAY_SPEAK.search(self.head):
            return
        for name, value in _SPEAKS.findall(self.head):
            if name.lower() in ("refer-to", "r"):
                for found in _MENTION.findall(value):
                    yield re.split("%3b", found, flags=re.IGNORECASE)[0].replace("%40", "@")
            else:
                yield value.split(";")[0].strip()


def read(data: bytes | str) -> Told:
    """Read a message; never fails. A page reads thousands of them, so only what it needs."""
    text = data if isinstance(data, str) else data.decode(errors="replace")
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, _, head = head.partition("\n")
    known = _known(head)
    status = _STATUS.match(first)
    request = None if status else _REQUEST.match(first)
    number, _, answered = known.get("cseq", "").strip().partition(" ")
    branch = _BRANCH.search(known.get("via", ""))
    return Told(
        line=first,
        method=request[1] if request else answered.strip(),
        code=int(status[1]) if status else None,
        reason=status[2].strip() if status else "",
        call_id=known.get("call-id", "").strip(),
        cseq=number,
        branch=branch[1] if branch else "",
        to_tag=";tag=" in known.get("to", ""),
        body=body,
        has_sdp="sdp" in known.get("content-type", "").lower() or body.startswith("v=0"),
        head=head,
    )


def _known(head: str) -> dict[str, str]:
    """Return the headers a ladder needs, by their names in lower case."""
    found: dict[str, str] = {}
    lines = f"\n{head}\n"
    for start, name in _USUAL:
        at = lines.find(start)
        if at < 0 and name != "content-type":
            return _found_anyhow(head)
        if at >= 0:
            found[name] = lines[at + len(start) : lines.find("\n", at + 1)]
    return found if "content-type" in found or "\nc:" not in lines else _found_anyhow(head)


def _found_anyhow(head: str) -> dict[str, str]:
    """The same for headers in short forms or in letters of their own."""
    found: dict[str, str] = {}
    for name, value in _KNOWN.findall(head):
        # The first of a name counts; the later ones are shown all the same.
        found.setdefault(_FULL.get(name.lower(), name.lower()), value)
    return found


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
