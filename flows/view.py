"""What part of a table is drawn, and how closely: one role, groups folded, failures folded.

A view changes the drawing only; the table stays whole. It is plain data that an address can carry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flows.table import Row, State, Table

LARGE_ROWS = 1500
LARGE_STATES = 300
"""Beyond this a table opens folded: a picture of all of it helps nobody and takes seconds."""
MOST_FOLDED = 200

_FAILURE = re.compile(
    r"Dialog[3456]\d?\w*|\w*(?:Failed|Failure|Error|Lost|Timeout|Rejected)\w*|ReinviteGlare"
    r"|SessionIntervalTooSmall|\w*[Ff]ail\w*"
)


@dataclass(frozen=True, slots=True)
class View:
    """How a table is drawn. `role` None draws all; `folded` names groups drawn as one node."""

    role: str | None = None
    folded: frozenset[str] = frozenset()
    failures: bool = True
    """False draws the failures of a state as one line without edges."""
    rows: bool = True
    """False draws every state as its header with the number of its rows."""


EVERYTHING = View()


def usual(table: Table) -> View:
    """The view a table opens with: all of it, and folded where it is large."""
    if len(table.rows) <= LARGE_ROWS and len(table.states) <= LARGE_STATES:
        return EVERYTHING
    groups = group_names(table.states.values())
    return View(folded=frozenset(groups)) if len(groups) > 1 else View(rows=False)


def wanted(table: Table, asked: Mapping[str, Any]) -> View:
    """The view that somebody asked for; what was not asked is as usual. Nonsense is left out.

    `role` is UAC or UAS, `fold` a list of groups, `failures` and `rows` are truth values.
    """
    view = usual(table)
    role, fold, rows = asked.get("role"), asked.get("fold"), asked.get("rows")
    named = [str(name) for name in fold][:MOST_FOLDED] if isinstance(fold, list) else None
    return View(
        role=role if role in ("UAC", "UAS") else None,
        folded=view.folded if named is None else frozenset(named),
        failures=asked.get("failures") is not False,
        rows=rows if isinstance(rows, bool) else view.rows or named is not None,
    )


def group_names(states: Iterable[State]) -> list[str]:
    """The groups of a table in the order in which the states name them."""
    return list(dict.fromkeys(state.group for state in states if state.group and not state.final))


def is_failure(row: Row) -> bool:
    """Whether a row is there for what goes wrong: a refusal, a loss, a time that ran out."""
    return row.after is not None or _FAILURE.fullmatch(row.event) is not None
