"""The hash of what a verdict rests upon: a result of another checker is no result of this one.

Into it go the code and data of the language and its checker (the package `flows`: semantics, rules,
catalogue, shipped properties), every word with its contract as it stands now, and what plug-ins
add: their words are among those, their rules count by name and by the text of their module. Two
processes that would say the same about every text have the same hash; one that differs in nothing
but a comment has another, which costs a check and no truth.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Set
from functools import cache
from pathlib import Path
from typing import Any

from flows import plugins
from flows.vocabulary import ACTIONS, EVENTS, GUARDS, PUBLISHED, RESOURCES

FLOWS = Path(__file__).resolve().parent.parent
PARTS = (".py", ".yaml")


def contract_hash() -> str:
    """Return the SHA-256, in hexadecimal, of all that a verdict of this checker rests upon.

    It is asked for with every verdict that is read, and worked out again only where a declaration
    was put in, taken out or replaced since: they cannot be changed otherwise.
    """
    global _last
    parts = _parts()
    if parts != _last[0]:
        digest = hashlib.sha256(_of_code().encode())
        for line in _lines():
            digest.update(line.encode() + b"\0")
        _last = parts, digest.hexdigest()
    return _last[1]


_last: tuple[list[Any], str] = ([], "")


def _parts() -> list[Any]:
    """Return all declarations themselves: what is the same object is equal without being read."""
    parts: list[Any] = [*plugins.taken().items(), *plugins.problems()]
    for words in (ACTIONS, EVENTS, GUARDS, PUBLISHED, RESOURCES):
        parts += words.items() if isinstance(words, Mapping) else words
    return parts


def _lines() -> Iterator[str]:
    for words in (ACTIONS, EVENTS, GUARDS, PUBLISHED, RESOURCES):
        yield _told(words)
    for name, taken in plugins.taken().items():
        yield f"{name}: {[_of_rule(rule) for rule in taken.rules]}"
    yield _told(plugins.problems())


@cache
def _of_code() -> str:
    """The hash of every file of the package, by its name; they do not change while this runs."""
    digest = hashlib.sha256()
    for path in sorted(path for path in FLOWS.rglob("*") if path.suffix in PARTS):
        digest.update(str(path.relative_to(FLOWS)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _told(value: Any) -> str:
    """A declaration as text that is the same in every process, whatever order a set has."""
    if dataclasses.is_dataclass(value):
        fields = (getattr(value, field.name) for field in dataclasses.fields(value))
        return f"{type(value).__name__}({', '.join(map(_told, fields))})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(sorted(f'{key!r}: {_told(each)}' for key, each in value.items()))}}}"
    if isinstance(value, Set):
        return f"{{{', '.join(sorted(map(_told, value)))}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_told, value))}]"
    return getattr(value, "__qualname__", None) or repr(value)


def _of_rule(rule: Callable[..., Any]) -> str:
    file = getattr(sys.modules.get(rule.__module__), "__file__", None)
    text = Path(file).read_bytes() if file and Path(file).is_file() else b""
    return f"{rule.__module__}.{_told(rule)} {hashlib.sha256(text).hexdigest()}"
