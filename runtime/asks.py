"""What may be asked of a node from outside its process: by another node, a command, the worker.

The arguments come from another process: each verb reads what it needs and refuses what it cannot
use. Answers are plain data (what MessagePack and JSON carry); a refusal is `Refused`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from designer.errors import Refused
from runtime import acts, audit, bridge
from runtime.node.api import CallRefused, NoSuchSession

Arguments = Mapping[str, Any]
Answer = dict[str, Any]
Verb = Callable[[Any, Arguments], Answer | Awaitable[Answer]]

VERBS: dict[str, Verb] = {}


def verb(act: Verb) -> Verb:
    """Let a function `(node, arguments) -> answer` be asked for under its own name."""
    VERBS[act.__name__.rstrip("_")] = act
    return act


async def answer(name: str, arguments: Arguments) -> Answer:
    """Do what is asked of the node of this process; Refused says why not."""
    act = VERBS.get(name)
    if act is None:
        raise Refused(f"{bridge.required_node().name} knows no {name!r}: is it an older version?")
    try:
        given: Answer = await bridge.settled(act(bridge.required_node(), arguments))
    except (KeyError, TypeError) as error:
        raise Refused(f"The request {name} lacks or mistakes {error}.") from error
    return given


@verb
def place(node: Any, arguments: Arguments) -> Answer:
    """Place a call: {flow, target, caller?} -> {session}."""
    session = acts.place(
        node,
        flow=arguments["flow"],
        target=arguments["target"],
        caller=arguments.get("caller"),
    )
    return {"session": session}


@verb
def begin(node: Any, arguments: Arguments) -> Answer:
    """Begin a session with an event: {flow, event, fields?, caller?} -> {session}."""
    event = arguments["event"]
    session = acts.begin(
        node,
        flow=arguments["flow"],
        event=event,
        fields=arguments.get("fields") or {},
        caller=arguments.get("caller"),
    )
    return {"session": session}


@verb
def send(node: Any, arguments: Arguments) -> Answer:
    """Send an event: {session, event, fields?} -> {sent}."""
    event = arguments["event"]
    fields = arguments.get("fields") or {}
    acts.send(node, session=arguments["session"], event=event, fields=fields)
    return {"sent": event}


@verb
def session(node: Any, arguments: Arguments) -> Answer:
    """Say how a session stands: {session} -> {session: its line or None, possible: [...]}."""
    name = arguments["session"]
    try:
        line = node.session(name)
    except NoSuchSession:
        return {"session": None, "possible": []}
    return {"session": audit.live_summary(line), "possible": audit.live_possible(name)}


@verb
def transitions(node: Any, arguments: Arguments) -> Answer:
    """Say what a living session could do next: {session} -> {state, transitions: [...]}."""
    name = arguments["session"]
    try:
        return {"state": node.session(name).state, "transitions": node.transitions(name)}
    except NoSuchSession as gone:
        raise Refused(str(gone)) from None


@verb
def sessions(node: Any, arguments: Arguments) -> Answer:
    """List the living sessions, the newest last: {flow?, most?} -> {sessions}."""
    flow, most = arguments.get("flow"), int(arguments.get("most", 1000))
    lines = [line for line in node.sessions() if flow in (None, "", line.flow)]
    return {"sessions": [audit.live_summary(line) for line in lines[-most:]]}


@verb
def health(node: Any, arguments: Arguments) -> Answer:
    """Say how the node does -> {health}."""
    return {"health": node.health()}


@verb
async def trunk_test(node: Any, arguments: Arguments) -> Answer:
    """Ask a trunk whether it is there: {name} -> how it stands then."""
    try:
        told: Answer = await node.tested_trunk(arguments["name"])
    except CallRefused as unknown:
        raise Refused(f"It cannot be asked: {unknown}.") from None
    return told
