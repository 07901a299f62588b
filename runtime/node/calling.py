"""A call that is about to begin, as far as routes and ramps look at it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from runtime.sip.message import Request
from runtime.sip.uri import parse_name_addr, parse_uri

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _no_header(name: str) -> list[str]:
    return []


@dataclass(frozen=True, slots=True)
class NewCall:
    """What is known of a call before a flow takes it."""

    party: str
    """The address of the other party: From of a call that comes in, target of one placed here."""
    number: str
    """User part that is called."""
    source: str = ""
    """IP address the INVITE came from; empty if it came over a WebSocket or is placed here."""
    call: str = ""
    """Call-ID or session id: decides for callers who do not say who they are."""
    domain: str = ""
    """Host of the Request-URI."""
    web_user: str = ""
    """Who is logged in at the page whose phone calls; empty for every other call."""
    trunk: str = ""
    """Name of the trunk it comes from; empty if it comes from none."""
    account: str = ""
    """The account that proved to be the caller; empty for calls without credentials."""
    header: Callable[[str], list[str]] = _no_header
    """Gives the values of a header of the INVITE, by its name."""


ASSERTED = frozenset({"p-asserted-identity", "p-preferred-identity", "remote-party-id"})
"""Headers that say who calls as somebody else vouches for it (RFC 3325): worth what he is."""


def believed(request: Request) -> Callable[[str], list[str]]:
    """Return what gives the headers of a request of somebody who can vouch for nobody."""
    return lambda name: [] if name.lower() in ASSERTED else request.named(name)


def asserted(request: Request) -> str:
    """Return the first SIP or telephone address of P-Asserted-Identity; empty if there is none."""
    for value in request.get_all("P-Asserted-Identity"):
        try:
            uri = parse_name_addr(value).uri
        except ValueError:
            continue
        if uri.is_sip or uri.scheme == "tel":
            return uri.text
    return ""


def user_of(address: str) -> str:
    """Return the user part of an address; empty if it has none or cannot be read."""
    try:
        return parse_uri(address).user
    except ValueError:
        return ""


def network(text: str) -> Network:
    """Return a network; ValueError if the text is none."""
    return ipaddress.ip_network(text, strict=False)


def within(networks: tuple[Network, ...], address: str) -> bool:
    """Whether an address lies in one of the networks; text that is no address does not."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in each for each in networks)
