"""A text put in order: text to text, with every comment kept and the same meaning.

What is done: one space where the language wants one, fields of a row and of a state in their
usual order where they stand on one line, no blanks at line ends, never two empty lines together,
one line end at the end. Text in quotes and blocks, comments and the choice of block or flow style
stay as the author wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as Items

from flows.compile import compile_text
from flows.document import Document, Mapping, Node, Scalar, Sequence, read
from flows.edit.pieces import Pieces, plain_of
from flows.edit.refusal import EditRefused
from flows.edit.values import HEAD_FIELDS, ROW_FIELDS, STATE_FIELDS
from flows.edit.working import comments, readable, scalars

_BLANKS = re.compile(r"[ \t]+(?=\r|\n)")
_EMPTY_LINES = re.compile(r"(\r\n|\r|\n)(?:[ \t]*(?:\r\n|\r|\n)){2,}")


def format_text(text: str) -> str:
    """Return the text in order; EditRefused if it can not be read.

    Doing it twice is the same as doing it once.
    """
    document = readable(text)
    if document.root is None:
        return text
    new = _spaced(_rewritten(document))
    if new != text and not same(document, new):
        # Written in a way that is not understood here: better untidy than changed.
        return text
    return new


def same(document: Document, new: str) -> bool:
    """Whether another text says the same, in the same order, with the same comments."""
    other = read(new)
    if not other.readable:
        return False
    if plain_of(document.root) != plain_of(other.root):
        return False
    if _words(document) != _words(other) or _names(document) != _names(other):
        return False
    a, b = compile_text(document.text), compile_text(new)
    if (a.table is None) != (b.table is None):
        return False
    return sorted(f.code for f in a.findings) == sorted(f.code for f in b.findings)


def _words(document: Document) -> list[str]:
    return [comment.rstrip() for _, comment in comments(document)]


def _names(document: Document) -> list[str]:
    """The states in their order, which a mapping compares without."""
    states = document.root.get("states") if isinstance(document.root, Mapping) else None
    return [e.key.text for e in states.entries] if isinstance(states, Mapping) else []


# -- one line at a time --------------------------------------------------------------------------


def _rewritten(document: Document) -> str:
    """The text with every flow collection on one line written anew."""
    pieces = Pieces(document)
    root = document.root
    if isinstance(root, Sequence):
        _rows(pieces, root)
    elif isinstance(root, Mapping):
        for entry in root.entries:
            if entry.key.text == "transitions" and isinstance(entry.value, Sequence):
                _rows(pieces, entry.value)
            elif entry.key.text == "states" and isinstance(entry.value, Mapping):
                _gaps(pieces, entry.value)
                for state in entry.value.entries:
                    _tidy(pieces, state.value, STATE_FIELDS)
            else:
                _tidy(pieces, entry.value, HEAD_FIELDS if entry.key.text == "" else ())
    return pieces.result()


def _rows(pieces: Pieces, rows: Sequence) -> None:
    if rows.flow:
        return
    for item, dash in zip(rows.items, pieces.dashes(rows), strict=True):
        block = not isinstance(item, Scalar) and not item.flow
        gap = pieces.text[dash + 1 : item.start]
        if not block and len(gap) > 1 and not gap.strip(" "):
            pieces.replace(dash + 1, item.start, " ")
        _tidy(pieces, item, ROW_FIELDS)


def _gaps(pieces: Pieces, mapping: Mapping) -> None:
    """One space between a key and what stands behind it on its line."""
    for entry in mapping.entries:
        if mapping.flow or entry.value.alias:
            continue
        colon = pieces.text.find(":", entry.key.end) + 1
        gap = pieces.text[colon : entry.value.start]
        if colon and len(gap) > 1 and not gap.strip(" "):
            pieces.replace(colon, entry.value.start, " ")


def _tidy(pieces: Pieces, node: Node, order: Items[str]) -> None:
    """Write a flow collection anew; look inside a block collection."""
    if node.alias or isinstance(node, Scalar):
        return
    if not node.flow:
        inner = [e.value for e in node.entries] if isinstance(node, Mapping) else node.items
        if isinstance(node, Mapping):
            _gaps(pieces, node)
        for child in inner:
            _tidy(pieces, child, ())
        return
    old = pieces.text[node.start : node.end]
    if "\n" in old or "\r" in old:
        return
    plain = _written(pieces.text, node, ())
    if plain is None or _without_blanks(plain) != _without_blanks(old):
        return
    new = _written(pieces.text, node, order)
    if new is not None and new != old:
        pieces.replace(node.start, node.end, new)


def _written(text: str, node: Node, order: Items[str]) -> str | None:
    """A flow collection with the usual spaces; None if it holds what has no usual form."""
    if node.alias or node.anchor is not None:
        return None
    if isinstance(node, Scalar):
        return text[node.start : node.end]
    if isinstance(node, Sequence):
        items = [_written(text, item, ()) for item in node.items]
        return None if None in items else "[" + ", ".join(i for i in items if i is not None) + "]"
    keys = [entry.key.text for entry in node.entries]
    if len(set(keys)) != len(keys):
        return None
    usual = {name: place for place, name in enumerate(order)}
    entries = sorted(node.entries, key=lambda e: usual.get(e.key.text, len(usual)))
    written = []
    for entry in entries if order else node.entries:
        value = _written(text, entry.value, ())
        if value is None:
            return None
        key = text[entry.key.start : entry.key.end]
        written.append(f"{key}: {value}" if value else f"{key}:")
    return "{" + ", ".join(written) + "}"


def _without_blanks(text: str) -> str:
    return text.replace(" ", "").replace("\t", "")


# -- between the lines ---------------------------------------------------------------------------


def _spaced(text: str) -> str:
    """Take blanks from the ends of lines and empty lines from between, but not inside of values."""
    document = read(text)
    if not document.readable or document.root is None:
        return text
    eol = Pieces(document).eol
    out: list[str] = []
    position = 0
    for start, end in _values_over_lines(document):
        out += (_trimmed(text[position:start]), text[start:end])
        position = end
    rest = _trimmed(text[position:])
    if "".join(out).endswith(("\n", "\r")):
        # A block of text brings its own line end, and perhaps the empty lines that belong to it.
        return "".join(out) + rest.lstrip("\r\n") if not rest.strip() else "".join([*out, rest])
    return ("".join(out) + rest).rstrip("\r\n \t") + eol


def _values_over_lines(document: Document) -> list[tuple[int, int]]:
    found = []
    for value in scalars(document.root, keys=True) if document.root is not None else []:
        if not value.alias and ("\n" in document.text[value.start : value.end]):
            found.append((value.start, value.end))
    return sorted(found)


def _trimmed(text: str) -> str:
    return _EMPTY_LINES.sub(r"\1\1", _BLANKS.sub("", text))


def format_edit(text: str) -> str:
    """The same as an edit of `flows.edit`; refused if there is nothing to do."""
    new = format_text(text)
    if new == text:
        raise EditRefused("The text is in order already.")
    return new
