"""What the compiler's parts share: the list of findings, and typed reading of nodes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from flows import document as nodes
from flows.findings import Finding, Place, Severity
from flows.suggest import did_you_mean, nearest

MAX_FINDINGS = 1000
MAX_SUGGESTIONS = 200
LONGEST_TIME = 24 * 3600.0
"""Seconds: the longest timer a row may have, as a session lives no longer."""

_NULLS = ("", "~", "null", "Null", "NULL")
_TRUE = ("true", "True", "TRUE")
_FALSE = ("false", "False", "FALSE")
_INTEGER = re.compile(r"[-+]?\d{1,15}")
_NUMBER = re.compile(r"[-+]?\d{1,15}(\.\d{1,15})?")
_DURATION = re.compile(r"(?:(\d{1,6}(?:\.\d{1,6})?)(ms|s|m|h))+")
_DURATION_PART = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NAME = re.compile(r"[^\W\d][\w.-]{0,63}")


class Notebook:
    """Collects findings; remembers which row and state are being read."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        self.row: int | None = None
        self.state: str | None = None
        self._suggested: dict[tuple[str, str], str | None] = {}

    def error(
        self,
        code: str,
        message: str,
        place: Place,
        explanation: str = "",
        fix: Mapping[str, Any] | None = None,
    ) -> None:
        self._add(code, Severity.ERROR, message, place, explanation, fix)

    def warning(
        self,
        code: str,
        message: str,
        place: Place,
        explanation: str = "",
        fix: Mapping[str, Any] | None = None,
    ) -> None:
        self._add(code, Severity.WARNING, message, place, explanation, fix)

    def _add(
        self,
        code: str,
        severity: Severity,
        message: str,
        place: Place,
        explanation: str,
        fix: Mapping[str, Any] | None,
    ) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(
                Finding(
                    code,
                    severity,
                    message,
                    place,
                    explanation,
                    row=self.row,
                    state=self.state,
                    fix=fix,
                )
            )

    @property
    def full(self) -> bool:
        return len(self.findings) >= MAX_FINDINGS

    def suggestion(self, kind: str, word: str, known: Iterable[str]) -> str | None:
        """Return the nearest known word; only so often, for a text of a thousand unknown words."""
        key = (kind, word)
        if key not in self._suggested:
            few = len(self._suggested) < MAX_SUGGESTIONS
            self._suggested[key] = nearest(word, known) if few else None
        return self._suggested[key]

    def unknown_fields(
        self, mapping: nodes.Mapping, known: Iterable[str], what: str, hints: Mapping[str, str]
    ) -> None:
        """Report every key of `mapping` that is not among `known` (SYN004)."""
        known = tuple(known)
        for entry in mapping.entries:
            key = entry.key
            if key.text in known:
                continue
            hint, fix = hints.get(key.text), None
            if hint is None:
                close = self.suggestion("field", key.text, known)
                tail = did_you_mean(close)
                if all(other.key.text != close for other in mapping.entries):
                    fix = respelt(key, close)
            else:
                tail = f": {hint}"
            if key.coerced == "bool":
                self.coerced(key, f"the key {key.text}")
            self.error(
                "SYN004",
                f"{what} has no field {shown(key.text)}{tail}",
                key.place,
                "What is written under an unknown field has no effect.",
                fix,
            )

    def coerced(self, scalar: nodes.Scalar, what: str) -> None:
        """Warn that other YAML tools read this text as something else (SYN006)."""
        self.warning(
            "SYN006",
            f"Quote {what}: other YAML tools read {scalar.text} as "
            f"{_COERCED.get(scalar.coerced or '', 'a number with another value')}.",
            scalar.place,
            "Here the text is kept as it is written.",
            _replaced(scalar, scalar.text, json.dumps(scalar.text, ensure_ascii=False)),
        )

    # -- typed reading: each returns None after a finding, or if there is nothing ------------------

    def text(self, node: nodes.Node | None, what: str) -> str | None:
        """Return a text; coerced scalars keep the characters that were written."""
        if node is None or is_nothing(node):
            return None
        if not isinstance(node, nodes.Scalar):
            self.error("SYN003", f"{what} is a text, not a {kind_of(node)}.", node.place)
            return None
        return node.text

    def name(self, node: nodes.Node | None, what: str) -> str | None:
        """Return a name; warns where other tools would make something else of it."""
        text = self.text(node, what)
        if text is not None and isinstance(node, nodes.Scalar) and node.coerced is not None:
            self.coerced(node, f"the name {text}")
        return text

    def boolean(self, node: nodes.Node | None, what: str) -> bool | None:
        """Return true or false; nothing else counts, not even `yes`."""
        if node is None or is_nothing(node):
            return None
        if isinstance(node, nodes.Scalar) and node.text in _TRUE:
            return True
        if isinstance(node, nodes.Scalar) and node.text in _FALSE:
            return False
        self.error("SYN003", f"{what} is true or false, not {described(node)}.", node.place)
        return None

    def items(self, node: nodes.Node | None, what: str) -> list[nodes.Node]:
        """Return the items of a list; a single value in place of a list is refused."""
        if node is None or is_nothing(node):
            return []
        if isinstance(node, nodes.Sequence):
            return node.items
        hint = f"; write [{node.text}]" if isinstance(node, nodes.Scalar) else ""
        self.error("SYN003", f"{what} is a list, not a {kind_of(node)}{hint}.", node.place)
        return []

    def entries(self, node: nodes.Node | None, what: str) -> list[nodes.Entry]:
        """Return the entries of a mapping."""
        if node is None or is_nothing(node):
            return []
        if isinstance(node, nodes.Mapping):
            return node.entries
        self.error("SYN003", f"{what} is a mapping, not a {kind_of(node)}.", node.place)
        return []

    def duration(self, node: nodes.Node, what: str) -> float | None:
        """Return seconds of `30s`, `250ms`, `1m30s`, `2h` or a plain number of seconds."""
        text = node.text.strip() if isinstance(node, nodes.Scalar) else ""
        seconds = seconds_of(text)
        if seconds is None:
            self.error(
                "NAM108",
                f"{what} is a time such as 30s, 250ms, 2m or 1m30s, not {described(node)}.",
                node.place,
            )
            return None
        if not 0.001 <= seconds <= LONGEST_TIME:
            self.error("NAM108", f"{what} is between 1ms and 24h.", node.place)
            return None
        return seconds


def respelt(node: nodes.Node | None, word: str | None) -> Mapping[str, Any] | None:
    """Return the edit that writes another word where this one stands, if that can be told."""
    if not isinstance(node, nodes.Scalar) or node.alias or word is None:
        return None
    return _replaced(node, node.text, word)


def with_word(node: nodes.Node, old: str, new: str | None) -> Mapping[str, Any] | None:
    """Return the edit that puts one word in the place of another inside an expression."""
    if not isinstance(node, nodes.Scalar) or node.alias or new is None:
        return None
    text = re.sub(rf"(?<![\w.\"']){re.escape(old)}(?![\w.\"'])", new, node.text)
    return None if text == node.text else _replaced(node, node.text, text)


def _replaced(node: nodes.Scalar, old: str, new: str) -> Mapping[str, Any] | None:
    """The edit on the characters themselves, for a scalar on one line whose quotes are known."""
    place = node.place
    quote = {"": "", "'": "'", '"': '"'}.get(node.style)
    if quote is None or node.anchor or place.line != place.end_line or "\\" in old:
        return None
    if quote and (quote in old or quote in new):
        return None
    return {
        "operation": "replace_text",
        "arguments": {
            "line": place.line,
            "column": place.column,
            "end_line": place.end_line,
            "end_column": place.end_column,
            "expected": f"{quote}{old}{quote}",
            "text": f"{quote}{new}{quote}",
        },
    }


_COERCED = {
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "null": "nothing at all",
}


def is_nothing(node: nodes.Node) -> bool:
    """Whether the value is left empty (`~`, `null` or no text at all)."""
    return isinstance(node, nodes.Scalar) and node.plain and node.text in _NULLS


def kind_of(node: nodes.Node) -> str:
    """Return what a node is, in words."""
    if isinstance(node, nodes.Scalar):
        return "single value"
    return "list" if isinstance(node, nodes.Sequence) else "mapping"


def described(node: nodes.Node) -> str:
    """Return a scalar's text, or what the node is."""
    if isinstance(node, nodes.Scalar):
        return shown(node.text) if node.text else "empty"
    return f"a {kind_of(node)}"


def shown(text: str) -> str:
    """Return a text of the author fit for a message: one line, not too long."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."


def seconds_of(text: str) -> float | None:
    """Return the seconds of a duration's text, or None if it is none."""
    if _NUMBER.fullmatch(text):
        return float(text)
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(n) * _SECONDS[unit] for n, unit in _DURATION_PART.findall(text))


def integer_of(text: str) -> int | None:
    """Return a whole number written in decimal, else None."""
    return int(text) if _INTEGER.fullmatch(text) else None


def plain_value(scalar: nodes.Scalar) -> Any:
    """Return true, false, a number or the text, as the language reads a single value."""
    if scalar.plain:
        if scalar.text in _TRUE:
            return True
        if scalar.text in _FALSE:
            return False
        if _INTEGER.fullmatch(scalar.text):
            return int(scalar.text)
        if _NUMBER.fullmatch(scalar.text):
            return float(scalar.text)
    return scalar.text


def is_name(text: str) -> bool:
    """Whether a text may name a state: a letter first, then letters, digits, `_`, `-` and dots."""
    return _NAME.fullmatch(text) is not None
