"""Findings for a terminal: coloured, each with the line of the text it speaks about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from flows.findings import START, Finding, Severity
from flows.report import Judged, summary

_RESET, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_COLOURS = {Severity.ERROR: "\x1b[31m", Severity.WARNING: "\x1b[33m", Severity.INFO: "\x1b[36m"}
_WIDEST = 110
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def as_terminal(judged: Sequence[Judged], *, colour: bool = True) -> str:
    """Return what a person at a terminal reads; without `colour` the same in plain characters."""
    lines = [line for one in judged for line in _file(one)]
    lines.append(summary(judged))
    text = "\n".join(lines)
    return text if colour else re.sub("\x1b\\[\\d+m", "", text)


def _file(one: Judged) -> Iterator[str]:
    if one.problem:
        yield f"{_BOLD}{_shown(one.file)}{_RESET}: {one.problem}"
    source = one.text.splitlines()
    for finding in one.findings:
        yield from _finding(one.file, finding, source)


def _finding(file: str, finding: Finding, source: Sequence[str]) -> Iterator[str]:
    place, paint = finding.place, _COLOURS[finding.severity]
    where = "" if place == START else f":{place.line}:{place.column}"
    yield (
        f"{_BOLD}{_shown(file)}{where}{_RESET}: {paint}{_BOLD}{finding.severity.value}{_RESET}: "
        f"{_shown(finding.message)} {_DIM}[{finding.code}]{_RESET}"
    )
    if place != START and 1 <= place.line <= len(source):
        yield from _excerpt(finding, source, paint)
    if finding.explanation:
        yield f"      {_DIM}{_shown(finding.explanation)}{_RESET}"
    for number, step in enumerate(finding.trace, 1):
        yield f"      {_DIM}{number}. {_step(step)}{_RESET}"
    yield ""


def _excerpt(finding: Finding, source: Sequence[str], paint: str) -> Iterator[str]:
    place = finding.place
    line = _shown(source[place.line - 1].replace("\t", " "))
    begin = place.column - 1
    one_line = place.end_line == place.line
    end = place.end_column - 1 if one_line else len(line.rstrip())
    first = max(0, min(begin - 30, len(line) - _WIDEST)) if len(line) > _WIDEST else 0
    cut = line[first : first + _WIDEST]
    left, right = begin - first, min(max(end, begin + 1) - first, len(cut) + 1)
    yield f"{place.line:5} {_DIM}|{_RESET} {cut}"
    yield f"      {_DIM}|{_RESET} {' ' * left}{paint}{'^' * max(1, right - left)}{_RESET}"


def _step(step: object) -> str:
    """One step of a trace in a line: who, what happened, what was done."""
    if not isinstance(step, dict):
        return _shown(str(step))
    parts = [str(step.get("side", "")), str(step.get("event", ""))]
    for name in ("actions", "sends"):
        value = step.get(name)
        if value:
            parts.append(
                f"{name} {', '.join(map(str, value)) if not isinstance(value, str) else value}"
            )
    before, after = step.get("before", step.get("from_state")), step.get("after", step.get("state"))
    if before and after:
        parts.append(f"{before} -> {after}")
    return _shown(" ".join(part for part in parts if part))


def _shown(text: str) -> str:
    """A text of the author without characters that move a terminal's cursor."""
    return _CONTROL.sub("\ufffd", text)
