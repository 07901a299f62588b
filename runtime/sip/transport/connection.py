"""One TCP or TLS connection that carries SIP: framing, keep-alives and how long it may be silent.

It tells its owner of whole messages only. A peer that sends without end, sends nothing, never ends
a message or never reads what it is sent is let go, so that it holds a bounded piece of memory for a
bounded time.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from runtime.sip.hop import Hop
from runtime.sip.message import Malformed
from runtime.sip.transport.framing import PING, PONG, Framer
from runtime.sip.transport.tls import TlsLayer


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What a connection may cost. Times are seconds, sizes bytes."""

    connections: int = 4096
    "At once, in all; less where the system grants fewer descriptors."

    each_source: int = 512
    "At once from one address (IPv6: one /64)."

    opening: int = 256
    "Own connections that are being opened at once."

    connect: float = 4.0
    "Until an own connection has to be there, its TLS handshake included."

    first: float = 10.0
    "Until a peer that connected to us has sent a whole message."

    message: float = 10.0
    "From the first byte of a message to its last."

    idle: float = 900.0
    "Without a message or a keep-alive, before a connection is closed."

    ping: float = 100.0
    "Between the keep-alives on own connections (RFC 5626 4.4.1: 95 to 120 over TCP)."

    pong: float = 10.0
    "Until the answer to one, of a peer that has answered before."

    written: int = 256 * 1024
    "Waiting to be read by the peer."


class Owner(Protocol):
    """Whose connection it is."""

    limits: StreamLimits

    def now(self) -> float: ...
    def made(self, connection: Connection, transport: asyncio.Transport) -> bool: ...
    def message(self, connection: Connection, data: bytes) -> None: ...
    def unframed(self, connection: Connection, fault: Malformed) -> None: ...
    def gone(self, connection: Connection, error: Exception | None) -> None: ...
    def count(self, name: str) -> None: ...


class Connection(asyncio.Protocol):
    """A connection, from the moment it is wanted to the moment it is gone."""

    def __init__(
        self, owner: Owner, id: str, hop: Hop, *, opened: bool, tls: TlsLayer | None = None
    ) -> None:
        self.id = id
        self.hop = hop
        "The way of what comes in over it."
        self.opened = opened
        "By us; else by the peer."
        self.addresses: list[tuple[str, str, int, str]] = []
        "Where it leads to."
        self.source = ""
        "What is counted as one source."
        self.asked = False
        "An own request went over it."
        self.used = False
        "A whole message came over it."
        self.waiting: deque[tuple[bytes, Hop]] = deque()
        "What is to be sent once the connection is there."
        self.certificate: Mapping[str, Any] | None = None
        "The peer's certificate, where it was asked for and holds."
        self.ready: asyncio.Future[None] | None = None
        "Done once something can be sent; whoever opens the connection waits for it."
        self._owner = owner
        self._tls = tls
        self._framer = Framer()
        self._there = False
        self._transport: asyncio.Transport | None = None
        self._begun = self._heard = self._pinged = owner.now()
        self._incomplete: float | None = None
        self._ponged = False
        self._closing = False

    @property
    def open(self) -> bool:
        """Whether something can be sent now."""
        return self._there and not self._closing

    @property
    def usable(self) -> bool:
        """Whether something can be sent now, or will be once the connection is there."""
        return not self._closing

    @property
    def heard(self) -> float:
        """When the peer gave its last sign of life."""
        return self._heard

    def send(self, data: bytes, hop: Hop) -> None:
        """Send now, or as soon as the connection is there; a peer that does not read loses it."""
        if not self._there:
            self.waiting.append((data, hop))
            return
        if self._tls is not None:
            self._tls.say(data)
            data = self._tls.take()
        self._write(data)

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        if not data or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > self._owner.limits.written:
            self._owner.count("slow_reader")
            self.abort()

    def close(self) -> None:
        """Send what waits, then close; harmless when repeated."""
        if self._transport is not None and self._tls is not None and self.open:
            self._tls.end()
            self._write(self._tls.take())
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> None:
        """The connection is there, and with it whoever is at its other end."""
        self._there = True
        if self._tls is not None:
            self.certificate = self._tls.certificate
        if self.ready is not None and not self.ready.done():
            self.ready.set_result(None)
        while self.waiting and not self._closing:
            self.send(*self.waiting.popleft())

    def overdue(self, now: float) -> str:
        """Why the connection is to be closed now, "" if it is not."""
        limits = self._owner.limits
        if self._incomplete is not None and now - self._incomplete > limits.message:
            return "incomplete"
        if not self.opened and not self.used and now - self._begun > limits.first:
            return "silent"
        if now - self._heard > limits.idle:
            return "idle"
        unanswered = self._ponged and self._heard < self._pinged
        if self.opened and unanswered and now - self._pinged > limits.pong:
            return "no_pong"
        return ""

    def ping(self, now: float) -> None:
        """Keep an own connection alive, if it is time to (RFC 5626 4.4.1)."""
        if self.opened and self.open and now - self._pinged >= self._owner.limits.ping:
            self._pinged = now
            self._owner.count("ping_out")
            self.send(PING, self.hop)

    # For asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class hides it.
        self._begun = self._heard = self._pinged = self._owner.now()
        if not self._owner.made(self, self._transport):
            self.abort()
        elif self._tls is None:
            self._begin()
        else:
            self._decrypt(b"")

    def data_received(self, data: bytes) -> None:
        if self._tls is not None:
            data = self._decrypt(data)
        if data and not self._closing:
            self._take(data)
        if self._tls is not None and self._tls.ended and not self._closing:
            self.close()

    def _decrypt(self, data: bytes) -> bytes:
        """Do what TLS wants done; what the peer said, once that is known."""
        assert self._tls is not None
        try:
            said = self._tls.feed(data)
        except ssl.SSLError as error:
            self._write(self._tls.take())  # The alert says why.
            self._fail(error)
            return b""
        self._write(self._tls.take())
        if self._tls.established and not self._there and not self._closing:
            self._begin()
        return said

    def _fail(self, error: ssl.SSLError) -> None:
        if self._there:
            self._owner.count("tls_failed")
        if self.ready is not None and not self.ready.done():
            self.ready.set_exception(error)
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def _take(self, data: bytes) -> None:
        now = self._owner.now()
        for frame in self._framer.feed(data):
            self._heard = now
            self._incomplete = None
            if frame is PING or frame is PONG:
                self._keep_alive(frame)
                continue
            self.used = True
            self._owner.message(self, frame)
            if self._closing:
                return
        fault = self._framer.fault
        if fault is not None:
            self._owner.unframed(self, fault)
            self.close()
        elif not self._framer.pending:
            self._incomplete = None
        elif self._incomplete is None:
            self._incomplete = now

    def _keep_alive(self, frame: bytes) -> None:
        if self.opened:
            self._ponged = True
            self._owner.count("pong_in")
        elif frame is PING:
            self._owner.count("keep_alive")
            self.send(PONG, self.hop)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        if self._tls is not None and not self._there:
            self._owner.count("handshake_failed")
        if self.ready is not None and not self.ready.done():
            self.ready.set_exception(exc or ConnectionResetError("closed by the peer"))
        self._owner.gone(self, exc)
