"""REA309: guards that are asked and always hold, in every configuration that can be reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from flows.check.evidence import Evidence
from flows.expressions import Expression
from flows.semantics import SESSION_ROLES
from flows.table import ANY_STATE, Row, Table


def constant_guards(evidence: Evidence) -> None:
    """Say of each guard without fields of the event whether it ever was anything but true."""
    walk = evidence.walk
    if not walk.complete or not any(True for _ in _guards(evidence.table)):
        return
    asked = _rows_asked(evidence.table)
    seen: dict[tuple[int, str], set[bool]] = defaultdict(set)
    for number, edges in enumerate(walk.edges):
        config = walk.configs[number]
        events = {edge.move.stimulus.event for edge in edges}
        values = None
        for event in events:
            for row, expression in asked.get((config.state, config.role, event), ()):
                values = values or walk.party.values(config)
                truth = bool(expression.evaluate(values, {}))
                seen[row.index, expression.text].add(truth)
    for row, expression in _guards(evidence.table):
        if seen.get((row.index, expression.text)) == {True}:
            where = "" if row.from_state == ANY_STATE else f" in {row.from_state}"
            message = (
                f"{expression.text} holds whenever this row is asked{where}; it decides nothing."
            )
            evidence.about_row("REA309", row.index, message)


def _guards(table: Table) -> Iterator[tuple[Row, Expression]]:
    for row in table.rows:
        for guard in row.guards:
            if guard.expression.names and not guard.expression.fields:
                yield row, guard.expression


def _rows_asked(table: Table) -> dict[tuple[str, str, str], list[tuple[Row, Expression]]]:
    """Which guards are asked in a state, as a role, on an event."""
    asked: dict[tuple[str, str, str], list[tuple[Row, Expression]]] = defaultdict(list)
    for row, expression in _guards(table):
        states = table.states if row.from_state == ANY_STATE else (row.from_state,)
        for state in states:
            for role in SESSION_ROLES if row.role == "Both" else (row.role,):
                asked[state, role, row.event].append((row, expression))
    return asked


RULES = (constant_guards,)
