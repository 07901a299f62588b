"""Words that exist but that this runtime does not do: nothing is a silent no-op (META996)."""

from __future__ import annotations

from collections.abc import Iterator

from flows.findings import Finding, Severity
from flows.graph import Graph
from flows.vocabulary import ACTIONS, EVENTS, GUARDS


def actions_performed(graph: Graph) -> Iterator[Finding]:
    """META996 (error): an action of the vocabulary that no leg of this runtime performs."""
    for row in graph.table.rows:
        for word in row.actions:
            declared = ACTIONS.get(word.name)
            if declared is not None and not declared.performed:
                yield Finding(
                    "META996",
                    Severity.ERROR,
                    f"This runtime does not perform {word.name} yet; remove it from the row.",
                    word.place,
                    "A row that names it would fail with ActionFailed in every call.",
                    row=row.index,
                    state=row.from_state,
                )


def events_given(graph: Graph) -> Iterator[Finding]:
    """META996 (warning): an event or condition that nothing in this runtime ever gives."""
    for row in graph.table.rows:
        word = EVENTS.get(row.event)
        if word is not None and not word.performed:
            yield Finding(
                "META996",
                Severity.WARNING,
                f"Nothing in this runtime gives {row.event} yet, so this row never fires.",
                row.place,
                row=row.index,
                state=row.from_state,
            )
        for guard in row.guards:
            for name in sorted(guard.expression.names):
                declared = GUARDS.get(name)
                if declared is not None and not declared.performed:
                    yield Finding(
                        "META996",
                        Severity.WARNING,
                        f"Nothing in this runtime sets {name} yet, so it is always false.",
                        guard.place,
                        row=row.index,
                        state=row.from_state,
                    )


RULES = (actions_performed, events_given)
