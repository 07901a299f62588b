"""Two tables in one picture: what was removed stands beside what was added, and nothing moves.

    both = union(old, new, changes(old, new))
    dot_of(both.picture)      # one layout; rows of the new table keep their index
    both.rows[12].kind        # added, removed, changed or same: the look is a class on each

A changed row is drawn once, with the words before and after. A row that leads elsewhere now, or
stands in another state, is drawn twice: as it was, removed, and as it is, added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flows.changes import ADDED, CHANGED, REMOVED, ROW, SIGNS, STATE, Change, Changes
from flows.phrases import short_event
from flows.picture import Picture, RowPicture, StatePicture, picture
from flows.table import Row, Table
from flows.view import EVERYTHING, View, usual

SAME = "same"
_TWICE = frozenset(("retargeted", "moved"))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A row of the picture: how it differs, and its index in either table.

    The new half of a row that is drawn twice knows the old one's index, not the other way round.
    """

    kind: str
    old: int | None
    new: int | None


@dataclass(frozen=True, slots=True)
class Union:
    """The picture of both tables with what is to be said of each part of it."""

    picture: Picture
    rows: Mapping[int, Drawn]
    """By the index in the picture."""
    states: Mapping[str, str]
    """Name in the picture to `added`, `removed`, `changed` or `same`."""
    edges: Mapping[str, str]
    """Id to `added`, `removed` or `same`."""

    def as_dict(self) -> dict[str, Any]:
        """Return what a page needs beside the drawing."""
        return {
            "rows": {
                index: {"kind": row.kind, "old": row.old, "new": row.new}
                for index, row in self.rows.items()
            },
            "states": dict(self.states),
            "edges": dict(self.edges),
            "initial": self.picture["initial"],
            "labels": {
                "rows": {row["index"]: row["label"] for row in self.picture["rows"]},
                "states": {state["name"]: state["label"] for state in self.picture["states"]},
            },
        }


def union(old: Table, new: Table, changes: Changes) -> Union:
    """Draw both tables as one. Removed rows get indexes from the number of new rows on."""
    rows = _rows(old, new, changes)
    table = _table(old, new, changes, rows)
    kinds = _states(old, new, changes)
    drawing = picture(table, view=_view(table, changes))
    of_row = {index: drawn for index, (_, drawn) in rows.items()}
    for shown in drawing["rows"]:
        _sign(shown, of_row[shown["index"]], old, new)
    for state in drawing["states"]:
        _rename(state, changes)
    edges = {
        edge["id"]: _of_edge(of_row[index].kind for index in edge["rows"])
        for edge in drawing["edges"]
    }
    return Union(drawing, of_row, kinds, edges)


def _rows(old: Table, new: Table, changes: Changes) -> dict[int, tuple[Row, Drawn]]:
    """All rows to draw, in their order, by the index they get."""
    real = {change.new_row: change for change in changes.real if change.subject == ROW}
    back = {now: was for was, now in changes.pairing.rows.items()}
    order: list[tuple[Row, Drawn]] = []
    twice: set[int] = set()
    for row in new.rows:
        change, was = real.get(row.index), back.get(row.index)
        if change is not None and was is not None and _is_twice(change):
            twice.add(was)
            order.append((row, Drawn(ADDED, was, row.index)))
        else:
            order.append((row, Drawn(SAME if change is None else change.how, was, row.index)))
    for was in range(len(old.rows)):
        if was in twice or was not in changes.pairing.rows:
            gone = _gone(old.rows[was], len(new.rows), changes)
            order.insert(_place(order, was, changes), (gone, Drawn(REMOVED, was, None)))
    return {row.index: (row, drawn) for row, drawn in order}


def _is_twice(change: Change) -> bool:
    return any(aspect.kind in _TWICE for aspect in change.aspects)


def _gone(row: Row, first: int, changes: Changes) -> Row:
    return replace(
        row,
        index=first + row.index,
        from_state=changes.pairing.now(row.from_state) or row.from_state,
        next_state=changes.pairing.now(row.next_state),
    )


def _place(order: list[tuple[Row, Drawn]], was: int, changes: Changes) -> int:
    """Where an old row goes: before what replaces it, else behind what stood before it."""
    replaced = changes.pairing.rows.get(was)
    best, place = -1, 0
    for at, (_, drawn) in enumerate(order):
        if replaced is not None and drawn.new == replaced:
            return at
        if drawn.old is not None and best < drawn.old < was:
            best, place = drawn.old, at + 1
    return place


def _table(
    old: Table, new: Table, changes: Changes, rows: Mapping[int, tuple[Row, Drawn]]
) -> Table:
    gone = {n: s for n, s in old.states.items() if n not in changes.pairing.states}
    return replace(new, states={**new.states, **gone}, rows=tuple(row for row, _ in rows.values()))


def _states(old: Table, new: Table, changes: Changes) -> dict[str, str]:
    kinds = dict.fromkeys([*new.states, *old.states], SAME)
    for name in changes.pairing.states:
        if changes.pairing.now(name) != name:
            del kinds[name]
    for change in changes.real:
        if change.subject == STATE:
            kinds[change.new_state or change.old_state or ""] = change.how
    return kinds


def _view(table: Table, changes: Changes) -> View:
    """All of it; of a large table only the groups in which something changed."""
    view = usual(table)
    if view == EVERYTHING or not view.rows:
        return view
    open_groups = {
        table.states[name].group
        for change in changes.real
        for name in (changes.pairing.now(change.old_state), change.new_state)
        if name in table.states
    }
    return replace(view, folded=view.folded - open_groups)


def _sign(shown: RowPicture, drawn: Drawn, old: Table, new: Table) -> None:
    """Put the sign of a row into its first column, and old and new words beside each other."""
    if drawn.kind == SAME:
        return
    shown["tag"] = f"{SIGNS[drawn.kind]} {shown['tag']}".rstrip()
    shown["label"] = f"{drawn.kind}: {shown['label']}"
    if drawn.kind != CHANGED or drawn.old is None or drawn.new is None:
        return
    was, now = old.rows[drawn.old], new.rows[drawn.new]
    if short_event(was) != short_event(now):
        after = now.label.removeprefix("after ") if was.event == now.event else short_event(now)
        shown["short"] = f"{short_event(was)} → {after}"


def _rename(state: StatePicture, changes: Changes) -> None:
    was = next((o for o, n in changes.pairing.states.items() if n == state["name"]), None)
    if was is not None and was != state["name"]:
        state["title"] = f"{was} → {state['name']}"


def _of_edge(kinds: Iterable[str]) -> str:
    """An edge is new or gone only if all its rows are: else it led there before and still does."""
    found = set(kinds)
    return found.pop() if len(found) == 1 and found & {ADDED, REMOVED} else SAME
