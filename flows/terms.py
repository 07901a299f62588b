"""The tree of an expression, and the text that says the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
