"""The nodes of a text: values, lists and mappings with the place where each of them stands.

Nodes keep character offsets, so that an edit can replace a piece of the text, and give line and
column, so that a finding can point at it. Nothing is constructed from a value: it is the text.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

import yaml

from flows.findings import Place

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_STANDARD = "tag:yaml.org,2002:"
_COERCIONS = {_STANDARD + name: name for name in ("bool", "int", "float", "null")}


class Lines:
    """Where the lines of a text begin; turns character offsets into places."""

    __slots__ = ("_starts", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] | None = None

    @property
    def starts(self) -> list[int]:
        if self._starts is None:
            self._starts = [0, *(found.end() for found in _LINE_BREAK.finditer(self._text))]
        return self._starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both counted from 1, of a character offset."""
        starts = self.starts
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def place(self, start: int, end: int) -> Place:
        line, column = self.position(start)
        end_line, end_column = self.position(end)
        return Place(line, column, end_line, end_column)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text: character offsets (end exclusive) and the same as a place."""

    start: int
    end: int
    place: Place


class _Node:
    """What all nodes share: offsets, the name after `&`, and whether this is a use of `*name`."""

    __slots__ = ("_lines", "alias", "anchor", "end", "start")

    start: int
    end: int
    anchor: str | None
    alias: bool
    _lines: Lines

    @property
    def span(self) -> Span:
        return Span(self.start, self.end, self._lines.place(self.start, self.end))

    @property
    def place(self) -> Place:
        return self._lines.place(self.start, self.end)


class Scalar(_Node):
    """One value, always text. `style` says how it was written: "" (plain), ', ", | or >."""

    __slots__ = ("plain", "style", "text")

    def __init__(
        self,
        text: str,
        start: int,
        end: int,
        lines: Lines,
        style: str,
        plain: bool,
        anchor: str | None,
    ) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.style = style
        self.plain = plain
        self.anchor = anchor
        self.alias = False
        self._lines = lines

    @property
    def coerced(self) -> str | None:
        """What YAML 1.1 would make of the unquoted text: bool, int, float, null or None (text)."""
        return coercion(self.text) if self.plain else None

    def __repr__(self) -> str:
        return f"Scalar({self.text!r}, {self.start}:{self.end})"


class Sequence(_Node):
    """A list, in block style (`- item`) or in flow style (`[item, item]`)."""

    __slots__ = ("flow", "items")

    def __init__(self, start: int, lines: Lines, flow: bool, anchor: str | None) -> None:
        self.items: list[Node] = []
        self.start = self.end = start
        self.flow = flow
        self.anchor = anchor
        self.alias = False
        self._lines = lines

    def __repr__(self) -> str:
        return f"Sequence({self.items!r})"


class Mapping(_Node):
    """Keys and values as written, in block or in flow style. Repeated keys are all kept."""

    __slots__ = ("entries", "flow")

    def __init__(self, start: int, lines: Lines, flow: bool, anchor: str | None) -> None:
        self.entries: list[Entry] = []
        self.start = self.end = start
        self.flow = flow
        self.anchor = anchor
        self.alias = False
        self._lines = lines

    def entry(self, name: str) -> "Entry | None":
        """The first entry with this key."""
        for entry in self.entries:
            if entry.key.text == name:
                return entry
        return None

    def get(self, name: str) -> "Node | None":
        """The value of the first entry with this key."""
        entry = self.entry(name)
        return None if entry is None else entry.value

    def __repr__(self) -> str:
        return f"Mapping({self.entries!r})"


@dataclass(slots=True)
class Entry:
    key: Scalar
    value: "Node"


Node = Scalar | Sequence | Mapping


def coercion(text: str) -> str | None:
    """What YAML 1.1 makes of an unquoted text: "bool", "int", "float", "null"; None is text."""
    return _COERCIONS.get(implicit_tag(text))


def implicit_tag(text: str) -> str:
    """The full tag YAML 1.1 gives to an unquoted text, for instance tag:yaml.org,2002:timestamp."""
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    for tag, expression in resolvers.get(text[:1], ()):
        if expression.match(text):
            return str(tag)
    return _STANDARD + "str"
