"""Where the web part finds the node of this process, and through it all others.

`serve` sets the holder once the node runs. Sync views run in threads, the node lives on the
server's loop: `ask` carries a question over and brings the answer back. A session may live on
another node: `ask_session` finds out by its id, `ask_node` asks one by its name (the verbs stand
in `runtime.asks`).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from channels.db import database_sync_to_async

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


_fleet: Any = None


def set_fleet(fleet: Any) -> None:
    """Say who reaches the other nodes; None when the node stopped."""
    global _fleet
    _fleet = fleet


def current_fleet() -> Any:
    """Return the fleet as this process sees it (`runtime.fleet.Fleet`), None without a node."""
    return _fleet


async def ask_node(name: str, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """On the loop: let the node of this name do something; Refused says why not."""
    if _fleet is None or name in ("", required_node().name):
        from runtime import asks

        return await asks.answer(verb, arguments)
    from runtime import nodes

    # In a thread of its own: that of the page may be the one that waits for this answer.
    if not await database_sync_to_async(nodes.answers, thread_sensitive=False)(name):
        # No node was ever called that: whoever is asked here knows no such session either.
        return await ask_node("", verb, arguments)
    answer: dict[str, Any] = await _fleet.ask(name, verb, arguments)
    return answer


async def ask_session(session: str, verb: str, **arguments: Any) -> dict[str, Any]:
    """On the loop: the same of the node a session lives on; its id is the argument `session`."""
    return await ask_node(home_of(session), verb, {"session": session, **arguments})


def ask_node_sync(name: str, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """From a thread: the same as `ask_node`."""
    answer: dict[str, Any] = ask(lambda node: ask_node(name, verb, arguments))
    return answer


def ask_session_sync(session: str, verb: str, **arguments: Any) -> dict[str, Any]:
    """From a thread: the same as `ask_session`."""
    return ask_node_sync(home_of(session), verb, {"session": session, **arguments})


def home_of(session: str) -> str:
    """Return the name of the node a session lives or lived on; empty for this one."""
    from runtime.fleet import node_of

    name = node_of(session)
    return "" if _node is not None and name == _node.name else name


_hub: Any = None
_shipper: Any = None


def set_hub(hub: Any) -> None:
    """Say who tells browsers what the node does; None when it stopped."""
    global _hub
    _hub = hub


def current_hub() -> Any:
    """Return the hub of this process, None if no node runs here."""
    return _hub


def required_hub() -> Any:
    """Return the hub of this process; NodeAway if there is none."""
    if _hub is None:
        raise NodeAway("The node is not running here. Start the server with `make run`.")
    return _hub


def set_shipper(shipper: Any) -> None:
    """Say who carries the journal into the database; None when it stopped."""
    global _shipper
    _shipper = shipper


def current_shipper() -> Any:
    """Return the shipper of this process, None if no node runs here."""
    return _shipper
