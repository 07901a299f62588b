"""A table as a picture in plain data: what is drawn, how it hangs together, what it is called.

Renderers (the DOT of `flows.draw`, the outline, the matrix, a screen reader) read this and nothing
else. Final states are not drawn: the rows that lead to them carry a mark. Rows of one state with
the same target share one edge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from hashlib import sha256
from typing import TypedDict

from flows.layers import back_edges
from flows.phrases import short_event, summary_of
from flows.table import ANY_STATE, ROLES, Row, State, Table
from flows.view import EVERYTHING, View, is_failure

GOES = "goes"
ENDS = "ends"
STAYS = "stays"
FAILS = "fails"
"""The mark of failures that are folded: where they lead is not drawn."""

MANY_STATES = 40
"""From here on edges to the states that many others lead to are written, not drawn."""
_COMMON_LEAST = 8
_COMMON_SHARE = 0.12

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
    named: str
    """The target, where it is written beside the mark instead of drawn as an edge."""
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
    folded: list[str]
    """The states that this node stands for, if it is a folded group."""
    rows: list[int]
    """The rows drawn in it, without those of a node that shows none."""
    count: int
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


def picture(table: Table, *, role: str | None = None, view: View = EVERYTHING) -> Picture:
    """Describe the drawing of a table; with `role` only of the rows that role can take."""
    role = role or view.role
    view = replace(view, role=role)
    rows = [row for row in table.rows if role is None or row.role in (role, "Both")]
    if role is not None:
        # What both roles take is taken by this one: the picture of one role knows no other.
        rows = [replace(row, role=role) for row in rows]
    drawing = _Drawing(table, rows, view)
    states = drawing.states()
    return Picture(
        name=table.name,
        initial=table.initial,
        states=states,
        rows=[drawing.row(row) for row in rows],
        edges=drawing.edges,
        groups=_groups(states),
    )


class _Drawing:
    """One picture while it is made: which node each state is drawn as, and what leads where."""

    def __init__(self, table: Table, rows: list[Row], view: View) -> None:
        self.table, self.rows, self.view = table, rows, view
        self.by_state: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            self.by_state[row.from_state].append(row)
        self.names = _names(table, rows)
        targets = {row.next_state for row in rows}
        self.drawn = {name for name in self.names if self._is_drawn(name, targets)}
        self.node_of = {name: self._node_of(name) for name in self.names}
        self.members: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            if self.node_of[name] != name:
                self.members[self.node_of[name]].append(name)
        self.common = self._common()
        self.edges = self._edges()
        self._edge_of = {index: edge["id"] for edge in self.edges for index in edge["rows"]}

    def _is_drawn(self, name: str, targets: set[str | None]) -> bool:
        if self.by_state.get(name) or name == self.table.initial:
            return True
        state = self.table.states.get(name)
        if state is not None and state.final:
            return False
        return self.view.role is None or name in targets

    def _node_of(self, name: str) -> str:
        state = self.table.states.get(name)
        if state is None or state.final or state.group not in self.view.folded:
            return name
        return f"{_FOLDED}{state.group}"

    def _plain(self, name: str) -> bool:
        """Whether a state shows its rows."""
        return self.view.rows and self.node_of[name] == name

    def folds(self, row: Row) -> bool:
        """Whether a row is one of the failures drawn as one line."""
        return not self.view.failures and is_failure(row) and self._plain(row.from_state)

    def _leads(self, row: Row) -> tuple[str, str] | None:
        """The nodes an edge for this row would join."""
        target = row.next_state
        if target is None or target not in self.drawn or self.folds(row):
            return None
        ends = self.node_of[row.from_state], self.node_of[target]
        return ends if ends[0] != ends[1] else None

    def _common(self) -> set[str]:
        """The nodes of a large picture that so many others lead to that edges say nothing."""
        nodes = {self.node_of[name] for name in self.drawn}
        if len(nodes) <= MANY_STATES or not self.view.rows:
            return set()
        pairs = {pair for row in self.rows if (pair := self._leads(row)) is not None}
        least = max(_COMMON_LEAST, int(len(nodes) * _COMMON_SHARE))
        return {name for name, count in Counter(b for _, b in pairs).items() if count >= least}

    def _edges(self) -> list[EdgePicture]:
        bundles: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for name in self.names:
            for row in self.by_state[name]:
                pair = self._leads(row)
                if pair is not None and not (pair[1] in self.common and self._plain(name)):
                    bundles[pair].append(row)
        nodes = list(dict.fromkeys(self.node_of[name] for name in self.names))
        is_back = back_edges(
            self.node_of.get(self.table.initial, self.table.initial), nodes, list(bundles)
        )
        return [_edge(pair, rows, pair in is_back) for pair, rows in bundles.items()]

    def states(self) -> list[StatePicture]:
        states: list[StatePicture] = []
        for node in dict.fromkeys(self.node_of[name] for name in self.names):
            members = self.members.get(node)
            if members:
                rows = [row for name in members for row in self.by_state[name]]
                states.append(_folded_group(self.table, node, members, rows))
            else:
                state = _state(self.table, node, self.by_state[node], node in self.drawn)
                if not self.view.rows:
                    state["rows"] = []
                states.append(state)
        self._roles = {state["name"]: state["role"] for state in states}
        return states

    def row(self, row: Row) -> RowPicture:
        named, folds = "", self.folds(row)
        if self._plain(row.from_state) and row.next_state is not None and not folds:
            pair = self._leads(row)
            named = row.next_state if pair is not None and pair[1] in self.common else ""
        header = self._roles[self.node_of[row.from_state]]
        drawn = _row(self.table, row, header, self._edge_of.get(row.index))
        drawn["named"] = named
        drawn["mark"] = FAILS if folds else drawn["mark"]
        return drawn


_FOLDED = "group:"


def _names(table: Table, rows: list[Row]) -> list[str]:
    """The wildcard first, then the states as declared, then those that are only mentioned."""
    wildcard = [ANY_STATE] if any(row.from_state == ANY_STATE for row in rows) else []
    mentioned = [name for row in rows for name in (row.from_state, row.next_state) if name]
    return list(dict.fromkeys([*wildcard, *table.states, *mentioned]))


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


def _edge(pair: tuple[str, str], rows: list[Row], back: bool) -> EdgePicture:
    source, target = pair
    count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
    return EdgePicture(
        id=f"e_{rows[0].index}",
        source=source,
        target=target,
        rows=[row.index for row in rows],
        role=_common_role(rows),
        back=back,
        label=f"{_title(source)} to {_title(target)}, {count}",
    )


def _common_role(rows: list[Row]) -> str:
    """The role all rows share, else Both; also for a role that no table should have."""
    roles = {row.role for row in rows}
    role = roles.pop() if len(roles) == 1 else "Both"
    return role if role in ROLES else "Both"


def _title(name: str) -> str:
    return "Any state" if name == ANY_STATE else name.removeprefix(_FOLDED)


def _folded_group(table: Table, node: str, members: list[str], rows: list[Row]) -> StatePicture:
    title, role = _title(node), _common_role(rows)
    states = "1 state" if len(members) == 1 else f"{len(members)} states"
    count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
    return StatePicture(
        id="g_" + safe(title),
        name=node,
        title=title,
        role=role,
        group=title,
        description="",
        initial=table.initial in members,
        final=False,
        declared=True,
        wildcard=False,
        drawn=True,
        folded=members,
        rows=[],
        count=len(rows),
        label=f"Group {title}, folded, {states}, {count}",
    )


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
        folded=[],
        rows=[row.index for row in rows],
        count=len(rows),
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
        named="",
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
            members.setdefault(state["group"], []).extend(state["folded"] or [state["name"]])
    return [GroupPicture(name=name, states=names) for name, names in members.items()]


__all__ = [
    "ENDS",
    "FAILS",
    "GOES",
    "MANY_STATES",
    "STAYS",
    "Picture",
    "back_edges",
    "picture",
    "row_id",
    "state_id",
]
