"""The sockets as a browser meets them: through the whole application, log-in and all."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.asgi import application
from tests.web import PASSWORD, WebsocketCommunicator, alice

__all__ = ["alice"]
pytestmark = pytest.mark.django_db(transaction=True)

HOST = b"localhost:8000"
SOCKETS = [
    "/ws/flows",
    "/ws/flows/echo_test/edit",
    "/ws/flows/echo_test/live",
    "/ws/calls/node1-1-1",
    "/sip",
]
FOREIGN = [
    [],
    [(b"origin", b"null")],
    [(b"origin", b"http://evil.test")],
    [(b"origin", b"http://localhost:9000")],
    [(b"origin", b"http://localhost")],
    [(b"origin", b"http://localhost:8000.evil.test")],
    [(b"origin", b"http://localhost:8000"), (b"origin", b"http://evil.test")],
]


def cookies(user: User) -> list[tuple[bytes, bytes]]:
    client = Client()
    client.force_login(user)
    given = "; ".join(f"{each.key}={each.value}" for each in client.cookies.values())
    return [(b"cookie", given.encode())]


async def attempt(path: str, headers: list[tuple[bytes, bytes]]) -> bool:
    socket = WebsocketCommunicator(
        application, path, headers=[(b"host", HOST), *headers], subprotocols=["sip"]
    )
    connected, _ = await socket.connect()
    await socket.disconnect()
    return connected


@pytest.mark.parametrize("path", SOCKETS)
async def test_no_socket_opens_for_a_page_of_another_origin(path: str, alice: Any) -> None:
    from channels.db import database_sync_to_async

    from designer import services

    await database_sync_to_async(services.flow_create)(name="echo_test")
    known = await database_sync_to_async(cookies)(alice)
    for foreign in FOREIGN:
        assert not await attempt(path, [*known, *foreign]), (path, foreign)


@pytest.mark.parametrize("path", SOCKETS)
async def test_no_socket_opens_without_a_log_in(path: str) -> None:
    assert not await attempt(path, [(b"origin", b"http://localhost:8000")])


async def test_a_socket_opens_for_our_own_page(alice: Any) -> None:
    from channels.db import database_sync_to_async

    known = await database_sync_to_async(cookies)(alice)
    assert await attempt("/ws/flows", [*known, (b"origin", b"http://localhost:8000")])


def test_a_cookie_of_the_log_in_is_kept_from_scripts_and_other_sites(alice: Any) -> None:
    client = Client()
    answer = client.post("/login/", {"username": "alice", "password": PASSWORD})
    (cookie,) = [c for c in answer.cookies.values() if "session" in c.key]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
