"""Many rows in one edit: what a spreadsheet pastes is one step forward and one step back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from flows.edit.on_rows import add_row, new_row, place_of_row
from flows.edit.refusal import EditRefused
from flows.edit.render import Plain
from flows.edit.values import ROW_FIELDS, Arguments, row_value
from flows.edit.working import Table, readable, set_plain

MOST = 5_000
"""Rows that one edit may touch."""


def change_rows(text: str, arguments: Arguments) -> tuple[str, dict[str, Any]]:
    """Add, change and remove rows at once; all of it is done or none.

    `add` lists rows as `add_row` takes them, `change` lists `{"row": index, "fields": {field:
    value or null}}`, `remove` lists indices. Indices are those of the text before the edit. A row
    is added after the last row of its state.
    """
    adds = [Arguments(item) for item in _items(arguments, "add")]
    changes = [Arguments(item) for item in _items(arguments, "change")]
    removes = _items(arguments, "remove")
    if not 0 < len(adds) + len(changes) + len(removes) <= MOST:
        raise EditRefused(f"One edit changes 1 to {MOST:,} rows.")
    focus: dict[str, Any] = {}
    if adds:
        text, moved, focus = _added(text, adds)
    else:
        moved = {}
    if changes or removes:
        text, focus = _changed(text, changes, removes, moved, focus)
    return text, focus


def _items(arguments: Arguments, name: str) -> list[Any]:
    value = arguments.value(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise EditRefused(f"{name} needs a list.")
    return value


def _added(text: str, adds: list[Arguments]) -> tuple[str, dict[int, int], dict[str, Any]]:
    """The text with the new rows, where each old row stands now, and the first new one."""
    table = Table(readable(text))
    if not table.rows.items:
        focus = add_row(table, adds[0])
        text, adds = table.result(), adds[1:]
        if not adds:
            return text, {}, focus
        table = Table(readable(text))
    behind: dict[int, list[dict[str, Plain]]] = defaultdict(list)
    for item in adds:
        row = new_row(table, item)
        after = place_of_row(table, item, str(row["from_state"]))
        behind[-1 if after is None else after].append(row)
        table.rows.add(row, after)
    moved, rows = {}, list(behind.get(-1, ()))
    for index, old in enumerate(table.model_rows):
        moved[index] = len(rows)
        rows += [old, *behind.get(index, ())]
    table.model_rows[:] = rows
    first = min(behind)
    return table.result(), moved, {"row": 0 if first == -1 else moved[first] + 1}


def _changed(
    text: str,
    changes: list[Arguments],
    removes: list[Any],
    moved: Mapping[int, int],
    focus: dict[str, Any],
) -> tuple[str, dict[str, Any]]:
    table = Table(readable(text))
    count = len(table.rows.items)
    before = len(moved) or count
    gone = {_index(Arguments({"row": item}), before, moved) for item in removes}
    for item in changes:
        index = _index(item, before, moved)
        if index in gone:
            raise EditRefused("A row cannot be changed and removed at once.")
        _change(table, index, item.value("fields"))
        focus = focus or {"row": index - sum(other < index for other in gone)}
    table.rows.remove(sorted(gone))
    table.model_rows[:] = [row for i, row in enumerate(table.model_rows) if i not in gone]
    return table.result(), focus


def _index(item: Arguments, count: int, moved: Mapping[int, int]) -> int:
    index = item.row("row", count)
    return moved.get(index, index)


def _change(table: Table, index: int, fields: Any) -> None:
    if not isinstance(fields, Mapping) or not fields:
        raise EditRefused("A change needs fields with their new values.")
    # Those that go first: what is left is then written in the order of a row.
    ordered = sorted(fields, key=lambda f: ROW_FIELDS.index(f) if f in ROW_FIELDS else -1)
    for key in ordered:
        value = row_value(key, fields[key])
        table.rows.set_field(index, key, value)
        set_plain(table.model_rows[index], key, value)


__all__ = ["MOST", "change_rows"]
