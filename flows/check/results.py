"""What rules compare of two rows: their guards as conjuncts, and what they do."""

from __future__ import annotations

from typing import Any

from flows.expressions import Both, text_of
from flows.table import ANY_STATE, Row

_NONE: frozenset[str] = frozenset()


def conjuncts(row: Row) -> frozenset[str]:
    """Return the guards of a row as a set of texts that all must hold."""
    if not row.guards:
        return _NONE
    texts: set[str] = set()
    for guard in row.guards:
        node = guard.expression.node
        operands = node.operands if isinstance(node, Both) else (node,)
        texts.update(text_of(operand) for operand in operands)
    return frozenset(texts)


def result_of(row: Row) -> tuple[Any, ...]:
    """Return what a row does, apart from when: equal for rows that do the same."""
    actions = tuple(
        (word.name, tuple(sorted(map(str, word.arguments.items())))) for word in row.actions
    )
    changes = tuple((name, expression.text) for name, expression in row.set)
    return actions, changes, row.next_state, row.publish, row.ignore is None


def where(row: Row) -> str:
    return "in any state" if row.from_state == ANY_STATE else f"in {row.from_state}"
