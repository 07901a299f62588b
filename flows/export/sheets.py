"""A table as a sheet, one line for each row: Markdown for people, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

from flows.table import ANY_STATE, Row, Table, Word

COLUMNS = (
    "state",
    "role",
    "event",
    "guards",
    "actions",
    "set",
    "next state",
    "publishes",
    "ignored because",
    "description",
    "id",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run by a spreadsheet; an apostrophe before it keeps it a text."""


def markdown(table: Table) -> str:
    """Write the table's head and one Markdown table, its empty columns left out."""
    cells = [_cells(row) for row in table.rows]
    used = [at for at in range(len(COLUMNS)) if any(line[at] for line in cells)] or [0]
    lines = [f"# {_inline(table.name)}", ""]
    if table.description:
        lines += [_inline(table.description), ""]
    lines.append("| " + " | ".join(COLUMNS[at] for at in used) + " |")
    lines.append("|" + " --- |" * len(used))
    for line in cells:
        lines.append("| " + " | ".join(_inline(line[at]) for at in used) + " |")
    return "\n".join(lines) + "\n"


def csv_text(table: Table) -> str:
    """Write the rows as RFC 4180 has it: commas, quotes where needed, CRLF."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in table.rows:
        writer.writerow([_harmless(cell) for cell in _cells(row)])
    return out.getvalue()


def _cells(row: Row) -> list[str]:
    return [
        "Any state" if row.from_state == ANY_STATE else row.from_state,
        row.role,
        row.label,
        ", ".join(guard.text for guard in row.guards),
        "; ".join(_action(word) for word in row.actions),
        "; ".join(f"{name} = {expression.text}" for name, expression in row.set),
        row.next_state or "",
        ", ".join(row.publish),
        row.ignore or "",
        row.description,
        row.id,
    ]


def _action(word: Word) -> str:
    """`SendSIPResponse(code 486)`; what stands at its default too, so that nothing is guessed."""
    said = ", ".join(f"{name} {_value(value)}" for name, value in word.arguments.items())
    return f"{word.name}({said})" if said else word.name


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _inline(text: str) -> str:
    """Text inside a Markdown cell: one line, its bars and markup signs escaped."""
    one_line = " ".join(text.split())
    return "".join("\\" + sign if sign in "\\|`*_<>[]#" else sign for sign in one_line)


def _harmless(cell: str) -> str:
    return "'" + cell if cell.startswith(_FORMULA) else cell
