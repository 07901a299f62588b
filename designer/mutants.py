"""How much the tests of a flow notice: the table is broken in small ways, and the tests are played.

Each row loses one guard, one action or its published events, or leads to another state. A mutant
is killed when a test that holds on the table does not hold on it; one that survives is a change
that nobody would notice. Free of Django: it runs in a child of the worker (`designer.walker`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from designer.scenario_files import BadScenario, read_scenarios
from designer.scenarios import Scenario, judge
from designer.simulation.stage import Stage
from flows.compile import compile_text
from flows.table import ANY_STATE, Row, Table
from flows.vocabulary import ACTIONS

DOING = "designer.mutants:answer"
GUARD, ACTION, TARGET, PUBLISHED = "guard", "action", "target", "published"
KINDS = (GUARD, ACTION, TARGET, PUBLISHED)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A table with one row that says something else."""

    row: int
    kind: str
    words: str
    """What was done to the row, in words."""
    table: Table


@dataclass(slots=True)
class _Played:
    """A test that holds, and what it came by."""

    scenario: Scenario
    rows: set[int]
    asked: set[tuple[str, str]]
    """Each state with an event that happened there."""


def answer(question: dict[str, Any], beat: Callable[[float, int], None]) -> dict[str, Any]:
    """Try the mutants of `text` on `scenarios` (their texts) for `seconds` at most."""
    table = compile_text(question["text"]).table
    if table is None:
        raise ValueError("the text does not compile")
    return tried(table, question["scenarios"], question["seconds"], beat)


def tried(
    table: Table, texts: Sequence[str], seconds: float, beat: Callable[[float, int], None]
) -> dict[str, Any]:
    """Return how many mutants were killed, and those that survived.

    `bare` counts mutants of rows that no test takes: they survive, and nothing had to be played.
    """
    tests = list(_holding(table, texts))
    every = list(mutants(table))
    ends = time.monotonic() + seconds
    killed = bare = looked = 0
    survivors: list[dict[str, Any]] = []
    for mutant in every:
        if time.monotonic() > ends:
            break
        looked += 1
        beat(looked / len(every), looked)
        near = _near(table.rows[mutant.row], mutant, tests)
        if not near:
            bare += 1
        elif any(not judge(mutant.table, test.scenario).holds for test in near):
            killed += 1
        else:
            row = table.rows[mutant.row]
            survivors.append(
                {"row": mutant.row, "kind": mutant.kind, "words": mutant.words,
                 "line": row.place.line}
            )  # fmt: skip
    return {
        "tests": len(tests),
        "total": len(every),
        "looked": looked,
        "killed": killed,
        "bare": bare,
        "survivors": survivors,
        "complete": looked == len(every),
    }


def mutants(table: Table) -> Iterator[Mutant]:
    """Yield each small change of a table, in the order of its rows."""
    for row in table.rows:
        if row.ignore is not None:
            continue
        for changed, kind, words in _changed(row, table):
            rows = (*table.rows[: row.index], changed, *table.rows[row.index + 1 :])
            yield Mutant(row.index, kind, words, replace(table, rows=rows))


def _changed(row: Row, table: Table) -> Iterator[tuple[Row, str, str]]:
    for at, guard in enumerate(row.guards):
        rest = (*row.guards[:at], *row.guards[at + 1 :])
        yield replace(row, guards=rest), GUARD, f"without the guard {guard.text}"
    for at, word in enumerate(row.actions):
        if word.name in ACTIONS and ACTIONS[word.name].inert:
            continue
        left = (*row.actions[:at], *row.actions[at + 1 :])
        yield replace(row, actions=left), ACTION, f"without {word.name}"
    other = _other(row, table)
    if other is not None:
        yield replace(row, next_state=other), TARGET, f"to {other} in place of {row.next_state}"
    if row.publish:
        said = ", ".join(row.publish)
        yield replace(row, publish=()), PUBLISHED, f"without publishing {said}"


def _other(row: Row, table: Table) -> str | None:
    """Another state to lead to: the next one of the table of the same sort."""
    if row.next_state is None:
        return None
    final = table.states[row.next_state].final
    names = [name for name, state in table.states.items() if state.final == final]
    at = names.index(row.next_state)
    found = names[(at + 1) % len(names)]
    return found if found != row.next_state else None


def _holding(table: Table, texts: Sequence[str]) -> Iterator[_Played]:
    for text in texts:
        try:
            (scenario,) = read_scenarios(text).scenarios
        except (BadScenario, ValueError):
            continue
        judged = judge(table, scenario)
        if not judged.holds:
            continue
        steps = [taken.step for entry in Stage(table, scenario.run).play().entries
                 for _, _, taken in entry.steps]  # fmt: skip
        yield _Played(scenario, judged.rows, {(s.from_state, s.event) for s in steps})


def _near(row: Row, mutant: Mutant, tests: Sequence[_Played]) -> list[_Played]:
    """The tests that could notice: those that take the row, or would once a guard is gone."""
    if mutant.kind != GUARD:
        return [test for test in tests if row.index in test.rows]
    return [
        test
        for test in tests
        if any(
            event == row.event and row.from_state in (state, ANY_STATE)
            for state, event in test.asked
        )
    ]
