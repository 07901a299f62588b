"""One UDP socket in the event loop: reads in batches, sends at once, never raises into the loop.

A plain non-blocking socket rather than asyncio's datagram endpoint: a batch is read per wake-up
under any loop, and a failed send is known together with its destination.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import select
import socket
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from runtime.sip.hop import UDP, Hop
from runtime.sip.transport.address import MAPPED, host_port, local_address, plain

log = logging.getLogger(__name__)

BATCH: Final = 64
"Datagrams read before other work of the loop gets its turn."

WAITING: Final = 1000
"Datagrams kept while the socket's buffer is full; more are dropped, as the network would."

BUFFER: Final = 4 * 1024 * 1024
"Bytes asked of the kernel for each direction."


class UdpTransport:
    """Bytes in and out. `receive(data, hop)` is called for each datagram, `failed` for a send."""

    def __init__(
        self,
        receive: Callable[[bytes, Hop], None],
        failed: Callable[[Hop, OSError], None],
    ) -> None:
        self.counters: Counter[str] = Counter()
        self.family = socket.AF_INET
        self._receive = receive
        self._failed = failed
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._local: str | None = None
        self._port = 0
        self._hops: dict[tuple[str, int], Hop] = {}
        self._waiting: deque[tuple[bytes, Hop]] = deque()
        self._drained = True
        "All that had come was read at some moment since `backlogged` was asked."

    async def open(self, host: str, port: int) -> tuple[str, int]:
        """Bind and begin to read; OSError if the address is taken or unknown."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            host or None, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        udp = socket.socket(family, kind, protocol)
        try:
            udp.setblocking(False)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            if family == socket.AF_INET6:
                # "::" hears IPv4 as well, whatever the system's default is.
                udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            udp.bind(address)
        except OSError:
            udp.close()
            raise
        self.family, self._socket, self._loop = family, udp, loop
        bound = udp.getsockname()
        self._port = int(bound[1])
        if not ipaddress.ip_address(bound[0]).is_unspecified:
            self._local = host_port(bound[0], self._port)
        loop.add_reader(udp.fileno(), self._readable)
        return bound[0], self._port

    def hop(self, host: str, port: int) -> Hop:
        """The hop to an address, with our own address as that peer should see it.

        An IPv4 peer of an IPv6 socket is named by its IPv4 address, as it names itself.
        """
        host = plain(host)
        found = self._hops.get((host, port))
        if found is None:
            if len(self._hops) >= 4096:
                self._hops.clear()
            found = self._hops[(host, port)] = Hop(UDP, (host, port), self._local_for(host))
        return found

    def send(self, data: bytes, hop: Hop) -> None:
        """Send one datagram now, or as soon as the socket has room."""
        if self._socket is None:
            self._later(hop, OSError("the endpoint is closed"))
        elif self._waiting:
            self._wait(data, hop)
        else:
            self._try(data, hop)

    def backlogged(self) -> bool:
        """Whether datagrams have waited in the system all the time since this was last asked."""
        drained, self._drained = self._drained, False
        if drained or self._socket is None:
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Stop reading and close the socket; harmless when repeated."""
        if self._socket is not None and self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
            self._socket.close()
        self._socket = None
        self._waiting.clear()

    def _readable(self) -> None:
        for _ in range(BATCH):
            if self._socket is None:
                return
            try:
                data, address = self._socket.recvfrom(65536)
            except (BlockingIOError, InterruptedError):
                self._drained = True
                return
            except OSError as error:
                # An ICMP error of an earlier send; Linux tells it on the next call.
                self.counters["receive_failed"] += 1
                log.info("receiving failed: %s", error)
                continue
            self._receive(data, self.hop(str(address[0]), int(address[1])))

    def _try(self, data: bytes, hop: Hop) -> bool:
        assert self._socket is not None and not isinstance(hop.remote, str)
        try:
            self._socket.sendto(data, self._address(hop.remote))
        except (BlockingIOError, InterruptedError):
            self._wait(data, hop)
            return False
        except OSError as error:
            self.counters["send_failed"] += 1
            self._later(hop, error)
        return True

    def _address(self, remote: tuple[str, int]) -> tuple[str, int]:
        """Return an address as the socket's family writes it."""
        mapped = self.family == socket.AF_INET6 and ":" not in remote[0]
        return (MAPPED + remote[0], remote[1]) if mapped else remote

    def _wait(self, data: bytes, hop: Hop) -> None:
        if len(self._waiting) >= WAITING:
            self.counters["dropped"] += 1
            return
        self._waiting.append((data, hop))
        if len(self._waiting) == 1 and self._loop is not None and self._socket is not None:
            self._loop.add_writer(self._socket.fileno(), self._writable)

    def _writable(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        while waiting and self._socket is not None:
            data, hop = waiting.popleft()
            if not self._try(data, hop):
                self._waiting.extend(waiting)
                return
        if self._loop is not None and self._socket is not None:
            self._loop.remove_writer(self._socket.fileno())

    def _later(self, hop: Hop, error: OSError) -> None:
        """Tell a failed send from the loop, never from inside the act that sent."""
        asyncio.get_running_loop().call_soon(self._failed, hop, error)

    def _local_for(self, host: str) -> str:
        return self._local or host_port(local_address(host), self._port)
