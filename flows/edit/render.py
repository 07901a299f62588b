"""Values as YAML text, on one line, safe in block and in flow style alike.

A value comes from a form or a program: text, number, truth value, list or mapping. It is written so
that reading it again gives the same text, quoted where YAML 1.1 would make something else of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flows.document import implicit_tag
from flows.edit.refusal import EditRefused

MAX_DEPTH = 8
MAX_LENGTH = 20_000

Plain = str | list[Any] | dict[str, Any]
"""A value as it is read again: text, list and mapping, nothing else."""

_TEXT_TAG = "tag:yaml.org,2002:str"
_NUMBER_TAGS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_NEEDS_QUOTES = re.compile(r"""^[-?:,\[\]{}#&*!|>'"%@`<=~\s]|[,\[\]{}\\"]|:\s|\s#|:$|\s$|^\.\.\.""")
_ONE_LINE = re.compile("[ -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")
_BREAKS = "\u2028\u2029"
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def plain(value: Any, depth: int = 0) -> Plain:
    """Reduce a value to text, lists and mappings; refuse what YAML or a table cannot hold."""
    if depth > MAX_DEPTH:
        raise EditRefused("The value is nested too deeply.")
    if isinstance(value, str):
        return _readable(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return {str(plain(_key(key))): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item, depth + 1) for item in value]
    raise EditRefused(f"A value of the kind {type(value).__name__} cannot be written in a table.")


def text_of(value: Any, *, argument: bool = False, style: str = "") -> str:
    """Write a value on one line. `argument` says that numbers are meant as numbers, unquoted."""
    if isinstance(value, str):
        return scalar(value, argument=argument, style=style)
    if isinstance(value, list):
        return "[" + ", ".join(text_of(item, argument=argument) for item in value) + "]"
    if isinstance(value, dict):
        entries = (f"{scalar(k)}: {text_of(item, argument=True)}" for k, item in value.items())
        return "{" + ", ".join(entries) + "}"
    return scalar(str(plain(value)), argument=True)


def scalar(text: str, *, argument: bool = False, style: str = "") -> str:
    """Write one text, quoted if it must be, or in the quotes it had before (`style`)."""
    one_line = _ONE_LINE.fullmatch(text) is not None and not any(c in text for c in _BREAKS)
    if style == '"' or not one_line:
        return '"' + "".join(_escape(character) for character in text) + '"'
    if style == "'" or not _is_plain(text, argument):
        return "'" + text.replace("'", "''") + "'"
    return text


def _is_plain(text: str, argument: bool) -> bool:
    if not text or _NEEDS_QUOTES.search(text):
        return False
    tag = implicit_tag(text)
    if tag == _TEXT_TAG:
        return True
    return argument and (tag in _NUMBER_TAGS or text in ("true", "false"))


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if _ONE_LINE.fullmatch(character) and character not in _BREAKS:
        return character
    return f"\\U{ord(character):08X}"


def _readable(text: str) -> str:
    if len(text) > MAX_LENGTH:
        raise EditRefused(f"The value is longer than {MAX_LENGTH:,} characters.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise EditRefused(
            "The value has half a character (a lone surrogate), which no file can hold."
        )
    return text


def _number(value: int | float) -> str:
    if isinstance(value, int) and value.bit_length() > 64:
        raise EditRefused("The number is too large.")
    return str(value)


def _key(key: Any) -> Any:
    if not isinstance(key, str | int):
        raise EditRefused("A key must be text.")
    return key
