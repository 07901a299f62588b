"""How often the rows of a flow fired of late, over all versions that ran."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from flows.table import Row
from runtime import audit, counting
from runtime.counting import DAY

DAYS = 7
MOST_VERSIONS = 50
"""Versions looked at, those with the most steps first."""


def fires_of(flow: str, now: float) -> list[dict[str, Any]]:
    """Return each row that fired in seven days, today the last, with how often day by day.

    A row is named by what it says, not by its place, so the same row of two versions is one:
    `{from_state, role, event, after, guards, next_state, count, days: [7 numbers]}`. Days are UTC.
    """
    first = int(now // DAY) - DAYS + 1
    counted = [line for line in counting.counts_of(flow, first) if line["row"] >= 0]
    counted.sort(key=lambda line: -int(line["count"]))
    found: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * DAYS)
    names: dict[tuple[Any, ...], dict[str, Any]] = {}
    versions: set[str] = set()
    for line in counted:
        versions.add(line["digest"])
        table = audit.table_of(line["digest"]) if len(versions) <= MOST_VERSIONS else None
        if table is None or line["row"] >= len(table.rows):
            continue
        said = _said(table.rows[line["row"]])
        key = key_of(table.rows[line["row"]])
        names[key] = said
        found[key][min(DAYS - 1, line["day"] - first)] += line["count"]
    return [{**names[key], "count": sum(days), "days": days} for key, days in found.items()]


def key_of(row: Row) -> tuple[str, ...]:
    """Return what a row says, to find it in another version."""
    return tuple(map(str, _said(row).values()))


def _said(row: Row) -> dict[str, Any]:
    return {
        "from_state": row.from_state,
        "role": row.role,
        "event": row.event,
        "after": row.after,
        "guards": [guard.text for guard in row.guards],
        "next_state": row.next_state,
    }
