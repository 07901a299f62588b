"""Mending a text by the edits its findings offer, as far as no decision of the author is needed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from flows.check import examine
from flows.edit import EditRefused, apply
from flows.findings import Finding

SAFE = frozenset(
    (
        *("SYN004", "SYN006", "NAM101", "NAM102", "NAM103", "NAM104", "NAM105", "NAM106"),
        *("NAM107", "NAM108", "NAM109", "DET201", "DET202", "DET207", "DET209", "REA307"),
        "REA308",
    )
)
"""Codes whose edit says what the author plainly meant, or what the table does already."""
MOST_EDITS = 500


@dataclass(slots=True)
class Mended:
    """A text after its fixes, and the findings that were mended."""

    text: str
    mended: list[Finding] = field(default_factory=list)


def mend(text: str) -> Mended:
    """Apply one fix after the other. Each must take its finding away; else it is taken back."""
    result = Mended(text)
    findings = examine(text).findings
    given_up: set[str] = set()
    while len(result.mended) < MOST_EDITS:
        offered = [f for f in findings if _offered(f) and _key(f) not in given_up]
        # A misspelt field hides what stands under it, so words come before what they mean.
        offered.sort(key=lambda f: not f.code.startswith(("SYN", "NAM")))
        candidate = next(iter(offered), None)
        if candidate is None:
            break
        given_up.add(_key(candidate))
        changed = _changed(result.text, candidate)
        if changed is None:
            continue
        after = examine(changed).findings
        if _count(after)[candidate.code] < _count(findings)[candidate.code]:
            result.text, findings = changed, after
            result.mended.append(candidate)
    return result


def _offered(finding: Finding) -> bool:
    return finding.fix is not None and finding.code in SAFE


def _key(finding: Finding) -> str:
    return f"{finding.code}:{finding.place.line}:{finding.place.column}:{finding.message}"


def _count(findings: list[Finding]) -> Counter[str]:
    return Counter(finding.code for finding in findings)


def _changed(text: str, finding: Finding) -> str | None:
    assert finding.fix is not None
    try:
        return apply(text, finding.fix["operation"], dict(finding.fix["arguments"])).text
    except EditRefused:
        return None
