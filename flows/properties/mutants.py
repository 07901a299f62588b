"""Properties that no defect breaks say nothing (PRP954).

A property that holds is held against tables with one defect each: rows dropped or led elsewhere,
actions and published events dropped or added, first where the property speaks of them. One defect
that breaks it is enough. That none of a sample does is a heuristic, and said as such.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from flows.explore.party import Party
from flows.explore.walk import Bounds, explore
from flows.findings import Finding, Place, Severity
from flows.properties.claims import Claim, about_both, claims, conditions
from flows.properties.judge import Steps, judge
from flows.properties.language import atoms
from flows.properties.walked import steps_of
from flows.semantics import Program
from flows.table import Row, Table, Word
from flows.vocabulary import ACTIONS

MOST_MUTANTS = 48
"""Tables with a defect that are tried for one property."""
MOST_STATES = 20_000

Beat = Callable[[float], None]


def untouched(
    table: Table,
    graph: Steps,
    places: Sequence[Place] = (),
    late: Callable[[], bool] | None = None,
    beat: Beat | None = None,
) -> Iterator[Finding]:
    """PRP954: of the properties that hold on `graph`, those that hold on each mutant as well."""
    walks: dict[int, Steps] = {}
    keep = conditions(table)
    for claim in claims(table, places):
        if claim.pattern is None or about_both(claim.pattern):
            continue
        judgement = judge(claim.pattern, graph)
        if not judgement.holds or judgement.vacuous:
            continue
        tried = 0
        for number, mutant in _sample(table, claim):
            if late is not None and late():
                return
            if beat is not None:
                beat(0.0)
            if number not in walks:
                walks[number] = _walked(mutant, keep, late)
            tried += 1
            if not judge(claim.pattern, walks[number]).holds:
                break
        else:
            if tried:
                yield _said(claim, tried)


def _said(claim: Claim, tried: int) -> Finding:
    return Finding(
        "PRP954",
        Severity.WARNING,
        f"The property holds for each of {tried} tables with one defect as well. {claim.text}",
        claim.place,
        "What no defect breaks says nothing about the table.",
        confidence="heuristic",
    )


def _walked(mutant: Table, keep: frozenset[str], late: Callable[[], bool] | None) -> Steps:
    party = Party(Program(mutant))
    party = Party(party.program, keep=keep | party.domain.names)
    return steps_of(explore(party, Bounds(MOST_STATES, late)))


def _sample(table: Table, claim: Claim) -> Iterator[tuple[int, Table]]:
    """Yield mutants with a number each, those first that touch what the property names."""
    assert claim.pattern is not None
    named = {atom.name for atom in atoms(claim.pattern)}
    near: list[tuple[int, Table]] = []
    far: list[tuple[int, Table]] = []
    for number, (row, mutant) in enumerate(_mutants(table, named)):
        (near if _mentions(row, named) else far).append((number, mutant))
    step = max(1, len(near) // (MOST_MUTANTS * 3 // 4))
    chosen = near[::step][: MOST_MUTANTS * 3 // 4]
    rest = MOST_MUTANTS - len(chosen)
    yield from itertools.chain(chosen, far[:: max(1, len(far) // rest)][:rest])


def _mentions(row: Row, named: set[str]) -> bool:
    words = {row.from_state, row.next_state, row.event, *row.publish}
    return bool(named & (words | {word.name for word in row.actions}))


def _mutants(table: Table, named: set[str]) -> Iterator[tuple[Row, Table]]:
    for row in table.rows:
        if row.ignore is not None:
            continue
        yield row, _without(table, row)
        for at in range(len(row.actions)):
            actions = row.actions[:at] + row.actions[at + 1 :]
            yield row, _with(table, replace(row, actions=actions))
        for name in sorted(named & ACTIONS.keys()):
            if not any(p.required for p in ACTIONS[name].parameters.values()):
                word = Word(name, {k: p.default for k, p in ACTIONS[name].parameters.items()})
                yield row, _with(table, replace(row, actions=(*row.actions, word)))
        if row.publish:
            yield row, _with(table, replace(row, publish=()))
        for state in table.states:
            if state in named or table.states[state].final:
                if state != row.next_state:
                    yield row, _with(table, replace(row, next_state=state))


def _with(table: Table, row: Row) -> Table:
    rows = list(table.rows)
    rows[row.index] = row
    return replace(table, rows=tuple(rows))


def _without(table: Table, row: Row) -> Table:
    rows = [other for other in table.rows if other is not row]
    return replace(table, rows=tuple(replace(r, index=n) for n, r in enumerate(rows)))
