"""The operations on a table: text and arguments in, new text and what to show next out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flows.document import Mapping
from flows.edit import on_rows, on_states
from flows.edit.on_text import replace_text
from flows.edit.refusal import EditRefused
from flows.edit.rows import set_field
from flows.edit.values import HEAD_FIELDS, Arguments, head_value
from flows.edit.working import Table, readable, set_plain, with_head


@dataclass(frozen=True, slots=True)
class Edited:
    """The new text and what the edit was about: {"row": 3}, {"state": "Idle"}, {"head": "name"}."""

    text: str
    focus: dict[str, Any] = field(default_factory=dict)


REPLACE_TEXT = "replace_text"


def apply(text: str, operation: str, arguments: dict[str, Any]) -> Edited:
    """Make one edit. Raises EditRefused and nothing else; a refused edit changed nothing."""
    if operation == REPLACE_TEXT and isinstance(text, str):
        return Edited(replace_text(text, Arguments(arguments)))
    perform = OPERATIONS.get(operation) if isinstance(operation, str) else None
    if perform is None:
        raise EditRefused(f"There is no edit {operation!r}; there are {', '.join(OPERATIONS)}.")
    taken = Arguments(arguments)
    if not isinstance(text, str):
        raise EditRefused("The text of a table is needed.")
    document = readable(text)
    headless = operation in _NEEDS_HEAD and not isinstance(document.root, Mapping)
    if headless or document.root is None:
        document = readable(with_head(document))
    table = Table(document)
    focus = perform(table, taken)
    return Edited(table.result(), focus)


def _set_head(table: Table, arguments: Arguments) -> dict[str, Any]:
    key = arguments.text("field")
    value = head_value(key, arguments.value("value"))
    assert isinstance(table.root, Mapping)
    set_field(table.pieces, table.root, HEAD_FIELDS, key, value)
    set_plain(table.model, key, value)
    return {"head": key}


OPERATIONS: dict[str, Callable[[Table, Arguments], dict[str, Any]]] = {
    "add_state": on_states.add_state,
    "rename_state": on_states.rename_state,
    "delete_state": on_states.delete_state,
    "set_state": on_states.set_state,
    "add_row": on_rows.add_row,
    "change_row": on_rows.change_row,
    "retarget_row": on_rows.retarget_row,
    "delete_row": on_rows.delete_row,
    "move_row": on_rows.move_row,
    "duplicate_row": on_rows.duplicate_row,
    "set_head": _set_head,
}

_NEEDS_HEAD = ("add_state", "set_state", "set_head")
