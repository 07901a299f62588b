"""What a node does to its own sessions when somebody asks it to; plain data in, plain data out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from designer.errors import Refused
from runtime.asks import verb
from runtime.node import api
from runtime.node.operations import Operator

Arguments = Mapping[str, Any]
Answer = dict[str, Any]
AT_ONCE = 200
"""Sessions that are looked at before the loop has its turn."""


def _operator(arguments: Arguments) -> Operator:
    return Operator(arguments["by"], arguments["reason"])


@verb
async def standings(node: Any, arguments: Arguments) -> Answer:
    """Say how the living sessions stand: {flow?, but? (digests left out)} -> {standings}.

    Calls go on meanwhile: it gives way again and again.
    """
    lines: list[Answer] = []
    flow, but = arguments.get("flow") or "", set(arguments.get("but") or ())
    for standing in node.operations.standings(flow, but=but):
        lines.append({**standing.as_dict(), "node": node.name})
        if len(lines) % AT_ONCE == 0:
            await asyncio.sleep(0)
    return {"standings": lines}


@verb
def standing(node: Any, arguments: Arguments) -> Answer:
    """Say how one session stands: {session} -> {standing}."""
    try:
        found = node.operations.standing(arguments["session"])
    except api.Refused as refusal:
        raise Refused(f"The call cannot be looked at: {refusal.reason}.") from None
    return {"standing": {**found.as_dict(), "node": node.name}}


@verb
def hang_up(node: Any, arguments: Arguments) -> Answer:
    """End a call: {session, by, reason, force?} -> {how, row or why, state, ended}."""
    try:
        told: Answer = node.operations.hang_up(
            arguments["session"], _operator(arguments), force=bool(arguments.get("force"))
        )
    except api.Refused as refusal:
        raise Refused(f"The call was not hung up: {refusal.reason}.") from None
    return told


@verb
def inject(node: Any, arguments: Arguments) -> Answer:
    """Give a session an event: {session, event, fields, by, reason, repair?} -> {sent}."""
    try:
        node.operations.inject(
            arguments["session"],
            arguments["event"],
            arguments.get("fields") or {},
            _operator(arguments),
            repair=bool(arguments.get("repair")),
        )
    except api.Refused as refusal:
        raise Refused(f"The event was not sent: {refusal.reason}.") from None
    return {"sent": arguments["event"]}


@verb
def pin(node: Any, arguments: Arguments) -> Answer:
    """Keep a session on its version: {session, by, reason, off?} -> {pinned}."""
    off = bool(arguments.get("off"))
    act = node.operations.unpin if off else node.operations.pin
    try:
        act(arguments["session"], _operator(arguments))
    except api.Refused as refusal:
        raise Refused(f"Nothing was changed: {refusal.reason}.") from None
    return {"pinned": not off}


@verb
async def migrate(node: Any, arguments: Arguments) -> Answer:
    """Move a session: {session, digest, ways, by, reason, patience?, anew?} -> its Result."""
    try:
        result = await node.operations.migrate(
            arguments["session"],
            arguments["digest"],
            arguments["ways"],
            _operator(arguments),
            patience=float(arguments.get("patience", 0.0)),
            anew=bool(arguments.get("anew")),
        )
    except api.Refused as refusal:
        raise Refused(f"The call was not moved: {refusal.reason}.") from None
    answer: Answer = result.as_dict()
    return answer
