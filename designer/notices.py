"""Telling the rest of the product what happened here: one message to one group.

How a message travels (inside the server, from a worker, over Redis) is the business of
`designer.publish`. Nothing is sent before the transaction it speaks of is kept.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from designer import publish

NODES = "nodes"
"""The group every node listens to: what is deployed, what is routed."""
FLEET = "fleet"
"""The group of pages that show all flows."""


def flow_group(name: str) -> str:
    """Return the group of everybody who looks at one flow; names fit a channel layer's rules."""
    return f"flow.{name}"


def announce(group: str, message: dict[str, Any]) -> None:
    """Send `message` (its `type` names the handler) to `group` once the transaction is kept."""
    transaction.on_commit(lambda: send(group, message), robust=True)


def send(group: str, message: dict[str, Any]) -> bool:
    """Send now; False where no server is there to hear it, which loses nothing stored."""
    return publish.publish(group, message)
