"""What every test may use: free ports, and conditions to wait for instead of sleeping."""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

# Asynchronous tests look into the database themselves, in the thread of their loop; nobody else
# waits for that loop meanwhile.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

TOGETHER = {
    # What two cores carry at once: one browser with its instance, and one instance more.
    "tests/browser/": "browser",
    "tests/runtime/media/test_chromium.py": "browser",
    # Most of it runs one after the other in a process of its own, beside PostgreSQL.
    "tests/system/test_databases.py": "databases",
    "tests/system/": "system",
}
ALONE = ("tests/system/test_processes", "tests/system/test_setup", "tests/system/test_tree")
"""Of these folders, what needs no whole instance."""


def group(nodeid: str) -> str:
    """Return what a test runs one at a time with: its group, else its file."""
    if not nodeid.startswith(ALONE):
        for prefix, name in TOGETHER.items():
            if nodeid.startswith(prefix):
                return name
    return nodeid.partition("::")[0]


REAL_PARTIES = (
    "tests/browser/",
    "tests/system/",
    "tests/runtime/media/",
    "tests/runtime/node/",
    "tests/runtime/sip/",
    "tests/sip/",
)
"""Where other programs take part, in real time, on a machine that others may be using too."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the groups: they take longest, the many short tests fill what is left.

    A test with real parties gets a second chance, which the summary shows as R: a peer that the
    machine left waiting past its own time limit says nothing about us, a fault of ours fails twice.
    """
    items.sort(key=lambda item: group(item.nodeid) not in TOGETHER.values())
    for item in items:
        if item.nodeid.startswith(REAL_PARTIES):
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker a whole group. (xdist's own marks are lost on pytest 9.)"""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    config.option.loadscopereorder = False
    return Groups(config, log)


def free_port(*kinds: int) -> int:
    """Return a port of the loopback address that was free a moment ago, of TCP or all `kinds`."""
    first, *rest = kinds or (socket.SOCK_STREAM,)
    while True:
        with socket.socket(socket.AF_INET, first) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if all(_is_free(kind, port) for kind in rest):
                return port


def _is_free(kind: int, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@pytest.fixture
def free_tcp_port() -> int:
    return free_port()


@pytest.fixture
def free_udp_port() -> int:
    return free_port(socket.SOCK_DGRAM, socket.SOCK_STREAM)


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
