"""Own requests outside any dialog (RFC 3261 10.2, 11.1; RFC 3428; RFC 3903), and their answers.

A usage that sends them has one Call-ID and one local tag for as long as it lives, and counts its
CSeq numbers up (RFC 3261 10.2 asks it of REGISTER; it makes every request of the usage its own).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.sip import build
from runtime.sip.build import Headers
from runtime.sip.message import Response
from runtime.sip.notice import MAX_SECONDS
from runtime.sip.transaction import ClientTransaction
from runtime.sip.uri import parse_name_addr, parse_uri
from runtime.sip.usage import Usage, UsageError

if TYPE_CHECKING:
    from runtime.sip.agent import Agent

Pairs = list[tuple[str, str]]

_NOT_OUTSIDE = ("INVITE", "ACK", "CANCEL", "BYE", "SUBSCRIBE", "NOTIFY")


@dataclass(slots=True)
class Asked:
    """An own request as it was asked for, so that it can be sent again with credentials."""

    method: str
    uri: str
    headers: Pairs
    body: bytes
    content_type: str


@dataclass(slots=True)
class Publication:
    """What a usage has published: the entity tag that the next PUBLISH must name (RFC 3903 4.1)."""

    event: str
    etag: str = ""
    removing: bool = False
    "The PUBLISH under way has an expiry of zero."


class Outside:
    """Sends requests that need no dialog."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def register(
        self,
        usage: Usage,
        registrar: str,
        contact: str,
        expires: int | None,
        headers: Headers,
        now: float,
    ) -> None:
        """See `OutsideActs.register`."""
        self.require_free(usage, "REGISTER")
        value = self._contact(usage, contact, expires)
        extra = [("Contact", value), *_expires(expires), *checked(headers)]
        self._send(usage, "REGISTER", registrar or _domain(usage.target), extra, b"", "", now)

    def options(self, usage: Usage, headers: Headers, now: float) -> None:
        """See `OutsideActs.options`; Accept is a SHOULD of RFC 3261 11.1."""
        extra = [
            ("Contact", self._agent.contact(usage)),
            ("Accept", build.ACCEPT),
            ("Allow", self._agent.allow),
            *checked(headers),
        ]
        self._send(usage, "OPTIONS", usage.target, extra, b"", "", now)

    def publish(
        self,
        usage: Usage,
        event: str,
        expires: int | None,
        body: bytes,
        content_type: str,
        headers: Headers,
        now: float,
    ) -> None:
        """See `OutsideActs.publish`."""
        known = usage.publication
        if known is not None and known.event != event:
            raise UsageError(f"the usage publishes {known.event}, not {event}")
        etag = known.etag if known is not None else ""
        if not etag and not body:
            raise UsageError("nothing is published yet: the first PUBLISH has a body")
        if expires == 0 and body:
            raise UsageError("a PUBLISH that removes has no body")
        extra = [("Event", event), *_expires(expires), *checked(headers)]
        if etag:
            extra.append(("SIP-If-Match", etag))
        self._send(usage, "PUBLISH", usage.target, extra, body, content_type, now)
        usage.publication = Publication(event, etag, removing=expires == 0)

    def send(
        self,
        usage: Usage,
        method: str,
        uri: str,
        headers: Headers,
        body: bytes,
        content_type: str,
        now: float,
    ) -> None:
        """See `OutsideActs.send_outside`."""
        if method in _NOT_OUTSIDE:
            raise UsageError(f"{method} is not sent this way")
        target = uri or usage.target
        self._send(usage, method, target, checked(headers), body, content_type, now)

    def repeat(self, usage: Usage, method: str, headers: Headers, *, now: float) -> None:
        """Send the last request of `method` once more, with the next number and more headers."""
        asked = (usage.asked or {}).get(method)
        if asked is None:
            raise UsageError(f"no {method} was sent that could be repeated")
        extra = checked(headers)
        self.require_free(usage, method)
        if method == "SUBSCRIBE":
            self._agent.subscriber.repeat(usage, asked, extra, now)
        else:
            self.begin(usage, asked, asked.headers + extra, now)

    def answered(self, usage: Usage, tx: ClientTransaction, response: Response) -> None:
        """Take over what the answer to a PUBLISH says about the publication (RFC 3903 4.1)."""
        publication = usage.publication
        if tx.method != "PUBLISH" or publication is None:
            return
        if response.code == 412 or (response.code < 300 and publication.removing):
            publication.etag = ""
        elif response.code < 300:
            publication.etag = response.get("SIP-ETag") or ""

    def ended(self, usage: Usage, tx: ClientTransaction) -> None:
        """A request has its final answer, or will get none."""
        if tx in usage.waiting:
            usage.waiting = tuple(other for other in usage.waiting if other is not tx)

    def _send(
        self,
        usage: Usage,
        method: str,
        uri: str,
        headers: Pairs,
        body: bytes,
        content_type: str,
        now: float,
    ) -> None:
        if body and not content_type:
            raise UsageError("a body needs a content type")
        try:
            build.check_method(method)
            build.check_content_type(content_type)
            build.check_headers(headers)
            if not parse_uri(uri).is_sip:
                raise ValueError(f"{uri!r} is no SIP address")
        except ValueError as error:
            raise UsageError(str(error)) from error
        self.require_free(usage, method)
        asked = Asked(method, uri, headers, body, content_type)
        usage.asked = {**(usage.asked or {}), method: asked}
        self.begin(usage, asked, headers, now)

    @staticmethod
    def require_free(usage: Usage, method: str) -> None:
        """Raise UsageError unless the usage may send a request of this method now."""
        if usage.closed:
            raise UsageError("the usage was closed")
        if usage.role != "UAC":
            raise UsageError("the peer began this usage")
        if any(tx.method == method for tx in usage.waiting):
            raise UsageError(f"the last {method} has no answer yet")

    def begin(self, usage: Usage, asked: Asked, headers: Pairs, now: float) -> None:
        """Send a request that was checked, with the next number."""
        usage.cseq += 1
        self._agent.keep(usage)
        outline = build.Outline(
            method=asked.method,
            uri=asked.uri,
            via="",
            from_=usage.from_value,
            to=f"<{usage.target}>",
            call_id=usage.call_id,
            cseq=usage.cseq,
        )
        tx = self._agent.uac.send(
            usage, outline, usage.hop, now, headers, asked.body, asked.content_type
        )
        usage.waiting = (*usage.waiting, tx)

    def _contact(self, usage: Usage, contact: str, expires: int | None) -> str:
        if contact == "*":
            if expires != 0:
                raise UsageError("all bindings can only be removed: expires must be 0")
            return contact
        if not contact:
            return self._agent.contact(usage)
        try:
            parsed = parse_name_addr(contact)
            _ = parsed.uri
        except ValueError as error:
            raise UsageError(f"{contact!r} is no Contact") from error
        # RFC 3261 20.10: a URI with a comma, semicolon or question mark needs brackets.
        return contact if "<" in contact else f"<{contact}>"


def _domain(address: str) -> str:
    """RFC 3261 10.2: the Request-URI of a REGISTER has no user part."""
    uri = parse_uri(address)
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    return f"{uri.scheme}:{host}" + (f":{uri.port}" if uri.port else "")


def _expires(seconds: int | None) -> Pairs:
    if seconds is None:
        return []
    if not 0 <= seconds <= MAX_SECONDS:
        raise UsageError("expires is a number of seconds from 0 on")
    return [("Expires", str(seconds))]


def checked(headers: Headers) -> Pairs:
    try:
        return build.check_headers(headers)
    except ValueError as error:
        raise UsageError(str(error)) from error
