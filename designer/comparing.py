"""Two texts of a flow compared in full, for the page, the API and the command line."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from designer import rendering
from flows.changes import Changes, changes
from flows.draw import dot_of
from flows.table import TIMER_EVENT, Table
from flows.union import union


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two texts differ in as tables, and the one drawing of both."""

    changes: Changes
    dot: str
    marks: dict[str, Any]
    """How each row, state and edge of the drawing differs, see `flows.union`."""
    lines: dict[str, list[list[int]]]
    """`old` and `new`: first and last line of each row in its text."""


@lru_cache(maxsize=16)
def compared(old: str, new: str) -> Comparison | None:
    """Compare two texts; None if one of them has no table that could be drawn."""
    before, after = rendering.drawing(old).table, rendering.drawing(new).table
    if before is None or after is None:
        return None
    found = changes(before, after)
    both = union(before, after, found)
    return Comparison(
        changes=found,
        dot=dot_of(both.picture),
        marks=both.as_dict(),
        lines={"old": _lines(before), "new": _lines(after)},
    )


def _lines(table: Table) -> list[list[int]]:
    return [[row["line"], row["end_line"]] for row in rendering.picture(table)["rows"]]


def run_of(shortest: dict[str, Any]) -> dict[str, Any]:
    """Return a run of the simulator that plays the shortest way to a difference."""
    inputs = [
        {"due": True}
        if event["event"] == TIMER_EVENT
        else {"event": event["event"], "fields": event["fields"]}
        for event in shortest["events"]
    ]
    return {"roles": [shortest["role"]], "inputs": inputs}


def packed(data: Any) -> str:
    """Return plain data as the short word that the simulator's address carries."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    raw = deflate.compress(json.dumps(data, separators=(",", ":")).encode()) + deflate.flush()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
