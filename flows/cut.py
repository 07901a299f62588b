"""A text cut into its parts: head fields, states and rows, each with what stands before it.

The parts of a cut text, put together again, are the text byte for byte. What is written so that it
cannot be cut (states or rows in flow style on one line) stays one part.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from flows.document import Document, Entry, Mapping, Node, Sequence, read
from flows.edit.pieces import Pieces, plain_of, trimmed_end
from flows.edit.refusal import EditRefused

HEAD, STATE, ROW = "head", "state", "row"


@dataclass(frozen=True, slots=True)
class Part:
    """One field of the head, one state or one row: its own lines, and those between it and the
    part before."""

    kind: str
    key: str
    """What it is known by: name of the field or state; the row's id, else what it answers."""
    lead: str
    body: str
    about: tuple[str, str, str] = ("", "", "")
    """Of a row: state, role and event."""


@dataclass(slots=True)
class Cut:
    """A text in parts, in their order."""

    heads: list[Part] = field(default_factory=list)
    states: list[Part] = field(default_factory=list)
    rows: list[Part] = field(default_factory=list)
    tail: str = ""

    @property
    def text(self) -> str:
        """The text again."""
        parts: list[str] = []
        for head in self.heads:
            parts += (head.lead, head.body)
            for part in {"states": self.states, "transitions": self.rows}.get(head.key, ()):
                parts += (part.lead, part.body)
        if not self.heads:
            parts += [piece for row in self.rows for piece in (row.lead, row.body)]
        return "".join(parts) + self.tail


class Uncuttable(ValueError):
    """The text cannot be read, or is no table; the message says why."""


def cut(text: str, *, whole: frozenset[str] = frozenset()) -> Cut:
    """Cut a text; the head fields named in `whole` are not cut further. Raises Uncuttable."""
    document = read(text)
    if not document.readable:
        finding = document.findings[0]
        raise Uncuttable(f"line {finding.place.line}: {finding.message}")
    if document.root is None:
        return Cut(tail=text)
    return _Cutter(document, whole).cut()


def cuttable(text: str, name: str) -> bool:
    """Whether this head field, if it is there and not empty, can be cut into its parts."""
    done = cut(text)
    parts = done.states if name == "states" else done.rows
    entry = next((head for head in done.heads if head.key == name), None)
    if parts or entry is None:
        return True
    node = read(text).root
    value = node.get(name) if isinstance(node, Mapping) else None
    return not plain_of(value)


class _Cutter:
    def __init__(self, document: Document, whole: frozenset[str]) -> None:
        self.text = document.text
        self.root = document.root
        self.whole = whole
        self.pieces = Pieces(document)
        self.done = Cut()
        self.at = 0
        """The end of what was cut so far."""
        self._seen: Counter[str] = Counter()

    def cut(self) -> Cut:
        root = self.root
        if isinstance(root, Sequence):
            if not self._rows(root):
                raise Uncuttable("the rows are not written one below the other")
        elif isinstance(root, Mapping) and not root.flow:
            for entry in root.entries:
                self._head(entry)
        else:
            raise Uncuttable("this is no table with one field below the other")
        self.done.tail = self.text[self.at :]
        return self.done

    def _head(self, entry: Entry) -> None:
        name, value = entry.key.text, entry.value
        start = self._line(entry.key.start)
        lead = self.text[self.at : start]
        below = self.pieces.next_line(entry.key.end)
        if name not in self.whole and value.start >= below and not value.alias:
            children = {"states": self._states, "transitions": self._rows}.get(name)
            if children is not None:
                before, seen = self.at, Counter(self._seen)
                self.at = below
                if children(value):
                    self.done.heads.append(Part(HEAD, name, lead, self.text[start:below]))
                    return
                self.at, self._seen = before, seen
        end = self._end(value, entry.key.end)
        self.done.heads.append(Part(HEAD, name, lead, self.text[start:end]))
        self.at = end

    def _states(self, node: Node) -> bool:
        if not isinstance(node, Mapping) or node.flow:
            return False
        parts = []
        for entry in node.entries:
            part = self._part(STATE, entry.key.text, entry.key.start, entry.value, entry.key.end)
            if part is None:
                return False
            parts.append(part)
        self.done.states = parts
        return bool(parts)

    def _rows(self, node: Node) -> bool:
        if not isinstance(node, Sequence) or node.flow or node.alias:
            return False
        try:
            dashes = self.pieces.dashes(node)
        except EditRefused:
            return False
        parts = []
        for dash, item in zip(dashes, node.items, strict=True):
            key, about = _identity(item)
            part = self._part(ROW, key, dash, item, dash + 1)
            if part is None:
                return False
            parts.append(Part(ROW, part.key, part.lead, part.body, about))
        self.done.rows = parts
        return bool(parts)

    def _part(self, kind: str, key: str, first: int, node: Node, least: int) -> Part | None:
        start = self.pieces.line_start(first)
        if start < self.at or self.text[start:first].strip():
            return None
        end = self._end(node, least)
        lead, body = self.text[self.at : start], self.text[start:end]
        self.at = end
        self._seen[f"{kind} {key}"] += 1
        count = self._seen[f"{kind} {key}"]
        return Part(kind, key if count == 1 else f"{key} ({count})", lead, body)

    def _line(self, offset: int) -> int:
        start = self.pieces.line_start(offset)
        before = self.text[start:offset].replace("\ufeff", "").strip()
        if start < self.at or before:
            raise Uncuttable("two fields stand on one line")
        return start

    def _end(self, node: Node, least: int) -> int:
        last = least if node.alias else max(least, trimmed_end(node, self.text))
        return self.pieces.next_line(last)


def _identity(node: Node) -> tuple[str, tuple[str, str, str]]:
    said = plain_of(node)
    if not isinstance(said, dict):
        return str(said), ("", "", "")
    state, role, event = (_short(said.get(name)) for name in ("from_state", "role", "event"))
    if said.get("id"):
        return str(said["id"]), (state, role, event)
    guards = said.get("guards")
    return " ".join([state, role, event, *([_short(guards)] if guards else [])]), (
        *(state, role),
        event,
    )


def _short(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(item)}" for key, item in value.items())
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return "" if value is None else str(value)
