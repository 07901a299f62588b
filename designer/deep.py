"""The deeper look at a table: everything it can do is walked through.

One side against the most general peer (tier 1), then both against each other (tier 2,
`flows.check.deep`). What was not reached cannot be reached, and what was not found is not there,
if the walk was complete. Free of Django: it runs in a child of its own (`designer.walker`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Any

from flows.check import deep, whole
from flows.check import examine as examine_text
from flows.check.contract import contract_hash
from flows.explore.walk import BEAT_EVERY
from flows.findings import Severity, in_order

TIER = 2
BUDGET = 100_000
"""Configurations visited in one walk before it gives up and proves nothing about what is left."""
SECONDS = 60.0

Beat = Callable[[float, int], None]
"""Told the share that is done, 0 to 1, and about how many configurations were visited; may raise
to stop."""


def examine(
    text: str,
    beat: Beat,
    *,
    tier: int = TIER,
    states: int | None = None,
    seconds: float | None = None,
) -> dict[str, Any]:
    """Run all rules over a text; return the result as it is stored with a version.

    With it stands what it holds for: the hash of the text and of the checker's contract, the tier,
    the bounds, and what cut it short (`limits`: sentences; empty if nothing did).
    """
    states = BUDGET if states is None else states
    seconds = SECONDS if seconds is None else seconds
    beat(0.0, 0)
    compiled = examine_text(text)
    findings = list(compiled.findings)
    result: dict[str, Any] = {"explored": 0, "complete": False}
    if compiled.table is not None:
        searched = 0
        ends = time.monotonic() + seconds

        def late() -> bool:
            # Asked once in so many configurations: that is how their number is known in between.
            nonlocal searched
            searched += BEAT_EVERY
            return time.monotonic() > ends

        findings, looked = whole.examine(
            compiled,
            tier=tier,
            budget=deep.Bounds(states=states, late=late),
            beat=lambda share: beat(share * 0.9, searched),
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
            "races": looked.races,
            "bounds": {**looked.bounds, "seconds": seconds},
        }
    ordered = [finding.as_dict() for finding in in_order(findings)]
    return {
        **result,
        "tier": tier,
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "contract": contract_hash(),
        "limits": limits_of(ordered),
        **counted(ordered),
    }


def answer(question: dict[str, Any], beat: Beat) -> dict[str, Any]:
    """Examine the text of a question; the rest of it are the bounds (`designer.walker`)."""
    return examine(question.pop("text"), beat, **question)


def counted(findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the findings with the number of errors and of warnings."""
    return {
        "errors": sum(f["severity"] == Severity.ERROR for f in findings),
        "warnings": sum(f["severity"] == Severity.WARNING for f in findings),
        "findings": findings,
    }


def limits_of(findings: Iterable[dict[str, Any]]) -> list[str]:
    """Return what was said of a walk that stopped at a limit (META992)."""
    told = (f["message"] for f in findings if f["code"] == "META992" and f["row"] is None)
    return list(dict.fromkeys(told))
