"""Where the next request goes (RFC 3263): transport, addresses and ports of a SIP URI, best first.

Names are asked for through a small port, `Names`; what it answers is kept as long as it says. A URI
of a numeric address asks nobody.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from runtime.sip.hop import TCP, TLS, UDP, Hop
from runtime.sip.uri import Uri, parse_uri

PATIENCE: Final = 5.0
"Seconds after which a name that nobody explains is unknown."

HOPS: Final = 8
"Places that are told of one URI; a name server that knows more is not asked to be tried in full."

RECORDS: Final = 16
"Records of one kind that are looked at."

CACHED: Final = 1024
"Answers that are kept."

SHORTEST: Final = 5.0
LONGEST: Final = 3600.0
"Seconds an answer is kept, whatever it says of itself."

_SERVICES: Final = {"SIP+D2U": UDP, "SIP+D2T": TCP, "SIPS+D2T": TLS}
_PREFIXES: Final = {UDP: "_sip._udp.", TCP: "_sip._tcp.", TLS: "_sips._tcp."}
_PARAMETERS: Final = {"udp": UDP, "tcp": TCP, "tls": TLS}


class Naptr(NamedTuple):
    """A NAPTR record (RFC 3403)."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    """An SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


class Found(NamedTuple):
    """What a name server said, and for how many seconds that holds."""

    records: tuple[Any, ...]
    ttl: float


class Names(Protocol):
    """Who explains names. No records is an answer; OSError says that there is none."""

    async def naptr(self, name: str) -> Found: ...
    async def srv(self, name: str) -> Found: ...
    async def addresses(self, name: str) -> Found: ...
    def local(self, name: str) -> bool:
        """Whether a name is known to this machine alone, so that no service is looked for."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A name with a port, and what leads there."""

    transport: str
    host: str
    port: int


class Locator:
    """Finds the ways to URIs. Its methods belong to the event loop's thread."""

    def __init__(
        self,
        names: Names,
        clock: Callable[[], float],
        *,
        transports: Callable[[], Iterable[str]],
        usable: Callable[[str], bool] = lambda address: True,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`transports` are ours, the preferred first; `usable` are addresses we can send to."""
        self._names = names
        self._now = clock
        self._transports = transports
        self._usable = usable
        self._chance = chance
        self._kept: OrderedDict[tuple[str, str], tuple[float, Found]] = OrderedDict()
        self._asking: dict[tuple[str, str], asyncio.Future[Found]] = {}

    async def locate(self, uri: str) -> tuple[Hop, ...]:
        """All ways to a URI, best first; ValueError for one that cannot be called, OSError if it
        leads nowhere. Own addresses are left empty."""
        parsed = parse_uri(uri)
        if not parsed.is_sip or not parsed.host:
            raise ValueError(f"{uri!r} is not a SIP address that can be called")
        host = parsed.param("maddr") or parsed.host
        address = numeric(host)
        asked = asked_transport(parsed)
        if address is not None:
            transport = asked or (TLS if parsed.scheme == "sips" else UDP)
            return (_hop(transport, address, parsed.port or default_port(transport), host),)
        if host.endswith(".invalid"):
            raise OSError(f"the name {host} is one that never leads anywhere")  # RFC 6761 6.4
        try:
            async with asyncio.timeout(PATIENCE):
                hops = await self._named(parsed, host, asked)
        except TimeoutError as late:
            raise OSError(f"nobody explains the name {host} in time") from late
        if not hops:
            raise OSError(f"the name {host} leads to no address")
        return hops

    async def _named(self, uri: Uri, host: str, asked: str) -> tuple[Hop, ...]:
        secure = uri.scheme == "sips"
        plain = asked or (TLS if secure else UDP)
        if uri.port is not None or self._names.local(host):
            places = [_Place(plain, host, uri.port or default_port(plain))]
        elif asked:
            places = await self._services([(asked, _PREFIXES[asked] + host)])
        else:
            places = await self._services(await self._offered(host, secure))
        places = places or [_Place(plain, host, default_port(plain))]
        addresses = await asyncio.gather(*(self._addresses(place.host) for place in places))
        hops = [
            _hop(place.transport, address, place.port, host)
            for place, found in zip(places, addresses, strict=True)
            for address in found
        ]
        return tuple(dict.fromkeys(hops))[:HOPS]

    async def _offered(self, host: str, secure: bool) -> list[tuple[str, str]]:
        """Transports and the names of their SRV records, best first (RFC 3263 4.1)."""
        ours = [each for each in self._transports() if not secure or each == TLS]
        records = (await self._ask("naptr", host, self._names.naptr)).records
        found = [
            (_SERVICES[each.service.upper()], each.replacement)
            for each in sorted(records, key=lambda each: (each.order, each.preference))
            if each.flags.lower() == "s" and _SERVICES.get(each.service.upper()) in ours
        ]
        return found or [(each, _PREFIXES[each] + host) for each in ours]

    async def _services(self, wanted: list[tuple[str, str]]) -> list[_Place]:
        answers = await asyncio.gather(
            *(self._ask("srv", name, self._names.srv) for _, name in wanted)
        )
        return [
            _Place(transport, each.target, each.port)
            for (transport, _), found in zip(wanted, answers, strict=True)
            for each in in_order(found.records, self._chance)
            if each.target not in ("", ".")  # RFC 2782: decidedly not available.
        ]

    async def _addresses(self, host: str) -> list[str]:
        address = numeric(host)
        if address is not None:
            return [address]
        found = await self._ask("address", host, self._names.addresses)
        return [each for each in found.records if self._usable(each)]

    async def _ask(self, kind: str, name: str, ask: Callable[[str], Awaitable[Found]]) -> Found:
        """What was answered lately, or is asked for already, or is asked for now."""
        key, now = (kind, name.lower()), self._now()
        kept = self._kept.get(key)
        if kept is not None and kept[0] > now:
            self._kept.move_to_end(key)
            return kept[1]
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.ensure_future(self._answer(ask, name))
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        found = await asyncio.shield(asking)
        self._kept[key] = (now + min(max(found.ttl, SHORTEST), LONGEST), found)
        self._kept.move_to_end(key)
        while len(self._kept) > CACHED:
            self._kept.popitem(last=False)
        return found

    async def _answer(self, ask: Callable[[str], Awaitable[Found]], name: str) -> Found:
        try:
            async with asyncio.timeout(PATIENCE):
                found = await ask(name)
        except OSError:  # Among them TimeoutError: nobody knows, for a while.
            return Found((), 0.0)
        return Found(found.records[:RECORDS], found.ttl)


def in_order(records: Iterable[Srv], chance: Callable[[], float]) -> list[Srv]:
    """SRV records as they are to be tried (RFC 2782): by priority, then by lot of their weights."""
    rest = sorted(records, key=lambda each: (each.priority, each.weight))
    ordered: list[Srv] = []
    while rest:
        same = [each for each in rest if each.priority == rest[0].priority]
        drawn = chance() * sum(each.weight for each in same)
        taken = same[-1]
        for each in same:
            if drawn < each.weight:
                taken = each
                break
            drawn -= each.weight
        ordered.append(taken)
        rest.remove(taken)
    return ordered


def numeric(host: str) -> str | None:
    """An address as it is written; "localhost" is one; None for a name."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def asked_transport(uri: Uri) -> str:
    """The transport that a URI wants, "" if any will do; ValueError for one we cannot open."""
    wanted = (uri.param("transport") or "").lower()
    if not wanted:
        return ""
    transport = _PARAMETERS.get(wanted)
    if transport is None or (uri.scheme == "sips" and transport == UDP):
        raise ValueError(f"a connection over {wanted} cannot be opened from here")
    return TLS if uri.scheme == "sips" else transport


def default_port(transport: str) -> int:
    """The port of a transport that is not said (RFC 3261 19.1.2)."""
    return 5061 if transport == TLS else 5060


def _hop(transport: str, address: str, port: int, name: str) -> Hop:
    return Hop(transport, (address, port), name=name if transport == TLS else "")
