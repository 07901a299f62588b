"""The deeper look at a table, done by a worker: everything it can do is walked through.

One side against the most general peer, then both against each other (`flows.check.deep`). What
was not reached cannot be reached, and what was not found is not there, if the walk was complete.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flows.check import deep, waivers
from flows.check import examine as examine_text
from flows.findings import Finding, Severity, in_order

TIER = 2
BUDGET = 100_000
"""Configurations visited in one walk before it gives up and proves nothing about what is left."""
SECONDS = 60.0

SAID_BY_STRUCTURE = ("REA301", "REA302", "REA303", "DET20")
"""What the structural rules say about rows and states out of reach is not said twice."""
FIGURES = ("COV415", "META991")
"""They are told beside the findings."""

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
        looked = deep.examine(
            compiled, tier=TIER, budget=bounds, beat=lambda share: beat(share * 0.9)
        )
        findings += _new(looked.findings, findings)
        # A waiver is judged by all rules together, not by the quick ones alone.
        told = [finding for finding in findings if finding.code != "META993"]
        findings = waivers.apply(compiled.table, told)
        result = {
            "explored": looked.states,
            "transitions": looked.transitions,
            "complete": looked.complete,
            "states_reached": looked.states_reached,
            "states": len(compiled.table.states),
            "rows_fired": looked.rows_fired,
            "rows": len(compiled.table.rows),
            "cells": looked.matrix,
            "bounds": looked.bounds,
            "tier": TIER,
        }
    ordered = in_order(findings)
    return {
        **result,
        "errors": sum(f.severity is Severity.ERROR for f in ordered),
        "warnings": sum(f.severity is Severity.WARNING for f in ordered),
        "findings": [finding.as_dict() for finding in ordered],
    }


def _new(found: list[Finding], known: list[Finding]) -> list[Finding]:
    """Return what the structural rules have not said already, and no mere figures."""
    said = {(finding.code, finding.state, finding.row) for finding in known}
    structure = [finding for finding in known if finding.code.startswith(SAID_BY_STRUCTURE)]
    rows = {finding.row for finding in structure if finding.row is not None}
    states = {finding.state for finding in structure if finding.row is None}
    states |= {finding.state for finding in found if finding.code == "REA302"}

    def is_new(finding: Finding) -> bool:
        if (finding.code, finding.state, finding.row) in said:
            return False
        if finding.code in FIGURES and finding.row is None and finding.state is None:
            return False
        if finding.code == "REA302":
            return finding.state not in {f.state for f in structure if f.row is None}
        if finding.code == "REA303":
            return finding.row not in rows and finding.state not in states
        return True

    return [finding for finding in found if is_new(finding)]
