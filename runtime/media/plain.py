"""A leg over plain RTP: G.711 and telephone events on an own UDP port, without ICE and DTLS."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
from typing import Any

from runtime.media import dtmf, g711, rtp, sdp
from runtime.media.latch import Address, Gate
from runtime.media.leg import Leg, Say
from runtime.media.port import LegInfo, MediaConfig, MediaError

SILENCE = {"PCMU": b"\xff" * g711.FRAME, "PCMA": b"\xd5" * g711.FRAME}
COMFORT_NOISE = 13
RESOLVE_SECONDS = 2.0
ATTEMPTS = 64
WILDCARDS = ("0.0.0.0", "::")
MAPPED = "::ffff:"
"""What an IPv6 socket writes before the address of an IPv4 peer (RFC 4291 2.5.5.2)."""
ANYBODY = "192.0.2.1"
"""An address that belongs to nobody (RFC 5737): the way to it is the default route."""


class Ports:
    """Even UDP ports of the configured range, handed out in turn so that a freed one rests."""

    def __init__(self, config: MediaConfig) -> None:
        self._config = config
        self._low = (config.port_low + 1) & ~1
        self._count = max((config.port_high - self._low) // 2 + 1, 0) if config.port_low else 0
        self._turn = 0

    def bind(self, port: int = 0) -> socket.socket:
        """Answer a bound socket; raises MediaError("no_port")."""
        if port:
            bound = self._try(port)
            if bound is None:
                raise MediaError("no_port", f"RTP port {port} cannot be bound")
            return bound
        if not self._config.port_low:
            return self._any()
        for _ in range(self._count):
            number = self._low + 2 * (self._turn % self._count)
            self._turn += 1
            bound = self._try(number)
            if bound is not None:
                return bound
        raise MediaError("no_port")

    def _any(self) -> socket.socket:
        """Let the system choose until the port is even, as RFC 3550 section 11 wants it."""
        refused = []
        try:
            for _ in range(ATTEMPTS):
                bound = self._try(0)
                if bound is not None and bound.getsockname()[1] % 2 == 0:
                    return bound
                if bound is not None:
                    refused.append(bound)
        finally:
            for odd in refused:
                odd.close()
        raise MediaError("no_port")

    def _try(self, port: int) -> socket.socket | None:
        host = self._config.bind
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            bound.bind((host, port))
        except OSError:
            bound.close()
            return None
        return bound


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, leg: PlainLeg) -> None:
        self._leg = leg

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        host = str(addr[0])
        self._leg.receive(data, (host.removeprefix(MAPPED) if "." in host else host, addr[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._leg.closed.set()

    def error_received(self, exc: Exception) -> None:
        self._leg.unreachable += 1


class PlainLeg(Leg):
    """Sends one packet each tick once started; hears only whom its Gate admits."""

    kind = "rtp"
    rate = g711.RATE

    def __init__(self, name: str, config: MediaConfig, say: Say, towards: str = "") -> None:
        super().__init__(name, config, say)
        self.agreed: sdp.Agreed | None = None
        self.gate: Gate | None = None
        self.reception = rtp.Reception()
        self.strangers = 0
        self.malformed = 0
        self.unreachable = 0
        self.closed = asyncio.Event()
        self.sent_packets = 0
        self.sent_octets = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._port = 0
        self._bound = config.bind
        self._towards = towards or ANYBODY
        self._host = config.advertised or ("" if config.bind in WILDCARDS else config.bind)
        self._session, self._version = secrets.randbits(48), 0
        self._offered = ""
        self._wanted_before = self.wanted
        self._ssrc, self._sequence = secrets.randbits(32), secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._fresh = True

    async def open(self, ports: Ports, port: int = 0) -> None:
        """Bind the RTP port; raises MediaError("no_port")."""
        bound = ports.bind(port)
        self._port = bound.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Receiver(self), sock=bound
        )

    # negotiation

    async def offer(self, restart: bool) -> str:
        previous = sdp.parse(self.remote_sdp) if self.remote_sdp else None
        self._host = self._host or _address_towards(self._towards)
        self._offered = self._written(
            lambda local: sdp.offer(local, previous, self.agreed), self.local_sdp
        )
        return self._offered

    async def answer(self, remote_sdp: str) -> str:
        if self._offered:
            raise MediaError("wrong_state", "an offer of this leg waits for its answer")
        remote = sdp.parse(remote_sdp)
        await self._face(remote)
        text = self._written(lambda local: sdp.answer(remote, local)[0], self.local_sdp)
        await self._agree(remote_sdp, text)
        return text

    async def accept(self, remote_sdp: str) -> None:
        if not self._offered:
            raise MediaError("wrong_state", "the leg has made no offer")
        await self._agree(remote_sdp, self._offered)
        self._offered = ""

    async def rollback(self) -> None:
        self._offered = ""
        self.wanted = self._wanted_before

    async def _face(self, remote: sdp.Description) -> None:
        """Where every address is bound and none is configured, name the one that faces the peer."""
        if not self._host:
            media = next(iter(remote.media), None)
            host = await _resolve(remote.host_of(media)) if media else ANYBODY
            self._host = _address_towards(host)

    def _written(self, write: Any, before: str) -> str:
        """Write a description; its version grows only when something changed (RFC 3264 8)."""
        text: str = write(self._local(self._version))
        if text != before:
            self._version += 1
            text = write(self._local(self._version))
        return text

    def _local(self, version: int) -> sdp.Local:
        return sdp.Local(self._host, self._port, self.wanted, self._session, version)

    async def _agree(self, remote_sdp: str, local_sdp: str) -> None:
        agreed = sdp.accept(sdp.parse(remote_sdp), self._local(0), sdp.parse(local_sdp))
        signalled = (await _resolve(agreed.host), agreed.port)
        self._require_reachable(signalled[0])
        if self.gate is None or self.gate.signalled != signalled:
            self.gate = Gate(signalled)
        self.agreed, self.agreed_direction = agreed, agreed.direction
        self.local_sdp, self.remote_sdp = local_sdp, remote_sdp
        self._wanted_before = self.wanted
        self._decode, self._encode = g711.decoder(agreed.codec), g711.encoder(agreed.codec)

    def _require_reachable(self, host: str) -> None:
        """Refuse a peer of the other family (RFC 6157 3.1): not one packet would reach it."""
        if self._bound != "::" and (":" in host) != (":" in self._bound):
            family = "IPv6" if ":" in host else "IPv4"
            raise MediaError(
                "unsupported_sdp", f"RTP to the {family} address {host} cannot be sent"
            )

    async def restore(self, info: LegInfo) -> None:
        self._session, self._version = sdp.origin(info.local_sdp)
        self._host = self._host or _address_towards(info.remote.rpartition(":")[0] or ANYBODY)
        if info.remote_sdp and info.local_sdp:
            own = sdp.parse(info.local_sdp)
            self.wanted = own.media[0].direction or self.wanted if own.media else self.wanted
            await self._agree(info.remote_sdp, info.local_sdp)
            self._believe(info.remote)

    def _believe(self, remote: str) -> None:
        """Go on with the source that was believed before the leg was lost."""
        host, _, port = remote.rpartition(":")
        if self.gate is not None and host and (host, int(port)) != self.gate.signalled:
            now = asyncio.get_running_loop().time()
            self.gate = Gate(self.gate.signalled, (host, int(port)), now)

    # receiving

    def receive(self, data: bytes, source: Address) -> None:
        """Take one datagram from the socket."""
        packet = rtp.parse(data)
        if packet is None or self.agreed is None or self.gate is None:
            self.malformed += 1
            return
        agreed = self.agreed
        speech = packet.payload_type in agreed.receive_types
        event = packet.payload_type in agreed.receive_events
        if not (speech or event or packet.payload_type == COMFORT_NOISE):
            self.malformed += 1
            return
        now = asyncio.get_running_loop().time()
        if not self.gate.admit(source, packet, now):
            self.strangers += 1
            return
        if self.reception.take(packet, now):
            self._take(packet, now, speech, event)

    def _take(self, packet: rtp.Packet, now: float, speech: bool, event: bool) -> None:
        self.alive(now)
        if not sdp.receives(self.flow):
            return
        if event:
            self.digits_in.take(packet.timestamp, packet.payload)
        elif speech and self.reception.newest(packet):
            self.heard(self._decode(packet.payload))

    # sending

    def tick(self, now: float) -> None:
        self.watch(now)
        self._timestamp += g711.FRAME
        if not self.started or self.agreed is None:
            return
        if self.digits_out.busy:
            event = self.digits_out.next(self._timestamp, g711.FRAME)
            if event is not None:
                self._send_event(event)
            return
        frame = self.voice.next()
        payload = SILENCE[self.agreed.codec] if frame is None else self._encode(frame)
        self._send(self.agreed.send_type, self._timestamp, payload, self._fresh)

    def _send_event(self, event: dtmf.EventFrame) -> None:
        if self.agreed is not None and self.agreed.events_type is not None:
            self._send(self.agreed.events_type, event.timestamp, event.payload, event.marker)

    def _send(self, payload_type: int, timestamp: int, payload: bytes, marker: bool) -> None:
        if self._transport is None or self.gate is None or not sdp.sends(self.flow):
            self._fresh = True
            return
        packet = rtp.build(payload_type, self._sequence, timestamp, self._ssrc, payload, marker)
        host, port = self.gate.target
        if ":" in self._bound and ":" not in host:
            host = MAPPED + host
        self._transport.sendto(packet, (host, port))
        self._sequence += 1
        self._fresh = False
        self.sent_packets += 1
        self.sent_octets += len(payload)

    # what is shown

    @property
    def codec(self) -> str:
        return self.agreed.codec if self.agreed else ""

    @property
    def remote(self) -> str:
        return "{}:{}".format(*self.gate.target) if self.gate else ""

    @property
    def port(self) -> int:
        return self._port

    @property
    def sends_events(self) -> bool:
        return self.agreed is not None and self.agreed.events_type is not None

    async def stats(self) -> dict[str, Any]:
        reception = self.reception
        return {
            "codec": self.codec,
            "remote": self.remote,
            "packets_in": reception.packets,
            "bytes_in": reception.octets,
            "lost": reception.lost,
            "duplicates": reception.duplicates,
            "jitter_ms": round(reception.jitter * 1000 / g711.RATE, 3),
            "packets_out": self.sent_packets,
            "bytes_out": self.sent_octets,
            "strangers": self.strangers,
            "malformed": self.malformed,
            "unreachable": self.unreachable,
        }

    async def close(self) -> None:
        self.started = False
        if self._transport is not None:
            self._transport.close()
            self._transport = None
            await self.closed.wait()  # only then the port is free for another leg


async def _resolve(host: str) -> str:
    """Answer the address of a host named in a description; most are addresses already."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(
            loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM), RESOLVE_SECONDS
        )
    except (OSError, UnicodeError, TimeoutError) as error:
        raise MediaError("unsupported_sdp", f"the host {host} cannot be found") from error
    return str(found[0][4][0])


def _address_towards(host: str) -> str:
    """Answer the own address that packets to `host` carry; nothing is sent."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
        except OSError:  # a machine without a network has its loopback address
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
