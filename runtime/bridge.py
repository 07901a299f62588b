"""Where the web part finds the node: in this process, or nowhere.

`serve` sets the holder once the node runs. Sync views run in threads, the node lives on the
server's loop: `ask` carries a question over and brings the answer back.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from designer.errors import Refused

ASK_SECONDS = 30.0

_node: Any = None
_loop: asyncio.AbstractEventLoop | None = None


class NodeAway(Refused):
    """No node runs in this process, or it did not answer."""


def set_node(node: Any, loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Say that this node runs on this loop (the running one by default); None when it stopped."""
    global _node, _loop
    _node = node
    _loop = None if node is None else loop or asyncio.get_running_loop()


def current_node() -> Any:
    """Return the node of this process, None if there is none."""
    return _node


def required_node() -> Any:
    """Return the node of this process; NodeAway if there is none."""
    if _node is None:
        raise NodeAway("The node is not running here. Start the server with `make run`.")
    return _node


def ask(question: Callable[[Any], Any], timeout: float = ASK_SECONDS) -> Any:
    """From a thread: let `question(node)` be answered on the node's loop; it may be awaitable."""
    required_node()
    assert _loop is not None
    future = asyncio.run_coroutine_threadsafe(aask(question), _loop)
    try:
        return future.result(timeout)
    except TimeoutError:
        future.cancel()
        raise NodeAway(f"The node did not answer within {timeout:.0f} s.") from None


async def aask(question: Callable[[Any], Any]) -> Any:
    """The same on the node's own loop."""
    return await settled(question(required_node()))


async def settled(value: Any) -> Any:
    """Return a value, awaited first if it has to be."""
    if inspect.isawaitable(value):
        awaited: Awaitable[Any] = value
        return await awaited
    return value


_hub: Any = None
_shipper: Any = None


def set_hub(hub: Any) -> None:
    """Say who tells browsers what the node does; None when it stopped."""
    global _hub
    _hub = hub


def current_hub() -> Any:
    """Return the hub of this process, None if no node runs here."""
    return _hub


def set_shipper(shipper: Any) -> None:
    """Say who carries the journal into the database; None when it stopped."""
    global _shipper
    _shipper = shipper


def current_shipper() -> Any:
    """Return the shipper of this process, None if no node runs here."""
    return _shipper
