"""Asks nodes how their sessions stand, and lets the node of a session act on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from designer.errors import Refused
from runtime import bridge, nodes
from runtime.drain import verbs

Answer = dict[str, Any]
__all__ = ["Found", "ask_session", "standing", "standings", "verbs"]


@dataclass(slots=True)
class Found:
    """What the nodes said of their sessions."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    """One for each living session: `runtime.node.operations.Standing` as plain data, and `node`."""
    silent: list[str] = field(default_factory=list)
    """Nodes that did not answer: their calls are missing."""


def standings(flow: str = "", but: Iterable[str] = ()) -> Found:
    """From a thread: how the living sessions of a flow stand, on all nodes that answer.

    `but` are digests of versions whose sessions are left out.
    """
    names = ["", *nodes.others(bridge.required_node().name)]
    asked = {"flow": flow, "but": sorted(but)}
    found: Found = bridge.ask(lambda node: _standings(names, asked))
    return found


async def _standings(names: list[str], asked: Answer) -> Found:
    questions = (bridge.ask_node(name, "standings", asked) for name in names)
    answers = await asyncio.gather(*questions, return_exceptions=True)
    found = Found()
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, Refused) and name:
            found.silent.append(name)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found.lines += answer["standings"]
    return found


def standing(session: str) -> dict[str, Any]:
    """From a thread: how one living session stands; Refused if it does not live."""
    found: dict[str, Any] = ask_session(session, "standing")["standing"]
    return found


def ask_session(session: str, name: str, **arguments: Any) -> Answer:
    """From a thread: let the node of a session do something to it; Refused says why not."""
    return bridge.ask_session_sync(session, name, **arguments)
