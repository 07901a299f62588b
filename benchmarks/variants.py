"""Tables that mean the same as a correct one: nothing may be said against them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from flows.explore.walk import Walk
from flows.expressions import Both, Comparison, Constant, Either, Membership, Node, Not, from_node
from flows.table import ANY_STATE, Guard, Row, Table

Variant = tuple[str, Table]
ORDERS = 4


def variants(table: Table, walk: Walk, chance: random.Random) -> Iterator[Variant]:
    """Yield tables that do the same in every call, each with a word on how it was written."""
    for number in range(ORDERS):
        yield f"rows in order {number}", _numbered(table, _shuffled(table, chance))
    if not any(row.from_state == ANY_STATE and row.role == "Both" for row in table.rows):
        yield "Both split", _numbered(table, list(_split(table)))
    names = list(table.states)
    reordered = {name: table.states[name] for name in sorted(names, reverse=True)}
    yield "states in another order", replace(table, states=reordered)
    renamed = {n: f"{n}State" for n, s in table.states.items() if not s.final and n != "Active"}
    yield "states renamed", _renamed(table, renamed)
    yield "rows of any state written out", _written_out(table, walk)
    yield "what is ignored written as rows", _ignores_as_rows(table)
    for name, wording in WORDINGS.items():
        if any(row.guards for row in table.rows):
            yield f"guards {name}", _each(table, lambda row, w=wording: _guarded(row, w))
    yield "the dialog released first", _each(table, _releases_swapped)
    yield "rows without names", _each(table, lambda row: replace(row, id="", description=""))
    yield "published in another order", _each(table, _published_backwards)


def _published_backwards(row: Row) -> Row:
    return replace(row, publish=row.publish[::-1])


def _each(table: Table, change: Callable[[Row], Row]) -> Table:
    return replace(table, rows=tuple(map(change, table.rows)))


def _numbered(table: Table, rows: list[Row]) -> Table:
    numbered = tuple(replace(row, index=index) for index, row in enumerate(rows))
    return replace(table, rows=numbered)


# -- rows ------------------------------------------------------------------------------------------


def _shuffled(table: Table, chance: random.Random) -> list[Row]:
    """The order of rows matters only among those of one state, role and event."""
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in table.rows:
        groups[row.from_state, row.role, row.event].append(row)
    keys = list(groups)
    chance.shuffle(keys)
    return [row for key in keys for row in groups[key]]


def _split(table: Table) -> Iterator[Row]:
    for row in table.rows:
        for role in ("UAC", "UAS") if row.role == "Both" else (row.role,):
            yield replace(row, role=role)


def _written_out(table: Table, walk: Walk) -> Table:
    """Put a wildcard row into each state in which it ever fires or swallows, behind its own."""
    places: dict[int, set[str]] = defaultdict(set)
    for edge in walk.all_edges():
        if edge.move.row >= 0:
            places[edge.move.row].add(walk.configs[edge.source].state)
    rows: list[Row] = [row for row in table.rows if row.from_state != ANY_STATE]
    wild = [row for row in table.rows if row.from_state == ANY_STATE]
    for role in ("UAC", "UAS", "Both"):
        for row in wild:
            if row.role == role:
                # A row that no walk reaches (Reset, a linked session's) has no place to go to.
                rows += [replace(row, from_state=state) for state in sorted(places[row.index])]
                rows += [row] if not places[row.index] else []
    return _numbered(table, rows)


def _ignores_as_rows(table: Table) -> Table:
    rows = list(table.rows)
    if not rows:
        return table
    for name, state in table.states.items():
        rows += [
            replace(
                rows[0], id="", from_state=name, role="Both", event=event, after=None, guards=(),
                actions=(), set=(), next_state=None, publish=(), ignore=reason, waive=(),
            )
            for event, reason in state.ignore.items()
        ]  # fmt: skip
    states = {name: replace(state, ignore={}) for name, state in table.states.items()}
    return _numbered(replace(table, states=states), rows)


def _releases_swapped(row: Row) -> Row:
    names = [word.name for word in row.actions]
    for i in range(len(names) - 1):
        if names[i : i + 2] == ["CleanupMedia", "CleanupDialog"]:
            one, other = row.actions[i : i + 2]
            return replace(row, actions=(*row.actions[:i], other, one, *row.actions[i + 2 :]))
    return row


# -- guards ----------------------------------------------------------------------------------------


def _guarded(row: Row, wording: Callable[[Node], Node]) -> Row:
    guards = []
    for guard in row.guards:
        expression = from_node(wording(guard.expression.node))
        guards.append(Guard(expression.text, expression, guard.place))
    return replace(row, guards=tuple(guards))


def _twice_denied(node: Node) -> Node:
    return Not(Not(node))


def _spelled(node: Node) -> Node:
    """Write each choice out, and each `and` as a denied `or`."""
    match node:
        case Membership(operand, choices):
            return Either(tuple(Comparison("==", operand, Constant(c)) for c in choices))
        case Both(operands):
            return Not(Either(tuple(Not(_spelled(o)) for o in operands)))
        case Either(operands):
            return Either(tuple(_spelled(o) for o in operands))
        case Not(operand):
            return Not(_spelled(operand))
    return node


WORDINGS: Mapping[str, Callable[[Node], Node]] = {
    "twice denied": _twice_denied,
    "spelled out": _spelled,
}


# -- names -----------------------------------------------------------------------------------------


def _renamed(table: Table, names: dict[str, str]) -> Table:
    states = {names.get(n, n): replace(s, name=names.get(n, n)) for n, s in table.states.items()}
    rows = tuple(
        replace(
            row,
            from_state=names.get(row.from_state, row.from_state),
            next_state=names.get(row.next_state, row.next_state) if row.next_state else None,
        )
        for row in table.rows
    )
    initial = names.get(table.initial, table.initial)
    return replace(table, states=states, rows=rows, initial=initial)
