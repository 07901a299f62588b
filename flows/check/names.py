"""Names that nobody uses, or so alike that one is probably a slip (NAM109, NAM110, NAM113)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from flows.findings import START, Finding, Place, Severity
from flows.graph import Graph
from flows.suggest import distance_is_one
from flows.table import ANY_STATE, Table

_SHORTEST = 5
"""Shorter names may differ by one letter without anybody wondering."""


def unused_names(graph: Graph) -> Iterator[Finding]:
    """NAM109: a state no row uses, a variable no expression reads."""
    table = graph.table
    used = {row.from_state for row in table.rows} | {row.next_state for row in table.rows}
    for state in table.states.values():
        if state.declared and state.name not in used and not state.initial:
            yield Finding(
                "NAM109",
                Severity.WARNING,
                f"{state.name} is declared, but no row begins or ends there; remove it or use it.",
                state.place,
                state=state.name,
                fix={"operation": "delete_state", "arguments": {"name": state.name}},
            )
    read = _names_read(table)
    for variable in table.variables:
        if variable not in read:
            yield Finding(
                "NAM109",
                Severity.WARNING,
                f"The variable {variable} is declared, but no guard or expression reads it.",
                graph.variable_places.get(variable, START),
            )


def _names_read(table: Table) -> set[str]:
    read: set[str] = set()
    for row in table.rows:
        for guard in row.guards:
            read |= guard.expression.names
        for _, expression in row.set:
            read |= expression.names
        for word in row.actions:
            read |= set(map(str, word.references))
    for item in table.properties:
        read.update(str(item).replace(".", " ").replace("'", " ").split())
    return read


def near_names(graph: Graph) -> Iterator[Finding]:
    """NAM110: two states, or two variables, that differ by one letter or by case only."""
    table = graph.table
    places = {state.name: state.place for state in table.states.values()}
    yield from _near(table.states, "states", lambda name: places[name])
    yield from _near(
        table.variables, "variables", lambda name: graph.variable_places.get(name, START)
    )


def unread_spellings(graph: Graph) -> Iterator[Finding]:
    """NAM113: a variable is written under one spelling and read under another."""
    table = graph.table
    read = _names_read(table)
    wanted = {_folded(name): name for name in sorted(read)}
    for row in table.rows:
        changed = [name for name, _ in row.set]
        changed += [w.arguments["condition"] for w in row.actions if "condition" in w.arguments]
        for name in changed:
            other = wanted.get(_folded(name))
            if name not in read and other is not None and name in table.variables:
                yield Finding(
                    "NAM113",
                    Severity.ERROR,
                    f"This row changes {name}, which no guard reads; guards read {other}.",
                    row.place,
                    "Two spellings are two names: what is written here is never seen there.",
                    row=row.index,
                    state=None if row.from_state == ANY_STATE else row.from_state,
                )


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _near(names: Iterable[str], what: str, place: Callable[[str], Place]) -> Iterator[Finding]:
    buckets: dict[str, list[str]] = defaultdict(list)
    told: set[tuple[str, str]] = set()
    for name in names:
        for key in _keys(name):
            for other in buckets[key]:
                if (other, name) not in told and _alike(other, name):
                    told.add((other, name))
                    yield Finding(
                        "NAM110",
                        Severity.WARNING,
                        f"The {what} {other} and {name} are almost the same name; is one a slip?",
                        place(name),
                        state=name if what == "states" else None,
                        confidence="heuristic",
                    )
            buckets[key].append(name)


def _keys(name: str) -> set[str]:
    """Return what alike names have in common: the word, and forms with one letter missing.

    Names with digits, and short ones, are alike by case and underscores only.
    """
    key = name.lower()
    folded = {key, key.replace("_", "")}
    if len(key) < _SHORTEST or any(map(str.isdigit, key)):
        return folded
    return {*folded, *(key[:i] + key[i + 1 :] for i in range(len(key)))}


def _alike(left: str, right: str) -> bool:
    a, b = left.lower(), right.lower()
    if a.replace("_", "") == b.replace("_", ""):
        return True
    if min(len(a), len(b)) < _SHORTEST or any(c.isdigit() for c in a + b):
        return False
    return distance_is_one(a, b)


RULES = (unused_names, near_names, unread_spellings)
