"""The shape of the graph: what is never reached, what is never left (REA301 to REA308)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flows.findings import Finding, Severity
from flows.graph import SESSION_ROLES, Graph, closure, reverse
from flows.table import ANY_STATE, Row
from flows.vocabulary import EVENTS, Kind


def unreachable_states(graph: Graph) -> Iterator[Finding]:
    """REA301: no row leads from the initial state to this state, in either role.

    A warning, not an error: an operator who lets the first row refuse every call leaves all other
    states behind, and that change has to be deployable at once. Nothing can go wrong in a state
    that no call comes to.
    """
    reached = set().union(*graph.reachable.values())
    for state in graph.table.states.values():
        if state.name not in reached:
            yield Finding(
                "REA301",
                Severity.WARNING,
                f"No call ever comes to {state.name}: no chain of rows leads there from "
                f"{graph.table.initial}.",
                state.place,
                "Its rows are written for nothing, and what should lead there leads elsewhere.",
                state=state.name,
            )


def dead_ends(graph: Graph) -> Iterator[Finding]:
    """REA304: a state that is entered, is not final and is never left."""
    entered, cut_off = graph.entered(), _cut_off(graph)
    for state in graph.table.states.values():
        if state.final or state.name not in entered:
            continue
        stuck = [
            role
            for role in SESSION_ROLES
            if not graph.leaves(state.name, role)
            and (state.name in graph.reachable[role] or state.name in cut_off[role])
        ]
        if not stuck or (state.initial and len(stuck) == 1):
            continue
        who = "" if len(stuck) == 2 or _one_role(graph) else f" as {stuck[0]}"
        yield Finding(
            "REA304",
            Severity.ERROR,
            f"A call that comes to {state.name}{who} stays there for ever: no row leads on. "
            "Add a row to another state.",
            state.place,
            "Such a call is ended only by the maximum life of a session.",
            state=state.name,
        )


def _cut_off(graph: Graph) -> dict[str, set[str]]:
    """For each role the states it could enter if anybody came to where its rows begin."""
    entered: dict[str, set[str]] = {role: set() for role in SESSION_ROLES}
    for row in graph.table.rows:
        if row.next_state is not None:
            for role in graph.roles(row):
                entered[role].add(row.next_state)
    everywhere = set().union(*(graph.reachable[role] for role in SESSION_ROLES))
    return {role: states - everywhere for role, states in entered.items()}


def _one_role(graph: Graph) -> bool:
    """Whether the table speaks for one role only, so that naming it would be noise."""
    return len({role for row in graph.table.rows for role in graph.roles(row)}) == 1


def no_way_to_the_end(graph: Graph) -> Iterator[Finding]:
    """REA305: a state that is left, but from which no final state can be reached.

    What only leads into a dead end is left to REA304, which names the dead end itself.
    """
    told: set[str] = set()
    for role in SESSION_ROLES:
        edges = graph.successors[role]
        backwards = reverse(edges)
        stuck = [name for name in graph.table.states if not edges[name] - {name}]
        fine = closure(backwards, graph.ends()) | closure(backwards, stuck)
        for name in graph.table.states:
            if name in fine or name not in graph.reachable[role] or name in told:
                continue
            told.add(name)
            yield Finding(
                "REA305",
                Severity.ERROR,
                f"From {name} a call can never end as {role}: no chain of rows leads to a final "
                "state.",
                graph.table.states[name].place,
                state=name,
            )


def rows_of_final_states(graph: Graph) -> Iterator[Finding]:
    """REA307: a row that begins in a final state."""
    for row in graph.table.rows:
        state = graph.table.states.get(row.from_state)
        if state is not None and state.final:
            yield Finding(
                "REA307",
                Severity.ERROR,
                f"{state.name} is final: the session is over and this row never fires.",
                row.place,
                row=row.index,
                state=state.name,
                fix={"operation": "delete_row", "arguments": {"row": row.index}},
            )


def empty_rows(graph: Graph) -> Iterator[Finding]:
    """REA308: a row that takes its event and does nothing, without saying that it is on purpose."""
    for row in graph.table.rows:
        if _does_nothing(graph, row):
            yield Finding(
                "REA308",
                Severity.WARNING,
                f"This row takes {row.label} and does nothing; if that is meant, say why with "
                "ignore.",
                row.place,
                row=row.index,
                state=None if row.from_state == ANY_STATE else row.from_state,
                confidence="heuristic",
                fix=_ignored(row),
            )


def _ignored(row: Row) -> dict[str, Any] | None:
    """The edit that says the row does nothing on purpose; not where it names a target as well."""
    if row.next_state is not None:
        return None
    reason = "Nothing is to be done here."
    return {
        "operation": "change_row",
        "arguments": {"row": row.index, "field": "ignore", "value": reason},
    }


def _does_nothing(graph: Graph, row: Row) -> bool:
    if row.actions or row.set or row.publish or row.ignore is not None:
        return False
    word = EVENTS.get(row.event)
    if word is not None and word.kind is Kind.INTERNAL and word.effect:
        return False  # what it sets is set only where a row takes it
    if row.next_state is None:
        return True
    if row.next_state != row.from_state:
        return False
    return all(other.after is None for other in graph.own.get(row.from_state, ()))


RULES = (
    unreachable_states,
    dead_ends,
    no_way_to_the_end,
    rows_of_final_states,
    empty_rows,
)
