"""Which values are worth trying for the fields of events, and how far numbers are told apart.

Guards compare fields with constants, so the constants of a table, their neighbours and one value
beside them all stand for every value there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from flows.expressions import (
    Both,
    Comparison,
    Constant,
    Either,
    EventField,
    Membership,
    Node,
    Not,
    Sum,
)
from flows.table import Row, Table
from flows.vocabulary import ACTIONS, EXPANSIONS

OTHER = "other"
"""Stands for every text no guard names."""

UNLIMITED = 10.0**15
"""Where numbers stop in the language itself."""
CODES: dict[str, tuple[int, int, int]] = {
    "Dialog3xxRedirect": (300, 399, 302),
    "AuthRequired": (401, 407, 401),
    "SessionIntervalTooSmall": (422, 422, 422),
    "ReinviteGlare": (491, 491, 491),
    "Dialog487RequestTerminated": (487, 487, 487),
    "Dialog4xxFailure": (400, 499, 486),
    "Dialog5xxFailure": (500, 599, 503),
    "Dialog6xxFailure": (600, 699, 603),
    "Dialog183SessionProgress": (183, 183, 183),
    "Dialog180Ringing": (180, 180, 180),
    "DialogReliableProgress": (101, 199, 183),
    "Dialog200OK": (200, 200, 200),
    "TransferAccepted": (200, 299, 202),
    "TransferProgress": (100, 199, 180),
    "TransferSuccess": (200, 299, 200),
    "TransferFailed": (300, 699, 603),
    "RegistrationFailed": (300, 699, 403),
    "UnregistrationFailed": (300, 699, 403),
    "UpdateAccepted": (200, 200, 200),
    "UpdateRefused": (300, 699, 488),
    "RequestAnswered": (200, 699, 200),
    "MessageDelivered": (200, 299, 200),
    "MessageFailed": (300, 699, 480),
    "SubscriptionFailed": (300, 699, 403),
    "PublicationFailed": (300, 699, 403),
    "LinkedRinging": (180, 183, 180),
    "LinkedFailed": (300, 699, 486),
}
"""Event to the codes it may carry, lowest and highest, and the one that stands for all."""
_OWN_EVENT = frozenset((401, 407, 422, 487, 491))
_OWN_OF = {
    "RegistrationFailed": frozenset((401, 407)),
    "UnregistrationFailed": frozenset((401, 407)),
    "UpdateRefused": frozenset((401, 407)),
    "RequestAnswered": frozenset((401, 407)),
    "MessageFailed": frozenset((401, 407)),
    "TransferFailed": frozenset((401, 407)),
    "SubscriptionFailed": frozenset((401, 407)),
    "PublicationFailed": frozenset((401, 407)),
    "LinkedRinging": frozenset((181, 182)),
}


class Domain:
    """What the rows of a table look at in events and in numbers."""

    def __init__(self, table: Table) -> None:
        self.read: dict[str, set[str]] = defaultdict(set)
        """Event to the fields that guards and `set` of its rows read."""
        self.constants: dict[str, set[Any]] = defaultdict(set)
        """Field to the constants it is compared with; no name for those of everything else."""
        self.cap = 1.0
        """Larger than every number of the table: beyond it numbers are not told apart."""
        self.kept = {name for row in table.rows for _, e in row.set for name in e.fields}
        """Fields that `set` keeps in a variable: what that is compared with stands for them too."""
        for row in table.rows:
            for expression in _expressions(row):
                self.read[row.event] |= expression.fields
                for name, value in _compared(expression.node):
                    self.constants[name].add(value)
                    if name:
                        if not self.kept:
                            continue  # no number of the session is compared with this one
                    if isinstance(value, int | float) and not isinstance(value, bool):
                        self.cap = max(self.cap, abs(value) + 1)
            if any(_subtracts(expression.node) for _, expression in row.set):
                # What counts down comes back from beyond any cap.
                self.cap = UNLIMITED
        numbers = [v for v in table.variables.values() if isinstance(v, int | float)]
        self.cap = max(self.cap, *(abs(v) + 1 for v in numbers), 0)
        self.names = _names(table)
        """The conditions and variables that anything reads."""

    def codes(self, event: str, usual: int = 0) -> list[int]:
        """Return the codes worth trying for a response event."""
        low, high, standard = CODES[event]
        codes = {usual or standard}
        if "code" in self.read[event]:
            for value in self.constants["code"]:
                if isinstance(value, int):
                    codes |= {value, value + 1, value - 1}
        if event == "AuthRequired":
            return sorted(codes & {401, 407}) or [401]
        own = _OWN_EVENT if event == "Dialog4xxFailure" else _OWN_OF.get(event, frozenset())
        return sorted(c for c in codes if low <= c <= high and c not in own)

    def texts(self, event: str, field: str) -> list[Any]:
        """Return the texts worth trying for a field of an event."""
        if field not in self.read[event]:
            return [OTHER]
        named = {str(v) for v in self.constants[field] if not isinstance(v, bool)}
        named |= {v for v in self.named(field) if isinstance(v, str)}
        return [*sorted(named), OTHER]

    def named(self, field: str) -> set[Any]:
        """Return the constants that the field, or what keeps it, is compared with."""
        beside = self.constants[""] if field in self.kept else set()
        return self.constants[field] | beside

    def limited(self, value: Any) -> Any:
        """Return the value, or the cap in its place if it is a number beyond it."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        return max(-self.cap, min(self.cap, value))


def _names(table: Table) -> frozenset[str]:
    names: set[str] = set(table.variables)
    for row in table.rows:
        for expression in _expressions(row):
            names |= expression.names
            names |= expression.expanded(EXPANSIONS).names
        for word in row.actions:
            contract = ACTIONS.get(word.name)
            names |= set(contract.requires) if contract is not None else set()
    names.add("HasLocalSDP")
    return frozenset(names)


def _subtracts(node: Node) -> bool:
    match node:
        case Sum(operator, left, right):
            return operator == "-" or _subtracts(left) or _subtracts(right)
    return False


def _expressions(row: Row) -> Iterator[Any]:
    yield from (guard.expression for guard in row.guards)
    yield from (expression for _, expression in row.set)


def _compared(node: Node) -> Iterator[tuple[str, Any]]:
    """Yield each constant with the field it is compared with, or with no name."""
    match node:
        case Not(operand):
            yield from _compared(operand)
        case Both(operands) | Either(operands):
            for operand in operands:
                yield from _compared(operand)
        case Membership(operand, choices):
            name = operand.name if isinstance(operand, EventField) else ""
            yield from ((name, choice) for choice in choices)
        case Comparison(_, left, right) | Sum(_, left, right):
            for one, other in ((left, right), (right, left)):
                if isinstance(one, Constant):
                    yield other.name if isinstance(other, EventField) else "", one.value
                else:
                    yield from _compared(one)
        case Constant(value):
            yield "", value
