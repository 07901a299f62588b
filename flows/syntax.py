"""Why a text is not YAML, in plain words and at the line that is to blame.

The parser names the place where it gave up; the author wants the place of the mistake: the quote
or bracket that was never closed, the tab in the indentation, the key without a colon.
"""

from __future__ import annotations

import re

import yaml

from flows.findings import Finding, Place, Severity
from flows.nodes import Lines, Scalar

_TAB_INDENT = re.compile(r" *\t\s*")

_PROBLEMS = {
    "mapping values are not allowed in this context": (
        "a `:` stands where no new key can begin; check the indentation, or quote the value"
    ),
    "could not find expected ':'": "a `:` is missing after this key",
    "did not find expected key": "a key was expected here; check the indentation and the quotes",
    "did not find expected '-' indicator": "a `- ` was expected here; check the indentation",
    "block sequence entries are not allowed in this context": "a list begins on its own line",
    "found character that cannot start any token": "quote the value that begins with it",
    "did not find expected alphabetic or numeric character": (
        "a name must follow this `*` or `&`; quote the value"
    ),
}


def explain(
    error: yaml.MarkedYAMLError, text: str, lines: Lines, shift: int, quoted: Scalar | None
) -> Finding:
    """Turn the parser's error into a finding; `quoted` is the last quoted value before it."""
    problem = error.problem or "it is not valid"
    context = error.context or ""
    mark = error.problem_mark or error.context_mark
    at = min(len(text), (mark.index if mark is not None else 0) + shift)
    begun = at if error.context_mark is None else error.context_mark.index + shift
    if "quoted scalar" in context and "end of stream" in problem:
        return _unclosed_quote(text, lines, begun)
    tab = _tab_at(text, lines, at)
    if tab is not None:
        message = "A tab is used for indentation; YAML needs spaces here."
        return _finding(message, lines.place(tab, tab + 1))
    last = quoted
    if last is not None and last.style in ("'", '"'):
        first, final = lines.position(last.start)[0], lines.position(last.end)[0]
        if first < final == lines.position(at)[0]:
            return _unclosed_quote(text, lines, last.start)
    if "flow" in context and ("end of stream" in problem or "stream end" in problem or begun < at):
        return _unclosed_bracket(text, lines, begun, at, problem)
    if "simple key" in context:
        at = begun
    message = f"This cannot be read as YAML: {_PROBLEMS.get(problem, one_line(problem))}."
    explanation = one_line(f"{context} {problem}".strip())
    return _finding(message, lines.place(at, at), explanation)


def _unclosed_quote(text: str, lines: Lines, start: int) -> Finding:
    quote = text[start : start + 1]
    message = f"The quote {quote} that begins here is not closed."
    return _finding(message, lines.place(start, start + 1))


def _unclosed_bracket(text: str, lines: Lines, start: int, at: int, problem: str) -> Finding:
    bracket = text[start : start + 1]
    closing = "]" if bracket == "[" else "}"
    line = lines.position(at)[0]
    if line > lines.position(start)[0]:
        message = f"The {bracket} that begins here is not closed before line {line}."
        return _finding(message, lines.place(start, start + 1), problem)
    message = f"A , or {closing} is missing here (or the {bracket} before it is not closed)."
    return _finding(message, lines.place(at, at), problem)


def _tab_at(text: str, lines: Lines, offset: int) -> int | None:
    """The offset of a tab in the indentation of the line of this offset."""
    line_start = lines.starts[lines.position(offset)[0] - 1]
    found = _TAB_INDENT.match(text, line_start)
    return None if found is None else text.index("\t", line_start)


def _finding(message: str, place: Place, explanation: str = "") -> Finding:
    return Finding("SYN001", Severity.ERROR, message, place, explanation)


def one_line(text: str) -> str:
    return shorten(" ".join(text.split()).rstrip("."), 160)


def shorten(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
