"""Reading and writing for the translation of other systems' tables: lenient readers, a writer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from flows import document as nodes
from flows.findings import Place
from flows.reading import is_nothing

NESTS = ("args", "params", "parameters")
"""Keys under which some tables gather the parameters of a word."""
_PLAIN = re.compile(r"[A-Za-z_][\w.-]*(?: [\w.-]+)*")


class Writer:
    """Builds the new text and remembers for each piece where it comes from."""

    def __init__(self) -> None:
        self.lines: list[str] = [""]
        self.places: dict[int, list[tuple[int, int, Place]]] = {}

    def put(self, text: str, place: Place | None = None) -> None:
        """Add text without a line break; `place` is what it stands for in the original."""
        start = len(self.lines[-1]) + 1
        self.lines[-1] += text
        if place is not None:
            self.places.setdefault(len(self.lines), []).append((start, start + len(text), place))

    def line(self, text: str = "", place: Place | None = None) -> None:
        """Add text and end the line."""
        self.put(text, place)
        self.lines.append("")

    def listed(self, key: str, items: list[tuple[str, Place]]) -> None:
        """Add `key: [a, b]` as a line of a row, if there are items."""
        if not items:
            return
        self.put(f"  {key}: [")
        for index, (text, place) in enumerate(items):
            self.put(", " if index else "")
            self.put(text, place)
        self.line("]")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def items(node: nodes.Node | None) -> list[nodes.Node]:
    """A list's items; a single value counts as a list of one."""
    if node is None or is_nothing(node):
        return []
    return node.items if isinstance(node, nodes.Sequence) else [node]


def named(node: nodes.Node | None) -> Iterator[tuple[str, Place, str]]:
    """Name, place and description of declared things: a list or a mapping of them."""
    seen: set[str] = set()
    if isinstance(node, nodes.Mapping):
        for entry in node.entries:
            if entry.key.text and entry.key.text not in seen:
                seen.add(entry.key.text)
                yield entry.key.text, entry.key.place, _described(entry.value)
        return
    for item in items(node):
        name = item.get("name") if isinstance(item, nodes.Mapping) else item
        if isinstance(name, nodes.Scalar) and name.text and name.text not in seen:
            seen.add(name.text)
            yield name.text, name.place, _described(item)


def _described(node: nodes.Node) -> str:
    value = node.get("description") if isinstance(node, nodes.Mapping) else None
    return " ".join(value.text.split()) if isinstance(value, nodes.Scalar) else ""


def first_text(fields: dict[str, nodes.Node], keys: tuple[str, ...]) -> tuple[str, Place] | None:
    for key in keys:
        node = fields.get(key)
        if isinstance(node, nodes.Scalar):
            return node.text, node.place
    return None


def parameters_of(node: nodes.Mapping) -> Iterator[tuple[str, nodes.Node]]:
    """What is written beside `type`, and under `args` or `params`."""
    for entry in node.entries:
        if entry.key.text in NESTS:
            yield from parameters_in(entry.value)
        elif entry.key.text not in ("type", "name", "description"):
            yield entry.key.text, entry.value


def parameters_in(node: nodes.Node) -> Iterator[tuple[str, nodes.Node]]:
    if isinstance(node, nodes.Mapping):
        for entry in node.entries:
            yield entry.key.text, entry.value


def same_but_for_spelling(name: str, known: Iterable[str]) -> str | None:
    key = name.replace("_", "").lower()
    return next((other for other in known if other.replace("_", "").lower() == key), None)


def quoted(text: str) -> str:
    """Write a text as a YAML scalar that every tool reads as this text."""
    if _PLAIN.fullmatch(text) and nodes.coercion(text) is None:
        return text
    return json.dumps(text, ensure_ascii=False).replace("\u2028", "\\L").replace("\u2029", "\\P")
