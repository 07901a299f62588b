"""Which sources a plain RTP leg believes, and where it sends (against RTP bleed and injection).

A leg listens to the signalled address. A phone may send from another port of that address: the
first one that speaks is kept while it speaks. Only where the signalled address is a private one, so
that it may stand behind address translation, another source can win, once: after two seconds of
consecutive packets of one stream, in which nothing came from the signalled address.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from runtime.media.rtp import Packet

Address = tuple[str, int]

PROBATION = 2.0
"""Seconds a foreign stream must be consistent before it is believed."""
SILENCE = 2.0
"""Seconds after which a source that was kept has stopped speaking."""


@dataclass(slots=True)
class _Candidate:
    source: Address
    ssrc: int
    payload_type: int
    sequence: int
    since: float
    last: float

    def continues(self, source: Address, packet: Packet) -> bool:
        return (source, packet.ssrc, packet.payload_type) == (
            self.source,
            self.ssrc,
            self.payload_type,
        ) and packet.sequence == (self.sequence + 1) & 0xFFFF


class Gate:
    """The believed source of one leg. `signalled` is the address in the description."""

    def __init__(self, signalled: Address, believed: Address | None = None, now: float = 0.0):
        self.signalled = signalled
        self._believed = believed
        self._last = now
        self._candidate: _Candidate | None = None

    @property
    def target(self) -> Address:
        """Where packets go: to the believed source, before that to the signalled address."""
        return self._believed or self.signalled

    def admit(self, source: Address, packet: Packet, now: float) -> bool:
        """Answer whether this packet may be heard; may change `target`."""
        if source == self._believed:
            self._last = now
            return True
        if self._believed is not None and now - self._last <= SILENCE:
            return False
        if source[0] == self.signalled[0]:
            return self._believe(source, now)
        return self._may_be_translated(source) and self._prove(source, packet, now)

    def _believe(self, source: Address, now: float) -> bool:
        self._believed, self._last, self._candidate = source, now, None
        return True

    def _may_be_translated(self, source: Address) -> bool:
        return self._believed is None and _private(self.signalled[0])

    def _prove(self, source: Address, packet: Packet, now: float) -> bool:
        candidate = self._candidate
        if candidate is not None and candidate.continues(source, packet):
            candidate.sequence, candidate.last = packet.sequence, now
            if now - candidate.since >= PROBATION:
                return self._believe(source, now)
        elif candidate is None or candidate.source == source or now - candidate.last > SILENCE:
            self._candidate = _Candidate(
                source, packet.ssrc, packet.payload_type, packet.sequence, now, now
            )
        return False


def _private(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    shared = address.version == 4 and address in ipaddress.ip_network("100.64.0.0/10")
    return (address.is_private or shared) and not (address.is_loopback or address.is_unspecified)
