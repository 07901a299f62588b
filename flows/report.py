"""Findings for the command line: as text for people, as JSON for programs.

judged = [judge("a.yaml", text), ...]
as_text(judged); as_json(judged); exit_code(judged)
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.check import whole
from flows.check.deep import Bounds
from flows.compile import Compiled
from flows.dialects import examine_any
from flows.findings import START, Finding, Severity

UNUSABLE = 2
"""Exit code when a file could not be read at all."""
_MARKS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"}


@dataclass(frozen=True, slots=True)
class Judged:
    """One file with what there is to say about it."""

    file: str
    findings: tuple[Finding, ...]
    rows: int = 0
    text: str = ""
    """The text itself, for excerpts."""
    problem: str = ""
    """Why the file could not be read, in a sentence; then there are no findings."""

    def count(self, severity: Severity) -> int:
        return sum(f.severity is severity for f in self.findings)


def judge(
    file: str,
    text: str,
    today: datetime.date | None = None,
    bounds: Bounds | None = None,
    tier: int = 2,
) -> Judged:
    """Examine a text of any known language; with `bounds` also walk through all it can do."""
    compiled: Compiled = examine_any(text, today)
    rows = len(compiled.sketch.rows) if compiled.sketch is not None else 0
    findings = compiled.findings
    if bounds is not None and compiled.document.text == text:
        findings, _ = whole.examine(compiled, today, tier=tier, budget=bounds)
    return Judged(file, tuple(findings), rows, text)


def unusable(file: str, problem: str) -> Judged:
    """Tell of a file that could not be read."""
    return Judged(file, (), problem=problem)


def exit_code(judged: Sequence[Judged]) -> int:
    """0: no errors; 1: errors; 2: a file could not be used at all."""
    if any(one.problem for one in judged):
        return UNUSABLE
    return 1 if any(one.count(Severity.ERROR) for one in judged) else 0


def as_json(judged: Sequence[Judged]) -> str:
    """Return `{"files": [{"file", "findings": [{"code", "severity", "line", ...}]}]}`."""
    return json.dumps({"files": [_plain(one) for one in judged]}, indent=2, ensure_ascii=False)


def _plain(one: Judged) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "file": one.file,
        "findings": [finding.as_dict() for finding in one.findings],
        "errors": one.count(Severity.ERROR),
        "warnings": one.count(Severity.WARNING),
        "rows": one.rows,
    }
    if one.problem:
        plain["problem"] = one.problem
    return plain


def as_text(judged: Sequence[Judged], *, explain: bool = False) -> str:
    """Return a line for each finding, `file:line:column: error: message [code]`, and a sum."""
    lines: list[str] = []
    for one in judged:
        if one.problem:
            lines.append(f"{one.file}: {one.problem}")
        for finding in one.findings:
            lines.append(_line(one.file, finding))
            if explain and finding.explanation:
                lines.append(f"    {finding.explanation}")
    lines.append(summary(judged))
    return "\n".join(lines)


def _line(file: str, finding: Finding) -> str:
    place = "" if finding.place == START else f":{finding.place.line}:{finding.place.column}"
    return f"{file}{place}: {_MARKS[finding.severity]}: {finding.message} [{finding.code}]"


def summary(judged: Sequence[Judged]) -> str:
    """Return the last line: how many files, errors and warnings."""
    errors = sum(one.count(Severity.ERROR) for one in judged)
    warnings = sum(one.count(Severity.WARNING) for one in judged)
    files = _counted(len(judged), "file")
    if not errors and not warnings:
        bad = sum(bool(one.problem) for one in judged)
        if bad:
            return f"{files}: {bad} could not be read."
        return f"{files}: nothing to complain about."
    return f"{files}: {_counted(errors, 'error')}, {_counted(warnings, 'warning')}."


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
