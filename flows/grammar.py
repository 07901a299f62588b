"""From the text of an expression to its tree: own tokens, own parser, with limits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

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
)

MAX_LENGTH = 1000
MAX_DEPTH = 40


class ExpressionError(ValueError):
    """The text is no expression: one sentence says why, `offset` says where (0-based)."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def tree_of(text: str) -> Node:
    """Return the tree of a text; raises ExpressionError and nothing else."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"An expression has at most {MAX_LENGTH} characters.", MAX_LENGTH)
    return _Parser(_tokens(text)).whole()


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
