"""Edits of rows: add, change, retarget, delete, move and duplicate."""

from __future__ import annotations

import copy
import re
from typing import Any

from flows.document import Mapping, Scalar
from flows.edit.refusal import EditRefused
from flows.edit.render import Plain, scalar, text_of
from flows.edit.rows import row_text
from flows.edit.values import ROW_FIELDS, Arguments, row_value
from flows.edit.working import Table, set_plain


def add_row(table: Table, arguments: Arguments) -> dict[str, Any]:
    row = new_row(table, arguments)
    after = place_of_row(table, arguments, str(row["from_state"]))
    if table.rows.sequence is None and table.rows.entry is None:
        _add_transitions(table, row)
    else:
        table.rows.add(row, after)
    at = 0 if after is None else after + 1
    table.model_rows.insert(at, row)
    return {"row": at}


def new_row(table: Table, arguments: Arguments) -> dict[str, Plain]:
    """Return the row that these arguments name, its fields in the order they are written."""
    row: dict[str, Plain] = {}
    for key in ROW_FIELDS:
        given = "publish" if key == "publish_events" and "publish" in arguments else key
        if given in arguments:
            value = row_value(key, arguments.value(given))
            if value is not None and value != []:
                row[key] = value
    for key in ("from_state", "event"):
        if key not in row:
            raise EditRefused(f"A row needs {key}.")
    if "role" not in row:
        row["role"] = _usual_role(table, str(row["from_state"]))
    return {key: row[key] for key in ROW_FIELDS if key in row}


def _add_transitions(table: Table, row: dict[str, Plain]) -> None:
    assert isinstance(table.root, Mapping)
    last = table.root.entries[-1] if table.root.entries else None
    table.pieces.add_entry(table.root, "transitions", text_of([row]), after=last)


def _usual_role(table: Table, state: str) -> str:
    roles = {row_text(table.rows.items[i], "role") for i in table.leaving(state)}
    role = roles.pop() if len(roles) == 1 else ""
    return role or "Both"


def place_of_row(table: Table, arguments: Arguments, state: str) -> int | None:
    """After the named row (-1: first), else after the last row of its state, else at the end."""
    count = len(table.rows.items)
    if "after_row" in arguments:
        if arguments.value("after_row") == -1:
            return None
        return arguments.row("after_row", count)
    rows = table.leaving(state)
    if rows:
        return rows[-1]
    return count - 1 if count else None


def change_row(table: Table, arguments: Arguments) -> dict[str, Any]:
    index = arguments.row("row", len(table.rows.items))
    key = arguments.text("field")
    key = "publish_events" if key == "publish" else key
    _set_row(table, index, key, row_value(key, arguments.value("value")))
    return {"row": index}


def retarget_row(table: Table, arguments: Arguments) -> dict[str, Any]:
    index = arguments.row("row", len(table.rows.items))
    _set_row(table, index, "next_state", row_value("next_state", arguments.value("next_state")))
    return {"row": index}


def _set_row(table: Table, index: int, key: str, value: Plain | None) -> None:
    table.rows.set_field(index, key, value)
    set_plain(table.model_rows[index], key, value)


def delete_row(table: Table, arguments: Arguments) -> dict[str, Any]:
    index = arguments.row("row", len(table.rows.items))
    state = row_text(table.rows.items[index], "from_state")
    table.rows.remove([index])
    del table.model_rows[index]
    return {"state": state} if state else {}


def move_row(table: Table, arguments: Arguments) -> dict[str, Any]:
    """Move a row before another one; `before` may be the number of rows: to the end."""
    count = len(table.rows.items)
    index = arguments.row("row", count)
    before = arguments.row("before", count + 1) if "before" in arguments else count
    if before in (index, index + 1):
        return {"row": index}
    rows = table.rows
    if rows.is_flow:
        node = rows.items[index]
        text = rows.pieces.text[node.start : node.end]
        rows.remove([index])
        after = before - 1 if before else None
        rows.insert_flow(text, after)
    else:
        lines = rows.lines_of(index, comments=True)
        rows.remove([index])
        if before < count:
            start = rows.start(before)
            rows.pieces.replace(start, start, lines + rows.pieces.eol)
        else:
            end = rows.end(count - 1)
            rows.pieces.replace(end, end, rows.pieces.eol + lines)
    at = before - 1 if before > index else before
    table.model_rows.insert(at, table.model_rows.pop(index))
    return {"row": at}


def duplicate_row(table: Table, arguments: Arguments) -> dict[str, Any]:
    index = arguments.row("row", len(table.rows.items))
    rows, copied = table.rows, copy.deepcopy(table.model_rows[index])
    if rows.is_flow:
        node = rows.items[index]
        text, offset = rows.pieces.text[node.start : node.end], node.start
    else:
        text = rows.lines_of(index, comments=False)
        offset = rows.pieces.line_start(rows.dashes[index])
    row = rows.items[index]
    row_id = row.get("id") if isinstance(row, Mapping) else None
    if isinstance(row_id, Scalar) and row_id.text:
        new_id = free_id({row_text(row, "id") for row in rows.items}, row_id.text)
        start, end = row_id.start - offset, row_id.end - offset
        text = text[:start] + scalar(new_id, style=row_id.style) + text[end:]
        copied["id"] = new_id
    if rows.is_flow:
        rows.insert_flow(text, index)
    else:
        rows.insert_lines(text, index)
    table.model_rows.insert(index + 1, copied)
    return {"row": index + 1}


def free_id(taken: set[str], row_id: str) -> str:
    """An id like this one that no row has yet: `hold`, `hold-2`."""
    base = re.sub(r"-\d{1,6}$", "", row_id)
    number = 2
    while f"{base}-{number}" in taken:
        number += 1
    return f"{base}-{number}"
