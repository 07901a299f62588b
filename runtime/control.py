"""What commands and the worker may ask of the running server, over the control socket.

Answers are plain data; a refusal is `{"error": one sentence}`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from designer.errors import Refused
from designer.publish import apublish
from runtime import acts, audit, bridge

Arguments = dict[str, Any]
Answer = dict[str, Any]


async def handle(verb: str, arguments: Arguments) -> Answer:
    """Answer one request."""
    act = VERBS.get(verb)
    if act is None:
        return {"error": f"The server knows no {verb!r}."}
    try:
        return await act(arguments)
    except Refused as refusal:
        return {"error": refusal.message}
    except (KeyError, TypeError) as error:
        return {"error": f"The request {verb} lacks or mistakes {error}."}


async def publish(arguments: Arguments) -> Answer:
    """Put {message} on the channel layer for {group}."""
    await apublish(arguments["group"], arguments["message"])
    return {}


async def call(arguments: Arguments) -> Answer:
    """Place a call: {flow, target}."""
    session = await bridge.aask(
        lambda node: acts.place(
            node,
            flow=arguments["flow"],
            target=arguments["target"],
            caller=arguments.get("caller"),
        )
    )
    return {"session": session}


async def send(arguments: Arguments) -> Answer:
    """Send an event: {session, event, fields}; fields as somebody typed them."""
    fields = acts.typed(arguments["event"], arguments.get("fields", {}))
    await bridge.aask(
        lambda node: acts.send(
            node, session=arguments["session"], event=arguments["event"], fields=fields
        )
    )
    return {"sent": arguments["event"]}


async def sessions(arguments: Arguments) -> Answer:
    """List the living sessions."""
    lines = await bridge.aask(lambda node: node.sessions())
    return {"sessions": [audit.live_summary(line) for line in lines]}


async def health(arguments: Arguments) -> Answer:
    """Say how the node does."""
    return {"health": await bridge.aask(lambda node: node.health())}


VERBS: dict[str, Callable[[Arguments], Awaitable[Answer]]] = {
    "publish": publish,
    "call": call,
    "send": send,
    "sessions": sessions,
    "health": health,
}
