"""What is known of the values that guards read: kinds, ranges, and what nothing ever writes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from flows.decide import ANYTHING, BOOLEAN, FIELD, Budget, Domain, TooLarge, fixed, satisfying
from flows.expressions import (
    Both,
    Constant,
    EventField,
    Expression,
    Name,
    Node,
    Not,
    Sum,
    conjunction,
)
from flows.graph import SESSION_ROLES, Graph
from flows.table import Table
from flows.vocabulary import ACTIONS, CONDITIONS, EVENTS, GUARDS, Kind, state_facts

MAX_QUESTIONS = 3000
"""Questions about guards that one table may ask; a table of sense asks a few dozen."""

_CODES = {
    "Dialog180Ringing": (180, 180),
    "Dialog183SessionProgress": (101, 199),
    "DialogReliableProgress": (101, 199),
    "Dialog200OK": (200, 299),
    "Dialog3xxRedirect": (300, 399),
    "AuthRequired": (401, 407),
    "SessionIntervalTooSmall": (422, 422),
    "ReinviteGlare": (491, 491),
    "Dialog487RequestTerminated": (487, 487),
    "Dialog4xxFailure": (400, 499),
    "Dialog5xxFailure": (500, 599),
    "Dialog6xxFailure": (600, 699),
    "TransferAccepted": (200, 299),
    "TransferProgress": (100, 199),
    "TransferSuccess": (200, 299),
    "TransferFailed": (300, 699),
    "RegistrationFailed": (300, 699),
    "UnregistrationFailed": (300, 699),
}
"""The status codes with which an event comes (RFC 3261 21)."""

Known = tuple[tuple[str, Domain], ...]
Guards = tuple[Expression, ...]
Answer = tuple[tuple[str, Any], ...] | None


class Question(NamedTuple):
    """Can all of `wanted` hold, and of each group in `unwanted` not all?"""

    wanted: Guards
    unwanted: tuple[Guards, ...] = ()


class Facts:
    """The domains of a table's names; asks the decision procedure and keeps count."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.left = MAX_QUESTIONS
        self.variables: Known = tuple(_variables(graph.table).items())
        self.written = {role: _written(graph, role) for role in SESSION_ROLES}
        self._constant: dict[tuple[str, ...], Known] = {}

    def never_written(self, roles: tuple[str, ...]) -> Known:
        """Return the names that no row of these roles writes, each with its one value."""
        known = self._constant.get(roles)
        if known is None:
            written = set().union(*(self.written[role] for role in roles))
            values: dict[str, Any] = {name: word.initially for name, word in CONDITIONS.items()}
            values.update(self.graph.table.variables)
            known = tuple((n, fixed(value)) for n, value in values.items() if n not in written)
            self._constant[roles] = known
        return known

    def example(
        self, question: Question, state: str, event: str, constant: Known = ()
    ) -> dict[str, Any] | None:
        """Return values that answer yes, in this state on this event, or None; raises TooLarge."""
        self.left -= 1
        if self.left < 0:
            raise TooLarge("there are too many guards to compare")
        known = self.graph.table.states.get(state)
        facts = tuple(state_facts(known).items()) if known is not None else ()
        answer = _asked(question, facts, event, self.variables, constant)
        if isinstance(answer, str):
            raise TooLarge(answer)
        return None if answer is None else dict(answer)


def forget() -> None:
    """Forget the answers that are kept from one look at a table to the next."""
    _asked.cache_clear()


@lru_cache(maxsize=16384)
def _asked(
    question: Question,
    facts: tuple[tuple[str, bool], ...],
    event: str,
    variables: Known,
    constant: Known,
) -> Answer | str:
    """Remembered, as an editor asks the same questions at every keystroke; a text is a refusal."""
    domains = {
        **{name: BOOLEAN for name in GUARDS},
        **dict(variables),
        **{name: fixed(value) for name, value in facts},
        **event_fields(event),
        **dict(constant),
    }
    nodes = [expression.node for expression in question.wanted]
    nodes += [Not(conjunction(list(group)).node) for group in question.unwanted]
    try:
        found = satisfying(Both(tuple(nodes)), domains, Budget())
    except TooLarge as reason:
        return str(reason)
    return None if found is None else tuple(found.items())


def event_fields(event: str) -> dict[str, Domain]:
    """Return what the fields of an event can be, by the keys that `decide` knows them by."""
    word = EVENTS.get(event)
    if word is None:
        return {}
    sure = word.kind is Kind.MESSAGE
    domains: dict[str, Domain] = {}
    for name, kind in word.fields.items():
        if kind == "integer":
            low, high = _CODES.get(event, (None, None)) if name == "code" else (None, None)
            kinds = ("integer",) if sure else ("integer", "none")
            domains[FIELD + name] = Domain(frozenset(kinds), low, high)
        elif kind == "number":
            domains[FIELD + name] = Domain(frozenset(("number", "none")))
        else:
            domains[FIELD + name] = Domain(frozenset(("text", "none")))
    return domains


def _variables(table: Table) -> dict[str, Domain]:
    """The kinds a variable's value can be of: its first value's, and those `set` gives it."""
    kinds = {name: {_kind(value)} for name, value in table.variables.items()}
    changes = [(name, e.node, row.event) for row in table.rows for name, e in row.set]
    for row in table.rows:
        for word in row.actions:
            if word.name == "SetCondition" and word.arguments.get("condition") in kinds:
                kinds[word.arguments["condition"]].add("boolean")
    growing = True
    while growing:
        growing = False
        for name, node, event in changes:
            if name in kinds and not (found := _kinds_of(node, kinds, event)) <= kinds[name]:
                kinds[name] |= found
                growing = True
    return {name: Domain(frozenset(found)) for name, found in kinds.items()}


def _kind(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, float) else "text"


def _kinds_of(node: Node, kinds: Mapping[str, set[str]], event: str) -> set[str]:
    match node:
        case Constant(value):
            return {_kind(value)}
        case Name(name):
            return set(kinds.get(name, {"boolean"}))
        case EventField(name):
            domain = event_fields(event).get(FIELD + name, ANYTHING)
            return set(domain.kinds)
        case Sum(_, left, right):
            parts = _kinds_of(left, kinds, event) | _kinds_of(right, kinds, event)
            sums = parts & {"integer", "number"}
            return sums | {"none"} if parts - sums else sums
    return {"boolean"}


def _written(graph: Graph, role: str) -> set[str]:
    """The conditions and variables that some row of the role writes with a value of its own."""
    values: dict[str, Any] = {name: word.initially for name, word in CONDITIONS.items()}
    written: set[str] = set()
    for row in graph.table.rows:
        if role not in graph.roles(row):
            continue
        event = EVENTS.get(row.event)
        effects = [event.effect] if event is not None else []
        for word in row.actions:
            declared = ACTIONS.get(word.name)
            if declared is not None and "condition" not in declared.parameters:
                effects.append(declared.sets)
            elif "condition" in word.arguments:
                written.add(word.arguments["condition"])
        for effect in effects:
            written |= {name for name, value in effect.items() if values.get(name) != value}
        written |= {name for name, _ in row.set}
    return written
