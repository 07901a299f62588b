"""Two texts compared by what they do, for the page that compares versions."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from flows.compile import compile_text
from flows.difference import difference, in_steps
from flows.explore.walk import Bounds
from flows.migration import Verdict
from flows.noticed import noticed

BUDGET = 2000
"""Pairs of configurations tried while somebody waits for the page; beyond it is no proof."""
MOST_ROWS = 600
MOST_NOTICED = 40


@lru_cache(maxsize=32)
def compared(old: str, new: str) -> dict[str, Any] | None:
    """Return class of change, findings and the verdict of each state; None if it cannot be said.

    `{"change", "complete", "shortest": the shortest order of events that tells both apart, or
    None, see `flows.difference`, "noticed": what callers will notice, see `flows.noticed`,
    "findings": [{"code", "severity", "message", "steps"}], "states": [{"state", "verdict", "why"}],
    "back": the same of the new version's states}`
    """
    before, after = compile_text(old).table, compile_text(new).table
    if before is None or after is None or len(before.rows) + len(after.rows) > MOST_ROWS:
        return None
    found = difference(before, after, BUDGET, Bounds(states=BUDGET))
    return {
        "change": found.change,
        "complete": found.complete,
        "shortest": found.as_dict()["shortest"],
        "noticed": [each.as_dict() for each in noticed(found.partings)[:MOST_NOTICED]],
        "findings": [
            {
                "code": f.code,
                "severity": f.severity.value,
                "message": f.message,
                "steps": list(in_steps(f)),
            }
            for f in found.findings
        ],
        "states": _plain(found.states.values()),
        "back": _plain(found.back.values()),
    }


def _plain(verdicts: Iterable[Verdict]) -> list[dict[str, str]]:
    return [{"state": v.state, "verdict": v.verdict, "why": v.why} for v in verdicts]
