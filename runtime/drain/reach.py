"""Asks nodes how their sessions stand, and lets them act on one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from runtime import bridge

Answer = dict[str, Any]
Verb = Callable[[Any, dict[str, Any]], Answer | Awaitable[Answer]]

VERBS: dict[str, Verb] = {}
"""What a node does when it is asked, by name."""


def verb(act: Verb) -> Verb:
    """Let a function be asked for under its own name."""
    VERBS[act.__name__] = act
    return act


@dataclass(slots=True)
class Found:
    """What the nodes said of their sessions."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    """One for each living session: `runtime.node.operations.Standing` as plain data, and `node`."""
    silent: list[str] = field(default_factory=list)
    """Nodes that did not answer: their calls are missing."""


def standings(flow: str = "") -> Found:
    """Return how the living sessions of a flow stand, on all nodes that answer."""
    return Found(lines=ask_node("", "standings", flow=flow)["standings"])


def standing(session: str) -> dict[str, Any]:
    """Return how one living session stands; Refused if it does not live."""
    found: dict[str, Any] = ask_session(session, "standing")["standing"]
    return found


def ask_session(session: str, name: str, **arguments: Any) -> Answer:
    """From a thread: let the node of a session do something to it; Refused says why not."""
    return ask_node("", name, session=session, **arguments)


def ask_node(node: str, name: str, **arguments: Any) -> Answer:
    """From a thread: let a node do something; Refused says why not."""
    from runtime.drain import verbs  # noqa: F401 - they register themselves

    answer: Answer = bridge.ask(lambda node: VERBS[name](node, arguments))
    return answer
