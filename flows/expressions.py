"""The expressions of guards and of `set`: a small closed language, parsed once, never `eval`.

    retries < 3 and event.code in (486, 600)

Names are conditions and variables, `event.x` is a field of the event. There are numbers, strings,
`true`, `false`, `and`, `or`, `not`, comparisons, `in (...)`, and `+`, `-` on numbers. Nothing
raises while it runs: a value that is missing or of the wrong kind makes a comparison false and a
sum `None`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flows.grammar import ExpressionError, tree_of
from flows.terms import (
    Both,
    Comparison,
    Constant,
    Either,
    EventField,
    Membership,
    Name,
    Node,
    Not,
    Sum,
    text_of,
)

__all__ = [
    "Both",
    "Comparison",
    "Constant",
    "Either",
    "EventField",
    "Expression",
    "ExpressionError",
    "Function",
    "Membership",
    "Name",
    "Node",
    "Not",
    "Sum",
    "conjunction",
    "from_node",
    "literal",
    "parse",
    "text_of",
]

Values = Mapping[str, Any]
Function = Callable[[Values, Values], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A parsed expression. Two with the same canonical text are equal."""

    text: str
    """Canonical: one blank between words, the words in lower case, strings in double quotes."""
    node: Node
    names: frozenset[str]
    fields: frozenset[str]
    function: Function

    def evaluate(self, values: Values, fields: Values) -> Any:
        """Return the value with these conditions and variables and these fields of the event."""
        return self.function(values, fields)

    def partial(self, known: Values) -> Expression:
        """Return the expression with these names replaced by their values and folded."""
        if not self.names & known.keys():
            return self
        return _finished(_folded(self.node, known))

    def expanded(self, definitions: Mapping[str, Expression]) -> Expression:
        """Return the expression with these names replaced by the expressions they stand for."""
        if not self.names & definitions.keys():
            return self
        return _finished(_folded(self.node, {k: e.node for k, e in definitions.items()}))

    @property
    def constant(self) -> bool | None:
        """True or False for an expression that no value can change, else None."""
        return bool(self.node.value) if isinstance(self.node, Constant) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __reduce__(self) -> tuple[Callable[[str], Expression], tuple[str]]:
        return parse, (self.text,)


def parse(text: str) -> Expression:
    """Parse the text of a guard or of a `set` value; raises ExpressionError and nothing else."""
    known = _SIMPLE.get(text)
    if known is not None:
        return known
    expression = _finished(tree_of(text))
    if len(_SIMPLE) < 4096:
        _SIMPLE[text] = expression
    return expression


_SIMPLE: dict[str, Expression] = {}
"""Texts already parsed: expressions are immutable, and tables repeat the same few guards."""


def forget() -> None:
    """Forget the texts already parsed."""
    _SIMPLE.clear()


def literal(value: Any) -> Expression:
    """Return the expression of a plain value: a number, a string, true, false or None."""
    return _finished(Constant(value))


def from_node(node: Node) -> Expression:
    """Return the expression of a tree."""
    return _finished(node)


def conjunction(expressions: list[Expression]) -> Expression:
    """Join the guards of a row: all must hold."""
    if len(expressions) == 1:
        return expressions[0]
    return _finished(Both(tuple(e.node for e in expressions)))


# -- tree to closure -------------------------------------------------------------------------------


def _finished(node: Node) -> Expression:
    names: set[str] = set()
    fields: set[str] = set()
    _collect(node, names, fields)
    return Expression(text_of(node), node, frozenset(names), frozenset(fields), _closure(node))


def _collect(node: Node, names: set[str], fields: set[str]) -> None:
    match node:
        case Name(name):
            names.add(name)
        case EventField(name):
            fields.add(name)
        case Not(operand) | Membership(operand, _):
            _collect(operand, names, fields)
        case Both(operands) | Either(operands):
            for operand in operands:
                _collect(operand, names, fields)
        case Comparison(_, left, right) | Sum(_, left, right):
            _collect(left, names, fields)
            _collect(right, names, fields)
        case Constant():
            pass


def _closure(node: Node) -> Function:
    match node:
        case Constant(value):
            return lambda values, fields: value
        case Name(name):
            return lambda values, fields: values.get(name)
        case EventField(name):
            return lambda values, fields: fields.get(name)
        case Not(Name(name)):
            return lambda values, fields: not values.get(name)
        case Not(operand):
            inner = _closure(operand)
            return lambda values, fields: not inner(values, fields)
        case Both(operands):
            return _all([_closure(o) for o in operands])
        case Either(operands):
            return _any([_closure(o) for o in operands])
        case Comparison(operator, left, right):
            return _comparison(operator, _closure(left), _closure(right))
        case Membership(operand, choices):
            return _membership(_closure(operand), choices)
        case Sum(operator, left, right):
            return _sum(operator, _closure(left), _closure(right))


def _all(parts: list[Function]) -> Function:
    if len(parts) > 2:
        parts = [parts[0], _all(parts[1:])]
    first, second = parts
    return lambda values, fields: bool(first(values, fields) and second(values, fields))


def _any(parts: list[Function]) -> Function:
    if len(parts) > 2:
        parts = [parts[0], _any(parts[1:])]
    first, second = parts
    return lambda values, fields: bool(first(values, fields) or second(values, fields))


def _membership(operand: Function, choices: tuple[Any, ...]) -> Function:
    """For integers and strings, which is nearly always, one look into a set says what `_equal`
    says of each choice."""
    numbers = {c for c in choices if type(c) is int}
    words = {c for c in choices if type(c) is str}
    plain = len(numbers) + len(words) == len(set(map(repr, choices)))
    readable = {int(w) for w in words if w.isdecimal() and str(int(w)) == w}
    negative = {-int(w[1:]) for w in words if w[1:].isdecimal() and str(-int(w[1:])) == w}
    accepted = numbers | words | {str(n) for n in numbers} | readable | negative

    def member(values: Values, fields: Values) -> bool:
        value = operand(values, fields)
        kind = type(value)
        if plain and (kind is int or kind is str):
            return value in accepted
        return any(_equal(value, choice) for choice in choices)

    return member


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def _equal(left: Any, right: Any) -> bool:
    """Equality that people expect: a digit sent as text equals the number written in the guard."""
    if _is_number(left) and isinstance(right, str):
        return str(left) == right
    if isinstance(left, str) and _is_number(right):
        return left == str(right)
    return (
        type(left) is type(right)
        and bool(left == right)
        or (_is_number(left) and _is_number(right) and bool(left == right))
    )


def _ordered(left: Any, right: Any) -> bool:
    return (_is_number(left) and _is_number(right)) or (
        isinstance(left, str) and isinstance(right, str)
    )


def _comparison(operator: str, left: Function, right: Function) -> Function:
    match operator:
        case "==":
            return lambda v, f: _equal(left(v, f), right(v, f))
        case "!=":
            return lambda v, f: not _equal(left(v, f), right(v, f))
        case "<":
            return lambda v, f: _ordered(a := left(v, f), b := right(v, f)) and a < b
        case "<=":
            return lambda v, f: _ordered(a := left(v, f), b := right(v, f)) and a <= b
        case ">":
            return lambda v, f: _ordered(a := left(v, f), b := right(v, f)) and a > b
        case _:
            return lambda v, f: _ordered(a := left(v, f), b := right(v, f)) and a >= b


_LARGEST = 10**15
"""Sums stop here, so that a counter in a loop can not grow without end."""


def _sum(operator: str, left: Function, right: Function) -> Function:
    sign = 1 if operator == "+" else -1

    def add(values: Values, fields: Values) -> Any:
        a, b = left(values, fields), right(values, fields)
        if not (_is_number(a) and _is_number(b)):
            return None
        return max(-_LARGEST, min(_LARGEST, a + sign * b))

    return add


# -- folding ---------------------------------------------------------------------------------------


def _folded(node: Node, known: Values) -> Node:
    match node:
        case Name(name) if name in known:
            value = known[name]
            return value if isinstance(value, Node) else Constant(value)
        case Not(operand):
            inner = _folded(operand, known)
            return Constant(not inner.value) if isinstance(inner, Constant) else Not(inner)
        case Both(operands):
            return _folded_list(operands, known, neutral=True)
        case Either(operands):
            return _folded_list(operands, known, neutral=False)
        case Comparison(operator, left, right):
            return _evaluated(Comparison(operator, _folded(left, known), _folded(right, known)))
        case Sum(operator, left, right):
            return _evaluated(Sum(operator, _folded(left, known), _folded(right, known)))
        case Membership(operand, choices):
            return _evaluated(Membership(_folded(operand, known), choices))
        case _:
            return node


def _folded_list(operands: tuple[Node, ...], known: Values, *, neutral: bool) -> Node:
    kept: list[Node] = []
    for operand in operands:
        inner = _folded(operand, known)
        if not isinstance(inner, Constant):
            kept.append(inner)
        elif bool(inner.value) is not neutral:
            return Constant(not neutral)
    if not kept:
        return Constant(neutral)
    if len(kept) == 1:
        return kept[0]
    return Both(tuple(kept)) if neutral else Either(tuple(kept))


def _evaluated(node: Comparison | Sum | Membership) -> Node:
    names: set[str] = set()
    fields: set[str] = set()
    _collect(node, names, fields)
    return node if names or fields else Constant(_closure(node)({}, {}))
