import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from runtime import bridge
from tests.runtime.web.stage import FakeNode
from tests.web import ECHO, alice, called, dora, olaf, published, rung, stage, vera


@pytest.fixture
def node() -> Iterator[FakeNode]:
    """A node with echo_test loaded, on a loop of its own as in the server."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    fake = FakeNode()
    fake.load("echo_test", ECHO)
    bridge.set_node(fake, loop)
    yield fake
    bridge.set_node(None)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def flow(db: Any) -> Any:
    from designer import services

    return services.flow_import(text=ECHO, file_name="echo_test.yaml", author_name="alice").flow


__all__ = ["alice", "called", "dora", "olaf", "published", "rung", "stage", "vera"]
