"""What `make bench-sip` measures of this program; run as `python -m benchmarks.sip_ours NAME`.

It prints the port it listens on, then obeys lines of its standard input (`call PORT COUNT RATE`,
`quit`). CPU time and memory are read from outside, by whoever started it.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.sip_registering import PASSWORD, REALM, USERS
from benchmarks.sip_table import DIGEST, FLOW, LEG, LEG_TEXT, TEXT, TWO_LEGS, digest, two_legs
from flows.compile import compile_text
from flows.semantics import Program
from runtime.executor.machine import Machine
from runtime.executor.step import Event
from runtime.node import collecting
from runtime.node.accounts import Account
from runtime.node.config import NodeConfig
from runtime.node.node import Node
from runtime.node.peers import Peers
from runtime.node.routes import Route
from runtime.sip.auth import ha1
from runtime.sip.transaction import Periods

Command = Callable[[list[str]], Awaitable[object]]


def main() -> None:
    match sys.argv[1]:
        case "bare":
            asyncio.run(_bare())
        case "bare-uvloop":
            uvloop.run(_bare())
        case name:
            uvloop.run(_node(quick=name == "quick", accounts=USERS if name == "registrar" else 0))


async def _obey(commands: dict[str, Command]) -> None:
    """Follow the lines of the standard input until it ends or says `quit`."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().split():
        if line[0] == "quit":
            return
        print(await commands[line[0]](line[1:]), flush=True)


# -- the node --------------------------------------------------------------------------------------


async def _node(*, quick: bool, accounts: int = 0) -> None:
    """Be a node with its journal; `quick` gives its transactions a tenth of their time.

    Where there are accounts callers of our own address need one, so the node of calls has none.
    """
    with tempfile.TemporaryDirectory(prefix="callsmith-bench-") as folder:
        config = NodeConfig(folder=Path(folder), name="bench", sip_port=0, max_sessions=50_000)
        short = Periods(0.05, 0.4, 0.5, 3.2)
        node = Node(
            config, settings=lambda given: replace(given, periods=short) if quick else given
        )
        await node.start()
        await node.deploy(FLOW, DIGEST, TEXT, force=True)
        await node.deploy(LEG, digest(LEG_TEXT), LEG_TEXT, force=True)
        node.set_routes([Route(TWO_LEGS, TWO_LEGS), Route("*", FLOW)])
        node.set_peers(Peers(accounts=[_account(f"user{number}") for number in range(accounts)]))
        collecting.settle()  # as the server does
        print(node.sip_address[1], flush=True)
        try:
            await _obey(
                {
                    "call": partial(_call, node),
                    "pass-on": partial(_pass_on, node),
                    "sessions": partial(_sessions, node),
                }
            )
        finally:
            await node.stop()


def _account(user: str) -> Account:
    md5, sha256 = (ha1(user, REALM, PASSWORD, each) for each in ("MD5", "SHA-256"))
    return Account(user, REALM, md5, sha256)


async def _pass_on(node: Node, words: list[str]) -> str:
    """Pass calls to `two_legs` on to a port."""
    text = two_legs(int(words[0]))
    await node.deploy(TWO_LEGS, digest(text), text, force=True)
    return "done"


async def _sessions(node: Node, words: list[str]) -> int:
    return node.session_count


async def _call(node: Node, words: list[str]) -> int:
    """Place `count` calls, `rate` a second; return how many ended well once the last has ended."""
    port, count, rate = map(int, words)
    loop = asyncio.get_running_loop()
    before = _completed(node)
    start = loop.time()
    for number in range(count):
        delay = start + number / rate - loop.time()
        if delay > 0:
            await asyncio.sleep(delay)
        node.call(FLOW, f"sip:bench@127.0.0.1:{port}")
    await node.drained()
    return _completed(node) - before


def _completed(node: Node) -> int:
    outcomes: dict[str, int] = node.health()["sessions"]["outcomes"]
    return outcomes.get("completed", 0)


# -- the bare answerer -----------------------------------------------------------------------------


class Bare(asyncio.DatagramProtocol):
    """The least that can answer a call: it reads what it copies, runs the table, and keeps no
    transaction, no timer, no record and no check. Nobody should answer calls like this."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._calls: dict[bytes, Machine] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop has its own class

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        method = first.split(b" ", 1)[0]
        kept: dict[bytes, bytes] = {}
        for line in lines:
            name, _, value = line.partition(b":")
            kept.setdefault(name.strip().lower(), value.strip())
        now = asyncio.get_running_loop().time()
        call = kept[b"call-id"]
        if method == b"INVITE":
            self._number += 1
            machine = Machine(self._program, f"bare-{self._number}", "UAS", now)
            self._calls[call] = machine
            self._send(b"100 Trying", kept, address)
            fields = {"from": kept[b"from"].decode(), "sdp": body.decode()}
            step = machine.receive(Event("IncomingCall", fields), now)
            kept[b"to"] += b";tag=%d" % self._number
            for code, action in ((b"180 Ringing", 1), (b"200 OK", 2)):
                assert step.actions[action] == "SendSIPResponse"
                self._send(code, kept, address)
        elif method == b"ACK":
            self._calls[call].receive(Event("DialogACK"), now)
        elif method == b"BYE":
            self._calls.pop(call).receive(Event("DialogBYE"), now)
            self._send(b"200 OK", kept, address)

    def _send(self, status: bytes, kept: dict[bytes, bytes], address: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(
            b"SIP/2.0 %b\r\nVia: %b\r\nFrom: %b\r\nTo: %b\r\nCall-ID: %b\r\nCSeq: %b\r\n"
            b"Contact: <sip:bare@127.0.0.1>\r\nContent-Length: 0\r\n\r\n"
            % (
                status,
                kept[b"via"],
                kept[b"from"],
                kept[b"to"],
                kept[b"call-id"],
                kept[b"cseq"],
            ),
            address,
        )


async def _bare() -> None:
    table = compile_text(TEXT).table
    assert table is not None
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Bare(Program(table)), local_addr=("127.0.0.1", 0)
    )
    wire = transport.get_extra_info("socket")
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    print(wire.getsockname()[1], flush=True)
    await _obey({})


if __name__ == "__main__":
    main()
