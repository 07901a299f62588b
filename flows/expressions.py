"""The expressions of guards and of `set`: a small closed language, parsed once, never `eval`.

    retries < 3 and event.code in (486, 600)

Names are conditions and variables, `event.x` is a field of the event. There are numbers, strings,
`true`, `false`, `and`, `or`, `not`, comparisons, `in (...)`, and `+`, `-` on numbers. Nothing
raises while it runs: a value that is missing or of the wrong kind makes a comparison false and a
sum `None`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_LENGTH = 1000
MAX_DEPTH = 40

Values = Mapping[str, Any]
Function = Callable[[Values, Values], Any]


class ExpressionError(ValueError):
    """The text is no expression: one sentence says why, `offset` says where (0-based)."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Constant:
    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    """A condition or a variable of the session."""

    name: str
    offset: int = -1


@dataclass(frozen=True, slots=True)
class EventField:
    """A field of the event that is being answered: `event.code`."""

    name: str
    offset: int = -1


@dataclass(frozen=True, slots=True)
class Not:
    operand: Node


@dataclass(frozen=True, slots=True)
class Both:
    """`and`: every operand holds."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """`or`: at least one operand holds."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Membership:
    operand: Node
    choices: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """`+` or `-` of two numbers."""

    operator: str
    left: Node
    right: Node


Node = Constant | Name | EventField | Not | Both | Either | Comparison | Membership | Sum


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
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"An expression has at most {MAX_LENGTH} characters.", MAX_LENGTH)
    expression = _finished(_Parser(_tokens(text)).whole())
    if len(_SIMPLE) < 4096:
        _SIMPLE[text] = expression
    return expression


_SIMPLE: dict[str, Expression] = {}
"""Texts already parsed: expressions are immutable, and tables repeat the same few guards."""


def literal(value: Any) -> Expression:
    """Return the expression of a plain value: a number, a string, true, false or None."""
    return _finished(Constant(value))


def conjunction(expressions: list[Expression]) -> Expression:
    """Join the guards of a row: all must hold."""
    if len(expressions) == 1:
        return expressions[0]
    return _finished(Both(tuple(e.node for e in expressions)))


# -- text to tokens --------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>\d+(?:\.\d+)?(?![\w.]))
    | (?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    | (?P<string>"[^"\\]*(?:\\["\\][^"\\]*)*"|'[^']*(?:''[^']*)*')
    | (?P<operator>==|!=|<=|>=|<|>|[-+(),!])
    )""",
    re.VERBOSE,
)
_KEYWORDS = {"and", "or", "not", "in", "true", "false", "none", "null"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    offset: int


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        if not text[position:].strip():
            break
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise ExpressionError(_odd_character(text, start), start)
        kind = match.lastgroup
        word = match.group(kind)
        if kind == "word" and word.lower() in _KEYWORDS:
            kind, word = "keyword", word.lower()
        if kind == "operator" and word == "!":
            kind, word = "keyword", "not"
        tokens.append(_Token(kind, word, match.start(match.lastgroup)))
        position = match.end()
    tokens.append(_Token("end", "", len(text)))
    return tokens


def _odd_character(text: str, start: int) -> str:
    hints = {"=": "compare with ==", "&": "write and", "|": "write or"}
    character = text[start]
    hint = hints.get(character)
    if hint is not None:
        return f"{character!r} is no operator here: {hint}."
    if character in "\"'":
        return "This string is never closed."
    return f"{character!r} has no place in an expression."


# -- tokens to tree --------------------------------------------------------------------------------

_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


class _Parser:
    """Recursive descent over the tokens; the depth is limited, so no text exhausts the stack."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.position = 0
        self.depth = 0

    def whole(self) -> Node:
        node = self.either()
        token = self.tokens[self.position]
        if token.kind != "end":
            raise ExpressionError(f"{token.text!r} is not expected here.", token.offset)
        return node

    def take(self, *texts: str) -> _Token | None:
        token = self.tokens[self.position]
        if token.kind in ("keyword", "operator") and token.text in texts:
            self.position += 1
            return token
        return None

    def expect(self, text: str) -> None:
        if self.take(text) is None:
            token = self.tokens[self.position]
            raise ExpressionError(f"{text!r} is missing here.", token.offset)

    def either(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(
                f"An expression is at most {MAX_DEPTH} levels deep.",
                self.tokens[self.position].offset,
            )
        operands = [self.both()]
        while self.take("or"):
            operands.append(self.both())
        self.depth -= 1
        return operands[0] if len(operands) == 1 else Either(tuple(operands))

    def both(self) -> Node:
        operands = [self.negation()]
        while self.take("and"):
            operands.append(self.negation())
        return operands[0] if len(operands) == 1 else Both(tuple(operands))

    def negation(self) -> Node:
        negations = 0
        while self.take("not"):
            negations += 1
        node = self.comparison()
        return Not(node) if negations % 2 else node

    def comparison(self) -> Node:
        left = self.sum()
        operator = self.take(*_COMPARISONS)
        if operator is not None:
            return Comparison(operator.text, left, self.sum())
        if self.take("in"):
            return Membership(left, self.choices())
        if self.take("not"):
            self.expect("in")
            return Not(Membership(left, self.choices()))
        return left

    def choices(self) -> tuple[Any, ...]:
        self.expect("(")
        values = [self.plain_value()]
        while self.take(","):
            if self.tokens[self.position].text == ")":
                break
            values.append(self.plain_value())
        self.expect(")")
        return tuple(values)

    def plain_value(self) -> Any:
        token = self.tokens[self.position]
        node = self.sum()
        if not isinstance(node, Constant):
            raise ExpressionError("A list holds plain values only.", token.offset)
        return node.value

    def sum(self) -> Node:
        node = self.atom()
        while operator := self.take("+", "-"):
            node = Sum(operator.text, node, self.atom())
        return node

    def atom(self) -> Node:
        token = self.tokens[self.position]
        self.position += 1
        match token.kind:
            case "number":
                number = float(token.text) if "." in token.text else int(token.text)
                return Constant(number)
            case "string":
                return Constant(_unquoted(token.text))
            case "word":
                return _named(token)
            case "keyword" if token.text in ("true", "false"):
                return Constant(token.text == "true")
            case "keyword" if token.text in ("none", "null"):
                return Constant(None)
            case "operator" if token.text == "(":
                node = self.either()
                self.expect(")")
                return node
            case "operator" if token.text == "-":
                return self.negative(token)
        if token.kind == "end":
            raise ExpressionError("The expression ends too early.", token.offset)
        raise ExpressionError(f"{token.text!r} is not expected here.", token.offset)

    def negative(self, sign: _Token) -> Node:
        token = self.tokens[self.position]
        if token.kind != "number":
            raise ExpressionError("A minus sign needs a number behind it.", sign.offset)
        node = self.atom()
        assert isinstance(node, Constant)
        return Constant(-node.value)


def _named(token: _Token) -> Node:
    first, _, rest = token.text.partition(".")
    if not rest:
        return Name(first, token.offset)
    if first == "event" and "." not in rest:
        return EventField(rest, token.offset)
    raise ExpressionError(
        f"{token.text!r} is not known: only fields of the event have a dot, as in event.code.",
        token.offset,
    )


def _unquoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    return re.sub(r"\\(.)", r"\1", text[1:-1])


# -- tree to text ----------------------------------------------------------------------------------


def text_of(node: Node, outer: int = 0) -> str:
    """Write the tree; `outer` is the binding strength around it, so that brackets are few."""
    match node:
        case Constant(value):
            return _value_text(value)
        case Name(name):
            return name
        case EventField(name):
            return f"event.{name}"
        case Not(Membership(operand, choices)):
            return _bracketed(f"{text_of(operand, 4)} not in {_choices_text(choices)}", 4, outer)
        case Not(operand):
            return _bracketed(f"not {text_of(operand, 3)}", 3, outer)
        case Both(operands):
            return _bracketed(" and ".join(text_of(o, 3) for o in operands), 2, outer)
        case Either(operands):
            return _bracketed(" or ".join(text_of(o, 2) for o in operands), 1, outer)
        case Comparison(operator, left, right):
            return _bracketed(f"{text_of(left, 5)} {operator} {text_of(right, 5)}", 4, outer)
        case Membership(operand, choices):
            return _bracketed(f"{text_of(operand, 5)} in {_choices_text(choices)}", 4, outer)
        case Sum(operator, left, right):
            return _bracketed(f"{text_of(left, 5)} {operator} {text_of(right, 6)}", 5, outer)


def _bracketed(text: str, strength: int, outer: int) -> str:
    return f"({text})" if strength < outer else text


def _choices_text(choices: tuple[Any, ...]) -> str:
    return f"({', '.join(_value_text(c) for c in choices)})"


def _value_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return _number_text(value)


def _number_text(value: int | float) -> str:
    if isinstance(value, int):
        return str(value)
    text = f"{value:.12f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


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
