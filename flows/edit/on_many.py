"""Edits of several rows at once: delete them, put rows in that were copied elsewhere."""

from __future__ import annotations

import copy
import re
from typing import Any

from flows.document import Mapping, Node, Scalar, Sequence, read
from flows.edit.on_rows import free_id
from flows.edit.pieces import Pieces, plain_of, trimmed_end
from flows.edit.refusal import EditRefused
from flows.edit.render import Plain
from flows.edit.rows import Rows, row_text
from flows.edit.values import Arguments, state_name
from flows.edit.working import Table

MOST_ROWS = 500
_NOT_ROWS = "What was copied is not a list of rows."
_LONGEST = 200_000
_LINE = re.compile(r"\r\n|\r|\n")


def delete_rows(table: Table, arguments: Arguments) -> dict[str, Any]:
    """Remove some rows; `rows` are their indices, each counted as they stand now."""
    gone = sorted(set(arguments.rows("rows", len(table.rows.items), MOST_ROWS)))
    states = {row_text(table.rows.items[index], "from_state") for index in gone}
    table.rows.remove(gone)
    table.model_rows[:] = [row for i, row in enumerate(table.model_rows) if i not in set(gone)]
    state = states.pop() if len(states) == 1 else ""
    return {"state": state} if state else {}


def paste_rows(table: Table, arguments: Arguments) -> dict[str, Any]:
    """Put the rows of a piece of YAML in, as they are written there.

    They stand after `after_row`, else after the last row of their state, else at the end.
    `set_copied` gives them their state and ids, which needs them to stand in the text first.
    """
    copied = _Copied(arguments.text("text"))
    count = len(table.rows.items)
    after = count - 1 if count else None
    state = _state_of(copied, arguments)
    if "after_row" in arguments:
        after = None if arguments.value("after_row") == -1 else arguments.row("after_row", count)
    elif state and table.leaving(state):
        after = table.leaving(state)[-1]
    _insert(table, copied, after)
    at = 0 if after is None else after + 1
    table.model_rows[at:at] = copy.deepcopy(copied.content)
    return {"row": at, "rows": list(range(at, at + len(copied.content)))}


def as_new_rows(arguments: Arguments) -> list[dict[str, Any]]:
    """The edits that add the copied rows to a table that has none, whose style they cannot take."""
    state = str(arguments.value("from_state") or "")
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(_Copied(arguments.text("text")).content):
        row = {**row, "from_state": state} if state else row
        new = {"operation": "add_row", "arguments": {**row, "after_row": number - 1}}
        rows.append(new)
    return rows


def set_copied(table: Table, arguments: Arguments, rows: list[int]) -> None:
    """Let pasted rows leave the state they were pasted into, and give each an id of its own."""
    state = str(arguments.value("from_state") or "")
    kept = {
        row_text(row, "id") for at, row in enumerate(table.rows.items) if at not in set(rows)
    } - {""}
    for index in rows:
        if state:
            _set(table, index, "from_state", state_name(state))
        own = row_text(table.rows.items[index], "id")
        if own:
            new = free_id(kept, own) if own in kept else own
            kept.add(new)
            if new != own:
                _set(table, index, "id", new)


def _set(table: Table, index: int, key: str, value: str) -> None:
    table.rows.set_field(index, key, value)
    table.model_rows[index][key] = value


def _state_of(copied: _Copied, arguments: Arguments) -> str:
    if arguments.value("from_state"):
        return state_name(arguments.value("from_state"))
    states = {str(row.get("from_state", "")) for row in copied.content}
    return states.pop() if len(states) == 1 else ""


class _Copied:
    """A piece of YAML that holds rows: a list of them, one alone, or a whole table."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise EditRefused("What was copied is too long to be put in at once.")
        # A comment that begins a file speaks about the file; here it speaks about the first row.
        document = read("\n" + text)
        root = document.root
        if not document.readable or root is None:
            raise EditRefused(_NOT_ROWS)
        if isinstance(root, Mapping) and root.entry("transitions") is not None:
            root = root.get("transitions")
        self.single = root if isinstance(root, Mapping) else None
        self.sequence = root if isinstance(root, Sequence) else None
        items = [self.single] if self.single else self.sequence.items if self.sequence else []
        self.text, self.items = document.text, items
        self.content: list[dict[str, Plain]] = [_content(item) for item in items]
        if not items or len(items) > MOST_ROWS:
            raise EditRefused(f"{_NOT_ROWS} It has 1 to {MOST_ROWS} rows with a state and event.")
        self.rows = None
        if self.sequence is not None and not self.sequence.flow:
            # Its own offsets and comments, as a table's rows have them.
            self.rows = Rows(Pieces(document), self.sequence, None)

    def lines(self, index: int) -> list[str]:
        """The lines of one row as they are written, its dash in the first column."""
        node = self.items[index]
        if self.rows is None:
            indent = node.start - (self.text.rfind("\n", 0, node.start) + 1)
            own = _LINE.split(self.text[node.start : trimmed_end(node, self.text)])
            rest = own[1:] if _is_flow(node) else [_without(line, indent) for line in own[1:]]
            return ["- " + own[0], *("  " + line if line.strip() else line for line in rest)]
        dash = self.rows.dashes[index]
        column = dash - self.rows.pieces.line_start(dash)
        return [_without(x, column) for x in _LINE.split(self.rows.lines_of(index, comments=True))]

    def inline(self, index: int) -> str | None:
        """A row that stands on one line in braces; None for every other."""
        node = self.items[index]
        own = self.text[node.start : node.end]
        return own if _is_flow(node) and not _LINE.search(own) else None


def _content(item: Node) -> dict[str, Plain]:
    content = plain_of(item)
    if not isinstance(content, dict) or not {"from_state", "event"} <= set(content):
        raise EditRefused(_NOT_ROWS)
    if _has_alias(item):
        raise EditRefused("What was copied names an anchor of another text; write it out first.")
    return content


def _is_flow(node: Node) -> bool:
    return isinstance(node, Mapping) and node.flow


def _has_alias(node: Node) -> bool:
    if node.alias:
        return True
    if isinstance(node, Scalar):
        return False
    inner = node.items if isinstance(node, Sequence) else [entry.value for entry in node.entries]
    return any(_has_alias(item) for item in inner)


def _without(line: str, column: int) -> str:
    """A line moved left by some columns, never losing more than its blanks."""
    blanks = len(line) - len(line.lstrip(" "))
    return line[min(column, blanks) :]


def _insert(table: Table, copied: _Copied, after: int | None) -> None:
    rows, eol = table.rows, table.pieces.eol
    if rows.is_flow:
        texts = [copied.inline(i) or rows.flow_text(row) for i, row in enumerate(copied.content)]
        rows.insert_flow(", ".join(texts), after)
        return
    indent = table.pieces.indent_of(rows.dashes[after or 0])
    gap = eol if rows.has_gap(after or 0) else ""
    blocks = []
    for index in range(len(copied.items)):
        lines = copied.lines(index)
        blocks.append(eol.join(indent + line if line.strip() else "" for line in lines))
    rows.insert_lines((eol + gap).join(blocks), after)
