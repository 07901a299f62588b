"""One table under edit: the pieces of its text and, beside them, a plain copy of what it says.

An operation changes both. The new text is read again and must say exactly what the copy says: an
edit that would change anything else is refused.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from flows.document import Document, Entry, Mapping, Node, Scalar, Sequence, read
from flows.edit.pieces import Pieces, plain_of
from flows.edit.refusal import EditRefused
from flows.edit.render import scalar
from flows.edit.rows import Rows, row_text
from flows.edit.values import WILDCARDS

STATES_OF_ROWS = ("from_state", "next_state")
BARE_INITIAL = "Idle"
BARE_FINALS = ("Terminated", "Cancelled", "Failed")
"""What a bare list of rows takes as its initial and its final states."""

_UNSURE = "The text is written here in a way this edit cannot change safely; change it in the text."


def readable(text: str) -> Document:
    document = read(text)
    if not document.readable:
        finding = document.findings[0]
        raise EditRefused(f"Mend the text first: line {finding.place.line}: {finding.message}")
    return document


def with_head(document: Document) -> str:
    """Put a head over a bare list of rows; the lines of the rows stay as they are."""
    if document.root is None:
        return _head_over_nothing(document.text)
    if not isinstance(document.root, Sequence):
        raise EditRefused("The text is neither a table with a head nor a list of rows.")
    pieces = Pieces(document)
    rows = document.root
    used = [BARE_INITIAL]
    for row in rows.items:
        used += [row_text(row, "from_state"), row_text(row, "next_state")]
    names = [name for name in dict.fromkeys(used) if name and name not in WILDCARDS]
    lines = ["callflow: 1", "states:", *(f"  {scalar(n)}: {_bare_state(n)}" for n in names)]
    if not rows.items:
        pieces.replace(rows.start, rows.end, pieces.eol.join([*lines, "transitions: []"]))
    else:
        start = pieces.line_start(rows.start)
        pieces.replace(start, start, pieces.eol.join([*lines, "transitions:", ""]))
    new = pieces.result()
    root = read(new).root
    if not isinstance(root, Mapping) or plain_of(root.get("transitions")) != plain_of(rows):
        raise EditRefused("This list of rows has no head, and none can be added; change the text.")
    return new


def _head_over_nothing(text: str) -> str:
    gap = "" if not text or text.endswith(("\n", "\r")) else "\n"
    head = f"callflow: 1\nstates:\n  {BARE_INITIAL}: {{initial: true}}\ntransitions: []\n"
    return text + gap + head


def _bare_state(name: str) -> str:
    if name == BARE_INITIAL:
        return "{initial: true}"
    return "{final: true}" if name in BARE_FINALS else "{}"


class Table:
    """One document under edit: its pieces of text and the plain copy of what it says."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.root = document.root
        self.pieces = Pieces(document)
        self.model: Any = copy.deepcopy(plain_of(document.root)) if document.root else []
        self.rows = self._find_rows()
        self.states = self._find_states()

    def _find_rows(self) -> Rows:
        root = self.root
        if isinstance(root, Sequence):
            return Rows(self.pieces, root, None)
        if not isinstance(root, Mapping):
            raise EditRefused("The text is neither a table with a head nor a list of rows.")
        entry = root.entry("transitions")
        if entry is None or (isinstance(entry.value, Scalar) and not entry.value.text):
            return Rows(self.pieces, None, entry)
        if not isinstance(entry.value, Sequence) or entry.value.alias:
            raise EditRefused("transitions is not a list of rows; change it in the text.")
        return Rows(self.pieces, entry.value, entry)

    def _find_states(self) -> Mapping | None:
        node = self.root.get("states") if isinstance(self.root, Mapping) else None
        if node is None or (isinstance(node, Scalar) and not node.text):
            return None
        if not isinstance(node, Mapping) or node.alias:
            raise EditRefused("states is not a mapping of names; change it in the text.")
        return node

    # -- the plain copy ---------------------------------------------------------------------------

    @property
    def model_rows(self) -> list[Any]:
        if isinstance(self.model, list):
            return self.model
        if not isinstance(self.model.get("transitions"), list):
            self.model["transitions"] = []
        rows: list[Any] = self.model["transitions"]
        return rows

    @property
    def model_states(self) -> dict[str, Any]:
        if not isinstance(self.model.get("states"), dict):
            self.model["states"] = {}
        states: dict[str, Any] = self.model["states"]
        return states

    def result(self) -> str:
        """The new text, after reading it again and comparing it with the copy."""
        text = self.pieces.result()
        document = read(text)
        if not document.readable:
            raise EditRefused(_UNSURE)
        said: Any = plain_of(document.root) if document.root else []
        if said != self.model or _state_order(said) != _state_order(self.model):
            raise EditRefused(_UNSURE)
        return text

    # -- names ------------------------------------------------------------------------------------

    def declared(self) -> list[str]:
        return [] if self.states is None else [entry.key.text for entry in self.states.entries]

    def known_states(self) -> set[str]:
        used = {row_text(row, name) for row in self.rows.items for name in STATES_OF_ROWS}
        bare = {BARE_INITIAL} if isinstance(self.root, Sequence) else set()
        return (used | bare | set(self.declared())) - {"", *WILDCARDS}

    def state_entry(self, name: str) -> Entry:
        entry = self.states.entry(name) if self.states is not None else None
        if entry is None:
            raise EditRefused(f"The state {name} is not declared under states; add it first.")
        return entry

    def leading_to(self, name: str) -> list[int]:
        rows = self.rows.items
        return [i for i, row in enumerate(rows) if row_text(row, "next_state") == name]

    def leaving(self, name: str) -> list[int]:
        rows = self.rows.items
        return [i for i, row in enumerate(rows) if row_text(row, "from_state") == name]


def _state_order(model: Any) -> list[str]:
    states = model.get("states") if isinstance(model, dict) else None
    return list(states) if isinstance(states, dict) else []


_COMMENT = re.compile(r"(?:(?<=\s)|\A)#[^\r\n]*")


def comments(document: Document) -> list[tuple[int, str]]:
    """The comments of a text, each with its offset: what begins with # outside of every value."""
    text = document.text
    found: list[tuple[int, str]] = []
    position = 0
    values = [] if document.root is None else list(scalars(document.root, keys=True))
    spans = sorted((value.start, value.end) for value in values if not value.alias)
    for start, end in [*spans, (len(text), len(text))]:
        if start > position:
            # One character of what comes before decides whether a # begins a comment.
            gap_start = max(position - 1, 0)
            gap = text[gap_start:start]
            for comment in _COMMENT.finditer(gap, position - gap_start):
                found.append((gap_start + comment.start(), comment.group()))
        position = max(position, end)
    return found


def scalars(node: Node, *, keys: bool = False) -> list[Scalar]:
    """Every value of a tree as it is written: what an alias repeats is not visited again."""
    if isinstance(node, Scalar):
        return [node]
    if node.alias:
        return []
    if isinstance(node, Sequence):
        return [found for item in node.items for found in scalars(item, keys=keys)]
    found: list[Scalar] = []
    for entry in node.entries:
        if keys:
            found.append(entry.key)
        found += scalars(entry.value, keys=keys)
    return found


def set_plain(fields: dict[str, Any], key: str, value: Any) -> None:
    """Set a field of the plain copy; None takes it away."""
    if value is None:
        fields.pop(key, None)
    else:
        fields[key] = value
