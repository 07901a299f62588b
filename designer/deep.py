"""The deeper look at a table, done by a worker: everything it can do is walked through.

One side against the most general peer, then both against each other (`flows.check.deep`). What
was not reached cannot be reached, and what was not found is not there, if the walk was complete.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flows.check import deep, whole
from flows.check import examine as examine_text
from flows.findings import Severity, in_order

TIER = 2
BUDGET = 100_000
"""Configurations visited in one walk before it gives up and proves nothing about what is left."""
SECONDS = 60.0

Beat = Callable[[float], None]


def examine(text: str, beat: Beat) -> dict[str, Any]:
    """Run all rules over a text; `beat` is told the share that is done and may raise to stop."""
    beat(0.0)
    compiled = examine_text(text)
    findings = list(compiled.findings)
    result: dict[str, Any] = {"explored": 0, "complete": False}
    if compiled.table is not None:
        ends = time.monotonic() + SECONDS
        bounds = deep.Bounds(states=BUDGET, late=lambda: time.monotonic() > ends)
        findings, looked = whole.examine(
            compiled, tier=TIER, budget=bounds, beat=lambda share: beat(share * 0.9)
        )
        result = {
            "explored": looked.states,
            "transitions": looked.transitions,
            "complete": looked.complete,
            "states_reached": looked.states_reached,
            "states": len(compiled.table.states),
            "rows_fired": looked.rows_fired,
            "rows": len(compiled.table.rows),
            "cells": looked.matrix,
            "verdicts": looked.cells if looked.complete else {},
            "bounds": looked.bounds,
            "races": looked.races,
            "tier": TIER,
        }
    ordered = in_order(findings)
    return {
        **result,
        "errors": sum(f.severity is Severity.ERROR for f in ordered),
        "warnings": sum(f.severity is Severity.WARNING for f in ordered),
        "findings": [finding.as_dict() for finding in ordered],
    }
