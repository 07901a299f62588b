"""From bytes to messages: split once, checked once, refused with the code that the RFCs ask for.

`parse` is total: it gives a `Request` or a `Response`, or raises `Malformed`, which carries the
status code to answer with and, where one can be answered at all, what could be read of the request.
It is `split` and then `check`: between the two a retransmission is known by `Request.key`, before
any other header is typed. Sizes and counts (`limits`) are looked at before anything typed.
"""

from __future__ import annotations

import re
from typing import Final

from sipmessage import grammar

from runtime.sip import limits
from runtime.sip.message import NAMES, Malformed, Message, Request, Response, Via
from runtime.sip.uri import parse_hostport

_SINGLE: Final = ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type")
_MANDATORY: Final = ("Via", "From", "To", "Call-ID", "CSeq")
_TOKEN = re.compile(grammar.TOKEN)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_CONTROL_OR_QUOTE = re.compile(r'[\x00-\x08\x0a-\x1f\x7f"]')
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\r\n])*+"')
_CALL_ID = re.compile(r"[!-~]+")
_DIGITS = re.compile(r"[0-9]{1,9}")
_LOOSE_VIA = re.compile(
    rf"SIP[ \t]*/[ \t]*[0-9.]+[ \t]*/[ \t]*({grammar.TOKEN})[ \t]+"
    r"((?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+)(?::[0-9]+)?)(?=[;, \t]|$)",
    re.IGNORECASE,
)


def parse(data: bytes) -> Request | Response:
    """Split a message and check what must hold for all; raises `Malformed` and nothing else."""
    message = split(data)
    check(message)
    return message


def split(data: bytes) -> Request | Response:
    """Take the lines apart without typed parsing; raises `Malformed`."""
    if len(data) > limits.MESSAGE:
        raise Malformed(513, "Message Too Large", salvage(data[: limits.MESSAGE]))
    message, fault = _split(data)
    if fault is not None:
        raise Malformed(fault[0], fault[1], _answerable(message))
    return message


def check(message: Request | Response) -> None:
    """Check what must hold for every message; raises `Malformed`."""
    try:
        _check(message)
    except ValueError as error:
        raise Malformed(400, f"Bad Request - {error}", _answerable(message)) from error


def salvage(data: bytes) -> Request | None:
    """What of a refused message can be answered, None if nothing can."""
    try:
        return _answerable(_split(data)[0])
    except Malformed:
        return None


def _answerable(message: Request | Response) -> Request | None:
    """The request if its topmost Via tells where an answer goes (RFC 4475 3.3.1), else None.

    Sent protocol and parameters of that Via may be whatever they are; other headers may be missing.
    """
    if not isinstance(message, Request) or message.method == "ACK":
        return None
    try:
        _ = message.via
    except KeyError:
        return None
    except ValueError:
        return message if _loosen(message) else None
    return message


def _loosen(message: Request) -> bool:
    """Take the Via of a malformed request for what its first words say."""
    loose = _LOOSE_VIA.match(message.top_via_text)
    if loose is None:
        return False
    try:
        host, port = parse_hostport(loose.group(2))
    except ValueError:
        return False
    message.__dict__["via"] = Via(loose.group(1).upper(), host, port, {})
    return True


Fault = tuple[int, str] | None


def _split(data: bytes) -> tuple[Request | Response, Fault]:
    """Start line, unfolded header lines, body; the first fault found is told, not raised."""
    head, end, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    fault: Fault = None if end else (400, "Bad Request - headers have no end")
    try:
        text = head.decode()
    except UnicodeDecodeError:
        text, fault = head.decode("latin-1"), (400, "Bad Request - headers are not UTF-8")
    first, *lines = text.split("\r\n")
    headers, header_fault = _plain_headers(lines) if _is_plain(text, lines) else _headers(lines)
    fault = fault or header_fault
    if _CONTROL.search(first):
        raise Malformed(400, "Bad Request - control character in the start line")
    message: Request | Response
    if first[:8].upper() == "SIP/2.0 ":
        message, start_fault = _status_line(first, headers, body)
    else:
        message, start_fault = _request_line(first, headers, body)
    return message, start_fault or fault


def _request_line(line: str, headers: list[tuple[str, str]], body: bytes) -> tuple[Request, Fault]:
    method, _, rest = line.partition(" ")
    uri, space, version = rest.rpartition(" ")
    if method not in limits.METHODS and not _TOKEN.fullmatch(method):
        raise Malformed(400, "neither a request nor a response")
    request = Request(method, uri, headers, body, version)
    if not space or version[:4].upper() != "SIP/":
        return request, (400, "Bad Request - the request line is not valid")
    if version.upper() != "SIP/2.0":
        return request, (505, "Version Not Supported")
    if len(line) > limits.HEADER:
        return request, (414, "Request-URI Too Long")
    if not uri or " " in uri or "\t" in uri or uri.startswith("<"):
        return request, (400, "Bad Request - Request-URI is not valid")
    return request, None


def _status_line(line: str, headers: list[tuple[str, str]], body: bytes) -> tuple[Response, Fault]:
    code, _, reason = line[8:].partition(" ")
    # RFC 4475 3.1.2.19: a status code of four digits is refused, whatever it begins with.
    if not re.fullmatch("[1-6][0-9][0-9]", code):
        raise Malformed(400, "status code is not valid")
    return Response(int(code), reason, headers, body), None


def _is_plain(text: str, lines: list[str]) -> bool:
    """Whether no line is folded, too long or odd: one look at all instead of one at each."""
    return (
        len(text) <= limits.HEADER
        and len(lines) <= limits.HEADERS
        and "\r\n " not in text
        and "\r\n\t" not in text
        and text.replace("\r\n", "").isprintable()
    )


def _plain_headers(lines: list[str]) -> tuple[list[tuple[str, str]], Fault]:
    """`_headers` of lines that need no care of their own."""
    fault: Fault = None
    headers: list[tuple[str, str]] = []
    for line in lines:
        raw, colon, value = line.partition(":")
        name = NAMES.get(raw) or NAMES.get(raw.strip(" \t").lower())
        if name is None:
            name = raw.rstrip(" \t")
            if not colon or not _TOKEN.fullmatch(name):
                fault = fault or (400, "Bad Request - a line is no header")
                continue
        headers.append((name, value.strip(" \t")))
    return headers, fault


def _headers(lines: list[str]) -> tuple[list[tuple[str, str]], Fault]:
    """Unfold (RFC 3261 7.3.1), trim before the colon, expand compact names, apply the caps."""
    fault: Fault = None
    headers: list[tuple[str, str]] = []
    for line in _unfold(lines):
        raw, colon, value = line.partition(":")
        name = NAMES.get(raw) or NAMES.get(raw.strip(" \t").lower())
        if name is None:
            name = raw.rstrip(" \t")
            if not colon or not _TOKEN.fullmatch(name):
                fault = fault or (400, "Bad Request - a line is no header")
                continue
        if len(line) > limits.HEADER:
            fault = fault or (400, f"Bad Request - {name} is too long")
            continue
        if _CONTROL.search(value) and not _controls_are_quoted(value):
            fault = fault or (400, f"Bad Request - control character in {name}")
            continue
        headers.append((name, value.strip(" \t")))
        if len(headers) > limits.HEADERS:
            return headers, (400, "Bad Request - too many headers")
    return headers, fault


def _controls_are_quoted(value: str) -> bool:
    """Whether control characters stand only as quoted pairs (RFC 3261 25.1), never line ends."""
    position = 0
    while match := _CONTROL_OR_QUOTE.search(value, position):
        quoted = _QUOTED.match(value, match.start())
        if quoted is None:
            return False
        position = quoted.end()
    return True


def _unfold(lines: list[str]) -> list[str]:
    unfolded: list[str] = []
    folded: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and unfolded:
            folded.append(line.strip(" \t"))
            continue
        if folded:
            unfolded[-1] = " ".join((unfolded[-1], *folded))
            folded = []
        unfolded.append(line)
    if folded:
        unfolded[-1] = " ".join((unfolded[-1], *folded))
    return unfolded


def _check(message: Request | Response) -> None:
    """What must hold for every message: mandatory headers, counts, ranges, the length."""
    for name in _MANDATORY:
        if not message.get(name):
            raise ValueError(f"{name} is missing")
    if len(message._values) != len(message.headers):  # Else nothing is there twice.
        for name in _SINGLE:
            if len(message.lines(name)) > 1:
                raise ValueError(f"{name} is there twice")
    _cap(message, "Via", limits.VIAS)
    _cap(message, "Contact", limits.CONTACTS)
    _check_length(message)
    _ = message.via
    cseq = message.cseq
    if isinstance(message, Request) and cseq.method != message.method:
        raise ValueError("CSeq names another method")
    if not _CALL_ID.fullmatch(message.call_id):
        raise ValueError("Call-ID is not valid")
    _ = message.from_, message.to


def _cap(message: Message, name: str, highest: int) -> None:
    lines = message.lines(name)
    values = len(lines)
    for line in lines:
        values += line.count(",")
    if values > highest:
        raise ValueError(f"too many values of {name}")


def _check_length(message: Message) -> None:
    """RFC 3261 18.3: a short datagram is refused; what goes beyond the length is cut."""
    text = message.get("Content-Length")
    if text is None:
        return
    if not _DIGITS.fullmatch(text):
        raise ValueError("Content-Length is not valid")
    length = int(text)
    if length > len(message.body):
        raise ValueError("the body is shorter than Content-Length")
    message.body = message.body[:length]
