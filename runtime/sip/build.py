"""Requests and responses as bytes: nothing is parsed here, and nothing unsafe is written.

Whatever a caller hands in (reason phrases, extra headers) is refused with ValueError when it holds
a line break or another control character, so that no value can become a header of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple

from sipmessage import grammar

from runtime.sip.hop import Hop
from runtime.sip.limits import METHODS
from runtime.sip.message import Message, Request
from runtime.sip.uri import split_list

Headers = Iterable[tuple[str, str]]

ALLOW: Final = ", ".join(METHODS)
MAX_FORWARDS: Final = 70
"""Hops a request may take that nobody forwarded (RFC 3261 8.1.1.6)."""
ACCEPT: Final = "application/sdp"

_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_NAME = re.compile(grammar.TOKEN)
_RPORT = re.compile(r";[ \t]*rport[ \t]*(?=;|$)", re.IGNORECASE)
_OWNED: Final = frozenset(
    {"via", "from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type"}
)

REASONS: Final[dict[int, str]] = {
    status.value: status.phrase for status in HTTPStatus if status.value >= 400
} | {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    494: "Security Agreement Required",
    500: "Server Internal Error",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}


@dataclass(slots=True)
class Outline:
    """What the request of a client transaction is made of, kept for its ACK and its CANCEL."""

    method: str
    uri: str
    via: str
    from_: str
    to: str
    call_id: str
    cseq: int
    routes: tuple[str, ...] = ()
    credentials: Sequence[tuple[str, str]] = ()
    "The headers that answer a challenge: the ACK to a 2xx has them too (RFC 3261 22.1)."

    inside: bool = False
    "Sent inside a dialog."
    max_forwards: int = MAX_FORWARDS


def check_headers(headers: Headers) -> list[tuple[str, str]]:
    """The headers of a caller as a list; ValueError for one that is unsafe or the stack's own."""
    checked = []
    for name, value in headers:
        if not _NAME.fullmatch(name) or name.lower() in _OWNED:
            raise ValueError(f"header {name!r} cannot be set")
        if _UNSAFE.search(value):
            raise ValueError(f"header {name} holds a control character")
        checked.append((name, value))
    return checked


def check_method(method: str) -> str:
    """A method that is safe to write; ValueError if it is no token."""
    if not _NAME.fullmatch(method):
        raise ValueError(f"{method!r} is no method")
    return method


def check_reason(code: int, reason: str | None) -> str:
    """The reason phrase to send with `code`; ValueError if it holds a control character."""
    if reason is None:
        return REASONS.get(code, "Unknown")
    if _UNSAFE.search(reason):
        raise ValueError("the reason phrase holds a control character")
    return reason


def check_content_type(content_type: str) -> str:
    """A Content-Type value that is safe to write; ValueError otherwise."""
    if _UNSAFE.search(content_type):
        raise ValueError("the content type holds a control character")
    return content_type


def request(
    outline: Outline,
    *,
    method: str | None = None,
    to: str | None = None,
    headers: Headers = (),
    body: bytes = b"",
    content_type: str = "",
) -> bytes:
    """Write the request of an outline, or, with another `method`, its ACK or CANCEL."""
    method = method or outline.method
    lines = [
        f"{method} {outline.uri} SIP/2.0",
        f"Via: {outline.via}",
        f"Max-Forwards: {outline.max_forwards}",
        f"From: {outline.from_}",
        f"To: {to or outline.to}",
        f"Call-ID: {outline.call_id}",
        f"CSeq: {outline.cseq} {method}",
    ]
    lines += [f"Route: {route}" for route in outline.routes]
    return _finish(lines, headers, body, content_type)


def response(
    source: Request,
    code: int,
    reason: str,
    hop: Hop,
    *,
    tag: str,
    headers: Headers = (),
    body: bytes = b"",
    content_type: str = "",
    dialog: bool = False,
) -> bytes:
    """Write a response (RFC 3261 8.2.6.2).

    `hop` is where the request came from; `tag` goes into a To that has none; `dialog` copies the
    Record-Route headers, as a response that makes a dialog must (12.1.1).
    """
    echo = source.kept.get("echo")
    if not isinstance(echo, Echo) or (echo.hop is not hop and echo.hop != hop):
        echo = source.kept["echo"] = _echo(source, hop)
    lines = [f"SIP/2.0 {code} {reason}", *echo.vias]
    if dialog:
        lines += [f"Record-Route: {value}" for value in source.lines("Record-Route")]
    lines += echo.before
    if echo.to:
        lines.append(f"{echo.to};tag={tag}" if tag and not echo.tagged else echo.to)
    lines += echo.after
    if code == 100 and (timestamp := source.get("Timestamp")):
        lines.append(f"Timestamp: {timestamp}")
    return _finish(lines, headers, body, content_type)


class Echo(NamedTuple):
    """The lines of a request that all its responses repeat: made for the first, used for each."""

    hop: Hop
    vias: list[str]
    before: list[str]
    to: str
    tagged: bool
    after: list[str]


def _echo(source: Request, hop: Hop) -> Echo:
    """What is missing in a request was refused for it, and stays missing in the answer."""
    top, *rest = source.lines("Via")
    vias = [f"Via: {stamped_via(source, hop)}"]
    # Empty values stand only in what is refused as malformed.
    vias += [f"Via: {value}" for value in split_list(top)[1:] if "/" in value]
    vias += [f"Via: {value}" for value in rest]
    to = source.get("To") or ""
    return Echo(
        hop,
        vias,
        [f"From: {value}"] if (value := source.get("From")) else [],
        f"To: {to}" if to else "",
        bool(to) and _has_tag(source, to),
        [f"{name}: {value}" for name in ("Call-ID", "CSeq") if (value := source.get(name))],
    )


def _has_tag(source: Request, to: str) -> bool:
    try:
        return bool(source.to.tag)
    except ValueError:  # The answer to a malformed To: look at the text.
        return ";tag=" in to.replace(" ", "").lower()


def stamped_via(source: Message, hop: Hop) -> str:
    """The topmost Via with `received` and `rport` as RFC 3261 18.2.1 and RFC 3581 4 ask."""
    text = source.top_via_text
    if isinstance(hop.remote, str):
        return text
    host, port = hop.remote
    via = source.via
    wants_port = via.params.get("rport", "") is None
    if wants_port:
        text = _RPORT.sub(f";rport={port}", text, count=1)
    if (wants_port or via.host != host) and "received" not in via.params:
        text += f";received={host}"
    return text


def _finish(lines: list[str], headers: Headers, body: bytes, content_type: str) -> bytes:
    lines += [f"{name}: {value}" for name, value in headers]
    if body and content_type:
        lines.append(f"Content-Type: {content_type}")
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "\r\n".join(lines).encode() + body
