"""The guards of a row as one function, made when the table loads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from flows.expressions import Both, Function, Name, Node, Not
from flows.table import Row
from flows.vocabulary import EXPANSIONS


def test_of(row: Row, facts: Mapping[str, Any]) -> Function | Literal[False] | None:
    """Return the function of all guards together, None if they always hold, False if never."""
    nodes: list[Node] = []
    functions: list[Function] = []
    for guard in row.guards:
        known = guard.expression.expanded(EXPANSIONS).partial(facts)
        if known.constant is None:
            nodes.extend(known.node.operands if isinstance(known.node, Both) else [known.node])
            functions.append(known.function)
        elif not known.constant:
            return False
    test = (_named_conditions(nodes) or _joined(functions)) if functions else None
    return test if row.after is None else _when_due(row.after, test)


def reads_event(row: Row) -> bool:
    return row.after is not None or any(guard.expression.fields for guard in row.guards)


def _when_due(seconds: float, test: Function | None) -> Function:
    """A state may have timers of several durations; the event says which one it is."""
    if test is None:
        return lambda values, fields: fields.get("seconds") == seconds
    return lambda values, fields: fields.get("seconds") == seconds and test(values, fields)


def _joined(functions: list[Function]) -> Function:
    match functions:
        case [first]:
            return first
        case [first, second]:
            return lambda values, fields: first(values, fields) and second(values, fields)
        case _:
            rest = _joined(functions[1:])
            first = functions[0]
            return lambda values, fields: first(values, fields) and rest(values, fields)


def _named_conditions(nodes: list[Node]) -> Function | None:
    """Return one flat function where the guards are only names and `not` names: the common case."""
    wanted: list[str] = []
    unwanted: list[str] = []
    for node in nodes:
        match node:
            case Name(name):
                wanted.append(name)
            case Not(Name(name)):
                unwanted.append(name)
            case _:
                return None
    match wanted, unwanted:
        case [a], []:
            return lambda values, fields: values[a]
        case [a, b], []:
            return lambda values, fields: values[a] and values[b]
        case [a, b, c], []:
            return lambda values, fields: values[a] and values[b] and values[c]
        case [], [a]:
            return lambda values, fields: not values[a]
        case [], [a, b]:
            return lambda values, fields: not (values[a] or values[b])
        case [a], [b]:
            return lambda values, fields: values[a] and not values[b]
        case [a, b], [c]:
            return lambda values, fields: values[a] and values[b] and not values[c]
        case [a], [b, c]:
            return lambda values, fields: values[a] and not (values[b] or values[c])
    return None
