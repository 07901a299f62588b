"""Counters that only ever grow, though the place where they count is come to again (DET210)."""

from __future__ import annotations

from collections.abc import Iterator

from flows.expressions import Both, Comparison, Name, Node, Sum
from flows.findings import Finding, Severity
from flows.graph import Graph
from flows.table import ANY_STATE, Row, Table


def never_reset(graph: Graph) -> Iterator[Finding]:
    """Tell of a limit that a session has used up when it comes back for another round."""
    table = graph.table
    for name in _counters(table):
        told: set[str] = set()
        for row in table.rows:
            state = row.from_state
            counts = any(changed == name for changed, _ in row.set) and _limited(row, name)
            if not counts or state == ANY_STATE or state in told:
                continue
            if any(_comes_back(graph, state, role, name) for role in graph.roles(row)):
                told.add(state)
                yield Finding(
                    "DET210",
                    Severity.WARNING,
                    f"{name} is counted in {state} and never set back, but a call that went on "
                    "from there can come again: then its tries are used up.",
                    row.place,
                    "Set it back where the call goes on, or where it comes again.",
                    row=row.index,
                    state=state,
                    confidence="heuristic",
                )


def _counters(table: Table) -> list[str]:
    """Variables of which every change adds to what they were."""
    grows: dict[str, bool] = {}
    for row in table.rows:
        for name, expression in row.set:
            node = expression.node
            adds = isinstance(node, Sum) and node.operator == "+" and name in expression.names
            grows[name] = grows.get(name, True) and adds
    return [name for name, grown in grows.items() if grown]


def _limited(row: Row, name: str) -> bool:
    """Whether a guard of the row holds only while the counter is small."""
    return any(_below(guard.expression.node, name) for guard in row.guards)


def _below(node: Node, name: str) -> bool:
    if isinstance(node, Both):
        return any(_below(operand, name) for operand in node.operands)
    if not isinstance(node, Comparison):
        return False
    small = {"<": node.left, "<=": node.left, ">": node.right, ">=": node.right}
    side = small.get(node.operator)
    return isinstance(side, Name) and side.name == name


def _comes_back(graph: Graph, state: str, role: str, name: str) -> bool:
    """Whether rows that do not count lead out of the state, and others back into it."""
    onward = {
        row.next_state
        for row in graph.rows(state, role)
        if row.next_state not in (None, state) and all(n != name for n, _ in row.set)
    }
    seen: set[str] = set()
    waiting = [s for s in onward if s is not None]
    while waiting:
        here = waiting.pop()
        if here == state:
            return True
        if here in seen or graph.table.states[here].final:
            continue
        seen.add(here)
        waiting += [row.next_state for row in graph.rows(here, role) if row.next_state is not None]
    return False


RULES = (never_reset,)
