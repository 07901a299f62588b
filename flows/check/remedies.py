"""Edits that mend what the deep rules found, where one is known without asking the author."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flows.table import Row, Word
from flows.vocabulary import ACTIONS

Fix = dict[str, Any]
"""`{"operation": ..., "arguments": {...}}`, as `flows.edit` takes it."""


def new_row(state: str, role: str, event: str) -> Fix:
    """Begin the row that is missing; what it does is the author's to say."""
    arguments = {"from_state": state, "role": role, "event": event}
    return {"operation": "add_row", "arguments": arguments}


def of_row(code: str, row: Row, action: int) -> Fix | None:
    """Return the edit of a row that mends the finding; None if there is more than one way."""
    words = list(row.actions)
    match code:
        case "RES501":
            return _actions(row, [*words, Word("CleanupDialog")])
        case "RES502":
            names = [word.name for word in words]
            at = names.index("CleanupDialog") if "CleanupDialog" in names else len(words)
            return _actions(row, [*words[:at], Word("CleanupMedia"), *words[at:]])
        case "ACT609" if "SendACK" not in [word.name for word in words]:
            return _actions(row, [Word("SendACK"), *words])
        case "ACT607" | "RES505" | "RES503" if 0 <= action < len(words):
            return _actions(row, [*words[:action], *words[action + 1 :]])
    return None


def _actions(row: Row, words: Iterable[Word]) -> Fix:
    value = [_plain(word) for word in words]
    return {
        "operation": "change_row",
        "arguments": {"row": row.index, "field": "actions", "value": value},
    }


def _plain(word: Word) -> str | dict[str, dict[str, Any]]:
    declared = ACTIONS[word.name].parameters
    said = {
        name: value
        for name, value in word.arguments.items()
        if name in declared and (declared[name].required or value != declared[name].default)
    }
    if word.name == "SendSIPResponse":
        said["code"] = word.arguments.get("code", 200)
    return {word.name: said} if said else word.name
