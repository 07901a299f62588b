"""From a text to what the editor shows: findings, DOT, and the table as plain data.

The browser draws the DOT; outline, inspector and matrix read the picture, whose shape is
`PICTURE` below. All of it is pure, so equal texts are looked up instead of drawn again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import QueryDict

from flows import matrix
from flows.check import examine
from flows.compile import Compiled
from flows.draw import dot
from flows.graph import Graph
from flows.table import Row, State, Table
from flows.view import EVERYTHING, View, group_names, usual, wanted

PICTURE = {
    "name": "str",
    "description": "str",
    "initial": "name of the initial state",
    "digest": "SHA-256 of the text that was drawn",
    "states": [
        {
            "name": "str",
            "initial": "bool",
            "final": "bool",
            "group": "str",
            "description": "str",
            "ignore": {"EVENT": "reason"},
            "declared": "bool",
            "role": "UAC | UAS | Both: the roles of its rows taken together",
            "line": "int",
            "rows": ["index of a row"],
        }
    ],
    "rows": [
        {
            "index": "int",
            "id": "str",
            "from_state": "name or *",
            "role": "UAC | UAS | Both",
            "event": "name or after",
            "label": "event as people read it",
            "after": "seconds or null",
            "guards": ["text"],
            "actions": [{"name": "str", "arguments": {"name": "value"}}],
            "set": {"variable": "expression"},
            "next_state": "name or null",
            "publish": ["name"],
            "ignore": "reason or null",
            "description": "str",
            "line": "int",
            "end_line": "int, the last line of the row",
        }
    ],
    "variables": {"name": "initial value"},
    "features": ["str"],
}
"""The shape of `picture`, as documentation that a test compares with what is sent."""

LARGE = 200
"""Rows from which drawing belongs into a thread: below, a thread costs more than it saves."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything there is to say about one text; without `dot` and `picture` if it has no shape."""

    compiled: Compiled
    text: str
    table: Table | None
    """What is drawn; also of a text with misspelt words, which does not compile."""
    findings: list[dict[str, Any]]
    picture: dict[str, Any] | None
    verdicts: dict[str, Any] | None = None
    """What becomes of the events that no row takes, as `flows.matrix.plain` tells it."""

    @property
    def dot(self) -> str | None:
        """All of it as DOT."""
        return _dot(self.text, EVERYTHING)

    @property
    def compiles(self) -> bool:
        return self.compiled.table is not None


@lru_cache(maxsize=16)
def drawing(text: str) -> Drawing:
    """Examine and draw a text. Never raises for what an author wrote."""
    compiled = examine(text)
    # A misspelt word is drawn and marked: only a text that cannot be read has no picture.
    table = compiled.table or compiled.sketch
    return Drawing(
        compiled=compiled,
        text=text,
        table=table,
        findings=[finding.as_dict() for finding in compiled.findings],
        picture=picture(table) if table else None,
        verdicts=matrix.plain(matrix.verdicts(Graph(table))) if table and table.states else None,
    )


def seen(text: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return `dot`, drawn as somebody asked for it, and `drawn`, which says how that is.

    `asked` has some of `role`, `fold`, `failures` and `rows`, see `flows.view.wanted`.
    """
    table = drawing(text).table
    if table is None:
        return {"dot": None, "drawn": None}
    view, opens = wanted(table, asked), usual(table)
    drawn = {
        "role": view.role,
        "fold": sorted(view.folded),
        "failures": view.failures,
        "rows": view.rows,
        "groups": group_names(table.states.values()),
        "large": opens != EVERYTHING,
        "usual": view == opens,
    }
    return {"dot": _dot(text, view), "drawn": drawn}


def asked_of(query: QueryDict) -> dict[str, Any]:
    """Read from an address what `seen` takes: `?role=UAC&fold=Talk&fold=End&failures=0&rows=1`.

    `fold=` alone asks for nothing to be folded, also where a large table would open folded.
    """
    rows = {"0": False, "1": True}.get(query.get("rows", ""))
    fold = [name for name in query.getlist("fold") if name] if "fold" in query else None
    failures = query.get("failures") != "0"
    return {"role": query.get("role"), "fold": fold, "failures": failures, "rows": rows}


@lru_cache(maxsize=32)
def _dot(text: str, view: View) -> str | None:
    table = drawing(text).table
    return dot(table, view=view) if table else None


def is_large(text: str) -> bool:
    """Say whether drawing this text would hold the loop for too long."""
    return text.count("event:") > LARGE or len(text) > LARGE * 200


def picture(table: Table) -> dict[str, Any]:
    """Return the table as the plain data described in PICTURE."""
    rows: dict[str, list[Row]] = {}
    for row in table.rows:
        rows.setdefault(row.from_state, []).append(row)
    return {
        "name": table.name,
        "description": table.description,
        "initial": table.initial,
        "digest": table.digest,
        "states": [_state(state, rows.get(state.name, [])) for state in table.states.values()],
        "rows": [_row(row) for row in table.rows],
        "variables": dict(table.variables),
        "features": list(table.features),
    }


def _state(state: State, rows: list[Row]) -> dict[str, Any]:
    roles = {row.role for row in rows}
    return {
        "name": state.name,
        "initial": state.initial,
        "final": state.final,
        "group": state.group,
        "description": state.description,
        "ignore": dict(state.ignore),
        "declared": state.declared,
        "role": roles.pop() if len(roles) == 1 else "Both",
        "line": state.place.line,
        "rows": [row.index for row in rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "index": row.index,
        "id": row.id,
        "from_state": row.from_state,
        "role": row.role,
        "event": row.event,
        "label": row.label,
        "after": row.after,
        "guards": [guard.text for guard in row.guards],
        "actions": [{"name": word.name, "arguments": dict(word.arguments)} for word in row.actions],
        "set": {name: expression.text for name, expression in row.set},
        "next_state": row.next_state,
        "publish": list(row.publish),
        "ignore": row.ignore,
        "description": row.description,
        "line": row.place.line,
        "end_line": max(
            row.place.line, row.place.end_line - (1 if row.place.end_column <= 1 else 0)
        ),
    }
