"""The vocabulary as the editor's scripts read it: lists of words, in the order they are offered."""

from __future__ import annotations

from functools import cache
from typing import Any

from flows import schema, snippets


@cache
def palette() -> dict[str, Any]:
    """Return events, actions, guards, published events, features, roles and ready parts."""
    grouped = schema.palette()
    return {
        **grouped,
        "events": [word for group in grouped["events"] for word in group["words"]],
        "actions": [word for group in grouped["actions"] for word in group["words"]],
        "snippets": snippets.offered(),
    }
