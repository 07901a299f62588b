"""Why a row fired: each row that was asked, in order, with what its guards said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from flows.semantics import NO_ROW, Program, Values
from flows.table import ANY_STATE, Guard, Row
from flows.vocabulary import EXPANSIONS, state_facts


class Tried(NamedTuple):
    """One row that could have answered an event, and why it did or did not."""

    row: int
    guards: list[tuple[str, bool]]
    verdict: str
    """`fired`, `ignored`, `guards failed` or `not reached`."""


def explain(
    program: Program, state: str, role: str, event: str, values: Values, fields: Values
) -> list[Tried]:
    """Return each row that could answer the event, in the order tried, with its guards' values.

    The state's own `ignore` appears as row -1.
    """
    facts = state_facts(program.table.states[state])
    winner = program.choose(state, role, event, values, fields)
    tried: list[Tried] = []
    over = False
    for row in _with_ignore(program, state, role, event):
        if row is None:
            verdict = "not reached" if over else "ignored"
            tried.append(Tried(NO_ROW, [], verdict))
            over = True
            continue
        if row.after is not None and fields.get("seconds") != row.after:
            continue
        guards = [(guard.text, _holds(guard, facts, values, fields)) for guard in row.guards]
        if over:
            verdict = "not reached"
        elif winner is not None and winner.row is row:
            verdict, over = winner.kind, True
        else:
            verdict = "guards failed"
        tried.append(Tried(row.index, guards, verdict))
    return tried


def _with_ignore(program: Program, state: str, role: str, event: str) -> Iterator[Row | None]:
    """Yield the candidates in order, with None where the state's own `ignore` stands."""
    waiting = event in program.table.states[state].ignore
    for row in program.rows_in_order(state, role, event):
        if waiting and row.from_state == ANY_STATE:
            waiting = False
            yield None
        yield row
    if waiting:
        yield None


def _holds(guard: Guard, facts: Values, values: Values, fields: Values) -> bool:
    expression = guard.expression.expanded(EXPANSIONS)
    return bool(expression.evaluate({**values, **facts}, fields))
