"""Findings as SARIF 2.1.0, the form that code hosts and editors read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from flows.check.catalogue import Entry, catalogue
from flows.edit import EditRefused, apply
from flows.findings import Finding, Place, Severity
from flows.report import Judged

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_RANKS = {"proved": 100.0, "bounded": 75.0, "heuristic": 50.0}
Plain = dict[str, Any]


def as_sarif(judged: Sequence[Judged]) -> str:
    """Return one run with every finding of every file."""
    rules = list(catalogue().values())
    index = {entry.code: i for i, entry in enumerate(rules)}
    run: Plain = {
        "tool": {"driver": {"name": "Callsmith", "rules": [_rule(entry) for entry in rules]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, f, index) for one in judged for f in one.findings],
        "invocations": [_invocation(judged)],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _invocation(judged: Iterable[Judged]) -> Plain:
    problems = [one for one in judged if one.problem]
    return {
        "executionSuccessful": not problems,
        "toolExecutionNotifications": [
            {"level": "error", "message": {"text": f"{one.file}: {one.problem}"}}
            for one in problems
        ],
    }


def _rule(entry: Entry) -> Plain:
    return {
        "id": entry.code,
        "shortDescription": {"text": entry.rule},
        "fullDescription": {"text": f"{entry.rule} {entry.why}"},
        "help": {"text": f"{entry.why} See {entry.page}."},
        "defaultConfiguration": {"level": _LEVELS[entry.severity]},
    }


def _result(one: Judged, finding: Finding, index: dict[str, int]) -> Plain:
    result: Plain = {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [_location(one.file, finding.place)],
        "partialFingerprints": {"finding/v1": fingerprint(finding)},
        "rank": _RANKS.get(finding.confidence, 50.0),
        "properties": {"confidence": finding.confidence, "row": finding.row},
    }
    if finding.code in index:
        result["ruleIndex"] = index[finding.code]
    if finding.related:
        result["relatedLocations"] = [_location(one.file, place) for place in finding.related]
    if finding.trace:
        result["codeFlows"] = [{"threadFlows": [{"locations": _steps(one, finding)}]}]
    fix = _fix(one, finding)
    if fix is not None:
        result["fixes"] = [fix]
    return result


def fingerprint(finding: Finding) -> str:
    """Return what stays the same when lines are put above: no line, no number of a row."""
    words = "".join(" " if c.isdigit() else c for c in finding.message)
    said = "\0".join((finding.code, finding.state or "", words))
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:32]


def _location(file: str, place: Place) -> Plain:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(file)}, "region": _region(place)}}


def _uri(file: str) -> str:
    return quote(file.replace(os.sep, "/"), safe="/:.-_~")


def _region(place: Place) -> Plain:
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": max(place.end_line, place.line),
        "endColumn": place.end_column,
    }


def _steps(one: Judged, finding: Finding) -> list[Plain]:
    steps = []
    for step in finding.trace:
        text = " ".join(str(step[key]) for key in ("side", "event") if step.get(key))
        line = step.get("line")
        place = Place(line, 1, line, 1) if isinstance(line, int) else finding.place
        steps.append({"location": {**_location(one.file, place), "message": {"text": text}}})
    return steps


def _fix(one: Judged, finding: Finding) -> Plain | None:
    """The edit as one replacement: the stretch of the text in which old and new differ."""
    if finding.fix is None or not one.text:
        return None
    try:
        new = apply(one.text, finding.fix["operation"], dict(finding.fix["arguments"])).text
    except EditRefused:
        return None
    replacement = _difference(one.text, new)
    change = {"artifactLocation": {"uri": _uri(one.file)}, "replacements": [replacement]}
    return {"description": {"text": finding.message}, "artifactChanges": [change]}


def _difference(old: str, new: str) -> Plain:
    """Whole lines, so that no character is counted twice."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    gone = len(before) - end
    last, column = gone + 1, 1
    if end == 0 and before and not before[-1].endswith(("\n", "\r")):
        last, column = gone, len(before[-1]) + 1
    return {
        "deletedRegion": {
            "startLine": start + 1,
            "startColumn": 1,
            "endLine": last,
            "endColumn": column,
        },
        "insertedContent": {"text": "".join(after[start : len(after) - end])},
    }
