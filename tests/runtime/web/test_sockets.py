"""The runtime's sockets as conversations, with the hub on the test's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser

from designer.routing import websocket_urlpatterns as designer_sockets
from runtime import bridge, deployments
from runtime.hub import Hub
from runtime.node.journal import Segment, StepRecord
from runtime.routing import websocket_urlpatterns
from runtime.sink import DatabaseSink
from tests.conftest import eventually
from tests.runtime.web.stage import FakeNode
from tests.web import ECHO, OWN_PAGE, WebsocketCommunicator

pytestmark = pytest.mark.django_db(transaction=True)

ROUTER = URLRouter(websocket_urlpatterns)


@pytest.fixture
async def here() -> AsyncIterator[FakeNode]:
    """A node in this process, with a hub."""
    fake = FakeNode()
    fake.load("echo_test", ECHO)
    loop = asyncio.get_running_loop()
    hub = Hub(fake, later=loop.call_later, now=lambda: 42.0)  # type: ignore[arg-type]
    fake.listeners.add(hub.stepped)
    bridge.set_node(fake)
    bridge.set_hub(hub)
    yield fake
    bridge.set_node(None)
    bridge.set_hub(None)


@asynccontextmanager
async def opened(path: str, user: Any, **more: Any) -> AsyncIterator[WebsocketCommunicator]:
    socket = WebsocketCommunicator(ROUTER, path, **more)
    socket.scope["user"] = user
    connected, _ = await socket.connect()
    assert connected
    try:
        yield socket
    finally:
        await socket.disconnect()


async def hear(socket: WebsocketCommunicator, kind: str) -> dict[str, Any]:
    while True:
        told: dict[str, Any] = await socket.receive_json_from()
        for frame in told.get("frames", [told]):
            if frame["type"] == kind:
                return dict(frame)


async def test_the_fleet_is_shown_and_follows(here: FakeNode, vera: Any) -> None:
    async with opened("/ws/flows", vera) as socket:
        assert (await hear(socket, "fleet"))["total"] == 0
        here.give(here.begin("echo_test"), "IncomingCall")
        assert (await hear(socket, "fleet"))["flows"] == {"echo_test": 1}


async def test_a_flow_is_watched_on_its_picture(here: FakeNode, flow: Any, vera: Any) -> None:
    version = await database_sync_to_async(flow.versions.get)()
    await database_sync_to_async(deployments.deploy)(version=version, by_name="cli")
    async with opened("/ws/flows/echo_test/live", vera) as socket:
        snapshot = await hear(socket, "snapshot")
        assert snapshot["deployed"] == {"number": 1, "digest": version.digest}
        assert snapshot["digest"] == version.digest
        here.give(here.begin("echo_test"), "IncomingCall")
        delta = await hear(socket, "delta")
        assert delta["cells"] == {version.digest: {"UAS": {"Answering": [1, 1001.0]}}}
        assert list(delta["fired"][version.digest].values()) == [1]
        await socket.send_json_to({"type": "ack", "seq": delta["seq"]})


async def test_a_call_is_followed_from_the_record_into_the_present(
    here: FakeNode, flow: Any, vera: Any
) -> None:
    session = here.begin("echo_test")
    first = here.give(session, "IncomingCall", **{"from": "sip:+493055500017@x"})
    async with opened(f"/ws/calls/{session.id}", vera) as socket:
        snapshot = await hear(socket, "snapshot")
        assert snapshot["session"]["state"] == "Answering" and snapshot["steps"] == []
        here.give(session, "DialogACK")
        step = await hear(socket, "step")
        assert step["step"]["event"] == "DialogACK" and step["step"]["sequence"] == 2
        # The first step was journalled before anybody looked; it arrives with the shipper.
        segment = Segment("node1", 7, 0, Path("node1-7.journal"))
        await database_sync_to_async(DatabaseSink().store)(segment, [StepRecord(first)], 0, 10)
        whole = await hear(socket, "snapshot")
        assert [line["sequence"] for line in whole["steps"]] == [1, 2]
        assert whole["steps"][0]["fields"]["from"] == "sip:+4930••••••17@x"
        here.give(session, "DialogBYE")
        assert (await hear(socket, "ended"))["outcome"] == "completed"


async def test_a_list_and_a_followed_call_are_shown_to_who_asks(
    here: FakeNode, flow: Any, vera: Any
) -> None:
    sessions = [here.begin("echo_test") for _ in range(3)]
    for session in sessions:
        here.give(session, "IncomingCall")
    async with opened("/ws/flows/echo_test/live", vera) as socket:
        assert (await hear(socket, "list"))["matching"] == 3
        await socket.send_json_to({"type": "list", "text": sessions[1].id})
        listed = await hear(socket, "list")
        assert [line["id"] for line in listed["lines"]] == [sessions[1].id]
        await socket.send_json_to({"type": "follow", "id": sessions[1].id})
        followed = await hear(socket, "followed")
        assert followed["session"]["state"] == "Answering" and not followed["gone"]
        here.give(sessions[1], "DialogACK")
        assert (await hear(socket, "followed"))["session"]["state"] == "Active"
        await socket.send_json_to({"type": "follow", "id": ["nonsense"]})
        await socket.send_json_to({"type": "nonsense"})


async def test_all_flows_are_watched_on_one_page(here: FakeNode, flow: Any, vera: Any) -> None:
    async with opened("/ws/live", vera) as socket:
        assert (await hear(socket, "all"))["flows"] == {}
        here.give(here.begin("echo_test"), "IncomingCall")
        told = (await hear(socket, "all"))["flows"]["echo_test"]
        assert told["total"] == 1 and told["begun"] == 1 and told["unusual"] == 0


async def test_nobody_is_refused_everywhere(here: FakeNode, flow: Any) -> None:
    for path in (
        "/ws/flows",
        "/ws/live",
        "/ws/flows/echo_test/live",
        "/ws/calls/node1-7-1",
        "/sip",
    ):
        socket = WebsocketCommunicator(ROUTER, path, subprotocols=["sip"])
        socket.scope["user"] = AnonymousUser()
        connected, _ = await socket.connect()
        assert not connected, path
        await socket.disconnect()


async def test_what_does_not_exist_is_refused(here: FakeNode, vera: Any) -> None:
    for path in ("/ws/flows/nothing/live", "/ws/calls/nobody"):
        socket = WebsocketCommunicator(ROUTER, path)
        socket.scope["user"] = vera
        connected, _ = await socket.connect()
        assert not connected, path
        await socket.disconnect()


async def test_a_page_is_told_where_no_node_runs(flow: Any, vera: Any) -> None:
    async with opened("/ws/flows/echo_test/live", vera) as socket:
        assert (await hear(socket, "snapshot"))["total"] == 0
        assert "not running here" in (await hear(socket, "away"))["message"]


async def test_a_phone_is_translated_and_nothing_else(here: FakeNode, olaf: Any) -> None:
    async with opened("/sip", olaf, subprotocols=["sip"]) as socket:
        ((connection, known),) = here.sockets.items()
        assert (known.local, known.user) == ("calls.test:8000", "olaf")
        await socket.send_to(text_data="REGISTER sip:x SIP/2.0\r\n\r\n")
        await eventually(lambda: here.received)
        assert here.received == [(connection, b"REGISTER sip:x SIP/2.0\r\n\r\n")]
        known.send(b"SIP/2.0 200 OK\r\n\r\n")
        assert await socket.receive_from() == "SIP/2.0 200 OK\r\n\r\n"
        await socket.send_to(bytes_data=b"ACK sip:x SIP/2.0\r\n\r\n")
        await eventually(lambda: len(here.received) == 2)
        known.send(b"SIP/2.0 200 OK\r\n\r\n")
        assert await socket.receive_from() == b"SIP/2.0 200 OK\r\n\r\n"
    assert here.sockets == {}


async def test_a_keep_alive_is_answered_by_one_line_end(here: FakeNode, olaf: Any) -> None:
    async with opened("/sip", olaf, subprotocols=["sip"]) as socket:
        await socket.send_to(text_data="\r\n\r\n")
        assert await socket.receive_from() == "\r\n"
        assert here.received == []


async def test_a_phone_that_sends_tiny_frames_without_end_is_let_go(
    here: FakeNode, olaf: Any
) -> None:
    async with opened("/sip", olaf, subprotocols=["sip"]) as socket:
        for _ in range(100_000):
            await socket.send_to(bytes_data=b"\r\n")
        closed = await socket.receive_output(30)
        assert closed["type"] == "websocket.close" and closed["code"] == 1008
        assert here.received == []


async def test_a_phone_that_reads_nothing_is_let_go_with_what_waits_for_it(
    here: FakeNode, olaf: Any
) -> None:
    async with opened("/sip", olaf, subprotocols=["sip"]) as socket:
        ((_, known),) = here.sockets.items()
        for _ in range(1000):
            known.send(b"INVITE sip:x SIP/2.0\r\n\r\n")
        closed = await socket.receive_output(5)
        while closed["type"] != "websocket.close":
            closed = await socket.receive_output(5)
        assert closed["code"] == 1011


async def test_a_phone_says_at_most_64_kib_at_once(here: FakeNode, olaf: Any) -> None:
    async with opened("/sip", olaf, subprotocols=["sip"]) as socket:
        await socket.send_to(text_data="x" * (64 * 1024 + 1))
        closed = await socket.receive_output(5)
        assert closed["type"] == "websocket.close" and closed["code"] == 1009
        assert here.received == []


@pytest.mark.parametrize(
    ("headers", "subprotocols"),
    [
        ([(b"host", b"calls.test:8000")], ["sip"]),
        ([(b"host", b"calls.test:8000"), (b"origin", b"http://evil.test")], ["sip"]),
        ([(b"host", b"calls.test:8000"), (b"origin", b"http://calls.test:9000")], ["sip"]),
        ([(b"host", b"calls.test:8000"), (b"origin", b"null")], ["sip"]),
        ([*OWN_PAGE, (b"origin", b"http://evil.test")], ["sip"]),
        (OWN_PAGE, []),
        (OWN_PAGE, ["xmpp"]),
    ],
)
async def test_a_phone_of_another_page_or_protocol_is_refused(
    here: FakeNode, olaf: Any, headers: Any, subprotocols: Any
) -> None:
    socket = WebsocketCommunicator(ROUTER, "/sip", headers=headers, subprotocols=subprotocols)
    socket.scope["user"] = olaf
    connected, _ = await socket.connect()
    assert not connected and here.sockets == {}
    await socket.disconnect()


@pytest.mark.parametrize(
    "origin", [None, b"http://evil.test", b"http://calls.test:9000", b"null", b"", b"http://["]
)
async def test_a_socket_opens_for_pages_of_this_server_only(
    here: FakeNode, flow: Any, alice: Any, origin: bytes | None
) -> None:
    router = URLRouter([*websocket_urlpatterns, *designer_sockets])
    session = here.begin("echo_test")
    headers = [(b"host", b"calls.test:8000")]
    if origin is not None:
        headers.append((b"origin", origin))
    for path in (
        "/ws/flows",
        "/ws/flows/echo_test/live",
        "/ws/flows/echo_test/edit",
        f"/ws/calls/{session.id}",
        "/sip",
    ):
        socket = WebsocketCommunicator(router, path, headers=headers, subprotocols=["sip"])
        socket.scope["user"] = alice
        connected, _ = await socket.connect()
        assert not connected, path
        await socket.disconnect()


async def test_who_may_not_call_has_no_phone(here: FakeNode, vera: Any) -> None:
    socket = WebsocketCommunicator(ROUTER, "/sip", subprotocols=["sip"])
    socket.scope["user"] = vera
    connected, _ = await socket.connect()
    assert not connected and here.sockets == {}
    await socket.disconnect()
