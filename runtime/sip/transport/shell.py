"""The asyncio shell around an agent: one clock, one timer, whatever transports there are.

It moves bytes and happenings and decides nothing. The order is the journal's: what came in is told
to the tap before anything it caused is told to the listener, and what goes out is told to the tap
before it leaves.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from runtime.sip.agent import Agent, Outgoing
from runtime.sip.events import Happening, InviteReceived
from runtime.sip.hop import TCP, TLS, UDP, WS, WSS, Hop
from runtime.sip.locate import Locator, Names
from runtime.sip.message import Malformed
from runtime.sip.names import SystemNames
from runtime.sip.transport.address import source_of
from runtime.sip.transport.connection import StreamLimits
from runtime.sip.transport.streams import Streams
from runtime.sip.transport.tls import TlsFiles, client_context, server_context
from runtime.sip.transport.udp import UdpTransport
from runtime.sip.usage import Usage

Tap = Callable[[str, Hop, bytes, float, Usage | None], None]
Listener = Callable[[Happening], None]

STREAM_LIMITS = StreamLimits()

TRIES = 20
"Ports that are tried, where any is wanted, until one is free over UDP and over TCP."

LOOK = 0.1
"Seconds between two looks at the load."

log = logging.getLogger(__name__)


class Batch(Protocol):
    """Lets what the tap and the listener write down be written together.

    Between `hold_back` and `let_through` it may wait for `commit`, which comes before anything is
    sent; so one write serves a message that came and its answers.
    """

    def hold_back(self) -> None: ...
    def commit(self) -> None: ...
    def let_through(self) -> None: ...


class AtOnce:
    """Nothing waits."""

    def hold_back(self) -> None:
        """Nothing is held back."""

    commit = let_through = hold_back


class Shell:
    """Runs one agent. All methods belong to the event loop's thread."""

    def __init__(
        self,
        agent: Agent,
        *,
        on_happening: Listener,
        tap: Tap | None = None,
        batch: Batch | None = None,
        clock: Callable[[], float] = time.monotonic,
        limits: StreamLimits = STREAM_LIMITS,
        names: Names | None = None,
    ) -> None:
        self.agent = agent
        self.now = clock
        self._on_happening = on_happening
        self._tap = tap
        self._batch: Batch = batch or AtOnce()
        self._udp: UdpTransport | None = None
        guard = agent.guard
        welcome = guard.may_connect if guard is not None else _everybody
        self.streams = Streams(self, clock, limits, source_of, welcome)
        agent.local_for = self._local_for
        self._locator = Locator(
            names or SystemNames(), clock, transports=self._transports, usable=self._usable
        )
        self._connections: dict[str, tuple[Hop, Callable[[bytes], None]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._armed: float | None = None
        self._flushing = False
        self._closed = False
        self._looking: asyncio.TimerHandle | None = None
        self._seen = (0.0, 0.0)
        "When the load was looked at last, and what of its thread's time was used by then."

    async def listen_udp(self, host: str, port: int) -> tuple[str, int]:
        """Open the UDP endpoint; port 0 takes a free one. Returns what was bound; OSError if not.

        With a wildcard host the address shown to each peer is the one the kernel would use to it.
        """
        self._watch_load()
        self._udp = UdpTransport(self._receive, self._failed)
        return await self._udp.open(host, port)

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Listen over UDP and, at the same port, over TCP; port 0 takes one that is free in both.

        Returns what was bound; OSError, and nothing is left open, if the address cannot be used.
        """
        for tries_left in range(TRIES, -1, -1):
            bound = await self.listen_udp(host, port)
            try:
                await self.listen_tcp(host, bound[1])
            except OSError:
                assert self._udp is not None
                self._udp.close()
                self._udp = None
                if port or not tries_left:
                    raise
            else:
                return bound
        raise AssertionError("unreachable")

    async def listen_tcp(self, host: str, port: int) -> tuple[str, int]:
        """Accept TCP connections; as `listen_udp`."""
        bound = await self.streams.listen(TCP, host, port)
        self.agent.streams = True
        return bound

    async def listen_tls(self, host: str, port: int, files: TlsFiles) -> tuple[str, int]:
        """Accept TLS connections; ValueError if the files cannot be used, else as `listen_udp`."""
        return await self.streams.listen(TLS, host, port, server_context(files))

    def trust(self, files: TlsFiles) -> None:
        """Open TLS connections to peers, believing these authorities; ValueError as above."""
        self.streams.client_tls = client_context(files)

    def open_connection(
        self, connection: str, send: Callable[[bytes], None], *, local: str, secure: bool = False
    ) -> None:
        """Take over a WebSocket that carries SIP; `send` must not block, `local` is host:port.

        `secure`: it came over TLS, so that Via says WSS (RFC 7118 5.4).
        """
        self._connections[connection] = (Hop(WSS if secure else WS, connection, local), send)

    def receive(self, connection: str, data: bytes) -> None:
        """One WebSocket message (RFC 7118 5.1: exactly one SIP message, or a keep-alive)."""
        found = self._connections.get(connection)
        if found is None:
            raise KeyError(f"connection {connection!r} is not open")
        self._receive(data, found[0])
        self.flush()

    def close_connection(self, connection: str) -> None:
        """The WebSocket is gone; harmless when repeated."""
        if self._connections.pop(connection, None) is not None:
            self.agent.connection_lost(connection, self.now())
            self.flush()

    async def locate(self, uri: str) -> tuple[Hop, ...]:
        """The ways to a SIP URI, best first (RFC 3263); ValueError for what cannot be called,
        OSError for what leads nowhere."""
        if self._udp is None and not self.streams.listens(TCP):
            raise OSError("no endpoint is open")
        return tuple(self._own(hop) for hop in await self._locator.locate(uri))

    async def resolve(self, uri: str) -> Hop:
        """The best way to a SIP URI, which knows the others; errors as above."""
        first, *others = await self.locate(uri)
        return replace(first, others=tuple(others)) if others else first

    def _own(self, hop: Hop) -> Hop:
        assert not isinstance(hop.remote, str)
        if hop.transport == UDP and self._udp is not None:
            return self._udp.hop(*hop.remote)
        return replace(hop, local=self.streams.local_for(hop))

    def _transports(self) -> list[str]:
        """What we can send over, the preferred first."""
        udp = [UDP] if self._udp is not None else []
        return [*udp, TCP, *([TLS] if self.streams.client_tls is not None else [])]

    def _usable(self, address: str) -> bool:
        family = self._udp.family if self._udp is not None else socket.AF_INET6
        return ":" not in address or family == socket.AF_INET6

    @property
    def udp_counters(self) -> Counter[str]:
        """What became of datagrams that could not be read or sent."""
        return self._udp.counters if self._udp is not None else Counter()

    def flush(self) -> None:
        """Send what waits, tell what happened, arm the timer: after each act from outside."""
        if self._flushing or self._closed:
            return  # The loop below takes up what a listener's act adds.
        self._flushing = True
        self._batch.hold_back()
        try:
            while True:
                self._send_all(self.agent.take_messages())
                happenings = self.agent.take_happenings()
                if not happenings:
                    break
                for happening in happenings:
                    self._tell(happening)
        finally:
            self._flushing = False
            self._batch.let_through()
        self._arm()

    def _watch_load(self) -> None:
        """Tell the guard how busy this thread is, and go on doing so."""
        if self.agent.guard is None or self._looking is not None:
            return
        self._seen = (time.monotonic(), time.thread_time())
        self._looking = asyncio.get_running_loop().call_later(LOOK, self._look)

    def _look(self) -> None:
        self._looking = None
        guard, (since, used) = self.agent.guard, self._seen
        if guard is None or self._closed:
            return
        passed = max(time.monotonic() - since, 1e-6)
        busy = min(1.0, (time.thread_time() - used) / passed)
        if self._udp is not None and self._udp.backlogged():
            busy = 1.0  # Others may have the processor: what counts is that we do not keep up.
        known = len(self.agent.uas.transactions) + len(self.agent.uac.transactions)
        guard.look(busy=busy, late=max(0.0, passed - LOOK), transactions=known)
        self._watch_load()

    async def close(self) -> None:
        """Stop the timer and the endpoint; harmless when repeated."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._udp is not None:
            self._udp.close()
        await self.streams.close()
        self._connections.clear()

    # What the streams tell.

    def stream_message(self, data: bytes, hop: Hop) -> None:
        """One message of a TCP or TLS connection."""
        self._receive(data, hop)

    def stream_unframed(self, fault: Malformed, hop: Hop) -> None:
        """The last of a stream that cannot be cut into messages any more."""
        self.agent.unframed(fault, hop)
        self.flush()

    def stream_failed(self, hop: Hop, error: OSError) -> None:
        """Something could not be sent over a stream."""
        self._failed(hop, error)

    def stream_lost(self, hop: Hop, asked: bool) -> None:
        """A TCP or TLS connection is closed; `asked`: own requests went over it."""
        if not self._closed:
            self.agent.stream_lost(hop, self.now(), asked=asked)
            self.flush()

    def _receive(self, data: bytes, hop: Hop) -> None:
        now = self.now()
        self._batch.hold_back()
        try:
            try:
                self.agent.receive(data, hop, now)
            except Exception:
                # Our own mistake: it must end neither the endpoint nor the other calls.
                self.agent.counters["internal_error"] += 1
                log.exception("a SIP message from %s could not be handled", hop)
            self._record("in", hop, data, now, self.agent.last_usage)
            self.flush()
        finally:
            if not self._flushing:
                self._batch.let_through()

    def _send_all(self, messages: list[Outgoing]) -> None:
        """Send messages, once all of them are recorded."""
        if not messages:
            return
        now = self.now()
        for message in messages:
            self._record("out", message.hop, message.data, now, message.usage)
        self._batch.commit()
        for message in messages:
            self._send(message)

    def _send(self, message: Outgoing) -> None:
        hop = message.hop
        if isinstance(hop.remote, str):
            connection = self._connections.get(hop.remote)
            if connection is None:
                self.agent.transport_failed(hop, self.now())
            else:
                connection[1](message.data)
        elif hop.transport != UDP:
            self.streams.send(message.data, hop)
        elif self._udp is None:
            self.agent.transport_failed(hop, self.now())
        else:
            self._udp.send(message.data, hop)

    def _local_for(self, hop: Hop) -> str:
        if hop.transport == UDP and self._udp is not None and not isinstance(hop.remote, str):
            return self._udp.hop(*hop.remote).local
        return self.streams.local_for(hop)

    def _failed(self, hop: Hop, error: OSError) -> None:
        log.info("sending to %s failed: %s", hop, error)
        self.agent.transport_failed(hop, self.now())
        self.flush()

    def _tell(self, happening: Happening) -> None:
        try:
            self._on_happening(happening)
        except Exception:
            # The listener's mistake: it ends one call at most, never the endpoint.
            self.agent.counters["listener_failed"] += 1
            log.exception("a SIP happening was not handled")
            if isinstance(happening, InviteReceived) and not happening.transaction.answered:
                happening.usage.close(now=self.now())  # Nobody else will answer it.

    def _record(
        self, direction: str, hop: Hop, data: bytes, now: float, usage: Usage | None
    ) -> None:
        if self._tap is None or not data.strip(b"\r\n"):
            return  # A keep-alive is no message.
        try:
            self._tap(direction, hop, data, now, usage)
        except Exception:
            # A journal that fails refuses new calls by itself; running calls go on.
            self.agent.counters["tap_failed"] += 1
            log.exception("a SIP message was not recorded")

    def _arm(self) -> None:
        deadline = self.agent.deadline()
        if deadline == self._armed and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed = deadline
        if deadline is not None:
            delay = max(0.0, deadline - self.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._expire)

    def _expire(self) -> None:
        self._timer = None
        try:
            self.agent.expire(self.now())
        except Exception:
            self.agent.counters["internal_error"] += 1
            log.exception("a SIP timer could not be handled")
        self.flush()


def _everybody(host: str, now: float) -> bool:
    return True
