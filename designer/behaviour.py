"""Two texts compared by what they do, for the page that compares versions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flows.compile import compile_text
from flows.difference import difference

BUDGET = 2000
"""Pairs of configurations tried while somebody waits for the page; beyond it is no proof."""
MOST_ROWS = 600


@lru_cache(maxsize=32)
def compared(old: str, new: str) -> dict[str, Any] | None:
    """Return class of change, findings and the verdict of each state; None if it cannot be said.

    `{"change", "complete", "findings": [{"code", "message"}], "states": [{"state", "verdict",
    "why"}]}`
    """
    before, after = compile_text(old).table, compile_text(new).table
    if before is None or after is None or len(before.rows) + len(after.rows) > MOST_ROWS:
        return None
    found = difference(before, after, BUDGET)
    return {
        "change": found.change,
        "complete": found.complete,
        "findings": [{"code": f.code, "message": f.message} for f in found.findings],
        "states": [
            {"state": v.state, "verdict": v.verdict, "why": v.why} for v in found.states.values()
        ],
    }
