"""The asyncio shell over real sockets: order, timers, failures, both kinds of transport."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import uvloop

from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.events import (
    AckTimedOut,
    ConnectionLost,
    Happening,
    InviteReceived,
    TransportFailed,
)
from runtime.sip.guard import Guard, GuardSettings
from runtime.sip.hop import UDP, Hop
from runtime.sip.message import Response
from runtime.sip.transaction import Periods
from runtime.sip.transport.address import source_of
from runtime.sip.transport.shell import Shell
from runtime.sip.wire import parse
from tests.conftest import eventually
from tests.runtime.sip.peer import SDP, request

VIA = "SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK-s"


class Recorder:
    """Everything a shell told, in the order in which it told it."""

    def __init__(self, **settings: Any) -> None:
        self.log: list[tuple[str, Any]] = []
        self.shell = Shell(
            Agent(AgentSettings("n1-1", **settings)),
            on_happening=self.on_happening,
            tap=lambda direction, hop, data, now, usage: self.log.append((direction, data)),
        )

    def on_happening(self, happening: Happening) -> None:
        self.log.append(("happening", happening))
        if isinstance(happening, InviteReceived):
            happening.usage.respond(happening.transaction, 200, now=self.shell.now(), sdp=SDP)

    def happened(self, kind: type) -> list[Any]:
        return [what for name, what in self.log if name == "happening" and isinstance(what, kind)]

    @property
    def codes(self) -> list[int]:
        sent = [parse(data) for name, data in self.log if name == "out"]
        return [message.code for message in sent if isinstance(message, Response)]


@asynccontextmanager
async def listening(
    host: str = "127.0.0.1", **settings: Any
) -> AsyncIterator[tuple[Recorder, tuple[str, int]]]:
    recorder = Recorder(**settings)
    address = await recorder.shell.listen_udp(host, 0)
    try:
        yield recorder, address
    finally:
        await recorder.shell.close()


@contextmanager
def phone() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        yield udp


async def heard(udp: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(udp, 65536), 10)


async def test_a_call_comes_in_and_everything_is_recorded_before_it_has_an_effect() -> None:
    async with listening() as (recorder, address):
        with phone() as udp:
            udp.sendto(request(via=VIA), address)
            assert (await heard(udp)).startswith(b"SIP/2.0 100 ")
            assert (await heard(udp)).startswith(b"SIP/2.0 200 ")
        assert [name for name, _ in recorder.log] == ["in", "out", "happening", "out"]


async def test_a_socket_on_every_ipv6_address_speaks_with_ipv4_phones() -> None:
    async with listening("::") as (recorder, (_, port)):
        with phone() as udp:
            udp.sendto(request(via=VIA), ("127.0.0.1", port))
            assert (await heard(udp)).startswith(b"SIP/2.0 100 ")
            answer = parse(await heard(udp))
            assert f"@127.0.0.1:{port}>" in (answer.get("Contact") or "")
            assert (answer.get("Via") or "").endswith("received=127.0.0.1")
            # Own requests go to the address that a phone writes into its Contact.
            host, own = udp.getsockname()
            hop = await recorder.shell.resolve(f"sip:phone@{host}:{own}")
            assert (hop.remote, hop.local) == ((host, own), f"127.0.0.1:{port}")
            shell = recorder.shell
            shell.agent.invite("sip:phone@x", caller="sip:b@h", hop=hop, now=shell.now())
            shell.flush()
            assert (await heard(udp)).startswith(b"INVITE ")


async def test_junk_of_every_size_is_survived() -> None:
    async with listening() as (recorder, address):
        with phone() as udp:
            for data in (b"", b"\r\n\r\n", b"\x00" * 100, b"x" * 65_507, request(via=VIA)[:50]):
                udp.sendto(data, address)
            udp.sendto(request(via=VIA), address)
            assert (await heard(udp)).startswith(b"SIP/2.0 100 ")
        assert recorder.shell.agent.counters["malformed"] == 3


async def test_a_socket_that_is_never_read_empty_counts_as_a_busy_loop() -> None:
    guard = Guard(GuardSettings(), source_of)
    async with listening(guard=guard) as (recorder, address):
        shell = recorder.shell
        with phone() as udp:
            for _ in range(30):
                udp.sendto(b"\r\n\r\n", address)
                shell._udp.backlogged()  # type: ignore[union-attr]
                shell._look()  # Nothing was read meanwhile.
            assert guard.busy > 0.9 and guard.overloaded
            await eventually(lambda: shell.agent.counters["keep_alive"] == 30)


async def test_timers_run_by_the_loop() -> None:
    async with listening(periods=Periods(t1=0.01, t2=0.04)) as (recorder, address):
        with phone() as udp:
            udp.sendto(request(via=VIA), address)
            await eventually(lambda: recorder.happened(AckTimedOut))
        assert recorder.codes.count(200) > 5


async def test_a_tap_or_listener_that_raises_stops_nothing() -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    shell = Shell(Agent(AgentSettings("n1-1")), on_happening=broken, tap=broken)
    address = await shell.listen_udp("127.0.0.1", 0)
    with phone() as udp:
        udp.sendto(request(via=VIA), address)
        assert (await heard(udp)).startswith(b"SIP/2.0 100 ")
        assert (await heard(udp)).startswith(b"SIP/2.0 480 ")
    assert shell.agent.counters["listener_failed"] == 1
    assert shell.agent.counters["tap_failed"] == 3
    assert not shell.agent.usages
    await shell.close()
    await shell.close()


async def test_a_send_that_the_system_refuses_is_told_as_a_failed_transport() -> None:
    async with listening() as (recorder, _):
        hop = Hop(UDP, ("255.255.255.255", 5060), "127.0.0.1:5060")
        shell = recorder.shell
        shell.agent.invite("sip:a@255.255.255.255", caller="sip:b@h", hop=hop, now=shell.now())
        shell.flush()
        (failed,) = await eventually(lambda: recorder.happened(TransportFailed))
        assert failed.method == "INVITE" and not shell.agent.usages


async def test_a_taken_port_is_an_error_of_the_system() -> None:
    async with listening() as (_, (host, port)):
        with pytest.raises(OSError):
            await Recorder().shell.listen_udp(host, port)


async def test_a_wildcard_endpoint_shows_each_peer_the_address_it_is_reached_at() -> None:
    async with listening("0.0.0.0") as (recorder, (_, port)):
        hop = await recorder.shell.resolve("sip:a@localhost:7070")
        assert (hop.remote, hop.local) == (("127.0.0.1", 7070), f"127.0.0.1:{port}")


@pytest.mark.parametrize("uri", ["bob", "tel:+123", "mailto:a@b"])
async def test_only_sip_addresses_are_resolved(uri: str) -> None:
    async with listening() as (recorder, _):
        with pytest.raises(ValueError):
            await recorder.shell.resolve(uri)


async def test_a_websocket_carries_a_call_and_its_loss_is_told() -> None:
    recorder, sent = Recorder(), list[bytes]()
    shell = recorder.shell
    shell.open_connection("c1", sent.append, local="127.0.0.1:8000")
    via = "SIP/2.0/WS abc.invalid;branch=z9hG4bK-w"
    shell.receive("c1", request(via=via, contact="<sip:a@abc.invalid;transport=ws>"))
    assert [data.split()[1] for data in sent] == [b"100", b"200"]
    assert b";transport=ws>" in sent[1]
    shell.receive("c1", b"\r\n\r\n")
    assert sent[2] == b"\r\n"
    shell.close_connection("c1")
    assert len(recorder.happened(ConnectionLost)) == 1
    shell.close_connection("c1")
    with pytest.raises(KeyError):
        shell.receive("c1", b"")
    await shell.close()


def test_it_runs_under_uvloop_too() -> None:
    async def call() -> None:
        async with listening() as (recorder, address):
            with phone() as udp:
                for number in range(200):
                    data = request(via=f"{VIA}{number}", call_id=f"c{number}")
                    udp.sendto(data, address)
                await eventually(lambda: recorder.codes.count(200) >= 200)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(call())
