"""What is changed in aiortc and aioice, in one place. Both are pinned: a test names the versions.

- ICE addresses come from the configuration; the loopback address can be one of them.
- A datagram that is not STUN is passed on only from a source with a succeeded pair: anybody who
  reaches the port could otherwise end the DTLS set-up with one packet. What comes a moment early
  from a source that is still being checked is kept until its check succeeds.
- A malformed STUN message is counted, not raised into the event loop.
- telephone-event (RFC 4733) is a known audio codec, the last one.
- A lost packet does not stop the sound: aiortc's jitter buffer waits 280 ms for it, ours does not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiortc.codecs
import aiortc.rtcpeerconnection
from aioice import ice, stun
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpHeaderExtensionParameters
from aiortc.rtp import RtpPacket

from runtime.media.port import MediaConfig

logger = logging.getLogger(__name__)

PINNED = {"aiortc": "1.16.0", "aioice": "0.13.0"}
"""Versions whose private names are used here."""

EVENTS = "telephone-event"
EARLY = 8
"""Datagrams kept for one socket while its source is still being checked."""

Codecs = list[RTCRtpCodecParameters]
Extensions = list[RTCRtpHeaderExtensionParameters]


class Dropped:
    """Counts of what the guard kept away, with a log line at most once a second."""

    def __init__(self) -> None:
        self.foreign = 0
        self.malformed = 0
        self._logged = 0.0

    def log(self) -> None:
        now = time.monotonic()
        if now - self._logged >= 1.0:
            self._logged = now
            logger.warning(
                "datagrams kept away from ICE: %d foreign, %d malformed",
                self.foreign,
                self.malformed,
            )


dropped = Dropped()

_settings = MediaConfig()
_find_addresses = ice.get_host_addresses
_receive = ice.StunProtocol.datagram_received
_check_complete = ice.Connection.check_complete
_early: dict[ice.StunProtocol, list[tuple[bytes, tuple[str, int]]]] = {}


def install(config: MediaConfig) -> None:
    """Put the changes in place; the last configuration holds for the whole process."""
    global _settings
    _settings = config
    ice.get_host_addresses = _host_addresses
    ice.StunProtocol.datagram_received = _guarded_receive  # type: ignore[method-assign]
    ice.Connection.check_complete = _watched_check_complete  # type: ignore[method-assign]
    audio = aiortc.codecs.CODECS["audio"]
    if not any(codec.name == EVENTS for codec in audio):
        audio += [_events(110, 48000), _events(126, 8000)]


def connection() -> RTCPeerConnection:
    """Make a peer connection that asks nobody for its address: the default asks a public server."""
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


@contextmanager
def offering(codecs: Codecs, extensions: Extensions) -> Iterator[None]:
    """Let `createOffer` write these identifiers: a later offer must not change agreed ones.

    aiortc writes its own defaults in every offer. Nothing may be awaited inside that gives way.
    """
    module: Any = aiortc.rtcpeerconnection
    before = module.CODECS, module.HEADER_EXTENSIONS
    module.CODECS = before[0] | {"audio": codecs}
    module.HEADER_EXTENSIONS = before[1] | {"audio": extensions}
    try:
        yield
    finally:
        module.CODECS, module.HEADER_EXTENSIONS = before


class StraightBuffer:
    """In place of aiortc's jitter buffer: audio goes on at once, late packets are left out.

    The Fifo behind it absorbs jitter. Payload types in `skipped` are no audio.
    """

    def __init__(self, skipped: set[int]) -> None:
        self._skipped = skipped
        self._last: int | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        if self._last is not None:
            ahead = (packet.sequence_number - self._last) & 0xFFFF
            if ahead == 0 or 0x10000 - ahead < 100:
                return False, None
        self._last = packet.sequence_number
        if packet.payload_type in self._skipped:
            return False, None
        return False, JitterFrame(data=packet._data, timestamp=packet.timestamp)  # type: ignore[attr-defined]


def replace_jitter_buffer(receiver: RTCRtpReceiver, skipped: set[int]) -> None:
    """Give a receiver the straight buffer; must happen before its first packet."""
    receiver._RTCRtpReceiver__jitter_buffer = StraightBuffer(skipped)  # type: ignore[attr-defined]


def _events(payload_type: int, clock: int) -> RTCRtpCodecParameters:
    return RTCRtpCodecParameters(
        mimeType=f"audio/{EVENTS}", clockRate=clock, channels=1, payloadType=payload_type
    )


def _host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    if _settings.ice_addresses:
        return list(_settings.ice_addresses)
    found = _find_addresses(use_ipv4, use_ipv6)
    return [*found, "127.0.0.1"] if _settings.loopback or not found else found


def _guarded_receive(self: ice.StunProtocol, data: bytes | str, addr: tuple[Any, ...]) -> None:
    datagram, source = bytes(data), (addr[0], addr[1])  # type: ignore[arg-type]
    if datagram[:1] > b"\x03":  # RFC 7983 section 7: the first octet of STUN is 0 to 3
        if _trusted(self, source):
            self.receiver.data_received(datagram, self.local_candidate.component)
        elif not _keep_early(self, datagram, source):
            dropped.foreign += 1
            dropped.log()
        return
    try:
        stun.parse_message(datagram)
        _receive(self, datagram, source)
    except Exception:  # the parser raises struct.error and others on hostile input
        dropped.malformed += 1
        dropped.log()


def _trusted(protocol: ice.StunProtocol, source: tuple[str, int]) -> bool:
    connection = protocol.receiver
    for pair in connection._nominated.values():
        if pair.protocol is protocol and pair.remote_addr == source:
            return True
    return any(
        pair.protocol is protocol
        and pair.remote_addr == source
        and pair.state == ice.CandidatePair.State.SUCCEEDED
        for pair in connection._check_list
    )


def _keep_early(protocol: ice.StunProtocol, data: bytes, source: tuple[str, int]) -> bool:
    if not any(
        pair.protocol is protocol and pair.remote_addr == source
        for pair in protocol.receiver._check_list
    ):
        return False
    kept = _early.setdefault(protocol, [])
    kept.append((data, source))
    del kept[:-EARLY]
    return True


def _watched_check_complete(self: ice.Connection, pair: ice.CandidatePair) -> None:
    _check_complete(self, pair)
    if pair.state == ice.CandidatePair.State.SUCCEEDED:
        kept = _early.pop(pair.protocol, [])
        for data, source in kept:
            if source == pair.remote_addr:
                self.data_received(data, pair.component)


def forget(connection: ice.Connection) -> None:
    """Let go of what was kept for the sockets of a connection."""
    for protocol in connection._protocols:
        _early.pop(protocol, None)
