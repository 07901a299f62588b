"""Changes to a text as a list of replaced pieces: what is not replaced stays byte for byte.

`Pieces` knows how YAML is laid out (block and flow style, comments, line ends) and nothing about
call flows: it sets, adds and removes entries of mappings and items of lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence as Items
from difflib import SequenceMatcher

from flows.document import Document, Entry, Mapping, Node, Scalar, Sequence
from flows.edit.refusal import EditRefused
from flows.edit.render import Plain, scalar, text_of

_NEWLINE = re.compile(r"\r\n|\r|\n")
_RULE_COMMENT = re.compile(r"#.*([-=#*~_])\1\1")
_UNUSUAL = "The text is written here in a way this edit cannot change; change it in the text."


def plain_of(node: Node | None) -> Plain:
    """A node as text, lists and mappings, the form in which two texts are compared."""
    if node is None:
        return ""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [plain_of(item) for item in node.items]
    return {entry.key.text: plain_of(entry.value) for entry in node.entries}


def trimmed_end(node: Node, text: str) -> int:
    """Where a node's own characters end: a block of text is followed by its blank lines."""
    end = node.end
    while end > node.start and text[end - 1] in " \t\r\n":
        end -= 1
    return end


class Pieces:
    """The replaced pieces of one document."""

    def __init__(self, document: Document) -> None:
        self.text = document.text
        self.lines = document.lines
        found = _NEWLINE.search(self.text)
        self.eol = found.group() if found else "\n"
        self._replaced: list[tuple[int, int, str]] = []

    # -- the text -------------------------------------------------------------------------------

    def result(self) -> str:
        """The changed text. Two replaced pieces never overlap."""
        out: list[str] = []
        position = 0
        for start, end, new in sorted(self._replaced, key=lambda piece: (piece[0], piece[1])):
            if start < position:
                raise EditRefused(_UNUSUAL)
            out += (self.text[position:start], new)
            position = end
        return "".join(out) + self.text[position:]

    def replace(self, start: int, end: int, new: str) -> None:
        self._replaced.append((start, end, new))

    def line_start(self, offset: int) -> int:
        return self.lines.starts[self.lines.position(offset)[0] - 1]

    def next_line(self, offset: int) -> int:
        """The start of the line after this offset, or the end of the text."""
        starts = self.lines.starts
        line = self.lines.position(offset)[0]
        return starts[line] if line < len(starts) else len(self.text)

    def line_end(self, offset: int) -> int:
        """The end of the line of this offset, before its line break."""
        end = self.next_line(offset)
        while end > offset and self.text[end - 1] in "\r\n":
            end -= 1
        return end

    def indent_of(self, offset: int) -> str:
        return " " * (offset - self.line_start(offset))

    def after(self, node: Node) -> int:
        """The end of the last line of a node, where a new line can be put after it."""
        return self.line_end(trimmed_end(node, self.text))

    def colon(self, entry: Entry) -> int:
        """The offset after the `:` of an entry."""
        return self.text.index(":", entry.key.end) + 1

    def remove_lines(self, start: int, end: int) -> None:
        """Remove whole lines from `start` (a line start) to the line of `end`, break included."""
        self.replace(start, self.next_line(end), "")

    def comments_above(self, line_start: int, floor: int) -> int:
        """The start of the comment lines directly above a line that belong to it.

        Comments drawn as a rule (`# ---- hold ----`) head a section, and a comment that begins the
        file speaks about the file: neither belongs to the line below.
        """
        start = line_start
        column = len(self._indentation(line_start))
        while start > floor:
            above = self.line_start(start - 1)
            line = self.text[above : self.line_end(above)]
            is_comment = line.lstrip().startswith("#")
            indent = len(line) - len(line.lstrip())
            if above < floor or not is_comment or indent != column or _RULE_COMMENT.search(line):
                break
            start = above
        return line_start if start == 0 else start

    def comments_below(self, offset: int, column: int, ceiling: int) -> int:
        """The end of the comment lines directly below a row that are indented into it."""
        last = offset
        while (start := self.next_line(last)) < ceiling:
            line = self.text[start : self.line_end(start)]
            indent = len(line) - len(line.lstrip())
            if not line.lstrip().startswith("#") or indent <= column:
                break
            last = start
        return last

    def _indentation(self, line_start: int) -> str:
        line = self.text[line_start : self.line_end(line_start)]
        return line[: len(line) - len(line.lstrip())]

    # -- lists ----------------------------------------------------------------------------------

    def dashes(self, sequence: Sequence) -> list[int]:
        """The offset of each item's dash. Every item must begin on a line of its own."""
        if not sequence.items:
            return []
        dash = sequence.start
        column = dash - self.line_start(dash)
        dashes: list[int] = []
        for at in range(len(sequence.items)):
            if at:
                dash = self._next_dash(trimmed_end(sequence.items[at - 1], self.text), column)
            if self.text[dash : dash + 1] != "-" or self.text[self.line_start(dash) : dash].strip():
                raise EditRefused(_UNUSUAL)
            dashes.append(dash)
        return dashes

    def _next_dash(self, offset: int, column: int) -> int:
        start = self.next_line(offset)
        while start < len(self.text):
            line = self.text[start : self.line_end(start)]
            if line.strip() and not line.lstrip().startswith("#"):
                return start + column
            start = self.next_line(start)
        raise EditRefused(_UNUSUAL)

    def _change_block_items(self, sequence: Sequence, new: list[Plain]) -> None:
        """Change the items of a block list; the lines of equal items stay, comments included."""
        dashes = self.dashes(sequence)
        indent = self.indent_of(dashes[0])
        gap = self.text[dashes[0] + 1 : sequence.items[0].start]
        lead = "-" + (gap if gap and not gap.strip(" ") else " ")

        def lines(values: Items[Plain]) -> list[str]:
            return [indent + lead + self._item_text(value) for value in values]

        for tag, i1, i2, j1, j2 in _differences(plain_of(sequence), new):
            paired = min(i2 - i1, j2 - j1) if tag == "replace" else 0
            for i in range(paired):
                node, value = sequence.items[i1 + i], new[j1 + i]
                if not self.set_value(node, value):
                    self.replace(node.start, trimmed_end(node, self.text), self._item_text(value))
            for i in range(i1 + paired, i2):
                end = trimmed_end(sequence.items[i], self.text)
                self.remove_lines(self.line_start(dashes[i]), max(end, dashes[i]))
            added = lines(new[j1 + paired : j2])
            if added and i1 + paired > 0:
                end = self.after(sequence.items[i1 + paired - 1])
                self.replace(end, end, "".join(self.eol + line for line in added))
            elif added:
                start = self.line_start(dashes[0])
                self.replace(start, start, "".join(line + self.eol for line in added))

    def _item_text(self, value: Plain) -> str:
        if isinstance(value, dict) and len(value) == 1:
            ((key, argument),) = value.items()
            return f"{scalar(key)}: {text_of(argument, argument=True)}"
        return text_of(value)

    def _change_flow_items(self, sequence: Sequence, new: list[Plain]) -> None:
        items = sequence.items
        for tag, i1, i2, j1, j2 in _differences(plain_of(sequence), new):
            paired = min(i2 - i1, j2 - j1) if tag == "replace" else 0
            for i in range(paired):
                self.set_value(items[i1 + i], new[j1 + i])
            if i1 + paired < i2:
                self.remove_flow_items(sequence, i1 + paired, i2)
            added = ", ".join(text_of(value) for value in new[j1 + paired : j2])
            if added and i1 + paired > 0:
                end = items[i1 + paired - 1].end
                self.replace(end, end, ", " + added)
            elif added:
                start = items[0].start
                self.replace(start, start, added + ", ")

    def remove_flow_items(self, sequence: Sequence, first: int, last: int) -> None:
        """Remove the items first..last-1 of a flow list, with the commas between."""
        items = sequence.items
        if last < len(items):
            self.replace(items[first].start, items[last].start, "")
        elif first > 0:
            self.replace(items[first - 1].end, items[-1].end, "")
        else:
            self.replace(items[0].start, items[-1].end, "")

    # -- values ---------------------------------------------------------------------------------

    def set_value(self, node: Node, value: Plain, *, argument: bool = False) -> bool:
        """Change a value in place, keeping its style. False if its style has no place for it."""
        if plain_of(node) == value and not node.alias:
            return True
        if isinstance(node, Scalar):
            start, end = node.start, trimmed_end(node, self.text)
            style = "" if node.style in ("|", ">") else node.style
            new = text_of(value, argument=argument or node.plain, style=style)
            if isinstance(value, str) and node.plain and not argument:
                new = scalar(value, argument=node.coerced is not None)
            space = "" if start == 0 or self.text[start - 1] in " \t\r\n[{,\"'" else " "
            self.replace(start, end, space + new)
            return True
        if isinstance(node, Sequence) and isinstance(value, list) and not node.alias:
            if value and node.items:
                change = self._change_flow_items if node.flow else self._change_block_items
                change(node, value)
                return True
        elif isinstance(node, Mapping) and isinstance(value, dict) and not node.alias:
            if value and set(value) & {entry.key.text for entry in node.entries}:
                self._change_entries(node, value)
                return True
        if node.flow or node.alias:
            self.replace(node.start, node.end, text_of(value, argument=argument))
            return True
        return False

    def _change_entries(self, mapping: Mapping, value: dict[str, Plain]) -> None:
        kept = [entry for entry in mapping.entries if entry.key.text in value]
        for entry in mapping.entries:
            if entry.key.text not in value:
                self.remove_entry(mapping, entry)
            else:
                self.set_entry_value(entry, value[entry.key.text], argument=True)
        names = {entry.key.text for entry in kept}
        for name, new in value.items():
            if name not in names:
                self.add_entry(mapping, name, text_of(new, argument=True), after=kept[-1])

    # -- entries of mappings --------------------------------------------------------------------

    def set_entry_value(self, entry: Entry, value: Plain, *, argument: bool = False) -> None:
        node = entry.value
        if self.set_value(node, value, argument=argument):
            return
        # A block of lines becomes one value behind its key; a comment behind the key stays.
        colon = self.colon(entry)
        self.replace(colon, colon, " " + text_of(value, argument=argument))
        self.replace(self.line_end(colon), trimmed_end(node, self.text), "")

    def add_entry(self, mapping: Mapping, name: str, value: str, *, after: Entry | None) -> None:
        """Add `name: value` after an entry, or as the first one."""
        new = f"{scalar(name)}: {value}"
        if not mapping.entries:
            start = self.text.index("{", mapping.start) + 1
            self.replace(start, start, new)
        elif mapping.flow and after is not None:
            end = max(after.value.end, after.key.end)
            self.replace(end, end, ", " + new)
        elif mapping.flow:
            start = mapping.entries[0].key.start
            self.replace(start, start, new + ", ")
        else:
            indent = self.indent_of(mapping.entries[0].key.start)
            if after is not None:
                end = self.after(after.value)
                self.replace(end, end, self.eol + indent + new)
            else:
                start = mapping.entries[0].key.start
                self.replace(start, start, new + self.eol + indent)

    def remove_entry(self, mapping: Mapping, entry: Entry, *, comments: bool = False) -> None:
        """Remove an entry with its line (with `comments`: and the comment lines above it)."""
        entries = mapping.entries
        at = next(i for i, other in enumerate(entries) if other is entry)
        if len(entries) == 1:
            if mapping.flow:
                self.replace(entry.key.start, max(entry.value.end, entry.key.end), "")
            else:
                self.replace(mapping.start, trimmed_end(mapping, self.text), "{}")
        elif mapping.flow and at + 1 < len(entries):
            self.replace(entry.key.start, entries[at + 1].key.start, "")
        elif mapping.flow:
            before = entries[at - 1]
            end = max(entry.value.end, entry.key.end)
            self.replace(max(before.value.end, before.key.end), end, "")
        else:
            self._remove_block_entry(entries, at, comments)

    def _remove_block_entry(self, entries: list[Entry], at: int, comments: bool) -> None:
        entry = entries[at]
        start = self.line_start(entry.key.start)
        if self.text[start : entry.key.start].strip():
            # The entry stands behind a dash: the next one takes its place.
            self.replace(entry.key.start, entries[at + 1].key.start, "")
            return
        if comments:
            floor = 0
            if at:
                floor = self.next_line(trimmed_end(entries[at - 1].value, self.text))
            start = self.comments_above(start, floor)
        end = max(trimmed_end(entry.value, self.text), entry.key.end)
        self.remove_lines(start, end)


def _differences(old: Plain, new: list[Plain]) -> list[tuple[str, int, int, int, int]]:
    assert isinstance(old, list)
    a = [json.dumps(item, sort_keys=True) for item in old]
    b = [json.dumps(item, sort_keys=True) for item in new]
    opcodes = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return [opcode for opcode in opcodes if opcode[0] != "equal"]
