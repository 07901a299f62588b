"""The deeper look at a table: walk through everything it can do, within a budget.

Every configuration (state, role, conditions and variables) is visited that some order of events can
reach; an action may fail at any place, and what only an event's fields decide may go either way. So
what was not reached cannot be reached, if the walk was complete.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from flows import check
from flows.compile import Compiled
from flows.findings import Finding, Severity, in_order
from flows.semantics import SESSION_ROLES, Program
from flows.semantics import Transition as Move

BUDGET = 20_000
"""Configurations visited before the walk gives up and proves nothing about what is left."""

SAID_BY_STRUCTURE = ("REA301", "REA302", "REA303", "DET20")
"""What the structural rules say about rows and states out of reach is not said twice."""

NUMBER = re.compile(r"\d+(?:\.\d+)?")

Values = frozenset[tuple[str, Any]]
Place = tuple[str, str, Values]
Beat = Callable[[float], None]


class _Either:
    """The value of what only the outer world knows."""

    def __repr__(self) -> str:
        return "unknown"


EITHER = _Either()


@dataclass(slots=True)
class Walk:
    """What a walk saw."""

    visited: set[Place] = field(default_factory=set)
    states: set[str] = field(default_factory=set)
    rows: set[int] = field(default_factory=set)
    complete: bool = True


def examine(text: str, beat: Beat) -> dict[str, Any]:
    """Run all rules over a text; `beat` is told the share that is done and may raise to stop."""
    beat(0.0)
    compiled = _examined(text, beat)
    findings = list(compiled.findings)
    result: dict[str, Any] = {"explored": 0, "complete": False}
    if compiled.table is not None:
        program = Program(compiled.table)
        walk = explore(program, beat)
        findings += _unreached(program, walk, findings) if walk.complete else []
        result = {
            "explored": len(walk.visited),
            "complete": walk.complete,
            "states_reached": len(walk.states),
            "states": len(compiled.table.states),
            "rows_fired": len(walk.rows),
            "rows": len(compiled.table.rows),
        }
    ordered = in_order(findings)
    return {
        **result,
        "errors": sum(f.severity is Severity.ERROR for f in ordered),
        "warnings": sum(f.severity is Severity.WARNING for f in ordered),
        "findings": [finding.as_dict() for finding in ordered],
    }


def _examined(text: str, beat: Beat) -> Compiled:
    """Run the deepest rules of the checker that there are."""
    deepest = getattr(check, "examine_deep", None)
    if deepest is None:
        return check.examine(text)
    compiled: Compiled = deepest(text, lambda share: beat(share / 2))
    return compiled


def explore(program: Program, beat: Beat, budget: int = BUDGET) -> Walk:
    """Visit every configuration that can be reached from the beginning of a session."""
    walk = Walk()
    values = frozenset(program.initial_values.items())
    waiting = deque((program.table.initial, role, values) for role in SESSION_ROLES)
    walk.visited.update(waiting)
    share = 0.0
    while waiting:
        here = waiting.popleft()
        walk.states.add(here[0])
        for there in _next(program, here, walk.rows):
            if there in walk.visited:
                continue
            if len(walk.visited) >= budget:
                walk.complete = False
                return walk
            walk.visited.add(there)
            waiting.append(there)
        # What is left is not known beforehand, so the share is an estimate that never goes back.
        share = max(share, 1 - len(waiting) / len(walk.visited))
        beat(share * 0.9)
    return walk


def _next(program: Program, here: Place, fired: set[int]) -> Iterator[Place]:
    state, role, frozen = here
    position = program.position(state, role)
    if position.final:
        return
    values = dict(frozen)
    for first in position.candidates.values():
        closed: set[Any] = set()
        for move in _in_turn(first):
            test = move.test
            # A state may have timers of several durations: each is an event of its own.
            timer = move.row.after if move.row is not None else None
            if timer in closed or None in closed:
                continue
            verdict = _verdict(test, move, values, timer)
            if verdict is False:
                continue
            if move.row is not None:
                fired.add(move.row.index)
            yield from _outcomes(program, move, role, values)
            if verdict is True:
                closed.add(timer)


def _in_turn(first: Move) -> Iterator[Move]:
    """Yield a candidate and those that are tried after it."""
    move: Move | None = first
    while move is not None:
        yield move
        move = move.otherwise


def _verdict(test: Any, move: Move, values: dict[str, Any], timer: float | None) -> bool | None:
    """Say whether the guards hold; None where only the event or an unknown value decides."""
    if test is None or move.row is None:
        return True
    for guard in move.row.guards:
        expression = guard.expression
        if expression.fields or any(values.get(name) is EITHER for name in expression.names):
            return None
    return bool(test(values, {} if timer is None else {"seconds": timer}))


def _outcomes(program: Program, move: Move, role: str, values: dict[str, Any]) -> Iterator[Place]:
    """Yield where the row leads when all its actions succeed, and when each of them fails."""
    row = move.row
    guessed = {
        name: EITHER
        for name, expression in (row.set if row is not None else ())
        if expression.fields or any(values.get(known) is EITHER for known in expression.names)
    }
    cap = _cap(program)
    for performed in range(len(move.words), -1, -1):
        known = {name: value for name, value in values.items() if value is not EITHER}
        after = {**values, **move.values_after(known, {}, performed), **guessed}
        for name, value in after.items():
            if isinstance(value, int | float) and abs(value) > cap:
                # Beyond what any guard compares with, numbers need not be told apart.
                after[name] = EITHER
        yield (move.next_state, role, frozenset(after.items()))


@lru_cache(maxsize=4)
def _cap(program: Program) -> float:
    """Return a number that is larger than every constant a guard or a `set` of the table names."""
    largest = 0.0
    for row in program.table.rows:
        expressions = [guard.expression for guard in row.guards]
        expressions += [expression for _, expression in row.set]
        for expression in expressions:
            for found in NUMBER.findall(expression.text):
                largest = max(largest, float(found))
    return largest + 1


def _unreached(program: Program, walk: Walk, known: list[Finding]) -> list[Finding]:
    table = program.table
    said = [finding for finding in known if finding.code.startswith(SAID_BY_STRUCTURE)]
    said_rows = {finding.row for finding in said if finding.row is not None}
    said_states = {finding.state for finding in said if finding.row is None}
    found = [
        Finding(
            code="REA302",
            severity=Severity.ERROR,
            message=f"No order of events leads to {state.name}: guards and conditions forbid it.",
            place=state.place,
            state=state.name,
        )
        for state in table.states.values()
        if state.name not in walk.states and state.name not in said_states
    ]
    missing = {finding.state for finding in found} | said_states
    found += [
        Finding(
            code="REA303",
            severity=Severity.WARNING,
            message=f"This row never fires: no order of events brings {row.label} here"
            " with its guards true.",
            place=row.place,
            row=row.index,
            state=None if row.from_state == "*" else row.from_state,
        )
        for row in table.rows
        if row.index not in walk.rows
        and row.index not in said_rows
        and row.from_state not in missing
    ]
    return found
