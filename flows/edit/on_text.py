"""The one edit that knows no table: other characters in the place of some, even where the text
cannot be read. It is what a finding offers that respells a word."""

from __future__ import annotations

from flows.edit.refusal import EditRefused
from flows.edit.values import Arguments
from flows.nodes import Lines

_LONGEST = 2000


def replace_text(text: str, arguments: Arguments) -> str:
    """Put `text` where `expected` stands from (line, column) to (end_line, end_column).

    Lines and columns count from 1, the end is exclusive. If anything else than `expected` stands
    there, the text has moved on and the edit is refused.
    """
    new, expected = arguments.text("text"), arguments.text("expected")
    lines = Lines(text)
    start = _offset(text, lines, arguments, "line", "column")
    end = _offset(text, lines, arguments, "end_line", "end_column")
    if text[start:end] != expected:
        raise EditRefused("The text has changed there since; look at the problem again.")
    if len(new) > _LONGEST or any(ord(c) < 32 or c in "\x85\u2028\u2029" for c in new):
        raise EditRefused("What is put there is one line of text.")
    return text[:start] + new + text[end:]


def _offset(text: str, lines: Lines, arguments: Arguments, line: str, column: str) -> int:
    starts = lines.starts
    at = arguments.row(line, len(starts) + 1)
    offset = starts[max(at, 1) - 1] + arguments.row(column, len(text) + 2) - 1
    if not 0 <= offset <= len(text):
        raise EditRefused("There is no such place in the text.")
    return offset
