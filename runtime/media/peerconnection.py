"""One aiortc peer connection of a webrtc leg, from its offer or answer to its end."""

from __future__ import annotations

import asyncio
import logging
import struct
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from aiortc import RTCSessionDescription
from aiortc import sdp as rtc_sdp
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtp import RtpPacket, is_rtcp
from av import AudioFrame

from runtime.media import dtmf, hardening, sdp
from runtime.media.g711 import Samples
from runtime.media.port import Direction, MediaError
from runtime.media.sound import RateChanger
from runtime.media.track import RATE, VoiceTrack

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 3.0


class Owner(Protocol):
    """What a peer needs of its leg."""

    digits_in: dtmf.Receiver
    digits_out: dtmf.Sender

    def alive(self, now: float) -> None: ...

    def heard(self, samples: Samples) -> None: ...

    async def connection_changed(self, peer: Peer, state: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Agreement:
    """Identifiers that stay the same for the whole life of a call, whatever carries it."""

    mid: str
    codecs: hardening.Codecs
    extensions: hardening.Extensions
    others: tuple[str, ...] = ()
    """Kinds of the other media, in order; they are offered as inactive."""

    @staticmethod
    def read(description: rtc_sdp.SessionDescription) -> Agreement:
        """Take the identifiers out of a description this side wrote."""
        audio = _audio(description)
        return Agreement(
            audio.rtp.muxId,
            audio.rtp.codecs,
            audio.rtp.headerExtensions,
            tuple(media.kind for media in description.media if media.kind == "video"),
        )


class Peer:
    """Negotiates once or more often; tells its owner what it hears and how its connection is."""

    def __init__(self, owner: Owner, agreement: Agreement | None) -> None:
        self._owner = owner
        self._agreement = agreement
        self._negotiated = False
        self._ufrag = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._event_types: set[int] = set()
        self.track = VoiceTrack(None)
        self.connection = hardening.connection()
        self.transceiver = self.connection.addTransceiver(self.track, direction="sendrecv")
        for kind in agreement.others if agreement else ():
            self.connection.addTransceiver(kind, direction="inactive")
        self._dtls = self.transceiver.receiver.transport
        self._tap_receiver()
        self._tap_sender()
        self.connection.on("track", self._track_began)
        self.connection.on("connectionstatechange", self._state_changed)

    # negotiation

    async def offer(self, direction: Direction) -> str:
        """Write an offer. Nothing of an agreed call changes before `accept`."""
        before = self.transceiver.direction
        self.transceiver.direction = direction
        try:
            text: str = (await self._create_offer()).sdp
        finally:
            if self._negotiated:
                self.transceiver.direction = before
        if not self._negotiated:
            await self.connection.setLocalDescription(_described("offer", text))
            text = str(self.connection.localDescription.sdp)
        return text

    async def accept(
        self, offered: str, remote_sdp: str, remote: rtc_sdp.SessionDescription
    ) -> None:
        """Take the answer to `offered`."""
        if self._negotiated:
            wanted = _audio(rtc_sdp.SessionDescription.parse(offered)).direction
            self.transceiver.direction = wanted or "sendrecv"
            await self.connection.setLocalDescription(_described("offer", offered))
        await self._set_remote("answer", remote_sdp)
        self._agreed(remote)

    async def answer(
        self, remote_sdp: str, remote: rtc_sdp.SessionDescription, direction: Direction
    ) -> str:
        """Answer an offer of the other side."""
        await self._set_remote("offer", remote_sdp)
        self._refuse_other_media()
        self.transceiver.direction = direction
        try:
            answer = await self.connection.createAnswer()
            await self.connection.setLocalDescription(answer)
        except Exception as error:
            raise MediaError("unsupported_sdp", f"{type(error).__name__}: {error}") from error
        self._agreed(remote)
        text: str = self.connection.localDescription.sdp
        return text

    def agreement(self) -> Agreement | None:
        """Answer what another peer must keep when it takes the call over."""
        if not self._negotiated:
            return self._agreement
        others = [t.kind for t in self.connection.getTransceivers() if t is not self.transceiver]
        return Agreement(
            self.transceiver.mid or "0",
            self.transceiver._codecs,
            self.transceiver._headerExtensions,
            tuple(others),
        )

    def restarted_by(self, remote: rtc_sdp.SessionDescription) -> bool:
        """Answer whether an offer starts ICE again: its user fragment is another one."""
        return bool(self._ufrag) and _ufrag(remote) != self._ufrag

    async def _create_offer(self) -> RTCSessionDescription:
        agreement = self.agreement()
        if agreement is None:
            return await self.connection.createOffer()
        with hardening.offering(agreement.codecs, agreement.extensions):
            offer = await self.connection.createOffer()
        return offer if self._negotiated else _with_mid(offer, agreement.mid)

    async def _set_remote(self, kind: str, text: str) -> None:
        try:
            await self.connection.setRemoteDescription(_described(kind, text))
        except Exception as error:
            code = "no_common_codec" if "send parameters" in str(error) else "unsupported_sdp"
            raise MediaError(code, f"{type(error).__name__}: {error}") from error
        codecs = self.transceiver._codecs
        codecs.sort(key=lambda codec: codec.name == hardening.EVENTS)
        if codecs[0].name == hardening.EVENTS:
            raise MediaError("no_common_codec")
        self._event_types.clear()
        self._event_types |= {c.payloadType or 0 for c in codecs if c.name == hardening.EVENTS}

    def _refuse_other_media(self) -> None:
        for transceiver in self.connection.getTransceivers():
            if transceiver is not self.transceiver:
                transceiver.direction = "inactive"

    def _agreed(self, remote: rtc_sdp.SessionDescription) -> None:
        self._negotiated = True
        self._ufrag = _ufrag(remote)

    # what flows

    @property
    def direction(self) -> Direction:
        return self.transceiver.currentDirection or "inactive"  # type: ignore[return-value]

    def limit(self, flow: Direction) -> None:
        """Send and receive no more than `flow`, also while a new offer waits for its answer."""
        self.transceiver.sender._enabled = sdp.sends(flow)
        self.transceiver.receiver._enabled = sdp.receives(flow)

    @property
    def codec(self) -> str:
        codecs = self.transceiver._codecs
        return str(codecs[0].name) if self._negotiated and codecs else ""

    @property
    def events_type(self) -> int | None:
        """Payload type for digits of the same clock as the audio (RFC 4733 section 2.1)."""
        codecs = self.transceiver._codecs
        for codec in codecs:
            if codec.name == hardening.EVENTS and codec.clockRate == codecs[0].clockRate:
                return codec.payloadType
        return None

    @property
    def remote(self) -> str:
        pair = self._dtls.transport._connection._nominated.get(1)
        return "{}:{}".format(*pair.remote_addr) if pair else ""

    def _tap_receiver(self) -> None:
        """See each packet before aiortc does: signs of life, and digits."""
        receiver = self.transceiver.receiver
        take = receiver._handle_rtp_packet
        hardening.replace_jitter_buffer(receiver, self._event_types)

        async def tapped(packet: RtpPacket, arrival_time_ms: int) -> None:
            now = asyncio.get_running_loop().time()
            self._owner.alive(now)
            if packet.payload_type in self._event_types and receiver._enabled:
                clock = self._clock_of(packet.payload_type)
                self._owner.digits_in.take(packet.timestamp, packet.payload, clock)
            await take(packet, arrival_time_ms=arrival_time_ms)

        receiver._handle_rtp_packet = tapped  # type: ignore[method-assign]

    def _clock_of(self, payload_type: int) -> int:
        for codec in self.transceiver._codecs:
            if codec.payloadType == payload_type:
                return int(codec.clockRate)
        return 8000

    def _tap_sender(self) -> None:
        """Put a digit's packets in the place of audio packets, so that sequence stays whole."""
        send = self._dtls._send_rtp

        async def tapped(data: bytes) -> None:
            if self._owner.digits_out.busy and not is_rtcp(data):
                data = self._as_event(data)
            await send(data)

        self._dtls._send_rtp = tapped  # type: ignore[method-assign]

    def _as_event(self, data: bytes) -> bytes:
        payload_type = self.events_type
        if payload_type is None:
            return data
        timestamp = int.from_bytes(data[4:8], "big")
        event = self._owner.digits_out.next(timestamp, self.transceiver._codecs[0].clockRate // 50)
        if event is None:
            return data
        second = payload_type | (0x80 if event.marker else 0)
        time = struct.pack("!I", event.timestamp & 0xFFFFFFFF)
        head = data[:1] + bytes([second]) + data[2:4] + time + data[8 : _payload_at(data)]
        return head + event.payload

    def _track_began(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            self._hold(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        changer = RateChanger(8000, RATE)
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, AudioFrame), "an audio track gives audio frames"
            samples = _mono(frame)
            self._owner.heard(samples if frame.sample_rate == RATE else changer.change(samples))

    # life and end

    def _state_changed(self) -> None:
        self._hold(self._owner.connection_changed(self, self.connection.connectionState))

    def _hold(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def give_up(self) -> None:
        """Wait no longer for candidates: ICE fails unless it is connected."""
        if self.connection.connectionState != "connected":
            self._hold(self.connection.addIceCandidate(None))

    async def stats(self) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        for report in (await self.connection.getStats()).values():
            if report.type == "inbound-rtp":
                figures["packets_in"] = report.packetsReceived
                figures["lost"] = report.packetsLost
                clock = self.transceiver._codecs[0].clockRate
                figures["jitter_ms"] = round(report.jitter * 1000 / clock, 3)
            elif report.type == "outbound-rtp":
                figures["packets_out"] = report.packetsSent
                figures["bytes_out"] = report.bytesSent
            elif report.type == "transport":
                figures["bytes_in"] = report.bytesReceived
        return figures

    async def close(self) -> None:
        """End the connection; twice is harmless."""
        hardening.forget(self._dtls.transport._connection)
        self.track.voice = None
        try:
            await asyncio.wait_for(self.connection.close(), CLOSE_SECONDS)
        except TimeoutError:
            logger.warning("a peer connection did not close in time")
        current = asyncio.current_task()
        for task in self._tasks - {current}:
            task.cancel()


def _described(kind: str, text: str) -> RTCSessionDescription:
    return RTCSessionDescription(sdp=text, type=kind)


def _audio(description: rtc_sdp.SessionDescription) -> rtc_sdp.MediaDescription:
    return next(media for media in description.media if media.kind == "audio")


def _ufrag(description: rtc_sdp.SessionDescription) -> str:
    ice = _audio(description).ice
    return (ice.usernameFragment if ice else "") or ""


def _with_mid(offer: RTCSessionDescription, mid: str) -> RTCSessionDescription:
    """Give the first media of a first offer another identification."""
    description = rtc_sdp.SessionDescription.parse(offer.sdp)
    for group in description.group:
        group.items = [mid if item == "0" else item for item in group.items]
    _audio(description).rtp.muxId = mid
    return _described("offer", str(description))


def _mono(frame: AudioFrame) -> Samples:
    samples = frame.to_ndarray().astype(np.int16, copy=False).reshape(-1)
    channels = len(frame.layout.channels)
    if channels == 1:
        return samples
    mixed = samples.reshape(-1, channels).astype(np.int32).sum(axis=1) // channels
    one: Samples = mixed.astype(np.int16)
    return one


def _payload_at(data: bytes) -> int:
    at = 12 + 4 * (data[0] & 15)
    if data[0] & 0x10:
        at += 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
    return at
