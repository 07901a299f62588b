"""The messages of a call as a packet capture that other tools read (pcap, link type RAW).

Each message is one UDP packet in an IP packet, with the time and the addresses of the record. What
went over TCP or WebSocket is wrapped in UDP, too: streams were not recorded, messages were. Names
and addresses that are no numbers (a browser's socket) become addresses of 192.0.2.0/24 (RFC 5737).
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from runtime.onecall.legs import OneCall, Wire
from runtime.onecall.veil import Veil

_MAGIC: Final = 0xA1B2C3D4
_LINK_RAW: Final = 101
_SNAP: Final = 262_144
_UDP: Final = 17
_MOST_UDP: Final = 65_507 - 20
"""Bytes of a message in one packet; no longer one was taken in over UDP."""
_SIP_PORT: Final = 5060

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def capture(call: OneCall, veil: Veil) -> bytes:
    """Return the messages of all legs as a pcap file, oldest first.

    A message that went from one of our legs to another stands in it twice, as on the loopback.
    """
    head = struct.pack("<IHHiIII", _MAGIC, 2, 4, 0, 0, _SNAP, _LINK_RAW)
    messages = sorted(
        (each for leg in call.legs for each in leg.wire), key=lambda w: (w.time, w.id)
    )
    return head + b"".join(_records(messages, veil))


def _records(messages: Iterable[Wire], veil: Veil) -> Iterator[bytes]:
    places: dict[str, Address] = {}
    for wire in messages:
        local, remote = _place(wire.local, places), _place(wire.remote, places)
        source, target = (local, remote) if wire.direction == "out" else (remote, local)
        packet = _packet(source, target, veil.message(wire.data)[:_MOST_UDP])
        seconds, micros = divmod(round(wire.time * 1_000_000), 1_000_000)
        yield struct.pack("<IIII", seconds, micros, len(packet), len(packet)) + packet


def _place(address: str, places: dict[str, Address]) -> tuple[Address, int]:
    """Return the address and port of one end; a made-up address for what is none."""
    host, _, port = address.rpartition(":")
    number = int(port) if port.isdecimal() and int(port) < 65_536 and host else _SIP_PORT
    name = (host or address).strip("[]")
    try:
        return ipaddress.ip_address(name), number
    except ValueError:
        made = ipaddress.IPv4Address("192.0.2.0") + 1 + len(places) % 254
        return places.setdefault(name, made), number


def _packet(source: tuple[Address, int], target: tuple[Address, int], data: bytes) -> bytes:
    """Return an IP packet with one UDP datagram (RFC 768, RFC 791, RFC 8200)."""
    if source[0].version != target[0].version:
        source, target = (_as_six(source[0]), source[1]), (_as_six(target[0]), target[1])
    length = 8 + len(data)
    ends = source[0].packed + target[0].packed
    udp = struct.pack(">HHHH", source[1], target[1], length, 0)
    pseudo = ends + struct.pack(">BBH", 0, _UDP, length)
    total = _checksum(pseudo + udp + data) or 0xFFFF
    datagram = struct.pack(">HHHH", source[1], target[1], length, total) + data
    if source[0].version == 6:
        return struct.pack(">IHBB", 6 << 28, length, _UDP, 64) + ends + datagram
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, _UDP, 0) + ends
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + datagram


def _as_six(address: Address) -> Address:
    if address.version == 6:
        return address
    return ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
