"""Dialogs (RFC 3261 12): tags, sequence numbers, route set and remote target. Plain data."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from functools import lru_cache

from runtime.sip.hop import TCP, TLS, UDP, Hop
from runtime.sip.message import Message, Request, Response
from runtime.sip.uri import Uri, parse_name_addr, parse_uri

Key = tuple[str, str, str]
"Call-ID, local tag, remote tag."


@dataclass(slots=True)
class Dialog:
    """One peer-to-peer relation; an INVITE that forks makes several."""

    call_id: str
    local_tag: str
    remote_tag: str
    local: str
    "The From value of own requests, tag included."

    remote: str
    "The To value of own requests, tag included."

    remote_target: str
    "The Contact URI of the peer: the Request-URI of own requests."

    routes: tuple[str, ...]
    "Route values of own requests, in the order in which they are visited."

    local_cseq: int
    remote_cseq: int | None
    hop: Hop
    "The way the peer was last seen."

    confirmed: bool = False

    @property
    def key(self) -> Key:
        return (self.call_id, self.local_tag, self.remote_tag)

    def addressing(self) -> tuple[str, tuple[str, ...]]:
        """Request-URI and Route values of the next own request (RFC 3261 12.2.1.1)."""
        if not self.routes or _is_loose(self.routes[0]):
            return self.remote_target, self.routes
        first = parse_name_addr(self.routes[0]).uri_text
        return first, (*self.routes[1:], f"<{self.remote_target}>")

    @property
    def secure(self) -> bool:
        """Whether the peer is to be reached by sips URIs alone (RFC 3261 12.1.1)."""
        first = parse_name_addr(self.routes[0]).uri_text if self.routes else self.remote_target
        return first[:5].lower() == "sips:"

    def next_hop(self) -> Hop:
        """Where the next own request goes.

        A connection that is open is used: browsers name themselves `.invalid` (RFC 7118 5.2), and
        phones behind a NAT an address that nobody reaches. A host name that is not an address
        falls back to where the peer was last seen: this layer resolves nothing.
        """
        hop = self.hop
        if hop.browser:
            return hop
        text = parse_name_addr(self.routes[0]).uri_text if self.routes else self.remote_target
        found = numeric_hop(text, hop.local, hop.transport if hop.connection else "")
        if found is None:
            return hop
        if found.transport != hop.transport:
            return replace(found, local="")
        return replace(found, connection=hop.connection) if hop.connection else found

    def refresh(self, message: Message) -> None:
        """Take the remote target of a target refresh request or of its 2xx (RFC 3261 12.2)."""
        target = contact_of(message)
        if target is not None:
            self.remote_target = target

    def accept_cseq(self, number: int) -> bool:
        """Whether a request of the peer is in order (RFC 3261 12.2.2); remembers its number."""
        if self.remote_cseq is not None and number < self.remote_cseq:
            return False
        self.remote_cseq = number
        return True


def from_invite(request: Request, tag: str, hop: Hop) -> Dialog:
    """The dialog of the answering side (RFC 3261 12.1.1); ValueError if a header is not valid."""
    target = contact_of(request)
    if target is None and not request.from_.tag:
        target = request.from_.uri_text  # As RFC 2543 allows; its peers send no tag.
    if target is None:
        raise ValueError("Contact is missing")
    return Dialog(
        call_id=request.call_id,
        local_tag=tag,
        remote_tag=request.from_.tag,
        local=f"{request.get('To')};tag={tag}",
        remote=request.get("From") or "",
        remote_target=target,
        routes=_checked_routes(request.get_all("Record-Route")),
        local_cseq=0,
        remote_cseq=request.cseq.number,
        hop=hop,
    )


def from_notify(request: Request, local_cseq: int, hop: Hop) -> Dialog:
    """The dialog of a subscriber whose NOTIFY came first (RFC 6665 4.4.1); ValueError as above."""
    dialog = from_invite(request, request.to.tag, hop)
    dialog.local = request.get("To") or ""
    dialog.local_cseq = local_cseq
    return dialog


def from_response(response: Response, target: str, hop: Hop) -> Dialog:
    """The dialog of the calling side (RFC 3261 12.1.2).

    `target` is the URI that was called: it stays if the response has no usable Contact. A route
    set that cannot be read is left out, so that the ACK still goes somewhere.
    """
    try:
        routes = _checked_routes(response.get_all("Record-Route")[::-1])
    except ValueError:
        routes = ()
    return Dialog(
        call_id=response.call_id,
        local_tag=response.from_.tag,
        remote_tag=response.to.tag,
        local=response.get("From") or "",
        remote=response.get("To") or "",
        remote_target=contact_of(response) or target,
        routes=routes,
        local_cseq=response.cseq.number,
        remote_cseq=None,
        hop=replace(hop, others=()) if hop.others else hop,
    )


def contact_of(message: Message) -> str | None:
    """The first Contact that is a SIP URI, None if there is none that can be used."""
    try:
        contacts = message.contacts
        if not contacts or not contacts[0].uri.is_sip:
            return None
    except ValueError:
        return None
    return contacts[0].uri_text


@lru_cache(maxsize=1024)
def numeric_hop(uri_text: str, local: str, unsaid: str = "") -> Hop | None:
    """The hop of a URI whose host is an address or localhost, None for any other.

    `unsaid` is the transport that a URI without the parameter means; UDP, or TLS for sips, if it
    is empty (RFC 3263 4.1).
    """
    try:
        uri = parse_uri(uri_text)
        if not uri.is_sip:
            return None
        transport = transport_of(uri) or unsaid or UDP
        if uri.scheme == "sips":
            transport = TLS
        if transport not in (UDP, TCP, TLS):
            return None
        host = "127.0.0.1" if uri.host == "localhost" else uri.host
        port = uri.port or (5061 if transport == TLS else 5060)
        name = uri.host if transport == TLS else ""
        return Hop(transport, (str(ipaddress.ip_address(host)), port), local, name=name)
    except ValueError:
        return None


def transport_of(uri: Uri) -> str:
    """The transport that a URI asks for by its parameter, "" if by none."""
    return (uri.param("transport") or "").upper()


def _checked_routes(values: list[str]) -> tuple[str, ...]:
    for value in values:
        if not parse_name_addr(value).uri.is_sip:
            raise ValueError("Record-Route is not valid")
    return tuple(values)


def _is_loose(route: str) -> bool:
    return parse_name_addr(route).uri.param("lr") is not None
