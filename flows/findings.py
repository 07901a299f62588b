"""Findings: what the language and its checker have to say about a text, each with its place.

A finding is an author's mistake or a hint, never an exception. Codes are stable: once given, a code
is neither reused nor renumbered.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


class Severity(enum.StrEnum):
    """How much a finding weighs: only an error keeps a version from being deployed."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of the text: lines and columns count from 1, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


START = Place(1, 1, 1, 1)
"""The place of what concerns the whole text."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about a text: what it is, how bad, where, and what would mend it."""

    code: str
    severity: Severity
    message: str
    """One sentence in plain words, with the suggestion if there is one."""
    place: Place
    explanation: str = ""
    """Why this matters in a real call, for whoever wants to know more."""
    row: int | None = None
    """Index of the row it speaks about, counted from 0."""
    state: str | None = None
    confidence: str = "proved"
    """`proved`, `bounded` or `heuristic`."""
    fix: Mapping[str, Any] | None = None
    """An edit of flows.edit that mends it: `{"operation": ..., "arguments": {...}}`."""
    trace: tuple[Mapping[str, Any], ...] = ()
    """A shortest counter-example, step by step: side, event, row, actions, sends, states before and
    after, resources, channel."""
    related: tuple[Place, ...] = ()
    """Other places that have to do with it."""

    @property
    def docs(self) -> str:
        """Where the code is documented; a code of a plug-in has no page there."""
        return f"docs/rules/{self.code.rstrip('0123456789')}.md#{self.code.lower()}"

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain data for JSON."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "line": self.place.line,
            "column": self.place.column,
            "end_line": self.place.end_line,
            "end_column": self.place.end_column,
            "message": self.message,
            "explanation": self.explanation,
            "row": self.row,
            "state": self.state,
            "confidence": self.confidence,
            "fix": dict(self.fix) if self.fix is not None else None,
            "trace": [dict(step) for step in self.trace],
            "docs": self.docs,
            "related": [{"line": p.line, "column": p.column} for p in self.related],
        }


_WEIGHT = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings as a reader meets them: by line and column, the graver first at one place."""
    return sorted(
        findings,
        key=lambda f: (f.place.line, f.place.column, _WEIGHT[f.severity], f.code, f.message),
    )
