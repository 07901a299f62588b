"""The operations on a table: text and arguments in, new text and what to show next out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flows.document import Mapping
from flows.edit import on_many, on_rows, on_states
from flows.edit.on_text import replace_text
from flows.edit.refusal import EditRefused
from flows.edit.rows import set_field
from flows.edit.together import change_rows
from flows.edit.values import HEAD_FIELDS, Arguments, head_value
from flows.edit.working import Table, readable, set_plain, with_head


@dataclass(frozen=True, slots=True)
class Edited:
    """The new text and what the edit was about: {"row": 3}, {"state": "Idle"}, {"head": "name"}."""

    text: str
    focus: dict[str, Any] = field(default_factory=dict)


REPLACE_TEXT = "replace_text"
SEVERAL = "several"
MOST_EDITS = 500
CHANGE_ROWS = "change_rows"
FORMAT = "format"
INSERT_SNIPPET = "insert_snippet"


def apply(text: str, operation: str, arguments: dict[str, Any]) -> Edited:
    """Make one edit. Raises EditRefused and nothing else; a refused edit changed nothing.

    `several` makes the edits of its list `edits` (each with `operation` and `arguments`), one on
    the text of the one before: all of them or none.
    """
    if operation == SEVERAL:
        return _several(text, Arguments(arguments))
    return _apply_one(text, operation, arguments)


def _several(text: str, arguments: Arguments) -> Edited:
    edits = arguments.value("edits")
    if not isinstance(edits, list) or not 0 < len(edits) <= MOST_EDITS:
        raise EditRefused(f"This needs edits, a list of 1 to {MOST_EDITS}.")
    edited = Edited(text)
    for number, item in enumerate(edits, 1):
        if not isinstance(item, dict):
            raise EditRefused(f"Edit {number} is not an operation with arguments.")
        done = _apply_one(edited.text, item.get("operation", ""), item.get("arguments", {}))
        edited = Edited(done.text, done.focus or edited.focus)
    return edited


def _apply_one(text: str, operation: str, arguments: dict[str, Any]) -> Edited:
    if operation == REPLACE_TEXT and isinstance(text, str):
        return Edited(replace_text(text, Arguments(arguments)))
    if operation == CHANGE_ROWS and isinstance(text, str):
        return Edited(*change_rows(text, Arguments(arguments)))
    if operation == FORMAT and isinstance(text, str):
        return Edited(in_order(text))
    if operation == INSERT_SNIPPET and isinstance(text, str):
        return inserted(text, Arguments(arguments))
    perform = OPERATIONS.get(operation) if isinstance(operation, str) else None
    if perform is None:
        raise EditRefused(f"There is no edit {operation!r}; there are {', '.join(OPERATIONS)}.")
    taken = Arguments(arguments)
    if not isinstance(text, str):
        raise EditRefused("The text of a table is needed.")
    document = readable(text)
    if operation == "paste_rows" and not Table(document).rows.items:
        return _several(text, Arguments({"edits": on_many.as_new_rows(taken)}))
    headless = operation in _NEEDS_HEAD and not isinstance(document.root, Mapping)
    if headless or document.root is None:
        document = readable(with_head(document))
    table = Table(document)
    focus = perform(table, taken)
    if perform is not on_many.paste_rows:
        return Edited(table.result(), focus)
    pasted = Table(readable(table.result()))
    on_many.set_copied(pasted, taken, focus["rows"])
    return Edited(pasted.result(), focus)


def in_order(text: str) -> str:
    """Put a text in order (`flows.format`)."""
    # The formatter reads texts as edits do, so it stands above them.
    from flows.format import format_edit

    return format_edit(text)


def inserted(text: str, arguments: Arguments) -> Edited:
    """Insert the part `snippet` with its `parameters` (`flows.snippets`)."""
    from flows.snippets import insert

    return Edited(*insert(text, arguments.value("snippet"), arguments.value("parameters")))


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
    "delete_rows": on_many.delete_rows,
    "paste_rows": on_many.paste_rows,
    "move_row": on_rows.move_row,
    "duplicate_row": on_rows.duplicate_row,
    "set_head": _set_head,
}

_NEEDS_HEAD = ("add_state", "set_state", "set_head")
