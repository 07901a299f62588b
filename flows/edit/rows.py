"""Rows of the table as pieces of the text: where a row with its comments begins and ends."""

from __future__ import annotations

from flows.document import Entry, Mapping, Node, Scalar, Sequence
from flows.edit.pieces import Pieces, trimmed_end
from flows.edit.refusal import EditRefused
from flows.edit.render import Plain, scalar, text_of
from flows.edit.values import ROW_FIELDS

_WIDEST_LINE = 140


class Rows:
    """The rows of one document. `entry` is the head's `transitions`, None for a bare list."""

    def __init__(self, pieces: Pieces, sequence: Sequence | None, entry: Entry | None) -> None:
        self.pieces = pieces
        self.sequence = sequence
        self.entry = entry
        self._dashes: list[int] | None = None

    @property
    def items(self) -> list[Node]:
        return [] if self.sequence is None else self.sequence.items

    @property
    def is_flow(self) -> bool:
        return self.sequence is not None and self.sequence.flow

    def mapping(self, index: int) -> Mapping:
        row = self.items[index]
        if not isinstance(row, Mapping) or row.alias:
            raise EditRefused(f"Row {index} is not a list of fields of its own; change the text.")
        return row

    # -- where a row stands ---------------------------------------------------------------------

    @property
    def dashes(self) -> list[int]:
        if self._dashes is None:
            assert self.sequence is not None
            self._dashes = self.pieces.dashes(self.sequence)
        return self._dashes

    def start(self, index: int) -> int:
        """The start of the first line of a row, with the comment lines that belong to it."""
        pieces = self.pieces
        floor = 0
        if index:
            floor = pieces.next_line(self.end(index - 1))
        elif self.entry is not None:
            floor = pieces.next_line(pieces.colon(self.entry))
        return pieces.comments_above(pieces.line_start(self.dashes[index]), floor)

    def end(self, index: int) -> int:
        """The end of the last line of a row, with the comment lines indented into it."""
        pieces = self.pieces
        dash = self.dashes[index]
        last = max(dash, trimmed_end(self.items[index], pieces.text))
        column = dash - pieces.line_start(dash)
        ceiling = len(pieces.text)
        if index + 1 < len(self.dashes):
            ceiling = pieces.line_start(self.dashes[index + 1])
        return pieces.line_end(pieces.comments_below(last, column, ceiling))

    # -- changes --------------------------------------------------------------------------------

    def remove(self, indices: list[int]) -> None:
        if not indices:
            return
        if len(indices) == len(self.items):
            self._remove_all()
        elif self.is_flow:
            self._remove_flow(indices)
        else:
            for index in indices:
                self.pieces.remove_lines(self.start(index), self.end(index))

    def _remove_flow(self, indices: list[int]) -> None:
        assert self.sequence is not None
        gone = set(indices)
        first_kept = next(i for i in range(len(self.items)) if i not in gone)
        if first_kept:
            self.pieces.remove_flow_items(self.sequence, 0, first_kept)
        index = first_kept + 1
        while index < len(self.items):
            if index not in gone:
                index += 1
                continue
            last = index
            while last < len(self.items) and last in gone:
                last += 1
            self.pieces.replace(self.items[index - 1].end, self.items[last - 1].end, "")
            index = last

    def _remove_all(self) -> None:
        pieces = self.pieces
        assert self.sequence is not None
        if self.is_flow:
            pieces.remove_flow_items(self.sequence, 0, len(self.items))
            return
        start, last = self.start(0), len(self.items) - 1
        if self.entry is None:
            pieces.replace(start, self.end(last), "[]")
            return
        colon = pieces.colon(self.entry)
        pieces.replace(colon, colon, " []")
        pieces.remove_lines(start, self.end(last))

    def add(self, row: dict[str, Plain], after: int | None) -> None:
        """Write a new row after another one, in its style; None puts it first."""
        if not self.items:
            self._add_first(row)
            return
        like = after or 0
        if self.is_flow:
            self.insert_flow(self.flow_text(row), after)
        else:
            self.insert_lines(self._block_lines(row, like), after)

    def insert_lines(self, lines: str, after: int | None) -> None:
        """Put whole lines (without the last line break) after a row; None puts them first."""
        pieces = self.pieces
        if after is None:
            start = self.start(0)
            pieces.replace(start, start, lines + pieces.eol)
            return
        end = self.end(after)
        gap = pieces.eol if self.has_gap(after) else ""
        pieces.replace(end, end, pieces.eol + gap + lines)

    def has_gap(self, index: int) -> bool:
        """Are the rows here set apart by blank lines?"""
        pieces = self.pieces
        upper = index if index + 1 < len(self.items) else index - 1
        if upper < 0:
            return False
        below = pieces.next_line(self.end(upper))
        return not pieces.text[below : pieces.line_end(below)].strip()

    def insert_flow(self, text: str, after: int | None) -> None:
        pieces = self.pieces
        separator = ", "
        if len(self.items) > 1:
            between = pieces.text[self.items[0].end : self.items[1].start]
            if between.strip() == ",":
                separator = between
        if after is None:
            start = self.items[0].start
            pieces.replace(start, start, text + separator)
        else:
            end = self.items[after].end
            pieces.replace(end, end, separator + text)

    def _add_first(self, row: dict[str, Plain]) -> None:
        pieces = self.pieces
        if self.sequence is not None:
            start = pieces.text.index("[", self.sequence.start)
            if self.entry is None or self.sequence.flow and self._spans_lines(self.sequence):
                pieces.replace(start + 1, start + 1, self.flow_text(row))
                return
            pieces.replace(start, self.sequence.end, "")
            self._trim_before(start)
        assert self.entry is not None
        indent = pieces.indent_of(self.entry.key.start)
        end = pieces.line_end(pieces.colon(self.entry))
        pieces.replace(end, end, pieces.eol + _block_text(row, indent, "- ", pieces.eol))

    def _trim_before(self, offset: int) -> None:
        start = offset
        while start and self.pieces.text[start - 1] == " ":
            start -= 1
        self.pieces.replace(start, offset, "")

    def _spans_lines(self, sequence: Sequence) -> bool:
        return any(c in "\r\n" for c in self.pieces.text[sequence.start : sequence.end])

    def flow_text(self, row: dict[str, Plain]) -> str:
        """A row in braces, on one line."""
        return "{" + ", ".join(f"{name}: {text_of(value)}" for name, value in row.items()) + "}"

    def _block_lines(self, row: dict[str, Plain], like: int) -> str:
        pieces, dash = self.pieces, self.dashes[like]
        indent = pieces.indent_of(dash)
        lead = "- "
        node = self.items[like]
        between = pieces.text[dash + 1 : node.start]
        if between and not between.strip(" "):
            lead = "-" + between
        one_line = indent + lead + self.flow_text(row)
        if isinstance(node, Mapping) and node.flow and len(one_line) <= _WIDEST_LINE:
            return one_line
        return _block_text(row, indent, lead, pieces.eol)

    def lines_of(self, index: int, *, comments: bool) -> str:
        """A row's lines, without the last line break; with its leading comments or without."""
        pieces = self.pieces
        start = self.start(index) if comments else pieces.line_start(self.dashes[index])
        return pieces.text[start : self.end(index)]

    # -- fields ---------------------------------------------------------------------------------

    def set_field(self, index: int, name: str, value: Plain | None) -> None:
        set_field(self.pieces, self.mapping(index), ROW_FIELDS, name, value)


def set_field(
    pieces: Pieces, mapping: Mapping, order: tuple[str, ...], name: str, value: Plain | None
) -> None:
    """Set, add or (None) remove one field; a new one is put where the order says."""
    entry = mapping.entry(name)
    if value is None:
        if entry is not None:
            pieces.remove_entry(mapping, entry)
    elif entry is not None:
        pieces.set_entry_value(entry, value)
    else:
        after = predecessor(mapping, order, name)
        flag = name in ("initial", "final")
        pieces.add_entry(mapping, name, text_of(value, argument=flag), after=after)


def predecessor(mapping: Mapping, order: tuple[str, ...], name: str) -> Entry | None:
    """The entry after which a new field belongs: the last one that comes before it in the order."""
    before = order[: order.index(name)] if name in order else order
    found = None
    for entry in mapping.entries:
        if entry.key.text in before:
            found = entry
    return found


def _block_text(row: dict[str, Plain], indent: str, lead: str, eol: str) -> str:
    lines = [f"{scalar(name)}: {text_of(value)}" for name, value in row.items()]
    inner = eol + indent + " " * len(lead)
    return indent + lead + inner.join(lines)


def row_text(node: Node, field: str) -> str:
    """The text of a row's field, "" where it has none."""
    value = node.get(field) if isinstance(node, Mapping) else None
    return value.text if isinstance(value, Scalar) else ""
