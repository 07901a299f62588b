"""Two tables compared as they are written: what was added, removed and changed, in words.

    found = changes(old, new)
    found.real          # what matters: each has a title, sentences, and the rows it is about
    found.cosmetic      # order without effect, descriptions, ids, comments, layout
    found.empty

What calls do otherwise because of it is the matter of `flows.difference`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from flows import change_words as words
from flows.change_words import Aspect
from flows.pairing import Pairing, pair
from flows.table import Row, State, Table

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
ROW, STATE, FLOW = "row", "state", "flow"
SIGNS = {ADDED: "+", REMOVED: "−", CHANGED: "~"}


@dataclass(frozen=True, slots=True)
class Change:
    """One row, state or field of the head that is otherwise than before."""

    subject: str
    """`row`, `state` or `flow`."""
    how: str
    """`added`, `removed` or `changed`."""
    title: str
    aspects: tuple[Aspect, ...]
    old_row: int | None = None
    new_row: int | None = None
    old_state: str | None = None
    new_state: str | None = None
    cosmetic: bool = False

    @property
    def sign(self) -> str:
        return SIGNS[self.how]

    @property
    def words(self) -> str:
        """All sentences in one line."""
        return " ".join(aspect.words for aspect in self.aspects)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {**asdict(self), "sign": self.sign, "words": self.words}


@dataclass(slots=True)
class Changes:
    """All changes from one table to another, in the order of the new text."""

    pairing: Pairing
    real: list[Change] = field(default_factory=list)
    cosmetic: list[Change] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not self.real and not self.cosmetic

    def count(self, how: str) -> int:
        """Return how many changes that matter are of this kind."""
        return sum(change.how == how for change in self.real)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "added": self.count(ADDED),
            "removed": self.count(REMOVED),
            "changed": self.count(CHANGED),
            "changes": [change.as_dict() for change in self.real],
            "cosmetic": [change.as_dict() for change in self.cosmetic],
        }


def changes(old: Table, new: Table) -> Changes:
    """Compare two tables, row by row. Never raises."""
    pairing = pair(old, new)
    found = Changes(pairing)
    for change in (*_of_flow(old, new, pairing), *_of_states(old, new, pairing)):
        _file(found, change)
    for change in _of_rows(old, new, pairing):
        _file(found, change)
    for text in _elsewhere(old, new, pairing):
        found.cosmetic.append(Change(FLOW, CHANGED, "Order", (Aspect("place", text),)))
    if found.empty and old.digest != new.digest:
        said = "Only comments, spaces or the way of writing differ."
        found.cosmetic.append(Change(FLOW, CHANGED, "Text", (Aspect("text", said),), cosmetic=True))
    found.cosmetic = [_as_cosmetic(change) for change in found.cosmetic]
    return found


def as_text(found: Changes, *, cosmetic: bool = False) -> str:
    """Return what the command line prints: a change in a line."""
    if not found.real:
        lines = ["No row, state or head field differs in what it means."]
    else:
        lines = [f"{change.sign} {change.title}: {change.words}" for change in found.real]
    if cosmetic:
        lines += [f"  {change.title}: {change.words}" for change in found.cosmetic]
    elif found.cosmetic:
        count = len(found.cosmetic)
        lines.append(f"  ({count} cosmetic {'change' if count == 1 else 'changes'} not shown)")
    return "\n".join(lines)


def _file(found: Changes, change: Change) -> None:
    """Put what matters and what does not of one change into their lists."""
    real = tuple(aspect for aspect in change.aspects if not aspect.cosmetic)
    other = tuple(aspect for aspect in change.aspects if aspect.cosmetic)
    if real:
        found.real.append(_with(change, real))
    if other:
        found.cosmetic.append(_with(change, other))


def _with(change: Change, aspects: tuple[Aspect, ...], *, cosmetic: bool = False) -> Change:
    return Change(
        change.subject,
        change.how,
        change.title,
        aspects,
        change.old_row,
        change.new_row,
        change.old_state,
        change.new_state,
        cosmetic,
    )


def _as_cosmetic(change: Change) -> Change:
    return _with(change, change.aspects, cosmetic=True)


# -- head ------------------------------------------------------------------------------------------


def _of_flow(old: Table, new: Table, pairing: Pairing) -> Iterator[Change]:
    def head(title: str, aspects: Iterable[Aspect], how: str = CHANGED) -> Iterator[Change]:
        told = tuple(aspects)
        if told:
            yield Change(FLOW, how, title, told)

    yield from head("Name", words.value("name", "The name", old.name, new.name))
    yield from head("Version", words.value("version", "The version", old.version, new.version))
    yield from head("Description", words.description(old.description, new.description))
    if pairing.now(old.initial) != new.initial:
        said = f"Calls begin in {new.initial}, no longer in {old.initial}."
        yield from head("Beginning", [Aspect("initial", said, old.initial, new.initial)])
    yield from head("Features", words.members("features", "feature", old.features, new.features))
    yield from head("Variables", words.variables(old.variables, new.variables))
    before, after = (tuple(map(words.plain, table.properties)) for table in (old, new))
    yield from head("Properties", words.members("properties", "property", before, after))


# -- states ----------------------------------------------------------------------------------------


def _of_states(old: Table, new: Table, pairing: Pairing) -> Iterator[Change]:
    back = {now: was for was, now in pairing.states.items()}
    rows = _count(new.rows)
    for state in new.states.values():
        was = back.get(state.name)
        if was is None:
            told = (words.new_state(state, rows.get(state.name, 0)),)
            yield Change(STATE, ADDED, f"State {state.name}", told, new_state=state.name)
        elif aspects := tuple(_state(old.states[was], state)):
            yield Change(
                STATE, CHANGED, f"State {state.name}", aspects, old_state=was, new_state=state.name
            )
    for state in old.states.values():
        if state.name not in pairing.states:
            said = words.gone_state(state, _count(old.rows).get(state.name, 0))
            yield Change(STATE, REMOVED, f"State {state.name}", (said,), old_state=state.name)


def _count(rows: Iterable[Row]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for row in rows:
        found[row.from_state] += 1
    return found


def _state(old: State, new: State) -> Iterator[Aspect]:
    if old.name != new.name:
        said = f"{old.name} is now called {new.name}."
        yield Aspect("renamed", said, old.name, new.name)
    if old.final != new.final:
        said = f"A call that reaches {new.name} {'ends' if new.final else 'no longer ends'} there."
        yield Aspect("final", said)
    if old.group != new.group:
        yield words.moved_group(new.name, old.group, new.group)
    yield from words.ignored(new.name, old.ignore, new.ignore)
    yield from words.description(old.description, new.description)
    if old.declared != new.declared:
        said = f"{new.name} is {'now' if new.declared else 'no longer'} listed under states."
        yield Aspect("declared", said, cosmetic=True)


# -- rows ------------------------------------------------------------------------------------------


def _of_rows(old: Table, new: Table, pairing: Pairing) -> Iterator[Change]:
    back = {now: was for was, now in pairing.rows.items()}
    reordered = _reordered(old, new, pairing)
    for row in new.rows:
        was = back.get(row.index)
        if was is None:
            others = sum(_meets(pairing, before, row) for before in old.rows)
            yield _row(ADDED, None, row, (words.new_row(row, others),))
        else:
            before = old.rows[was]
            aspects = [*words.row(before, row, pairing.now)]
            if row.index in reordered:
                aspects.append(words.order(row, reordered[row.index]))
            if aspects:
                yield _row(CHANGED, before, row, tuple(aspects))
    for row in old.rows:
        if row.index not in pairing.rows:
            others = sum(_meets(pairing, row, after) for after in new.rows)
            yield _row(REMOVED, row, None, (words.gone_row(row, others),))


def _row(how: str, old: Row | None, new: Row | None, aspects: tuple[Aspect, ...]) -> Change:
    row = new or old
    assert row is not None
    return Change(
        ROW,
        how,
        words.title(row),
        aspects,
        None if old is None else old.index,
        None if new is None else new.index,
        None if old is None else old.from_state,
        None if new is None else new.from_state,
    )


def _meets(pairing: Pairing, old: Row, new: Row) -> bool:
    """Whether both answer the same event in the same state, for a role that both take."""
    return (
        pairing.now(old.from_state) == new.from_state
        and old.label == new.label
        and ("Both" in (old.role, new.role) or old.role == new.role)
    )


def _reordered(old: Table, new: Table, pairing: Pairing) -> Mapping[int, int]:
    """Rows that now stand before a row of the same class they stood behind: index to that row's.

    The order of rows matters only among those of one state, role and event.
    """
    classes: dict[tuple[str | None, str, str], list[tuple[int, int]]] = defaultdict(list)
    for was, now in pairing.rows.items():
        before, after = old.rows[was], new.rows[now]
        if _class(before, pairing) == _class(after):
            classes[_class(after)].append((now, was))
    found: dict[int, int] = {}
    for members in classes.values():
        for at, (now, was) in enumerate(sorted(members)):
            passed = [n for n, w in sorted(members)[at + 1 :] if w < was]
            if passed:
                found[now] = passed[0]
    return found


def _class(row: Row, pairing: Pairing | None = None) -> tuple[str | None, str, str]:
    state = row.from_state if pairing is None else pairing.now(row.from_state)
    return state, row.role, row.label


def _elsewhere(old: Table, new: Table, pairing: Pairing) -> Iterator[str]:
    """Rows and states that stand elsewhere in the text without any effect."""
    order = [now for _, now in sorted(pairing.rows.items())]
    moved = len(order) - _longest_rise(order)
    if moved:
        count = "1 row stands" if moved == 1 else f"{moved} rows stand"
        yield f"{count} elsewhere in the text; which row is tried first among rivals is said apart."
    places = {name: at for at, name in enumerate(new.states)}
    states = [places[pairing.states[name]] for name in old.states if name in pairing.states]
    if states != sorted(states):
        yield "States are listed in another order."


def _longest_rise(numbers: list[int]) -> int:
    """How many of the numbers can stay where they are: the longest rising selection."""
    ends: list[int] = []
    for number in numbers:
        at = bisect_left(ends, number)
        ends[at : at + 1] = [number]
    return len(ends)
