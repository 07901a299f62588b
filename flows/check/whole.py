"""The quick rules and the walks together: one list of findings, nothing said twice."""

from __future__ import annotations

import datetime

from flows.check import deep, waivers
from flows.compile import Compiled
from flows.findings import Finding, in_order

SAID_BY_STRUCTURE = ("REA301", "REA302", "REA303", "DET20", "DET210")
"""What the structural rules say about rows and states out of reach is not said twice."""
FIGURES = ("COV415", "META991")
"""They are told beside the findings."""


def examine(
    compiled: Compiled,
    today: datetime.date | None = None,
    *,
    tier: int = 2,
    budget: deep.Bounds = deep.Bounds(),  # noqa: B008
    beat: deep.Beat | None = None,
) -> tuple[list[Finding], deep.DeepResult]:
    """Walk through an examined text; return all findings, waivers applied, and the walk's result.

    Of a text that does not compile only the findings it has are returned.
    """
    if compiled.table is None:
        return list(compiled.findings), deep.DeepResult()
    looked = deep.examine(compiled, tier=tier, budget=budget, beat=beat)
    findings = [*compiled.findings, *_new(looked.findings, compiled.findings)]
    # A waiver is judged by all rules together, not by the quick ones alone.
    told = [finding for finding in findings if finding.code != "META993"]
    return in_order(waivers.apply(compiled.table, told, today, deep=True)), looked


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
