"""All TCP and TLS connections of a shell: who may connect, what is reused, what is opened anew.

Responses go over the connection their request came on, and open another one when it is gone (RFC
3261 18.2.2). Requests go over the connection of their dialog, or over one that leads to the address
they want: one that we opened to it, or over TCP one that came from it. What a peer only claims of
itself is never believed: an alias (RFC 5923) counts over TLS with a certificate that bears it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import resource
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from itertools import count
from typing import Final, Protocol

from runtime.sip.hop import TCP, TLS, Hop
from runtime.sip.message import Malformed, Request
from runtime.sip.transport.address import host_port, local_address, plain
from runtime.sip.transport.connection import Connection, StreamLimits
from runtime.sip.transport.tls import TlsLayer, names_host
from runtime.sip.wire import split

log = logging.getLogger(__name__)

SWEEP: Final = 1.0
"Seconds between two looks at what is overdue."

BACKLOG: Final = 512
"Connections that may wait to be accepted."

Address = tuple[str, str, int, str]
"Transport, host, port, and over TLS the name that was checked."


class Reader(Protocol):
    """Who takes what comes in."""

    def stream_message(self, data: bytes, hop: Hop) -> None: ...
    def stream_unframed(self, fault: Malformed, hop: Hop) -> None: ...
    def stream_failed(self, hop: Hop, error: OSError) -> None: ...
    def stream_lost(self, hop: Hop, asked: bool) -> None: ...


class Streams:
    """The connections. All methods belong to the event loop's thread."""

    def __init__(
        self,
        reader: Reader,
        clock: Callable[[], float],
        limits: StreamLimits,
        source_of: Callable[[str], str],
        welcome: Callable[[str, float], bool],
    ) -> None:
        self.now = clock
        self.limits = replace(limits, connections=min(limits.connections, _descriptors() // 2))
        self.counters: Counter[str] = Counter()
        self.client_tls: ssl.SSLContext | None = None
        self._server_tls: ssl.SSLContext | None = None
        self._reader = reader
        self._source_of = source_of
        self._welcome = welcome
        self._numbers = count(1)
        self._ports: dict[str, int] = {}
        self._local: dict[str, str] = {}
        self._servers: list[asyncio.Server] = []
        self._connections: dict[str, Connection] = {}
        self._addresses: dict[Address, Connection] = {}
        self._sources: Counter[str] = Counter()
        self._silent: dict[str, Connection] = {}
        "Connections of peers that have sent no whole message yet, the oldest first."
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def most(self) -> int:
        """Connections from the source that has most of them."""
        return max(self._sources.values(), default=0)

    async def listen(
        self, transport: str, host: str, port: int, tls: ssl.SSLContext | None = None
    ) -> tuple[str, int]:
        """Accept connections; returns what was bound. OSError if the address cannot be used."""
        if transport == TLS and tls is None:
            raise ValueError("TLS needs a context")
        loop = asyncio.get_running_loop()
        listener = await _bound(host, port)
        server = await loop.create_server(lambda: self._accepted(transport), sock=listener)
        self._servers.append(server)
        bound = listener.getsockname()
        self._ports[transport] = int(bound[1])
        if transport == TLS:
            self._server_tls = tls
        if not ipaddress.ip_address(bound[0]).is_unspecified:
            self._local[transport] = plain(str(bound[0]))
        return str(bound[0]), int(bound[1])

    def listens(self, transport: str) -> bool:
        """Whether peers can connect to us, as they must be able to for late responses."""
        return transport in self._ports

    def local_for(self, hop: Hop) -> str:
        """Our own "host:port" as a peer should see it."""
        host = self._local.get(hop.transport) or local_address(hop.host)
        return host_port(host, self._ports.get(hop.transport, 0) or _default_port(hop.transport))

    def send(self, data: bytes, hop: Hop) -> None:
        """Send over the connection that leads there, opening one if there is none."""
        connection = self._found(hop)
        if connection is None:
            connection = self._opened(hop)
            if connection is None:
                return
        if not data.startswith(b"SIP/2.0 "):
            connection.asked = True
        connection.send(data, hop)

    def close_connection(self, id: str) -> None:
        """Let go of a connection; harmless if it is gone."""
        connection = self._connections.get(id)
        if connection is not None:
            connection.close()

    async def close(self) -> None:
        """Accept nothing more and close all; harmless when repeated."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for connection in tuple(self._connections.values()):
            connection.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connections:
            await asyncio.sleep(0)  # What was written goes out, and the loop says that all is over.
        for connection in tuple(self._connections.values()):
            connection.abort()

    def sweep(self, now: float) -> None:
        """Close what is overdue and keep alive what is our own."""
        for connection in tuple(self._connections.values()):
            reason = connection.overdue(now)
            if reason:
                self.counters[f"closed_{reason}"] += 1
                connection.abort()
            else:
                connection.ping(now)

    # Finding and opening.

    def _found(self, hop: Hop) -> Connection | None:
        if hop.connection:
            connection = self._connections.get(hop.connection)
            if connection is not None and connection.usable:
                return connection
        connection = self._addresses.get(_address(hop))
        return connection if connection is not None and connection.usable else None

    def _opened(self, hop: Hop) -> Connection | None:
        if len(self._tasks) >= self.limits.opening or self._full():
            self.counters["not_opened"] += 1
            self._fail([hop], OSError("too many connections"))
            return None
        if hop.transport == TLS and self.client_tls is None:
            self._fail([hop], OSError("TLS is not set up"))
            return None
        way = Hop(hop.transport, hop.remote, hop.local or self.local_for(hop), name=hop.name)
        tls = None
        if self.client_tls is not None and hop.transport == TLS:
            tls = TlsLayer(self.client_tls, server=False, name=hop.name or hop.host)
        connection = self._new(way, opened=True, tls=tls)
        self._keep(connection)
        self._lead(_address(hop), connection)
        self.in_background(self._connect(connection))
        return connection

    async def _connect(self, connection: Connection) -> None:
        hop = connection.hop
        assert not isinstance(hop.remote, str)
        loop = asyncio.get_running_loop()
        connection.ready = loop.create_future()
        bound = self._local.get(hop.transport, "")
        same = bool(bound) and (":" in bound) == (":" in hop.host)
        try:
            async with asyncio.timeout(self.limits.connect):
                await loop.create_connection(
                    lambda: connection, *hop.remote, local_addr=(bound, 0) if same else None
                )
                await connection.ready
        except OSError as error:  # Among them TimeoutError and ssl.SSLError.
            self.counters["connect_failed"] += 1
            log.info("%s cannot be reached: %s", hop, error)
            connection.close()
            self._forget(connection)
            waiting = [hop for _, hop in connection.waiting]
            connection.waiting.clear()
            self._fail(waiting, error)

    def _new(self, hop: Hop, *, opened: bool, tls: TlsLayer | None = None) -> Connection:
        id = f"{hop.transport.lower()}-{next(self._numbers)}"
        return Connection(self, id, replace(hop, connection=id), opened=opened, tls=tls)

    def _keep(self, connection: Connection) -> None:
        self._connections[connection.id] = connection
        if self._sweeping is None:
            self._sweep_later()

    def _sweep_later(self) -> None:
        self._sweeping = asyncio.get_running_loop().call_later(SWEEP, self._swept)

    def _swept(self) -> None:
        self._sweeping = None
        self.sweep(self.now())
        if self._connections:
            self._sweep_later()

    def _full(self) -> bool:
        return len(self._connections) >= self.limits.connections

    def _forget(self, connection: Connection) -> None:
        if self._connections.pop(connection.id, None) is None:
            return
        self._silent.pop(connection.id, None)
        for address in connection.addresses:
            if self._addresses.get(address) is connection:
                del self._addresses[address]
        if connection.source:
            self._sources[connection.source] -= 1
            if not self._sources[connection.source]:
                del self._sources[connection.source]

    def _fail(self, hops: Iterable[Hop], error: OSError) -> None:
        """Tell failed sends from the loop, never from inside the act that sent."""
        loop = asyncio.get_running_loop()
        for hop in dict.fromkeys(hops):
            loop.call_soon(self._reader.stream_failed, hop, error)

    # Letting in.

    def _accepted(self, transport: str) -> asyncio.Protocol:
        tls = None
        if transport == TLS:
            assert self._server_tls is not None
            tls = TlsLayer(self._server_tls, server=True)
        return self._new(Hop(transport, ("", 0)), opened=False, tls=tls)

    def made(self, connection: Connection, transport: asyncio.Transport) -> bool:
        """A connection is there: own ones are known, those of peers have to be let in."""
        if connection.opened:
            self.counters["opened"] += 1
            return True
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if not peer or not own:
            self.counters["vanished"] += 1  # It was closed before anybody looked.
            return False
        host, port = plain(str(peer[0])), int(peer[1])
        source = self._source_of(host)
        many = self._sources.get(source, 0) >= self.limits.each_source
        if many or not self._welcome(host, self.now()) or not self._room():
            self.counters["refused"] += 1
            return False
        self.counters["accepted"] += 1
        local = host_port(plain(str(own[0])), int(own[1]))
        connection.hop = replace(connection.hop, remote=(host, port), local=local)
        connection.source = source
        self._sources[source] += 1
        self._silent[connection.id] = connection
        self._keep(connection)
        if connection.hop.transport == TCP:
            # Over TCP an address cannot be feigned: what goes there may as well go back here.
            self._lead(_address(connection.hop), connection)
        return True

    def _room(self) -> bool:
        """Whether one more fits; for it one that never said anything has to go."""
        if not self._full():
            return True
        if not self._silent:
            return False
        oldest = next(iter(self._silent.values()))
        self.counters["closed_silent"] += 1
        self._forget(oldest)
        oldest.abort()
        return True

    def _lead(self, address: Address, connection: Connection) -> None:
        connection.addresses.append(address)
        self._addresses[address] = connection

    def in_background(self, work: Coroutine[None, None, None]) -> None:
        """Run something that ends by itself, at `close` at the latest."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What connections tell.

    def message(self, connection: Connection, data: bytes) -> None:
        """A whole message."""
        self._silent.pop(connection.id, None)
        if connection.certificate is not None and b";alias" in data[:4096].lower():
            self._alias(connection, data)
        self._reader.stream_message(data, connection.hop)

    def unframed(self, connection: Connection, fault: Malformed) -> None:
        """A stream that cannot be read on; it is answered, if it can be, and closed."""
        self.counters["unframed"] += 1
        self._reader.stream_unframed(fault, connection.hop)

    def gone(self, connection: Connection, error: Exception | None) -> None:
        """A connection was closed, by whomever."""
        known = connection.id in self._connections
        self._forget(connection)
        waiting = [hop for _, hop in connection.waiting]
        connection.waiting.clear()
        self._fail(waiting, OSError(str(error or "closed")))
        if known:
            self._reader.stream_lost(connection.hop, connection.asked)

    def count(self, name: str) -> None:
        """Add to a counter."""
        self.counters[name] += 1

    def _alias(self, connection: Connection, data: bytes) -> None:
        """RFC 5923 8: requests to a peer go back over the connection it offers for that."""
        try:
            request = split(data)
            via = request.via if isinstance(request, Request) else None
        except (KeyError, ValueError):
            return
        if via is None or "alias" not in via.params or not connection.certificate:
            return
        if names_host(connection.certificate, via.host):
            port = via.port or _default_port(TLS)
            self._lead((TLS, connection.hop.host, port, via.host), connection)


def _address(hop: Hop) -> Address:
    assert not isinstance(hop.remote, str)
    return (hop.transport, *hop.remote, hop.name)


def _default_port(transport: str) -> int:
    return 5061 if transport == TLS else 5060


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft > 0 else 1 << 20


async def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens; "::" hears IPv4 as well, whatever the system's default is."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
