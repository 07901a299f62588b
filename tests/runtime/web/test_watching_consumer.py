"""How frames reach the socket: at once where it takes them, in order where it does not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runtime.consumers.direct import MAX_PENDING, Outlet
from runtime.watchers import ACK_WINDOW, Packet, Watcher


class Socket:
    """A server's send that can be full for a while, as when a browser reads slowly."""

    def __init__(self) -> None:
        self.room = asyncio.Event()
        self.room.set()
        self.sent: list[str] = []
        self.broken = False

    async def send(self, message: dict[str, Any]) -> None:
        await self.room.wait()
        if self.broken:
            raise ConnectionError("gone")
        self.sent.append(message["text"])


@pytest.fixture
async def ends() -> tuple[Outlet, Socket]:
    socket = Socket()
    return Outlet(socket.send), socket


Ends = tuple[Outlet, Socket]


async def settled(outlet: Outlet) -> None:
    while outlet.task is not None:
        await asyncio.gather(outlet.task, return_exceptions=True)


async def test_a_socket_with_room_takes_a_frame_at_once_and_without_a_task(ends: Ends) -> None:
    outlet, socket = ends
    outlet.put("one")
    assert socket.sent == ["one"] and outlet.task is None


async def test_frames_wait_in_order_until_there_is_room(ends: Ends) -> None:
    outlet, socket = ends
    socket.room.clear()
    outlet.put("one")
    outlet.put("two")
    assert socket.sent == [] and outlet.task is not None and len(outlet.waiting) == 1
    socket.room.set()
    outlet.put("three")
    await settled(outlet)
    assert socket.sent == ["one", "two", "three"] and not outlet.waiting


async def test_a_browser_that_is_gone_is_no_error(ends: Ends) -> None:
    outlet, socket = ends
    socket.broken = True
    outlet.put("one")
    socket.room.clear()
    outlet.put("two")
    socket.room.set()
    outlet.put("three")
    await settled(outlet)
    assert socket.sent == [] and not outlet.waiting


async def test_a_slow_browser_is_sent_no_more_than_fits_and_then_one_snapshot(ends: Ends) -> None:
    outlet, socket = ends
    watcher = Watcher(outlet.put, lambda: {"type": "snapshot"}, outlet.busy)
    watcher.begin()
    socket.room.clear()
    for number in range(500):
        watcher.offer(Packet({"type": "delta", "number": number}))
    assert len(outlet.waiting) < min(ACK_WINDOW, MAX_PENDING) and watcher.stale
    socket.room.set()
    await settled(outlet)
    before = len(socket.sent)
    watcher.acknowledge(watcher.sequence)
    assert len(socket.sent) == before + 1 and "snapshot" in socket.sent[-1] and not watcher.stale


async def test_a_frame_under_way_can_be_given_up(ends: Ends) -> None:
    outlet, socket = ends
    socket.room.clear()
    outlet.put("one")
    outlet.put("two")
    outlet.close()
    await settled(outlet)
    assert socket.sent == [] and not outlet.waiting
