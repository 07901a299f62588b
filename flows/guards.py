"""Guards and `set` of a row: expressions whose every name is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows import document as nodes
from flows.expressions import Expression, ExpressionError, literal, parse
from flows.reading import Notebook, described, kind_of, shown, with_word
from flows.suggest import did_you_mean
from flows.table import TIMER_EVENT, Guard
from flows.vocabulary import EVENTS, EXPANSIONS, GUARDS


class GuardReader:
    """Reads guards and `set` against the conditions of the language and a table's variables."""

    def __init__(self, notes: Notebook, variables: Mapping[str, Any]) -> None:
        self.notes = notes
        self.variables = variables
        self._known: dict[str, Expression] = {}
        """Guards read already that look at no event, by their text."""

    def guards(self, node: nodes.Node | None, event: str | None) -> tuple[Guard, ...]:
        if node is None:
            return ()
        split = isinstance(node, nodes.Sequence) and node.flow
        guards = (self._guard(item, event, split) for item in self.notes.items(node, "`guards`"))
        return tuple(guard for guard in guards if guard is not None)

    def _guard(self, node: nodes.Node, event: str | None, in_flow: bool) -> Guard | None:
        if not isinstance(node, nodes.Scalar):
            self.notes.error(
                "SYN003",
                f"A guard is a name or an expression, not a {kind_of(node)}; "
                'write it in quotes, such as "not MediaReady".',
                node.place,
            )
            return None
        expression = self._known.get(node.text) if event is not None else None
        if expression is None:
            expression = self._expression(node, in_flow)
            if expression is None:
                return None
            if self._resolved(expression, node, event) and not expression.fields:
                self._known[node.text] = expression
        return Guard(expression.text, expression.expanded(EXPANSIONS), node.place)

    def _expression(self, node: nodes.Scalar, in_flow: bool) -> Expression | None:
        try:
            return parse(node.text)
        except ExpressionError as problem:
            hint = ""
            if in_flow and node.plain and node.text.count("(") != node.text.count(")"):
                hint = " Inside [...] a comma splits: put the whole expression in quotes."
            self.notes.error(
                "NAM104",
                f"{described(node)} can not be read: {problem.message}{hint}",
                node.place,
            )
            return None

    def _resolved(self, expression: Expression, node: nodes.Scalar, event: str | None) -> bool:
        """Report the unknown names and fields of an expression; true if there are none."""
        fine = True
        for name in sorted(expression.names - GUARDS.keys() - self.variables.keys()):
            known = (*GUARDS, *self.variables)
            close = self.notes.suggestion("guard", name, known)
            self.notes.error(
                "NAM104",
                f"No condition, guard or variable is called {shown(name)}{did_you_mean(close)}",
                node.place,
                "A guard on something unknown never holds; a text is written in quotes.",
                with_word(node, name, close),
            )
            fine = False
        word = EVENTS.get(event) if event is not None else None
        allowed: Mapping[str, str] = word.fields if word is not None else {}
        if word is not None or event == TIMER_EVENT:
            for name in sorted(expression.fields - allowed.keys()):
                has = f"it has {', '.join(allowed)}" if allowed else "it has no fields"
                self.notes.error(
                    "NAM104", f"{event} has no field {shown(name)}: {has}.", node.place
                )
                fine = False
        return fine

    def changes(
        self, node: nodes.Node | None, event: str | None
    ) -> tuple[tuple[str, Expression], ...]:
        changes: list[tuple[str, Expression]] = []
        for entry in self.notes.entries(node, "`set`"):
            name = entry.key.text
            if name not in self.variables:
                self._unknown_variable(name, entry.key)
            if not isinstance(entry.value, nodes.Scalar):
                self.notes.error(
                    "SYN003", f"The new value of {shown(name)} is an expression.", entry.value.place
                )
                continue
            if not entry.value.text:
                changes.append((name, literal(None)))
                continue
            expression = self._expression(entry.value, False)
            if expression is not None:
                self._resolved(expression, entry.value, event)
                changes.append((name, expression.expanded(EXPANSIONS)))
        return tuple(changes)

    def _unknown_variable(self, name: str, key: nodes.Scalar) -> None:
        if name in GUARDS:
            tail = f": {name} is a condition, which the action SetCondition changes."
        else:
            tail = did_you_mean(self.notes.suggestion("variable", name, self.variables))
        self.notes.error(
            "NAM104",
            f"No variable is called {shown(name)}{tail}",
            key.place,
            "Variables are declared under variables with their initial value.",
        )
