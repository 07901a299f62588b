"""The catalogue of rules: every code, what it says, how grave it is, and whether it is looked for.

The texts stand in `flows/rules`, a file for each family; `docs/rules` is made from them. A code is
never reused and never renumbered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from flows.findings import Severity
from flows.suggest import did_you_mean, nearest

FOLDER = Path(__file__).parents[1] / "rules"
FAMILIES = (
    *("SYN", "NAM", "DET", "REA", "COV", "RES", "ACT", "OBL", "TMR", "INV", "PUB", "LIV"),
    *("CMP", "RACE", "PRP", "VER", "POL", "META"),
)
IMPLEMENTED, LATER, NOT_APPLICABLE = "implemented", "later", "not applicable"
MARK = "# <-"
"""Ends the line of a bad example at which the code is found."""
TIERS = {
    "T0": "at each keystroke",
    "T1": "at each keystroke, as far as guards and contracts along a row decide it",
    "T2": "by the deeper check, which walks through everything calls can do",
    "T3": "by the deeper check, with more patience",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One code of the catalogue."""

    code: str
    severity: Severity
    severity_note: str
    tier: str
    rule: str
    """One line: what is wrong."""
    why: str
    status: str
    """`implemented`, `later` or `not applicable`; the last two have a reason."""
    reason: str
    bad: str
    """A text in which the code is found at the line that ends in MARK."""
    good: str
    """The same text as it should be: free of the code."""
    table: str = ""
    """For what takes a whole call to show: the shipped table in which the lines of `good` stand;
    the code is found once those of `bad` are put in place of the first: none of them where rows
    are taken out."""
    found: str = ""
    """Then the code is found at the line that begins so, else at the changed line itself."""
    old: str = ""
    """For what needs two texts: the version that `bad` and `good` come after."""
    record: bool = False
    """`bad` and `good` are the recorded steps of a call, and `old` the version that it ran."""
    plugin: bool = False
    """`bad` and `good` are Python, packages that add words: the code is told of every table."""

    @property
    def family(self) -> str:
        return self.code.rstrip("0123456789")

    @property
    def page(self) -> str:
        """Where it is documented."""
        return f"docs/rules/{self.family}.md#{self.code.lower()}"

    @property
    def beside(self) -> str:
        """What `old` is."""
        return "The version" if self.record else "The old version"

    @property
    def line(self) -> int:
        """The line of the bad example at which the code is found, counted from 1."""
        lines = self.bad.splitlines()
        return next(i for i, line in enumerate(lines, 1) if line.endswith(MARK))


@dataclass(frozen=True, slots=True)
class Family:
    """The codes that begin alike."""

    name: str
    title: str
    about: str
    entries: tuple[Entry, ...]


@cache
def families() -> tuple[Family, ...]:
    """Return all families in the order of the catalogue."""
    return tuple(_family(name) for name in FAMILIES)


@cache
def catalogue() -> Mapping[str, Entry]:
    """Return every code with its entry."""
    return {entry.code: entry for family in families() for entry in family.entries}


def _family(name: str) -> Family:
    data = yaml.load((FOLDER / f"{name}.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)
    entries = sorted((_entry(raw) for raw in data["rules"]), key=lambda entry: entry.code)
    return Family(name, data["title"], data["about"], tuple(entries))


def _entry(raw: dict[str, Any]) -> Entry:
    return Entry(
        code=raw["code"],
        severity=Severity(raw["severity"]),
        severity_note=raw.get("severity_note", ""),
        tier=raw["tier"],
        rule=raw["rule"],
        why=raw["why"],
        status=raw.get("status", IMPLEMENTED),
        reason=raw.get("reason", ""),
        bad=raw.get("bad", ""),
        good=raw.get("good", ""),
        table=raw.get("table", ""),
        found=raw.get("found", ""),
        old=raw.get("old", ""),
        record=raw.get("record", False),
        plugin=raw.get("plugin", False),
    )


def explained(code: str) -> str:
    """Return all there is to say about a code as text; raises KeyError with a hint in words."""
    entry = catalogue().get(code.upper())
    if entry is None:
        close = did_you_mean(nearest(code.upper(), catalogue()))
        raise KeyError(f"There is no code {code}{close}")
    lines = [f"{entry.code} ({entry.severity.value}): {entry.rule}", "", entry.why]
    if entry.severity_note:
        lines += ["", entry.severity_note]
    lines += ["", standing(entry)]
    if entry.good:
        if entry.old:
            lines += ["", f"{entry.beside}:", "", _indented(entry.old)]
        lines += ["", f"{found_in(entry)}:", ""]
        if entry.bad:
            lines += [_indented(entry.bad), "", "Free of it:", ""]
        lines += [_indented(entry.good)]
    return "\n".join([*lines, "", f"More: {entry.page}"])


def standing(entry: Entry) -> str:
    """Say in a sentence whether and when the rule is looked for."""
    if entry.status == IMPLEMENTED:
        return f"Looked for {TIERS[entry.tier]}."
    if entry.status == LATER:
        return f"Not looked for yet. {entry.reason}"
    return f"Not applicable. {entry.reason}"


def found_in(entry: Entry) -> str:
    """Say where the code is found in the example."""
    if entry.plugin:
        return "Told while this package is installed"
    if entry.record:
        return f"Found at step {entry.line} of the record"
    if not entry.table:
        new = " of the new version" if entry.old else ""
        return f"Found in line {entry.line}{new}"
    begins = entry.found if len(entry.found) < 60 else entry.found[:60] + "..."
    where = f", at `{begins}`" if entry.found else ""
    missing = "without this line" if entry.good.count("\n") < 2 else "without these lines"
    what = "with this line" if entry.bad else missing
    return f"Found in `state_tables/{entry.table}.yaml`{where}, {what}"


def planted(entry: Entry, text: str) -> tuple[str, int]:
    """Put the bad line of an example into its table; return the text and the line of the code."""
    lines = text.splitlines()
    at = -1
    for good in reversed(entry.good.strip().splitlines()):
        at = next(n for n, line in enumerate(lines) if line.strip() == good.strip())
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        del lines[at]
    lines[at:at] = [indent + bad.strip() for bad in entry.bad.strip().splitlines()]
    if entry.found:
        at = next(n for n, line in enumerate(lines) if line.strip().startswith(entry.found))
    return "\n".join(lines) + "\n", at + 1


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip().splitlines())
