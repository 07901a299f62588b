"""What an edit would do, before it is done: the lines that change and the findings that follow."""

from __future__ import annotations

import difflib
from collections import Counter
from typing import Any

from designer import rendering
from designer.errors import Refused
from flows import edit

CONTEXT = 2
"""Lines shown around each change."""
MOST_LINES = 400


def preview(text: str, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what the operation would make of the text; Refused if it can not be done.

    `{"lines": [{"kind": "same" | "old" | "new" | "gap", "number", "text"}], "cut": bool, "gone":
    [finding], "come": [finding], "errors", "warnings"}`; findings by code and message only.
    """
    try:
        result = edit.apply(text, operation, arguments)
    except edit.EditRefused as refused:
        raise Refused(str(refused)) from None
    before, after = rendering.drawing(text), rendering.drawing(result.text)
    lines = difference(text, result.text)
    gone, come = _told(before.findings), _told(after.findings)
    return {
        "lines": lines[:MOST_LINES],
        "cut": len(lines) > MOST_LINES,
        "gone": _short(gone - come),
        "come": _short(come - gone),
        "errors": after.compiled.errors,
        "warnings": after.compiled.warnings,
    }


def difference(old: str, new: str) -> list[dict[str, Any]]:
    """Return the lines that differ, each with its number in its own text, and some around them."""
    a, b = old.splitlines(), new.splitlines()
    groups = difflib.SequenceMatcher(None, a, b, autojunk=False).get_grouped_opcodes(CONTEXT)
    lines: list[dict[str, Any]] = []
    for group in groups:
        if lines:
            lines.append({"kind": "gap", "number": 0, "text": ""})
        for tag, a1, a2, b1, b2 in group:
            if tag == "equal":
                lines += _numbered("same", b, b1, b2)
            else:
                lines += _numbered("old", a, a1, a2) + _numbered("new", b, b1, b2)
    return lines


def _numbered(kind: str, lines: list[str], start: int, end: int) -> list[dict[str, Any]]:
    return [{"kind": kind, "number": i + 1, "text": lines[i]} for i in range(start, end)]


def _told(findings: list[dict[str, Any]]) -> Counter[tuple[str, str, str]]:
    return Counter((f["severity"], f["code"], f["message"]) for f in findings)


def _short(findings: Counter[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [{"severity": s, "code": c, "message": m} for s, c, m in findings.elements()]
