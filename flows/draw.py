"""A table as DOT: one HTML-like table per state, one line in it per row, one edge per target.

All text of users passes `_text` or `_quoted`; attributes come from the constants below and no
others are ever written, so no text becomes markup, a link or a file name. Colours are fixed
placeholders: the browser turns each into the class of `CLASSES` and drops the fonts.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import quote

from flows.picture import (
    ENDS,
    FAILS,
    GOES,
    MANY_STATES,
    STAYS,
    Picture,
    RowPicture,
    StatePicture,
    picture,
)
from flows.table import Table
from flows.view import EVERYTHING, View

MANY_EDGES = 400
_VERY_MANY_EDGES = 1000

HEADER = {"UAC": "#19708a", "UAS": "#7b449b", "Both": "#4b5a68"}
BODY = {"UAC": "#e7f4f7", "UAS": "#f5eefa", "Both": "#f3f5f7"}
LINE = {"UAC": "#bbd8df", "UAS": "#dccbe6", "Both": "#cdd3d8"}
HEADER_TEXT = "#fefefe"
HEADER_TAG = "#e6e9ec"
TEXT = "#161d24"
MUTED = "#59656f"
MARK = "#3d4852"
END_MARK = "#3d4853"
GHOST = "#b3261e"

CLASSES = {
    **dict.fromkeys(HEADER.values(), "nh"),
    **dict.fromkeys(BODY.values(), "nb"),
    **dict.fromkeys(LINE.values(), "nl"),
    HEADER_TEXT: "tx-h",
    HEADER_TAG: "tx-r",
    TEXT: "tx",
    MUTED: "tx-m",
    MARK: "tx-k",
    END_MARK: "tx-e",
    GHOST: "ng",
}
"""Placeholder colour to the class that gives it its look."""

MARKS = {GOES: "▸", ENDS: "◉", STAYS: "↻", FAILS: "…"}

_ROLE_CLASS = {"UAC": "uac", "UAS": "uas", "Both": "both"}
_MARK_ORDER = {GOES: 0, ENDS: 1, STAYS: 2, FAILS: 3}
_UNPRINTABLE = re.compile("[^ -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]+")
_NO_TEXT = "&#160;"
_ROW_HEIGHT = 19
_HEADER_HEIGHT = 21
_NAME_LENGTH = 40
_EVENT_LENGTH = 60
_GUARD_LENGTH = 22
_SUMMARY_LENGTH = 30
_TAG_LENGTH = 8
_TARGET_LENGTH = 24
_LINE_LENGTH = 34
_MANY_ALIKE = 3
_FILL = 40
"""Columns of the empty cell at the end of a line: it takes what a line is too short, because
spare width is shared out by columns."""
_TITLE_LENGTH = 300


def dot(table: Table, *, role: str | None = None, view: View = EVERYTHING) -> str:
    """Draw a table; with `role` only what that role can take. Ids: `s_<state>`, `e_<row>`."""
    return dot_of(picture(table, role=role, view=view))


def dot_of(drawing: Picture) -> str:
    """Write the DOT of a picture."""
    rows = {row["index"]: row for row in drawing["rows"]}
    drawn = [state for state in drawing["states"] if state["drawn"]]
    lines = ["digraph flow {", *_settings(drawn, len(drawing["edges"]))]
    for state in drawn:
        lines.append(_node(state, [rows[index] for index in state["rows"]]))
    by_name = {state["name"]: state for state in drawn}
    for edge in drawing["edges"]:
        source, target = by_name[edge["source"]]["id"], by_name[edge["target"]]["id"]
        kind = "back" if edge["back"] else "forward"
        colour = HEADER[edge["role"]]
        attributes = {
            "id": edge["id"],
            "class": f"edge {_ROLE_CLASS[edge['role']]} {kind} {_rows_class(edge['rows'])}",
            "URL": f"#t/{edge['rows'][0]}",
            "tooltip": edge["label"],
            "color": colour + "99" if edge["back"] else colour,
        }
        port = f"p_{edge['rows'][0]}" if by_name[edge["source"]]["rows"] else "h"
        if edge["back"]:
            attributes |= {"style": "dashed", "constraint": "false", "weight": "0"}
            ends = f'"{source}":{port} -> "{target}":h'
        else:
            attributes |= {"weight": "3"}
            ends = f'"{source}":{port}:e -> "{target}":h:w'
        lines.append(f"  {ends} [{_attributes(attributes)}];")
    lines.append("}")
    return "\n".join(lines) + "\n"


def _rows_class(rows: list[int]) -> str:
    """The rows an edge stands for, as a word of its class: `rows-3-4`."""
    return "rows-" + "-".join(map(str, rows))


def _settings(drawn: list[StatePicture], edges: int) -> list[str]:
    graph = {
        "rankdir": "LR",
        "splines": "spline" if edges <= MANY_EDGES else "line",
        "ranksep": "0.6",
        "nodesep": "0.46",
        "newrank": "true",
        "outputorder": "edgesfirst",
        "bgcolor": "transparent",
        "pad": "0.25",
    }
    if len(drawn) > MANY_STATES:
        # Without limits the layout of a large table takes minutes for a picture hardly better.
        graph |= {"nslimit": "1", "nslimit1": "1", "mclimit": "0.5"}
    if edges > _VERY_MANY_EDGES:
        graph |= {"nslimit": "0.5", "nslimit1": "0.5", "mclimit": "0.2"}
    return [
        f"  graph [{_attributes(graph)}];",
        '  node [shape=plain, fontname="Arial", fontsize=10];',
        '  edge [arrowsize=0.7, penwidth=1.3, fontname="Arial"];',
    ]


def _attributes(attributes: dict[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in attributes.items())


def _quoted(text: str) -> str:
    """A DOT string. A backslash would begin an escape of DOT's own (`\\N` is the node's name)."""
    one_line = _clean(text, _TITLE_LENGTH)
    return '"' + one_line.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _clean(text: str, limit: int) -> str:
    """One line without control characters or half characters, not longer than the limit."""
    text = " ".join(_UNPRINTABLE.sub(" ", text[: limit * 4]).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _text(text: str, limit: int) -> str:
    """Text inside an HTML-like label; never empty, which such a label does not allow."""
    return html.escape(_clean(text, limit)) or _NO_TEXT


def _title(text: str) -> str:
    """Text of a TITLE: an attribute in which DOT replaces escapes with a backslash as well."""
    return html.escape(_clean(text, _TITLE_LENGTH).replace("\\", "\\\\")) or _NO_TEXT


def _font(text: str, colour: str, size: float, *, bold: bool = False) -> str:
    inner = f"<B>{text}</B>" if bold else text
    return f'<FONT COLOR="{colour}" POINT-SIZE="{size:g}">{inner}</FONT>'


def _node(state: StatePicture, rows: list[RowPicture]) -> str:
    role = state["role"]
    if state["folded"]:
        return _group_node(state)
    groups = _grouped(rows)
    tagged = any(row["tag"] for row in rows)
    columns = 4 if tagged else 3
    body = [_header(state, columns)]
    for group in groups:
        lines = _lines(group)
        for position, line in enumerate(lines):
            body.append(_line(line, role, tagged, len(lines) if position == 0 else 0))
    if not rows:
        body.append(_empty(state, columns))
    frame = GHOST if not state["declared"] else HEADER[role]
    style = ' STYLE="dashed"' if not state["declared"] else ""
    label = (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" COLOR="{frame}"'
        f' BGCOLOR="{BODY[role]}"{style}>{"".join(body)}</TABLE>'
    )
    return _labelled(state, label)


def _labelled(state: StatePicture, label: str) -> str:
    attributes = _attributes({"id": state["id"], "class": _classes(state)})
    return f'  "{state["id"]}" [{attributes}, label=<{label}>];'


def _group_node(state: StatePicture) -> str:
    """A folded group: its name, and how much is in it."""
    role, name = state["role"], quote(state["title"], safe="", errors="replace")
    states = len(state["folded"])
    inside = f"{states} {'state' if states == 1 else 'states'}, {state['count']} rows"
    shown = ", ".join(state["folded"])
    label = (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" COLOR="{HEADER[role]}"'
        f' BGCOLOR="{BODY[role]}"><TR><TD PORT="h" ALIGN="LEFT" BGCOLOR="{HEADER[role]}"'
        f' HEIGHT="{_HEADER_HEIGHT}" HREF="#g/{name}" TITLE="{_title(shown)}">'
        f"{_font(_text(state['title'], _NAME_LENGTH), HEADER_TEXT, 11, bold=True)}</TD></TR>"
        f'<TR><TD ALIGN="LEFT" HEIGHT="{_ROW_HEIGHT * 2}">'
        f"{_font(_text(inside, _SUMMARY_LENGTH), TEXT, 10)}</TD></TR></TABLE>"
    )
    return _labelled(state, label)


def _classes(state: StatePicture) -> str:
    classes = ["state", _ROLE_CLASS[state["role"]]]
    flags = {
        "initial": state["initial"],
        "final": state["final"],
        "folded": bool(state["folded"]),
        "ghost": not state["declared"],
        "any": state["wildcard"],
        "empty": not state["count"],
    }
    return " ".join(classes + [name for name, is_set in flags.items() if is_set])


def _header(state: StatePicture, columns: int) -> str:
    role = state["role"]
    link = f'HREF="#s/{quote(state["name"], safe="", errors="replace")}"'
    title = state["label"] + (f": {state['description']}" if state["description"] else "")
    name = _font(_text(state["title"], _NAME_LENGTH), HEADER_TEXT, 11, bold=True)
    tag = _font(_text(role, _TAG_LENGTH), HEADER_TAG, 8)
    # One filled cell with a table inside: two filled cells show a seam between them.
    return (
        f'<TR><TD PORT="h" COLSPAN="{columns}" BGCOLOR="{HEADER[role]}" CELLPADDING="0"'
        f' HEIGHT="{_HEADER_HEIGHT}" {link} TITLE="{_title(title)}">'
        '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3"><TR>'
        f'<TD ALIGN="LEFT">{name}</TD><TD ALIGN="RIGHT">{tag}</TD></TR></TABLE></TD></TR>'
    )


def _empty(state: StatePicture, columns: int) -> str:
    said = "not declared" if not state["declared"] else "final" if state["final"] else "no rows"
    if state["count"]:
        said = "1 row" if state["count"] == 1 else f"{state['count']} rows"
    return (
        f'<TR><TD ALIGN="LEFT" COLSPAN="{columns}" HEIGHT="{_ROW_HEIGHT}">'
        f"{_font(said, MUTED, 10)}</TD></TR>"
    )


def _grouped(rows: list[RowPicture]) -> list[list[RowPicture]]:
    """Rows by target: first those that go on, then those that end, then those that stay."""
    groups: dict[tuple[int, str], list[RowPicture]] = {}
    for row in rows:
        # A final state that has rows of its own is drawn, and an edge leads to it.
        mark = GOES if row["edge"] is not None else row["mark"]
        target = "" if mark == FAILS else row["target"]
        groups.setdefault((_MARK_ORDER[mark], target), []).append(row)
    return [groups[key] for key in sorted(groups, key=lambda key: key[0])]


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a state: a row, or several that do the same on different events."""

    rows: list[RowPicture]
    continues: bool = False
    """The line above is too long and goes on here: what it said is not repeated."""


def _lines(group: list[RowPicture]) -> list[_Line]:
    """Rows with one target as lines. Many events with the same answer share a line.

    Call flows answer each failure class and each timer alike; a line for each would bury the
    rows that tell the story. Every row keeps its own cell, id and link.
    """
    alike: dict[tuple[object, ...], list[RowPicture]] = {}
    if group[0]["mark"] == FAILS:
        return [_Line(some, continues=True) for some in _wrapped(group)]
    for row in group:
        key = (row["tag"], row["summary"], row["index"] if row["guards"] else -1)
        alike.setdefault(key, []).append(row)
    lines: list[_Line] = []
    for rows in alike.values():
        if len(rows) < _MANY_ALIKE:
            lines += [_Line([row]) for row in rows]
            continue
        for number, some in enumerate(_wrapped(rows)):
            lines.append(_Line(some, continues=number > 0))
    return lines


def _wrapped(rows: list[RowPicture]) -> list[list[RowPicture]]:
    """Rows in lines that are not too long."""
    lines: list[list[RowPicture]] = [[]]
    length = 0
    for row in rows:
        length += len(row["short"]) + 2
        if lines[-1] and length > _LINE_LENGTH:
            lines.append([])
            length = len(row["short"]) + 2
        lines[-1].append(row)
    return lines


def _line(line: _Line, role: str, tagged: bool, span: int) -> str:
    """The cells of a line; the first line of a group (`span` > 0) has the mark of all of them."""
    row = line.rows[0]
    edge_line = f' BORDER="1" SIDES="T" COLOR="{LINE[role]}"' if span else ""
    link = _link(row)
    cell = f'<TD ALIGN="LEFT" HEIGHT="{_ROW_HEIGHT}"{edge_line}'
    cells: list[str] = []
    if tagged:
        colour = HEADER.get(row["role"], MUTED)
        tag = "" if line.continues else row["tag"]
        cells.append(f"{cell} {link}>{_font(_text(tag, _TAG_LENGTH), colour, 8)}</TD>")
    if len(line.rows) == 1:
        event = _font(_text(_event(row), _EVENT_LENGTH), TEXT, 10)
        cells.append(f'{cell} {link} ID="{row["id"]}">{event}</TD>')
    else:
        cells.append(f'{cell} CELLPADDING="0">{_several(line.rows)}</TD>')
    said = "" if line.continues else row["summary"]
    summary = _font(_text(said, _SUMMARY_LENGTH), MUTED, 10)
    cells.append(f"{cell} {link}>{summary}</TD>")
    if span:
        cells.append(
            f'<TD ALIGN="CENTER" ROWSPAN="{span}" PORT="p_{row["index"]}"{edge_line} {link}>'
            f"{_mark(row)}</TD>"
        )
    return f"<TR>{''.join(cells)}</TR>"


def _several(rows: list[RowPicture]) -> str:
    cells: list[str] = []
    for row in rows:
        event = _font(_text(row["short"], _EVENT_LENGTH), TEXT, 10)
        cells.append(f'<TD ALIGN="LEFT" {_link(row)} ID="{row["id"]}">{event}</TD>')
    return (
        '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">'
        f'<TR>{"".join(cells)}<TD COLSPAN="{_FILL}" CELLPADDING="0"></TD></TR></TABLE>'
    )


def _link(row: RowPicture) -> str:
    return f'HREF="#t/{row["index"]}" TITLE="{_title(row["label"])}"'


def _event(row: RowPicture) -> str:
    """`HoldCall [MediaReady]`; the fields of the event itself go without their `event.`"""
    if not row["guards"]:
        return row["short"]
    guards = ", ".join(guard.replace("event.", "") for guard in row["guards"])
    return f"{row['short']} [{_clean(guards, _GUARD_LENGTH)}]"


def _mark(row: RowPicture) -> str:
    colour = END_MARK if row["mark"] == ENDS else MARK
    name = f" {_text(row['named'], _TARGET_LENGTH)}" if row["named"] else ""
    return _font(MARKS[row["mark"]] + name, colour, 10)


__all__ = ["CLASSES", "dot", "dot_of", "picture"]
