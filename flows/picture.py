"""A table as a picture in plain data: what is drawn, how it hangs together, what it is called.

Renderers (the DOT of `flows.draw`, the outline, the matrix, a screen reader) read this and nothing
else. Final states are not drawn: the rows that lead to them carry a mark. Rows of one state with
the same target share one edge.
"""

from __future__ import annotations

from collections import defaultdict, deque
from hashlib import sha256
from typing import TypedDict

from flows.phrases import short_event, summary_of
from flows.table import ANY_STATE, ROLES, Row, State, Table

GOES = "goes"
ENDS = "ends"
STAYS = "stays"

_KEPT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_LONGEST_ID = 80


class RowPicture(TypedDict):
    id: str
    index: int
    row_id: str
    state: str
    role: str
    tag: str
    event: str
    """The event's name, as the text has it."""
    short: str
    """The event in the few letters of the drawing."""
    guards: list[str]
    actions: list[str]
    summary: str
    target: str
    mark: str
    edge: str | None
    ignored: bool
    label: str


class StatePicture(TypedDict):
    id: str
    name: str
    title: str
    role: str
    group: str
    description: str
    initial: bool
    final: bool
    declared: bool
    wildcard: bool
    drawn: bool
    rows: list[int]
    label: str


class EdgePicture(TypedDict):
    id: str
    source: str
    target: str
    rows: list[int]
    role: str
    back: bool
    label: str


class GroupPicture(TypedDict):
    name: str
    states: list[str]


class Picture(TypedDict):
    name: str
    initial: str
    states: list[StatePicture]
    rows: list[RowPicture]
    edges: list[EdgePicture]
    groups: list[GroupPicture]


def state_id(name: str) -> str:
    """The id of a state in every picture: `s_Idle`. Different names never share an id."""
    return "s_" + safe(name)


def row_id(index: int) -> str:
    return f"row_t{index}"


def safe(name: str) -> str:
    """A name in letters, digits and `_`; every other character as `-hex-`; long ones cut."""
    whole = "".join(c if c in _KEPT else f"-{ord(c):x}-" for c in name[:_LONGEST_ID])
    if len(whole) <= _LONGEST_ID and len(name) <= _LONGEST_ID:
        return whole
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{whole[:40]}--{digest}"


def picture(table: Table, *, role: str | None = None) -> Picture:
    """Describe the drawing of a table; with `role` only of the rows that role can take."""
    rows = [row for row in table.rows if role is None or row.role in (role, "Both")]
    by_state: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_state[row.from_state].append(row)
    names = _names(table, rows)
    drawn = {name for name in names if _is_drawn(table, name, by_state, role, rows)}
    edges = _edges(table, by_state, names, drawn)
    edge_of = {index: edge["id"] for edge in edges for index in edge["rows"]}
    states = [_state(table, name, by_state[name], name in drawn) for name in names]
    roles = {state["name"]: state["role"] for state in states}
    return Picture(
        name=table.name,
        initial=table.initial,
        states=states,
        rows=[_row(table, row, roles[row.from_state], edge_of.get(row.index)) for row in rows],
        edges=edges,
        groups=_groups(states),
    )


def _names(table: Table, rows: list[Row]) -> list[str]:
    """The wildcard first, then the states as declared, then those that are only mentioned."""
    wildcard = [ANY_STATE] if any(row.from_state == ANY_STATE for row in rows) else []
    mentioned = [name for row in rows for name in (row.from_state, row.next_state) if name]
    return list(dict.fromkeys([*wildcard, *table.states, *mentioned]))


def _is_drawn(
    table: Table, name: str, by_state: dict[str, list[Row]], role: str | None, rows: list[Row]
) -> bool:
    if by_state.get(name) or name == table.initial:
        return True
    state = table.states.get(name)
    if state is not None and state.final:
        return False
    return role is None or any(row.next_state == name for row in rows)


def _is_declared(table: Table, name: str) -> bool:
    """In a bare list nobody declares states; there every state that is used counts."""
    state = table.states.get(name)
    if name == ANY_STATE:
        return True
    if state is None:
        return False
    return state.declared or not any(other.declared for other in table.states.values())


def _mark(table: Table, row: Row) -> str:
    if row.next_state is None or row.next_state == row.from_state:
        return STAYS
    state = table.states.get(row.next_state)
    return ENDS if state is not None and state.final else GOES


def _edges(
    table: Table, by_state: dict[str, list[Row]], names: list[str], drawn: set[str]
) -> list[EdgePicture]:
    bundles: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for name in names:
        for row in by_state[name]:
            target = row.next_state
            if target is not None and target != name and target in drawn:
                bundles[(name, target)].append(row)
    is_back = back_edges(table.initial, names, list(bundles))
    edges: list[EdgePicture] = []
    for (source, target), rows in bundles.items():
        count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
        edges.append(
            EdgePicture(
                id=f"e_{rows[0].index}",
                source=source,
                target=target,
                rows=[row.index for row in rows],
                role=_common_role(rows),
                back=(source, target) in is_back,
                label=f"{_title(source)} to {_title(target)}, {count}",
            )
        )
    return edges


def back_edges(
    initial: str, names: list[str], edges: list[tuple[str, str]]
) -> set[tuple[str, str]]:
    """The edges that lead back: inside a circle of states, to one nearer to the initial state.

    An edge that leaves its circle for good is no way back, however long the way was. What is left
    without these edges has no circle, so it can be laid out in one direction.
    """
    following: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        following[source].append(target)
    layer = _layers([initial, *names], following)
    order = {name: (layer[name], position) for position, name in enumerate(names)}
    circle = _circles(names, following)
    return {
        (source, target)
        for source, target in edges
        if circle[source] == circle[target] and order[target] < order[source]
    }


def _layers(starts: list[str], following: dict[str, list[str]]) -> dict[str, int]:
    """The number of steps from the initial state; what it does not reach begins anew at 0."""
    layer: dict[str, int] = {}
    for start in starts:
        if start in layer:
            continue
        layer[start] = 0
        queue = deque([start])
        while queue:
            name = queue.popleft()
            for target in following[name]:
                if target not in layer:
                    layer[target] = layer[name] + 1
                    queue.append(target)
    return layer


def _circles(names: list[str], following: dict[str, list[str]]) -> dict[str, int]:
    """Number the strongly connected components (Kosaraju's two walks, without recursion)."""
    preceding: dict[str, list[str]] = defaultdict(list)
    for source, targets in following.items():
        for target in targets:
            preceding[target].append(source)
    finished: list[str] = []
    seen: set[str] = set()
    for name in names:
        _walk(name, following, seen, finished)
    number: dict[str, int] = {}
    seen = set()
    for index, name in enumerate(reversed(finished)):
        members: list[str] = []
        _walk(name, preceding, seen, members)
        number.update(dict.fromkeys(members, index))
    return number


def _walk(start: str, following: dict[str, list[str]], seen: set[str], done: list[str]) -> None:
    if start in seen:
        return
    seen.add(start)
    stack = [(start, iter(following[start]))]
    while stack:
        name, rest = stack[-1]
        for target in rest:
            if target not in seen:
                seen.add(target)
                stack.append((target, iter(following[target])))
                break
        else:
            stack.pop()
            done.append(name)


def _common_role(rows: list[Row]) -> str:
    """The role all rows share, else Both; also for a role that no table should have."""
    roles = {row.role for row in rows}
    role = roles.pop() if len(roles) == 1 else "Both"
    return role if role in ROLES else "Both"


def _title(name: str) -> str:
    return "Any state" if name == ANY_STATE else name


def _state(table: Table, name: str, rows: list[Row], drawn: bool) -> StatePicture:
    state: State | None = table.states.get(name)
    declared = _is_declared(table, name)
    role = _common_role(rows)
    final = state is not None and state.final
    return StatePicture(
        id=state_id(name),
        name=name,
        title=_title(name),
        role=role,
        group=state.group if state is not None else "",
        description=state.description if state is not None else "",
        initial=name == table.initial,
        final=final,
        declared=declared,
        wildcard=name == ANY_STATE,
        drawn=drawn,
        rows=[row.index for row in rows],
        label=_state_label(_title(name), role, len(rows), name == table.initial, final, declared),
    )


def _state_label(
    title: str, role: str, rows: int, initial: bool, final: bool, declared: bool
) -> str:
    parts = [title]
    if initial:
        parts.append("initial state")
    if final:
        parts.append("final state")
    if not declared:
        parts.append("not declared")
    if rows:
        parts.append("both roles" if role == "Both" else f"role {role}")
    parts.append("1 row" if rows == 1 else f"{rows} rows" if rows else "no rows")
    return ", ".join(parts)


def _row(table: Table, row: Row, header_role: str, edge: str | None) -> RowPicture:
    mark = _mark(table, row)
    guards = [guard.text for guard in row.guards]
    summary = summary_of(row)
    return RowPicture(
        id=row_id(row.index),
        index=row.index,
        row_id=row.id,
        state=row.from_state,
        role=row.role,
        tag=row.role if row.role != header_role else "",
        event=row.label,
        short=short_event(row),
        guards=guards,
        actions=[word.name for word in row.actions],
        summary=summary,
        target=row.next_state or row.from_state,
        mark=mark,
        edge=edge,
        ignored=row.ignore is not None,
        label=_row_label(row, guards, summary, mark),
    )


def _row_label(row: Row, guards: list[str], summary: str, mark: str) -> str:
    """A row as a sentence: `HoldCall if MediaReady: re-INVITE sendonly, goes to Holding`."""
    condition = f" if {' and '.join(guards)}" if guards else ""
    acts = f": {summary}" if summary else ""
    leads = {GOES: f"goes to {row.next_state}", ENDS: f"ends in {row.next_state}", STAYS: "stays"}
    return f"{row.label}{condition}{acts}, {leads[mark]}"


def _groups(states: list[StatePicture]) -> list[GroupPicture]:
    """Groups in the order in which the states name them."""
    members: dict[str, list[str]] = {}
    for state in states:
        if not state["wildcard"]:
            members.setdefault(state["group"], []).append(state["name"])
    return [GroupPicture(name=name, states=names) for name, names in members.items()]


__all__ = ["ENDS", "GOES", "STAYS", "Picture", "back_edges", "picture", "row_id", "state_id"]
