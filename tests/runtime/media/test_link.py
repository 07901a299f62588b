"""The media process: what a runtime asks over the socket, and who survives whom."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.media.child import Server, Vigil
from runtime.media.link import ChildLink
from runtime.media.port import MediaConfig, MediaError, MediaEvent
from runtime.media.process import ChildProcess
from tests.runtime.media.sides import until
from tests.runtime.media.test_plain import Phone

ROOT = Path(__file__).parents[3]


class Runtime:
    """A link with the events it brought."""

    def __init__(self, path: Path, patience: float = 10.0) -> None:
        self.events: list[MediaEvent] = []
        self.link = ChildLink(path, self.events.append, patience=patience)

    def names(self) -> list[str]:
        return [event.name for event in self.events]


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    return tmp_path / "media.sock"


@pytest.fixture
async def process(path: Path) -> AsyncIterator[ChildProcess]:
    process = ChildProcess(path, MediaConfig(), folder=ROOT)
    await process.start()
    yield process
    await process.stop()


@pytest.fixture
async def runtime(process: ChildProcess, path: Path) -> AsyncIterator[Runtime]:
    runtime = Runtime(path)
    await runtime.link.attach()
    yield runtime
    await runtime.link.shutdown()


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    phone = Phone()
    yield phone
    phone.socket.close()


async def talking(runtime: Runtime, phone: Phone) -> int:
    """Let leg "a" send a tone to the phone; its port."""
    info = await runtime.link.create("a", "rtp")
    await runtime.link.answer("a", phone.offer())
    await runtime.link.start("a")
    await runtime.link.tone("a", 440)
    await phone.receive()
    return info.port


async def test_a_call_is_carried_by_the_media_process(runtime: Runtime, phone: Phone) -> None:
    port = await talking(runtime, phone)
    phone.say(port, b"\xff" * 160)
    await until(lambda: runtime.names() == ["flowing"])
    assert (await runtime.link.stats("a"))["packets_in"] == 1
    info = await runtime.link.info("a")
    assert (info.port, info.tone, info.started, info.codec) == (port, 440, True, "PCMU")


async def test_errors_keep_their_codes_over_the_socket(runtime: Runtime, phone: Phone) -> None:
    await runtime.link.create("a", "rtp")
    with pytest.raises(MediaError) as refused:
        await runtime.link.answer("a", phone.offer("18"))
    assert refused.value.code == "no_common_codec"
    with pytest.raises(MediaError) as refused:
        await runtime.link._call("shutdown", {})
    assert refused.value.code == "bad_argument"
    with pytest.raises(MediaError) as refused:
        await runtime.link._call("echo", {"leg": "a", "nonsense": 1})
    assert refused.value.code == "internal"


async def test_a_killed_process_is_told_and_a_new_one_binds_the_same_ports(
    runtime: Runtime, process: ChildProcess, path: Path, phone: Phone
) -> None:
    port = await talking(runtime, phone)
    info = await runtime.link.info("a")
    process.kill()
    await until(lambda: runtime.names()[-1:] == ["lost"])
    await process.wait()
    second = ChildProcess(path, MediaConfig(), folder=ROOT)
    await second.start()
    try:
        recovered = await runtime.link.recover("a")
        assert (recovered.port, recovered.remote, recovered.tone) == (port, info.remote, 440)
        assert not recovered.needs_offer
        phone.received()
        assert (await phone.receive()).payload != b"\xff" * 160
    finally:
        await second.stop()


@pytest.mark.parametrize("parted", [False, True])
async def test_a_bridged_pair_finds_together_again_whichever_leg_is_restored_first(
    runtime: Runtime, process: ChildProcess, phone: Phone, parted: bool
) -> None:
    for leg in ("a", "b"):
        await runtime.link.create(leg, "rtp")
        await runtime.link.answer(leg, phone.offer())
        await runtime.link.start(leg)
    await runtime.link.bridge("a", "b")
    if parted:
        await runtime.link.unbridge("a")
    process.kill()
    await until(lambda: runtime.names().count("lost") == 2)
    await process.start()
    await runtime.link.recover("b")
    assert (await runtime.link.recover("a")).bridged == ("" if parted else "b")
    assert (await runtime.link.info("b")).bridged == ("" if parted else "a")


async def test_death_is_noticed_within_half_a_second_and_fails_what_is_pending(
    runtime: Runtime, process: ChildProcess
) -> None:
    await runtime.link.create("a", "rtp")
    asking = [asyncio.create_task(runtime.link.info("a")) for _ in range(5)]
    process.kill()
    start = asyncio.get_running_loop().time()
    await until(lambda: not runtime.link.attached)
    assert asyncio.get_running_loop().time() - start < 0.5
    for result in await asyncio.gather(*asking, return_exceptions=True):
        if isinstance(result, BaseException):
            assert isinstance(result, MediaError) and result.code == "media_lost"
    assert runtime.names() == ["lost"]


async def test_without_a_process_requests_fail_after_their_patience(path: Path) -> None:
    runtime = Runtime(path, patience=0.05)
    with pytest.raises(MediaError) as refused:
        await runtime.link.attach(timeout=0.05)
    assert refused.value.code == "media_lost"
    with pytest.raises(MediaError) as refused:
        await runtime.link.create("a", "rtp")
    assert refused.value.code == "media_lost"
    await runtime.link.close("a")
    await runtime.link.shutdown()


async def test_a_new_runtime_finds_the_legs_of_the_one_that_died(
    runtime: Runtime, path: Path, phone: Phone
) -> None:
    port = await talking(runtime, phone)
    await runtime.link.shutdown()
    assert runtime.names() == []
    phone.received()
    for _ in range(3):
        await phone.receive()  # the process goes on, and has seen its runtime go
    phone.say(port, b"\xff" * 160)
    await phone.receive()
    second = Runtime(path)
    try:
        (info,) = await second.link.attach()
        assert (info.leg, info.port, info.tone) == ("a", port, 440)
        await until(lambda: second.names() == ["flowing"])
        await second.link.close("a")
        assert await second.link.legs() == []
    finally:
        await second.link.shutdown()


async def test_a_second_process_waits_for_the_end_of_the_first(
    runtime: Runtime, process: ChildProcess, path: Path
) -> None:
    await runtime.link.create("a", "rtp")
    second = ChildProcess(path, MediaConfig(), folder=ROOT)
    await second.start()
    try:
        assert [info.leg for info in await runtime.link.legs()] == ["a"]
        await process.stop()
        await until(lambda: runtime.link.attached)
        assert (await runtime.link.recover("a")).leg == "a"
    finally:
        await second.stop()


async def test_a_process_that_nobody_needs_ends(path: Path) -> None:
    process = ChildProcess(path, MediaConfig(linger=0.05), folder=ROOT)
    await process.start()
    assert await asyncio.wait_for(process.wait(), 20) == 0
    assert not path.exists()


async def test_the_socket_is_for_its_owner_only(runtime: Runtime, path: Path) -> None:
    assert path.stat().st_mode & 0o077 == 0


def test_the_vigil_counts_only_while_nobody_is_attached() -> None:
    vigil = Vigil(30.0, now=100.0)
    assert vigil.deadline == 130.0 and not vigil.over(129.9) and vigil.over(130.0)
    vigil.attached()
    assert vigil.deadline is None and not vigil.over(1000.0)
    vigil.detached(1000.0)
    assert not vigil.over(1029.9) and vigil.over(1030.0)


async def test_garbage_on_the_socket_ends_only_that_connection(tmp_path: Path) -> None:
    server = Server(MediaConfig())
    path = tmp_path / "garbage.sock"
    listening = await asyncio.start_unix_server(server.serve, path)
    for data in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x03abc", b"\x00\x00\x00\x01\x90"):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(data)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
    runtime = Runtime(path)
    assert await runtime.link.attach() == []
    await runtime.link.shutdown()
    listening.close()


async def test_a_port_that_was_taken_meanwhile_is_a_coded_error(
    runtime: Runtime, phone: Phone
) -> None:
    await talking(runtime, phone)
    info = await runtime.link.info("a")
    await runtime.link.close("a")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        thief.bind(("127.0.0.1", info.port))
        with pytest.raises(MediaError) as refused:
            await runtime.link.recover("a", info)
    assert refused.value.code == "no_port"
