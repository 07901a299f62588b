"""SIP messages: requests and responses with their headers, each typed once and kept.

`runtime.sip.wire` makes them of bytes. The typed accessors parse on first use and keep the result;
what they find malformed is a ValueError.
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
NAMES: Final[dict[str, str]] = (
    {name.lower(): name for name in _KNOWN.split()}
    | {short: name for short, name in COMPACT_FORMS.items()}
    | {name: name for name in _KNOWN.split()}
)
"The canonical name of a known header by its lower case, compact or canonical one."
_CSEQ = re.compile(rf"([0-9]{{1,10}})[ \t]+({grammar.TOKEN})")
_VIA = re.compile(
    rf"(SIP)[ \t]*/[ \t]*(2\.0)[ \t]*/[ \t]*({grammar.TOKEN})[ \t]+([^;, \t]+)[ \t]*(;.*)?",
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
        wanted = NAMES.get(name.lower(), name).lower()
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
