"""What commands and the worker may ask of the running server, over the control socket.

Answers are plain data; a refusal is `{"error": one sentence}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from channels.db import database_sync_to_async

from designer.errors import Refused
from designer.publish import apublish
from runtime import acts, bridge, nodes, registering, trunks
from runtime.drain import served

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
    """Place a call: {flow, target, node?}."""
    return await bridge.ask_node(arguments.get("node") or "", "place", arguments)


async def begin(arguments: Arguments) -> Answer:
    """Begin a session: {flow, event, fields, caller?, node?}; fields as somebody typed them."""
    typed = acts.typed(arguments["event"], arguments.get("fields", {}))
    asked = {**arguments, "fields": typed}
    return await bridge.ask_node(arguments.get("node") or "", "begin", asked)


async def send(arguments: Arguments) -> Answer:
    """Send an event: {session, event, fields}; fields as somebody typed them."""
    fields = acts.typed(arguments["event"], arguments.get("fields", {}))
    return await bridge.ask_session(
        arguments["session"], "send", event=arguments["event"], fields=fields
    )


async def transitions(arguments: Arguments) -> Answer:
    """Say what a living session could do next: {session}."""
    return await bridge.ask_session(arguments["session"], "transitions")


async def sessions(arguments: Arguments) -> Answer:
    """List the living sessions, of all nodes that answer; `silent` names those that do not."""
    others = await database_sync_to_async(nodes.others)(bridge.required_node().name)
    names = ["", *others]
    asked = (bridge.ask_node(name, "sessions", {}) for name in names)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    lines: list[Any] = []
    silent = []
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, Refused) and name:
            silent.append(name)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            lines += answer["sessions"]
    return {"sessions": lines, "silent": silent}


async def stuck(arguments: Arguments) -> Answer:
    """List the living calls that need a look: {flow?}."""
    return {"calls": bridge.required_hub().stuck(arguments.get("flow") or "")}


async def health(arguments: Arguments) -> Answer:
    """Say how the node does."""
    return await bridge.ask_node(arguments.get("node") or "", "health", {})


async def trunk_test(arguments: Arguments) -> Answer:
    """Ask a trunk whether it is there, and wait for its answer: {name}."""
    return await bridge.ask_node("", "trunk_test", arguments)


async def trunk_register(arguments: Arguments) -> Answer:
    """Let a flow register with a trunk: {name, flow?} -> {session}."""

    def act() -> str:
        flow = arguments.get("flow") or registering.only_flow()
        return registering.register(trunk=trunks.named(arguments["name"]), flow=flow)

    return {"session": await database_sync_to_async(act)()}


async def trunk_unregister(arguments: Arguments) -> Answer:
    """Remove the registration with a trunk: {name}."""

    def act() -> None:
        registering.unregister(trunk=trunks.named(arguments["name"]))

    await database_sync_to_async(act)()
    return {}


async def ask(arguments: Arguments) -> Answer:
    """Let a node do what nodes do for each other: {node, act, arguments}."""
    return await bridge.ask_node(arguments["node"], arguments["act"], arguments["arguments"])


async def operate(arguments: Arguments) -> Answer:
    """Do something to running calls, or look at them: {operation, by, ...} (see `served`)."""
    act = served.ACTS.get(arguments["operation"])
    if act is None:
        return {"error": f"Nobody does {arguments['operation']!r} to calls."}
    # What a command says of who asks is a name; an account is never taken from outside.
    given = {**arguments, "user": None}
    answer: Answer = await database_sync_to_async(act)(given)
    return answer


VERBS: dict[str, Callable[[Arguments], Awaitable[Answer]]] = {
    "publish": publish,
    "call": call,
    "begin": begin,
    "send": send,
    "sessions": sessions,
    "transitions": transitions,
    "stuck": stuck,
    "health": health,
    "trunk_test": trunk_test,
    "trunk_register": trunk_register,
    "trunk_unregister": trunk_unregister,
    "ask": ask,
    "operate": operate,
}
