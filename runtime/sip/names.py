"""Names as this machine explains them: its hosts file first, then its name servers."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any, Final

import dns.asyncresolver
import dns.exception
import dns.resolver

from runtime.sip.locate import Found, Naptr, Srv

HOSTS: Final = Path("/etc/hosts")

PATIENCE: Final = 3.0
"Seconds for one question."

UNKNOWN: Final = 30.0
"Seconds for which a name without records stays without."

LOCAL: Final = 60.0
"Seconds for which the machine's own answer holds; it names no time itself."


class SystemNames:
    """NAPTR, SRV and address records. Nothing is sent before the first question."""

    def __init__(self, hosts: Path = HOSTS) -> None:
        self._hosts = hosts
        self._read: tuple[float, dict[str, list[str]]] = (-1.0, {})
        self._resolver: dns.asyncresolver.Resolver | None = None

    def local(self, name: str) -> bool:
        """Whether the hosts file explains a name, or it has one label only."""
        return "." not in name.rstrip(".") or name.lower() in self._known()

    async def naptr(self, name: str) -> Found:
        """The NAPTR records of a name."""
        rdatas, ttl = await self._records(name, "NAPTR")
        records = [
            Naptr(
                each.order,
                each.preference,
                each.flags.decode("ascii", "replace"),
                each.service.decode("ascii", "replace"),
                str(each.replacement).rstrip("."),
            )
            for each in rdatas
        ]
        return Found(tuple(records), ttl)

    async def srv(self, name: str) -> Found:
        """The SRV records of a name."""
        rdatas, ttl = await self._records(name, "SRV")
        records = [
            Srv(each.priority, each.weight, each.port, str(each.target).rstrip("."))
            for each in rdatas
        ]
        return Found(tuple(records), ttl)

    async def addresses(self, name: str) -> Found:
        """The addresses of a name, IPv4 first; OSError if nobody knows any."""
        known = self._known().get(name.lower())
        if known:
            return Found(tuple(known), LOCAL)
        if "." in name.rstrip("."):
            answers = await asyncio.gather(
                self._records(name, "A"), self._records(name, "AAAA"), return_exceptions=True
            )
            good = [each for each in answers if not isinstance(each, BaseException) and each[0]]
            if good:
                addresses = [str(rdata.address) for rdatas, _ in good for rdata in rdatas]
                return Found(tuple(addresses), min(ttl for _, ttl in good))
        return await self._by_the_system(name)

    async def _by_the_system(self, name: str) -> Found:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        return Found(tuple(dict.fromkeys(str(each[4][0]) for each in found)), LOCAL)

    async def _records(self, name: str, kind: str) -> tuple[list[Any], float]:
        try:
            if self._resolver is None:
                self._resolver = dns.asyncresolver.Resolver()
            answer = await self._resolver.resolve(
                name, kind, lifetime=PATIENCE, raise_on_no_answer=False, search=False
            )
        except dns.resolver.NXDOMAIN:
            return [], UNKNOWN
        except (dns.exception.DNSException, UnicodeError) as error:
            raise OSError(f"no name server explains {name}: {type(error).__name__}") from error
        if answer.rrset is None:
            return [], UNKNOWN
        return list(answer.rrset), float(answer.rrset.ttl)

    def _known(self) -> dict[str, list[str]]:
        """The hosts file by name, read again when it has changed."""
        try:
            changed = self._hosts.stat().st_mtime
            if changed != self._read[0]:
                self._read = (changed, _hosts_in(self._hosts.read_text(errors="replace")))
        except OSError:
            return {}
        return self._read[1]


def _hosts_in(text: str) -> dict[str, list[str]]:
    known: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split()[:64] or [""]
        for name in names:
            known.setdefault(name.lower(), []).append(address)
    return known
