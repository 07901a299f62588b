"""A table as a Mermaid state diagram (`stateDiagram-v2`), as wikis and README files show it."""

from __future__ import annotations

from flows.phrases import short_event
from flows.table import ANY_STATE, ROLES, Row, Table

_LONGEST_LABEL = 60
_MOST_EVENTS = 4
_SPOILING = str.maketrans({":": "∶", ";": ",", "#": "♯", '"': "'", "<": "‹", ">": "›", "%": "％"})
"""Signs that end or begin something in Mermaid, and what reads like them. Its own escapes differ
from version to version; a look-alike means the same to the reader everywhere."""


def mermaid(table: Table) -> str:
    """Write the states, one arrow for each pair of them with its events, and the groups."""
    names = _ids(table)
    lines = ["stateDiagram-v2", "  direction LR"]
    for name, own in names.items():
        title = "Any state" if name == ANY_STATE else name
        lines.append(f'  state "{_plain(title)}" as {own}')
    lines += _groups(table, names)
    if table.initial in names:
        lines.append(f"  [*] --> {names[table.initial]}")
    arrows: dict[tuple[str, str], list[Row]] = {}
    for row in table.rows:
        target = row.next_state if row.next_state is not None else row.from_state
        arrows.setdefault((row.from_state, target), []).append(row)
    for (source, target), rows in arrows.items():
        lines.append(f"  {names[source]} --> {names[target]}: {_events(rows)}")
    for name, state in table.states.items():
        if state.final:
            lines.append(f"  {names[name]} --> [*]")
    return "\n".join(lines) + "\n"


def _ids(table: Table) -> dict[str, str]:
    """An id for every state; a name itself may be a word of Mermaid's or hold any sign."""
    mentioned = [name for row in table.rows for name in (row.from_state, row.next_state) if name]
    names = dict.fromkeys([*table.states, *mentioned])
    return {name: f"s{number}" for number, name in enumerate(names)}


def _groups(table: Table, names: dict[str, str]) -> list[str]:
    members: dict[str, list[str]] = {}
    for name, state in table.states.items():
        if state.group:
            members.setdefault(state.group, []).append(names[name])
    lines: list[str] = []
    for number, (group, own) in enumerate(members.items()):
        lines += [
            f'  state "{_plain(group)}" as g{number} {{',
            *(f"    {one}" for one in own),
            "  }",
        ]
    return lines


def _events(rows: list[Row]) -> str:
    said = [_event(row) for row in rows]
    shown = list(dict.fromkeys(said))
    more = f" +{len(shown) - _MOST_EVENTS}" if len(shown) > _MOST_EVENTS else ""
    return ", ".join(shown[:_MOST_EVENTS]) + more


def _event(row: Row) -> str:
    role = "" if row.role not in ROLES or row.role == "Both" else f" ({row.role})"
    guards = f" [{', '.join(guard.text for guard in row.guards)}]" if row.guards else ""
    return _plain(f"{short_event(row)}{guards}{role}")


def _plain(text: str) -> str:
    one_line = " ".join(text.translate(_SPOILING).split())
    printable = "".join(sign for sign in one_line if sign.isprintable())
    return printable[:_LONGEST_LABEL] or "-"
