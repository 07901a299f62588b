"""Which of two rows fires (DET201 to DET205): duplicates, shadows, collisions of roles, wildcards.

These rules compare guards as sets of conjuncts; what needs a solver is told by `guard_sets`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from flows.check.results import conjuncts, result_of, where
from flows.findings import Finding, Severity
from flows.graph import SESSION_ROLES, Graph
from flows.table import ANY_STATE, Row

Key = tuple[str, str, str, float | None]


def rows_of_one_class(graph: Graph) -> Iterator[Finding]:
    """DET201, DET202, DET203: two rows of the same state, role and event."""
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in graph.table.rows:
        groups[row.from_state, row.role, row.event, row.after].append(row)
    for rows in groups.values():
        if len(rows) > 1:
            yield from _compared(rows)


def _compared(rows: list[Row]) -> Iterator[Finding]:
    earlier: list[tuple[frozenset[str], Row]] = []
    for row in rows:
        guards = conjuncts(row)
        for others, other in earlier:
            if others <= guards:
                yield _hidden(row, other, same_guards=others == guards)
                break
        earlier.append((guards, row))


def _hidden(row: Row, other: Row, *, same_guards: bool) -> Finding:
    place = where(row)
    if same_guards and result_of(row) == result_of(other):
        code, severity = "DET202", Severity.WARNING
        message = f"This row is the same as row {other.index + 1}; remove one of them."
    elif same_guards:
        code, severity = "DET201", Severity.ERROR
        condition = "under the same guards" if row.guards else "without a guard"
        message = (
            f"Rows {other.index + 1} and {row.index + 1} both take {row.label} {place} "
            f"{condition} and do different things; only row {other.index + 1} ever fires."
        )
    else:
        code, severity = "DET203", Severity.ERROR
        message = (
            f"This row never fires: row {other.index + 1} takes every {row.label} {place} that "
            f"it would take. Put this row above row {other.index + 1}."
        )
    return Finding(
        code,
        severity,
        message,
        row.place,
        "Rows of one state, role and event are tried from top to bottom.",
        row=row.index,
        state=None if row.from_state == ANY_STATE else row.from_state,
        fix={"operation": "delete_row", "arguments": {"row": row.index}}
        if code == "DET202"
        else None,
    )


def rows_of_both_roles(graph: Graph) -> Iterator[Finding]:
    """DET203, DET204: a row of Both that a row of UAC or UAS takes the event from."""
    specific: dict[Key, list[Row]] = defaultdict(list)
    for row in graph.table.rows:
        if row.role != "Both":
            specific[row.from_state, row.role, row.event, row.after].append(row)
    for row in graph.table.rows:
        if row.role != "Both":
            continue
        guards = conjuncts(row)
        roles = graph.roles(row)
        hiding: dict[str, Row] = {}
        for role in roles:
            for other in specific.get((row.from_state, role, row.event, row.after), ()):
                if conjuncts(other) <= guards:
                    hiding.setdefault(role, other)
        if hiding:
            yield from _collision(row, hiding, roles)


def _collision(row: Row, hiding: dict[str, Row], roles: tuple[str, ...]) -> Iterator[Finding]:
    state = None if row.from_state == ANY_STATE else row.from_state
    numbers = " and ".join(str(other.index + 1) for other in hiding.values())
    if len(hiding) == len(roles):
        yield Finding(
            "DET203",
            Severity.ERROR,
            f"This row of Both never fires: {row.label} {where(row)} is taken by the more "
            f"specific row {numbers}.",
            row.place,
            "A row of the session's own role goes before a row of Both.",
            row=row.index,
            state=state,
        )
        return
    for role, other in hiding.items():
        if result_of(other) == result_of(row):
            yield Finding(
                "DET202",
                Severity.WARNING,
                f"Row {other.index + 1} says for {role} what row {row.index + 1} says for both "
                "roles; remove it.",
                other.place,
                row=other.index,
                state=state,
            )
            continue
        rest = next(r for r in roles if r not in hiding)
        yield Finding(
            "DET204",
            Severity.ERROR,
            f"Row {row.index + 1} of Both collides with row {other.index + 1} of {role} on "
            f"{row.label} {where(row)}; if it is meant for {rest} only, say so.",
            row.place,
            "The more specific role wins silently, and the two rows do different things.",
            row=row.index,
            state=state,
            fix={
                "operation": "change_row",
                "arguments": {"row": row.index, "field": "role", "value": rest},
            },
        )


def wildcards_hidden(graph: Graph) -> Iterator[Finding]:
    """DET205: a wildcard row that every state it could serve takes the event from."""
    if not graph.wild:
        return
    taken: dict[tuple[str, str, str], list[frozenset[str]]] = defaultdict(list)
    for row in graph.table.rows:
        if row.from_state != ANY_STATE:
            for role in graph.roles(row):
                taken[row.from_state, role, row.event].append(conjuncts(row))
    serving = {role: list(_serving(graph, role)) for role in SESSION_ROLES}
    for row in graph.wild:
        guards = conjuncts(row)
        places = [(state, role) for role in graph.roles(row) for state in serving[role]]
        if places and all(
            row.event in graph.table.states[state].ignore
            or any(other <= guards for other in taken.get((state, role, row.event), ()))
            for state, role in places
        ):
            yield Finding(
                "DET205",
                Severity.WARNING,
                f"This row of any state never fires: every state takes {row.label} itself.",
                row.place,
                "It would silently step in where a state's own row is deleted later.",
                row=row.index,
            )


def _serving(graph: Graph, role: str) -> Iterator[str]:
    """The states in which a session of the role can be and take an event."""
    for state in graph.table.states.values():
        if not state.final and not state.initial and state.name in graph.reachable[role]:
            yield state.name


def ignored_twice(graph: Graph) -> Iterator[Finding]:
    """DET205: a state ignores an event that its own rows take in any case."""
    for state in graph.table.states.values():
        for event in state.ignore:
            sure = {
                role
                for row in graph.own.get(state.name, ())
                if row.event == event and not row.guards
                for role in graph.roles(row)
            }
            if sure >= set(SESSION_ROLES):
                yield Finding(
                    "DET205",
                    Severity.WARNING,
                    f"{state.name} ignores {event}, but its own rows take every {event}; "
                    "remove it from ignore.",
                    state.place,
                    state=state.name,
                )


RULES = (rows_of_one_class, rows_of_both_roles, wildcards_hidden, ignored_twice)
