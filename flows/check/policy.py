"""Rules of the house rather than of SIP: size, and what may never be cut off (POL981, POL983)."""

from __future__ import annotations

from collections.abc import Iterator

from flows.check.coverage import Phase, phases_of
from flows.findings import Finding, Severity
from flows.graph import SESSION_ROLES, Graph
from flows.table import ANY_STATE, TIMER_EVENT

MOST_ROWS_OF_A_STATE = 100
MOST_ACTIONS_OF_A_ROW = 30
_ENDING = ("SendBYE", "CleanupDialog")


def sizes(graph: Graph) -> Iterator[Finding]:
    """POL981: more than anybody can oversee."""
    for name, rows in graph.own.items():
        state = graph.table.states.get(name)
        if state is not None and len(rows) > MOST_ROWS_OF_A_STATE:
            yield Finding(
                "POL981",
                Severity.WARNING,
                f"{name} has {len(rows)} rows; more than {MOST_ROWS_OF_A_STATE} are hard to "
                "oversee. Part the state, or let a row of any state say what all have in common.",
                state.place,
                state=name,
            )
    for row in graph.table.rows:
        if len(row.actions) > MOST_ACTIONS_OF_A_ROW:
            yield Finding(
                "POL981",
                Severity.WARNING,
                f"This row has {len(row.actions)} actions; more than {MOST_ACTIONS_OF_A_ROW} are "
                "hard to oversee.",
                row.place,
                row=row.index,
                state=None if row.from_state == ANY_STATE else row.from_state,
            )


def emergency_calls(graph: Graph) -> Iterator[Finding]:
    """POL983: a timer that ends a call that is up, in a flow for emergency calls."""
    if "emergency" not in graph.table.features:
        return
    told: set[int] = set()
    for role in SESSION_ROLES:
        phases = phases_of(graph, role)
        for name, state in graph.table.states.items():
            if Phase.CONFIRMED not in phases[name]:
                continue
            for row in graph.own_rows(name, role):
                ends = any(word.name in _ENDING for word in row.actions)
                if row.event == TIMER_EVENT and ends and row.index not in told:
                    told.add(row.index)
                    yield Finding(
                        "POL983",
                        Severity.ERROR,
                        f"This timer cuts off a call that is up in {state.name}, and this flow "
                        "takes emergency calls: only the caller may end them.",
                        row.place,
                        "A flow that claims the feature emergency is held to it.",
                        row=row.index,
                        state=name,
                    )


RULES = (sizes, emergency_calls)
