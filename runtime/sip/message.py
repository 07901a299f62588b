"""SIP messages as they come off the wire: split once, checked once, each typed header kept.

`parse` is total: it gives a `Request` or a `Response`, or raises `Malformed`, which carries the
status code to answer with and, where one can be answered at all, what could be read of the request.
It is `split` and then `check`: between the two a retransmission is known by `Request.key`, before
any other header is typed. The typed accessors parse on first use and keep the result.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sipmessage import grammar
from sipmessage.message import COMPACT_FORMS

from runtime.sip import limits
from runtime.sip.lazy import lazy
from runtime.sip.multipart import Part, parts
from runtime.sip.uri import (
    NameAddr,
    Uri,
    parse_hostport,
    parse_name_addr,
    parse_params,
    parse_uri,
    split_list,
)

MAGIC_COOKIE: Final = "z9hG4bK"
"A branch that begins so is unique (RFC 3261 8.1.1.7)."

_KNOWN: Final = (
    "Accept Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Authentication-Info "
    "Authorization Call-ID Call-Info Contact Content-Disposition Content-Encoding Content-Language "
    "Content-Length Content-Type CSeq Date Diversion Error-Info Event Expires Flow-Timer From "
    "History-Info Info-Package In-Reply-To Join Max-Forwards MIME-Version Min-Expires Min-SE "
    "Organization P-Asserted-Identity P-Preferred-Identity Path Priority Privacy "
    "Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route Recv-Info "
    "Refer-Sub Refer-To Referred-By Replaces Reply-To Require Retry-After Route RSeq Server "
    "Service-Route Session-Expires SIP-ETag SIP-If-Match Subject Subscription-State Supported "
    "Target-Dialog Timestamp To Unsupported User-Agent Via Warning WWW-Authenticate"
)
_NAMES: Final[dict[str, str]] = (
    {name.lower(): name for name in _KNOWN.split()}
    | {short: name for short, name in COMPACT_FORMS.items()}
    | {name: name for name in _KNOWN.split()}
)
_SINGLE: Final = ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type")
_MANDATORY: Final = ("Via", "From", "To", "Call-ID", "CSeq")
_TOKEN = re.compile(grammar.TOKEN)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_CONTROL_OR_QUOTE = re.compile(r'[\x00-\x08\x0a-\x1f\x7f"]')
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\r\n])*+"')
_CSEQ = re.compile(rf"([0-9]{{1,10}})[ \t]+({grammar.TOKEN})")
_CALL_ID = re.compile(r"[!-~]+")
_DIGITS = re.compile(r"[0-9]{1,9}")
_VIA = re.compile(
    rf"(SIP)[ \t]*/[ \t]*(2\.0)[ \t]*/[ \t]*({grammar.TOKEN})[ \t]+([^;, \t]+)[ \t]*(;.*)?",
    re.IGNORECASE,
)
_LOOSE_VIA = re.compile(
    rf"SIP[ \t]*/[ \t]*[0-9.]+[ \t]*/[ \t]*({grammar.TOKEN})[ \t]+"
    r"((?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+)(?::[0-9]+)?)(?=[;, \t]|$)",
    re.IGNORECASE,
)


class Malformed(ValueError):
    """A message that is refused. `code` is the answer; `partial` None means: drop it silently."""

    def __init__(self, code: int, reason: str, partial: Request | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.partial = partial


class CSeq(NamedTuple):
    """The CSeq header: the number orders requests, the method names them (RFC 3261 20.16)."""

    number: int
    method: str


class Via(NamedTuple):
    """The topmost Via: where a response goes (RFC 3261 20.42)."""

    transport: str
    host: str
    port: int | None
    params: dict[str, str | None]

    @property
    def branch(self) -> str:
        return self.params.get("branch") or ""


class Message:
    """What requests and responses share: headers in order, a body, typed accessors."""

    def __init__(self, headers: list[tuple[str, str]], body: bytes) -> None:
        self.headers = headers
        "(canonical name, value) in the order of the wire, unfolded and trimmed."
        self.body = body
        self.kept: dict[str, object] = {}
        "What `runtime.sip.headers` has read of this message."
        self._values: dict[str, list[str]] = {}
        values = self._values
        for name, value in headers:
            known = values.get(name)
            if known is None:
                values[name] = [value]
            else:
                known.append(value)

    def get(self, name: str) -> str | None:
        """The first value of a header by its canonical name."""
        values = self._values.get(name)
        return values[0] if values else None

    def get_all(self, name: str) -> list[str]:
        """All values of a list header, split at the commas outside quotes and brackets."""
        return [part for value in self._values.get(name, ()) for part in split_list(value)]

    def lines(self, name: str) -> list[str]:
        """The values of a header, one for each line, not split."""
        return self._values.get(name, [])

    def named(self, name: str) -> list[str]:
        """The values of a header that somebody names as they like: case and compact form aside."""
        wanted = _NAMES.get(name.lower(), name).lower()
        return [value for known, value in self.headers if known.lower() == wanted]

    def tokens(self, name: str) -> list[str]:
        """The option tags of Require, Supported and their like, in lower case."""
        return [part.lower() for part in self.get_all(name) if part]

    @property
    def call_id(self) -> str:
        return self._values["Call-ID"][0]

    @lazy
    def cseq(self) -> CSeq:
        match = _CSEQ.fullmatch(self._values["CSeq"][0])
        if match is None or int(match.group(1)) >= limits.CSEQ:
            raise ValueError("CSeq is not valid")
        return CSeq(int(match.group(1)), match.group(2))

    @lazy
    def from_(self) -> NameAddr:
        return parse_name_addr(self._values["From"][0])

    @lazy
    def to(self) -> NameAddr:
        return parse_name_addr(self._values["To"][0])

    @lazy
    def via(self) -> Via:
        """The topmost Via."""
        match = _VIA.fullmatch(self.top_via_text)
        if match is None:
            raise ValueError("Via is not valid")
        host, port = parse_hostport(match.group(4))
        return Via(match.group(3).upper(), host, port, parse_params(match.group(5) or ""))

    @lazy
    def top_via_text(self) -> str:
        return split_list(self._values["Via"][0])[0]

    @lazy
    def contacts(self) -> tuple[NameAddr, ...]:
        """The Contact values; `*` has the URI text "*"."""
        return tuple(parse_name_addr(value) for value in self.get_all("Contact"))

    @lazy
    def content_type(self) -> str:
        """Type and subtype in lower case without parameters, "" if there is none."""
        return (self.get("Content-Type") or "").partition(";")[0].replace(" ", "").lower()

    @property
    def sdp(self) -> bytes | None:
        """The session description: the body, or the one part of it that is one (RFC 5621 3)."""
        if not self.body:
            return None
        if self.content_type.startswith("multipart/"):
            return self._described
        return self.body if self.content_type == "application/sdp" else None

    @lazy
    def _described(self) -> bytes | None:
        found = [part.body for part in self.parts if part.content_type == "application/sdp"]
        return found[0] if len(found) == 1 else None

    @lazy
    def parts(self) -> tuple[Part, ...]:
        """The parts of a body that has several; none if it has not, or they cannot be told."""
        if not self.content_type.startswith("multipart/"):
            return ()
        try:
            return parts(self.get("Content-Type") or "", self.body)
        except ValueError:
            return ()


class Request(Message):
    """A request whose mandatory headers are there and whose typed headers parsed."""

    def __init__(
        self, method: str, uri: str, headers: list[tuple[str, str]], body: bytes, version: str
    ) -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri_text = uri
        self.version = version
        self.identity = ""
        "The user it was proved to come from, set by whoever screens requests; empty: nobody's."

    @lazy
    def uri(self) -> Uri:
        return parse_uri(self.uri_text)

    @lazy
    def key(self) -> tuple[str, ...]:
        """What makes this the same transaction as another request (RFC 3261 17.2.3).

        An ACK has the key of its INVITE. Without the magic cookie the rules of RFC 2543 hold.
        """
        method = "INVITE" if self.method == "ACK" else self.method
        return self.key_for(method)

    def key_for(self, method: str) -> tuple[str, ...]:
        """The key of the transaction that a CANCEL with this Via would mean."""
        via = self.via
        if via.branch.startswith(MAGIC_COOKIE) and via.branch != MAGIC_COOKIE:
            return (via.branch, via.host, str(via.port), method)
        number = str(self.cseq.number)
        return (self.top_via_text, self.call_id, self.from_.tag, number, self.uri_text, method)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri_text}>"


class Response(Message):
    """A response whose mandatory headers are there and whose typed headers parsed."""

    def __init__(self, code: int, reason: str, headers: list[tuple[str, str]], body: bytes) -> None:
        super().__init__(headers, body)
        self.code = code
        self.reason = reason

    def __repr__(self) -> str:
        return f"<Response {self.code} {self.reason}>"


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
        name = _NAMES.get(raw) or _NAMES.get(raw.strip(" \t").lower())
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
        name = _NAMES.get(raw) or _NAMES.get(raw.strip(" \t").lower())
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
