"""Floods against a process of its own: its memory, its running call, and how soon it is well again.

A minute each, as the catalogue of attacks asks; by hand with `pytest -m long`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.sip.message import Response
from runtime.sip.wire import parse
from tests.runtime.sip.peer import request

SECONDS = 60.0
PACE = 15_000
"Requests a second: five times what the process can take of calls that are answered."
GROWTH = 64 * 1024
"KiB of memory that a flood may cost."
RECOVERY = 5.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


class Flooded:
    """The process, and the peer whose call runs meanwhile."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process, self.port = process, port
        self.address = ("127.0.0.1", port)

    async def figures(self) -> dict:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(b"\n")
        return json.loads(await asyncio.wait_for(self.process.stdout.readline(), 20))

    @property
    def memory(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])


@pytest.fixture
async def flooded():
    """A process that listens."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.sip.flooded"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    yield Flooded(process, int(await asyncio.wait_for(process.stdout.readline(), 20)))
    process.terminate()
    await process.wait()


class Caller:
    """A trusted peer with one call, in real time: it repeats what is lost as RFC 3261 17 wants."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.2", 0))
        self._socket.setblocking(False)
        self._target = ("127.0.0.1", port)
        self._tag = ""
        self._number = itertools.count(1)
        self.slowest = 0.0

    async def ask(self, method: str, **options: object) -> Response:
        """Send a request until it has its final answer; TimeoutError after 64*T1."""
        number = next(self._number)
        via = "SIP/2.0/UDP 127.0.0.2:{};rport;branch=z9hG4bK-keep{}"
        data = request(
            method,
            number=number,
            to_tag=self._tag,
            via=via.format(self._socket.getsockname()[1], number),
            call_id=str(options.get("call_id", "kept")),
            from_=f"<sip:kept@127.0.0.2>;tag={options.get('call_id', 'kept')}",
        )
        begun, wait = time.monotonic(), 0.5
        while time.monotonic() - begun < 32:
            self._send(data)
            answer = await self._heard(number, wait)
            if answer is not None:
                self.slowest = max(self.slowest, time.monotonic() - begun)
                return answer
            wait = min(2 * wait, 4.0)
        raise TimeoutError(f"{method} got no answer")

    async def begin(self) -> None:
        answer = await self.ask("INVITE")
        assert answer.code == 200, answer
        self._tag = answer.to.tag
        ack = request(
            "ACK",
            number=1,
            to_tag=self._tag,
            via=f"SIP/2.0/UDP 127.0.0.2:{self._socket.getsockname()[1]};branch=z9hG4bK-ack",
            call_id="kept",
            from_="<sip:kept@127.0.0.2>;tag=kept",
        )
        self._send(ack)

    async def new_call(self) -> int:
        """Call anew and say how that ended."""
        self._tag = ""
        return (await self.ask("INVITE", call_id=f"new{next(self._number)}")).code

    def _send(self, data: bytes) -> None:
        self._socket.sendto(data, self._target)

    async def _heard(self, number: int, seconds: float) -> Response | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                while True:
                    message = parse(await loop.sock_recv(self._socket, 65536))
                    final = isinstance(message, Response) and message.code >= 200
                    if final and message.cseq.number == number:
                        return message  # type: ignore[return-value]
        except TimeoutError:
            return None


@contextmanager
def running_in_a_thread(work: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def datagrams(address: tuple[str, int], method: str, everywhere: bool):
    """Send requests, from one address or from many."""

    def work(stop: threading.Event) -> None:
        hosts = (
            [f"127.1.{n // 250}.{1 + n % 250}" for n in range(500)] if everywhere else ["127.0.0.1"]
        )
        sockets = []
        for host in hosts:
            each = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            each.bind((host, 0))
            each.setblocking(False)
            sockets.append(each)
        text = request(method, branch="BRANCH", call_id="CALL", from_="<sip:f@h>;tag=CALL")
        begun = time.monotonic()
        for number in itertools.count():
            if number % 150 == 0:
                if stop.is_set():
                    break
                time.sleep(max(0.0, begun + number / PACE - time.monotonic()))
            mark = b"%d" % number
            data = text.replace(b"BRANCH", b"z9hG4bK" + mark).replace(b"CALL", mark)
            try:
                sockets[number % len(sockets)].sendto(data, address)
            except OSError:
                time.sleep(0.001)
        for each in sockets:
            each.close()

    return work


def forged(address: tuple[str, int]):
    """Send responses that nobody asked for."""

    def work(stop: threading.Event) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            data = b"SIP/2.0 200 OK\r\n" + request().partition(b"\r\n")[2]
            for number in itertools.count():
                if number % 256 == 0 and stop.is_set():
                    break
                sender.sendto(data.replace(b"z9hG4bK-1", b"z9hG4bK%d" % number), address)

    return work


def connections(address: tuple[str, int], says: bytes, keep: int):
    """Open connections without end and say the same over each, keeping the newest open."""

    def work(stop: threading.Event) -> None:
        held: list[socket.socket] = []
        while not stop.is_set():
            each = socket.socket()
            each.settimeout(1)
            try:
                each.connect(address)
                each.sendall(says)
                held.append(each)
            except OSError:
                each.close()
                time.sleep(0.001)
            while len(held) > keep:
                held.pop(0).close()
        for each in held:
            each.close()

    return work


FLOODS = {
    "INVITE": lambda address: datagrams(address, "INVITE", False),
    "INVITE from everywhere": lambda address: datagrams(address, "INVITE", True),
    "REGISTER from everywhere": lambda address: datagrams(address, "REGISTER", True),
    "OPTIONS": lambda address: datagrams(address, "OPTIONS", False),
    "MESSAGE": lambda address: datagrams(address, "MESSAGE", False),
    "responses": forged,
    "half-open TCP": lambda address: connections(address, b"INVITE sip:a@b SIP/2.0\r\n", 400),
    "INVITE over TCP, closed": lambda address: connections(address, request(), 0),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_minute_of_flood_costs_little_memory_and_no_call(flooded, flood: str) -> None:
    caller = Caller(flooded.port)
    await caller.begin()
    before, most = flooded.memory, 0
    begun = time.monotonic()
    with running_in_a_thread(FLOODS[flood](flooded.address)):
        while time.monotonic() - begun < SECONDS:
            assert (await caller.ask("INFO")).code == 200
            most = max(most, flooded.memory)
            await asyncio.sleep(0.2)
    figures = await flooded.figures()
    slowest, caller.slowest = caller.slowest, 0.0
    assert (await caller.ask("BYE")).code == 200
    async with asyncio.timeout(RECOVERY):
        while await caller.new_call() != 200:
            await asyncio.sleep(0.2)
    told = {key: figures[key] for key in ("guard", "transactions", "connections")}
    sys.stdout.write(
        f"{flood}: +{(most - before) >> 10} MiB, slowest INFO {slowest:.2f} s, {told}\n"
    )
    assert most - before < GROWTH, told
