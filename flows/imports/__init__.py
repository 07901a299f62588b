"""Flows of other tools made native: tables of other systems, SCXML, XState.

made = convert(text)
made.text       # native YAML; the very same text if it is native already
made.report     # what became of each element of the original
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from flows import dialects
from flows.document import MAX_BYTES
from flows.findings import Finding, Place, Severity
from flows.imports import scxml, xstate
from flows.imports.chart import CHANGED, KEPT, LOST, Chart, ImportRefused, Told
from flows.imports.write import written

__all__ = ["CHANGED", "KEPT", "LOST", "Converted", "ImportRefused", "Told", "convert", "detect"]

_READERS: dict[str, tuple[Callable[[str], bool], Callable[[str], Chart]]] = {
    scxml.DIALECT: (scxml.looks_like, scxml.read),
    xstate.DIALECT: (xstate.looks_like, xstate.read),
}
_HEADS = {KEPT: "kept", CHANGED: "changed", LOST: "could not be kept"}


@dataclass(slots=True)
class Converted:
    """A text in the native language, and what became of each element of the original."""

    text: str
    dialect: str
    report: list[Told] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many elements were kept, changed and lost."""
        counted = Counter(told.verdict for told in self.report)
        return {verdict: counted[verdict] for verdict in (KEPT, CHANGED, LOST)}

    @property
    def findings(self) -> list[Finding]:
        """The report, without what was simply kept, as findings with places in the original."""
        return [
            Finding(
                dialects.NOTE,
                Severity.WARNING if told.verdict == LOST else Severity.INFO,
                f"{told.element}: {told.message}" if told.element else told.message,
                Place(told.line, 1, told.line, 1),
            )
            for told in self.report
            if told.verdict != KEPT
        ]

    def with_original(self, original: str) -> Converted:
        """Return it with the original below, as comments; unchanged where that is too long."""
        lines = "\n".join(f"# {line}".rstrip() for line in original.splitlines())
        text = f"{self.text}\n# The original ({self.dialect}):\n{lines}\n"
        fits = len(text.encode("utf-8", "replace")) <= MAX_BYTES
        return replace(self, text=text) if fits else self


def detect(text: str) -> str | None:
    """Return the name of the language a text is written in, or None if it can not be told."""
    for dialect, (fits, _) in _READERS.items():
        if fits(text):
            return dialect
    return dialects.detect(text)


def convert(text: str) -> Converted:
    """Make a text native. Raises ImportRefused, and nothing else, for a chart it cannot read."""
    for dialect, (fits, read) in _READERS.items():
        if fits(text):
            chart = read(text)
            made = written(chart)
            return Converted(made, dialect, sorted(chart.told, key=lambda told: told.line))
    imported = dialects.import_text(text)
    report = [
        Told(finding.place.line, "", CHANGED, finding.message) for finding in imported.findings
    ]
    return Converted(imported.text, imported.dialect, report)
