"""Scenarios: runs that are kept, each with what is expected of it.

    result = judge(table, scenario)           # Judged: what went otherwise, in sentences
    scenario = record(table, run, "Busy")     # what happens now is what is expected from here on

How they are written in files is the business of `designer.scenario_files`.
"""

from __future__ import annotations

from collections.abc import Mapping as Mapped
from dataclasses import dataclass, field
from typing import Any

from designer.simulation.run import BadRun, Run
from designer.simulation.stage import Entry, Stage
from flows.table import Row, Table

Expected = Mapped[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run and what is expected after each of its inputs."""

    name: str
    run: Run
    expected: tuple[tuple[Expected, ...], ...]
    """For each input: nothing, one thing expected of its last step, or one of each step."""
    description: str = ""


@dataclass(slots=True)
class Judged:
    """What became of one scenario."""

    scenario: Scenario
    differences: list[tuple[int, str]] = field(default_factory=list)
    """Number of the input, from 1, and what was otherwise."""
    steps: int = 0
    rows: set[int] = field(default_factory=set)
    """The rows that were taken: they fired, or swallowed an event on purpose."""

    @property
    def holds(self) -> bool:
        return not self.differences


# -- running ---------------------------------------------------------------------------------------


def judge(table: Table, scenario: Scenario) -> Judged:
    """Play a scenario on a table and compare."""
    stage = Stage(table, scenario.run).play()
    judged = Judged(scenario)
    names = row_names(table)
    for index, entry in enumerate(stage.entries):
        for _, _, taken in entry.steps:
            judged.steps += 1
            if taken.step.row >= 0:
                judged.rows.add(taken.step.row)
        for sentence in _differences(stage, entry, scenario.expected[index], names):
            judged.differences.append((index + 1, sentence))
    if stage.problem is not None:
        index, message = stage.problem
        judged.differences.append((index + 1, message))
    return judged


def _differences(
    stage: Stage, entry: Entry, expected: tuple[Expected, ...], names: list[str]
) -> list[str]:
    if not expected:
        return []
    seen = _seen(entry, names)
    if len(expected) == 1:
        if not seen:
            return [] if set(expected[0]) <= {"values"} else ["No step was taken."]
        pairs = [(expected[0], seen[-1])]
    elif len(expected) != len(seen):
        return [f"{len(seen)} steps were taken, {len(expected)} were expected."]
    else:
        pairs = list(zip(expected, seen, strict=True))
    return [sentence for wanted, got in pairs for sentence in _compared(wanted, got)]


def _seen(entry: Entry, names: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "side": side,
            "state": taken.step.to_state,
            "row": names[taken.step.row] if taken.step.row >= 0 else "",
            "kind": taken.step.kind,
            "actions": [
                word.name
                for index, word in enumerate(taken.transition.words if taken.transition else ())
                if taken.broke < 0 or index < taken.broke
            ],
            "published": list(taken.published),
            "sends": [str(message) for message in taken.sends],
            "values": {**taken.values, **taken.changed},
            "answer": taken.step.answer,
            "outcome": taken.step.outcome or "",
        }
        for _, side, taken in entry.steps
    ]


def _compared(wanted: Expected, got: Mapped[str, Any]) -> list[str]:
    sentences = []
    for name, value in wanted.items():
        if name == "values":
            for key, each in value.items():
                if got["values"].get(key) != each:
                    is_ = _said(got["values"].get(key))
                    sentences.append(f"{key} is {is_}, expected was {_said(each)}.")
        elif got[name] != value:
            sentences.append(f"{name} is {_said(got[name])}, expected was {_said(value)}.")
    return sentences


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return "nothing" if value in (None, "") else str(value)


def record(table: Table, run: Run, name: str, description: str = "") -> Scenario:
    """Make a scenario of a run: what happens now is what is expected from here on."""
    stage = Stage(table, run).play()
    if stage.problem is not None:
        raise BadRun(stage.problem[1])
    names = row_names(table)
    expected = tuple(
        tuple(_recorded(seen, both=run.both) for seen in _seen(entry, names))
        for entry in stage.entries
    )
    return Scenario(name, run, expected, description)


def _recorded(seen: Mapped[str, Any], *, both: bool) -> Expected:
    kept: dict[str, Any] = {"side": seen["side"]} if both else {}
    kept["state"] = seen["state"]
    if seen["kind"] != "fired":
        kept["kind"] = seen["kind"]
    for name in ("row", "actions", "published", "answer", "outcome"):
        if seen[name]:
            kept[name] = seen[name]
    return kept


def row_names(table: Table) -> list[str]:
    """Return what each row is called: its id, else state, role, event and guards."""
    names: list[str] = []
    seen: dict[str, int] = {}
    for row in table.rows:
        name = row.id or _row_name(row)
        seen[name] = count = seen.get(name, 0) + 1
        names.append(name if count == 1 else f"{name} ({count})")
    return names


def _row_name(row: Row) -> str:
    guards = f" [{', '.join(guard.text for guard in row.guards)}]" if row.guards else ""
    return f"{row.from_state} {row.role} {row.label}{guards}"
