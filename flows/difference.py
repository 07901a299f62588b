"""Two versions of a flow, compared by what they do (VER971 to VER977).

found = difference(old, new)        # two tables
found.change                        # same, refinement, extension or breaking
found.way                           # the shortest order of events that shows a difference
found.states["OnHold"].verdict      # of its living sessions: migratable, when quiet, drain
found.back["OnHold"].verdict        # the same of sessions born on the new version, on the way back
found.findings                      # all as findings, with places in the new text
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.explore.walk import Bounds
from flows.findings import START, Finding, Place, Severity
from flows.graph import SESSION_ROLES
from flows.joint import BUDGET, Happening, Joint, Parting, told, walk
from flows.migration import BACK, FORTH, Verdict, verdicts
from flows.mixed import NEW, OLD, mixed
from flows.semantics import Program
from flows.table import Table
from flows.version_step import (
    BREAKING,
    EXTENSION,
    REFINEMENT,
    SAME,
    STEPS,
    least,
    numbers,
    too_small,
)

__all__ = [
    "BREAKING",
    "EXTENSION",
    "REFINEMENT",
    "SAME",
    "Difference",
    "as_text",
    "difference",
    "in_steps",
]


@dataclass(slots=True)
class Difference:
    """Everything there is to say of two versions."""

    change: str
    way: tuple[Happening, ...] = ()
    parting: Parting | None = None
    partings: tuple[Parting, ...] = ()
    """All first steps at which both differ, the shortest way first; `parting` is the first."""
    states: dict[str, Verdict] = field(default_factory=dict)
    back: dict[str, Verdict] = field(default_factory=dict)
    """The same of the new version's states, should the old one take over again."""
    findings: list[Finding] = field(default_factory=list)
    explored: int = 0
    composed: int = 0
    """Joint configurations of an old and a new side."""
    complete: bool = True
    """Whether all orders of events were tried; if not, `same` is no proof."""
    least: str = ""
    """The lowest version that may follow the old one; empty if the old one names none."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "change": self.change,
            "version_step": STEPS[self.change],
            "least_version": self.least,
            "complete": self.complete,
            "explored": self.explored,
            "composed": self.composed,
            "shortest": None if self.parting is None else _plain(self.parting),
            "states": {v.state: {"verdict": v.verdict, "why": v.why} for v in self.states.values()},
            "back": {v.state: {"verdict": v.verdict, "why": v.why} for v in self.back.values()},
            "findings": [finding.as_dict() for finding in self.findings],
        }


def difference(
    old: Table,
    new: Table,
    budget: int = BUDGET,
    bounds: Bounds = Bounds(),  # noqa: B008
) -> Difference:
    """Compare two tables. Never raises; what was not tried is said by `complete` and META992.

    `budget` limits the orders of events tried on each side, `bounds` the compositions of both.
    """
    before, after = Program(old), Program(new)
    joints = [walk(before, after, role, budget) for role in SESSION_ROLES]
    partings = sorted((p for joint in joints for p in joint.partings), key=lambda p: len(p.way))
    result = Difference(
        change=_class_of(old, new, partings, joints),
        explored=sum(joint.pairs for joint in joints),
        complete=all(joint.complete for joint in joints),
    )
    if partings:
        result.parting, result.way = partings[0], partings[0].way
        result.partings = tuple(partings)
    if numbers(old.version) is not None:
        result.least = least(old.version, result.change)
    result.states = {v.state: v for v in verdicts(before, after, budget, FORTH)}
    result.back = {v.state: v for v in verdicts(after, before, budget, BACK)}
    result.findings = [
        *_classified(result, old, new),
        *_parted(result, before, after),
        *_of_sessions(result, before, after),
        *(_together(result, old, new, bounds) if partings or not result.complete else ()),
    ]
    return result


def _class_of(old: Table, new: Table, partings: list[Parting], joints: list[Joint]) -> str:
    lost = {s.name for s in old.states.values() if not s.final} - new.states.keys()
    if not partings:
        if not all(joint.complete for joint in joints):
            return BREAKING
        if lost:
            return REFINEMENT
        return SAME if _shape(old) == _shape(new) else REFINEMENT
    if lost:
        return BREAKING
    # What met no row before, and at most was refused, may get one.
    added = all(p.rows[0] == -1 and p.old.outcome is None for p in partings)
    return EXTENSION if added else BREAKING


def _shape(table: Table) -> Any:
    """What a table is made of, apart from places and words for people."""
    rows = [
        (r.from_state, r.role, r.label, tuple(g.text for g in r.guards), r.next_state, r.publish)
        + (tuple((w.name, str(sorted(w.arguments.items(), key=str))) for w in r.actions),)
        + (tuple((n, e.text) for n, e in r.set), r.ignore is None)
        for r in table.rows
    ]
    states = [(s.name, s.initial, s.final, sorted(s.ignore)) for s in table.states.values()]
    return rows, states, table.initial, dict(table.variables)


# -- findings --------------------------------------------------------------------------------------


def _classified(found: Difference, old: Table, new: Table) -> Iterator[Finding]:
    """VER976: the class of the change, and whether the version's step is large enough for it."""
    steps = STEPS[found.change]
    step = "needs no step of the version" if steps == "none" else f"asks for a {steps} version"
    bounded = "" if found.complete else " Not every order of events was tried, so this is no proof."
    wanted = f", {found.least} at least" if found.least and steps != "none" else ""
    confidence = "proved" if found.complete else "bounded"
    yield Finding(
        "VER976",
        Severity.INFO,
        f"The change is of the class {found.change} and {step}{wanted}.{bounded}",
        new.version_place,
        confidence=confidence,
    )
    wrong = too_small(old.version, new.version, found.change)
    if wrong:
        yield Finding(
            "VER976",
            Severity.ERROR,
            f"{wrong} The change is of the class {found.change}.",
            new.version_place,
            "A version number is a promise about what changed.",
            fix={
                "operation": "set_head",
                "arguments": {"field": "version", "value": found.least},
            },
            confidence=confidence,
        )


def _parted(found: Difference, before: Program, after: Program) -> Iterator[Finding]:
    """VER973: the first thing somebody outside would notice."""
    parting = found.parting
    if parting is None:
        return
    new = after.table
    row = parting.rows[1]
    place: Place = START
    if row >= 0:
        place = new.rows[row].place
    elif parting.states[1] in new.states:
        place = new.states[parting.states[1]].place
    way = ", ".join(what.label for what in parting.way)
    steps = told(after, parting.role, parting.way)
    other = told(before, parting.role, parting.way)
    yield Finding(
        "VER973",
        Severity.WARNING,
        f"As {parting.role}, after {way}: the old version does {parting.old.text}; the new one "
        f"does {parting.new.text}.",
        place,
        "This is the shortest order of events that shows a difference.",
        row=row if row >= 0 else None,
        state=parting.states[1],
        trace=tuple(
            {**step, "version": NEW, "old": was} for step, was in zip(steps, other, strict=True)
        ),
    )


def _of_sessions(found: Difference, before: Program, after: Program) -> Iterator[Finding]:
    """VER971, VER972, VER974 of sessions taken over; VER977 of those that would have to go back."""
    new = after.table
    for verdict in found.states.values():
        if verdict.code:
            state = new.states.get(verdict.state)
            yield Finding(
                verdict.code,
                Severity.ERROR,
                f"Sessions in {verdict.state}: {verdict.verdict}. {verdict.why}",
                START if state is None else state.place,
                state=verdict.state,
                confidence="bounded",
                trace=_way(verdict, before, OLD),
            )
    for verdict in found.back.values():
        if verdict.code:
            yield Finding(
                "VER977",
                Severity.ERROR,
                f"Sessions born on the new version cannot go back from {verdict.state}: "
                f"{verdict.verdict}. {verdict.why}",
                new.states[verdict.state].place,
                "A way back to the old version leaves them on the new one until they end.",
                state=verdict.state,
                confidence="bounded",
                trace=_way(verdict, after, NEW),
            )


def _way(verdict: Verdict, program: Program, version: str) -> tuple[dict[str, Any], ...]:
    steps = told(program, verdict.role, verdict.way)
    return tuple({**step, "version": version} for step in steps)


def _together(found: Difference, old: Table, new: Table, bounds: Bounds) -> Iterator[Finding]:
    """VER975: old and new against each other; META992 if a bound was hit."""
    composed = mixed(old, new, bounds)
    found.composed = composed.states
    yield from composed.findings
    for limit in composed.limits:
        yield Finding(
            "META992",
            Severity.WARNING,
            f"Old and new were set against each other up to the limit of {limit}: what was not "
            "seen is unknown.",
            START,
            confidence="bounded",
        )


def _plain(parting: Parting) -> dict[str, Any]:
    return {
        "role": parting.role,
        "events": [
            {"event": what.event, "fields": dict(what.fields), "label": what.label}
            for what in parting.way
        ],
        "old": {"state": parting.states[0], "does": parting.old.text, "row": parting.rows[0]},
        "new": {"state": parting.states[1], "does": parting.new.text, "row": parting.rows[1]},
    }


def as_text(found: Difference) -> str:
    """Return what the command line prints."""
    lines: list[str] = []
    for finding in found.findings:
        lines.append(f"{finding.severity.value}: {finding.message} [{finding.code}]")
        lines += [f"    {line}" for line in in_steps(finding) if finding.code == "VER975"]
    for title, states in (
        ("Sessions of the old version, by state:", found.states),
        ("Sessions of the new version on a way back:", found.back),
    ):
        if states:
            width = max(len(v.verdict) for v in states.values())
            lines += [
                title,
                *(f"  {v.verdict:{width}}  {v.state}: {v.why}" for v in states.values()),
            ]
    return "\n".join(lines)


def in_steps(finding: Finding) -> Iterator[str]:
    """Yield the trace of a finding, a step in a line."""
    for step in finding.trace:
        sends = f"; sends {', '.join(step['sends'])}" if step.get("sends") else ""
        moves = f"{step['before']} → {step['after']}"
        yield f"{step['side']} ({step['version']}): {step['event']}: {moves}{sends}"
