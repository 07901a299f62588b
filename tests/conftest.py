"""What every test may use: free ports, and conditions to wait for instead of sleeping."""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

# Playwright's synchronous API keeps a loop running in the test's thread; Django would then
# refuse the ORM there, although nothing asynchronous calls it.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """Return a port of the loopback address that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def free_tcp_port() -> int:
    return free_port()


@pytest.fixture
def free_udp_port() -> int:
    return free_port(socket.SOCK_DGRAM)


def wait_until(condition: Callable[[], Any], timeout: float = 20.0, what: str = "") -> Any:
    """Poll `condition` until it is true and return its value; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"Not true within {timeout:.0f} s: {what or condition}")
        time.sleep(0.02)


async def eventually(condition: Callable[[], Any], timeout: float = 20.0, what: str = "") -> Any:
    """The same inside an event loop; `condition` may be a coroutine function."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"Not true within {timeout:.0f} s: {what or condition}")
        await asyncio.sleep(0.01)
