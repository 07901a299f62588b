"""A bad network between two peers on the loopback address, made bad by a seed.

    async with udp(Weather(loss=0.1, double=0.1, most=0.02), seed=7) as between:
        between.far = sipp.port        # packets for `between.here` go there, and what comes
        ...                            # to `between.there` goes to `between.near`

Two sockets stand between the parties: `there` is what the near party (ours) sees of the far one,
`here` what the far party sees of ours. Over TCP bytes are only cut anew, nothing is lost.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

Address = tuple[str, int]


@dataclass(frozen=True)
class Weather:
    """What the network does to a datagram, by chance."""

    loss: float = 0.0
    double: float = 0.0
    least: float = 0.0
    most: float = 0.0
    """Seconds a datagram takes; a difference reorders."""


CLEAN = Weather()
BAD = Weather(loss=0.12, double=0.10, least=0.0, most=0.03)


class Udp:
    """The two sockets of a network; see the module."""

    def __init__(self, weather: Weather, seed: int) -> None:
        self.near: Address = ("127.0.0.1", 0)
        self.far: Address = ("127.0.0.1", 0)
        self.passed = self.lost = self.doubled = 0
        self._weather = weather
        self._chance = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._here, self._there = _socket(), _socket()
        self.here: Address = self._here.getsockname()
        self.there: Address = self._there.getsockname()
        self._loop.add_reader(self._here.fileno(), self._readable, self._here)
        self._loop.add_reader(self._there.fileno(), self._readable, self._there)

    def close(self) -> None:
        for each in (self._here, self._there):
            self._loop.remove_reader(each.fileno())
            each.close()

    def _readable(self, source: socket.socket) -> None:
        while True:
            try:
                data, address = source.recvfrom(65536)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if source is self._here:
                # Who calls chooses a port of its own: answers go where its packets come from.
                self.far = address
                self._pass(data, self._there, self.near)
            else:
                self._pass(data, self._here, self.far)

    def _pass(self, data: bytes, out: socket.socket, to: Address) -> None:
        weather, chance = self._weather, self._chance
        self.passed += 1
        if chance.random() < weather.loss:
            self.lost += 1
            return
        copies = 1 + (chance.random() < weather.double)
        self.doubled += copies - 1
        for _ in range(copies):
            delay = chance.uniform(weather.least, weather.most)
            self._loop.call_later(delay, self._send, out, data, to)

    @staticmethod
    def _send(out: socket.socket, data: bytes, to: Address) -> None:
        if out.fileno() >= 0:
            with suppress(OSError):
                out.sendto(data, to)


@asynccontextmanager
async def udp(weather: Weather, seed: int, near: Address) -> AsyncIterator[Udp]:
    """A network of datagrams in front of `near`."""
    network = Udp(weather, seed)
    network.near = near
    try:
        yield network
    finally:
        network.close()


@asynccontextmanager
async def tcp(seed: int, near: Address, most: int = 40) -> AsyncIterator[Address]:
    """A listener in front of `near` that cuts both streams into pieces of 1 to `most` bytes."""
    chance = random.Random(seed)
    tasks: set[asyncio.Task[None]] = set()

    async def pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                while data:
                    size = chance.randint(1, most)
                    sink.write(data[:size])
                    await sink.drain()
                    data = data[size:]
                    if chance.random() < 0.5:
                        await asyncio.sleep(0)
        sink.close()

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(*near)
        inner_writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for work in (pour(reader, inner_writer), pour(inner_reader, writer)):
            task = asyncio.create_task(work)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(joined, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    made.bind(("127.0.0.1", 0))
    return made
