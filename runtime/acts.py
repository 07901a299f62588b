"""What people do to calls, as the node takes it: its refusals become sentences for a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from designer.errors import Refused
from flows.vocabulary import EVENTS
from runtime.node import api


def place(node: Any, *, flow: str, target: str, caller: str | None = None) -> str:
    """Place a call that the flow drives and return the session's id; Refused says why not."""
    target = target.strip()
    if not target or len(target) > 512 or any(c.isspace() or not c.isprintable() for c in target):
        raise Refused("Whom to call is a SIP address like sip:100@127.0.0.1:5062, or a number.")
    try:
        return str(node.call(flow, target, caller))
    except api.Refused as refusal:
        raise Refused(f"The call was not placed: {refusal.reason}.") from None


def begin(
    node: Any, *, flow: str, event: str, fields: Mapping[str, Any], caller: str | None = None
) -> str:
    """Begin a session with an event and return its id; Refused says why not."""
    try:
        return str(node.begin(flow, event, fields, caller))
    except api.Refused as refusal:
        raise Refused(f"The session was not begun: {refusal.reason}.") from None


def send(node: Any, *, session: str, event: str, fields: Mapping[str, Any]) -> None:
    """Give a session an event; Refused says why not."""
    try:
        node.send(session, event, fields)
    except api.Refused as refusal:
        raise Refused(f"The event was not sent: {refusal.reason}.") from None


def typed(event: str, raw: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields somebody typed in the types the event declares; empty ones are left out."""
    word = EVENTS.get(event)
    fields: dict[str, Any] = {}
    for name, value in raw.items():
        if value == "":
            continue
        kind = word.fields.get(name, "text") if word else "text"
        fields[name] = _number(name, kind, value) if kind in ("integer", "number") else value
    return fields


def _number(name: str, kind: str, value: str) -> int | float:
    try:
        return int(value) if kind == "integer" else float(value)
    except ValueError:
        raise Refused(f"{name} is a number, not {value[:40]!r}.") from None
