"""RTP packets (RFC 3550 section 5.1) and the counters of a received stream (6.4.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_HEADER = struct.Struct("!BBHII")

HEADER_BYTES = 12


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet; header extension, contributing sources and padding are taken off."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False


def parse(data: bytes) -> Packet | None:
    """Read a datagram; None for anything that is not a well-formed RTP packet."""
    if len(data) < HEADER_BYTES:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2 or 192 <= second <= 223:
        return None  # the second octet of RTCP stands in that range: RFC 5761 section 4
    start, end = HEADER_BYTES + 4 * (first & 15), len(data)
    if first & 0x10:
        if end < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:
        end -= data[-1]
        if not data[-1]:
            return None
    if start > end:
        return None
    payload = data[start:end]
    return Packet(second & 127, sequence, timestamp, ssrc, payload, bool(second & 128))


def build(
    payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, marker: bool
) -> bytes:
    """Write one packet; sequence and timestamp may run over their field."""
    second = payload_type | (0x80 if marker else 0)
    return _HEADER.pack(0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


@dataclass(slots=True)
class Reception:
    """Counters of one source; `take` says whether a packet is new."""

    clock: int = 8000
    packets: int = 0
    octets: int = 0
    duplicates: int = 0
    jitter: float = 0.0
    """Interarrival jitter in units of the RTP clock."""
    ssrc: int | None = None
    _first: int = 0
    _highest: int = 0
    _received: int = 0
    _lost_before: int = 0
    _transit: float | None = None
    _recent: set[int] = field(default_factory=set)

    def take(self, packet: Packet, now: float) -> bool:
        """Count a packet that arrived at `now` seconds; False if it came before or far too late."""
        if packet.ssrc != self.ssrc:
            self._begin(packet)
        extended = self._extend(packet.sequence)
        if extended in self._recent or extended < self._highest - 100:
            self.duplicates += 1
            return False
        self._highest = max(self._highest, extended)
        self._remember(extended)
        self._received += 1
        self.packets += 1
        self.octets += len(packet.payload)
        self._measure(packet.timestamp, now)
        return True

    def newest(self, packet: Packet) -> bool:
        """Answer whether no later packet was taken before this one."""
        return packet.sequence == self._highest & 0xFFFF

    @property
    def lost(self) -> int:
        if self.ssrc is None:
            return 0
        return self._lost_before + self._lost_now()

    def _lost_now(self) -> int:
        return max(self._highest - self._first + 1 - self._received, 0)

    def _begin(self, packet: Packet) -> None:
        if self.ssrc is not None:
            self._lost_before += self._lost_now()
        self.ssrc = packet.ssrc
        self._first = self._highest = packet.sequence
        self._received = 0
        self._transit = None
        self._recent.clear()

    def _extend(self, sequence: int) -> int:
        """Number a packet across the wrap of its 16 bits, near the highest one seen."""
        delta = (sequence - self._highest) & 0xFFFF
        return self._highest + (delta - 0x10000 if delta >= 0x8000 else delta)

    def _remember(self, extended: int) -> None:
        self._recent.add(extended)
        if len(self._recent) > 256:
            self._recent = {number for number in self._recent if number > self._highest - 128}

    def _measure(self, timestamp: int, now: float) -> None:
        transit = now * self.clock - timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < self.clock:
                self.jitter += (difference - self.jitter) / 16
        self._transit = transit
