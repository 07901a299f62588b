"""Which state and which row of a new table is which of the old one.

    found = pair(old, new)
    found.states      # {"OnHold": "Held"}: old name to new name, of states that are in both
    found.rows        # {3: 4}: index of the old row to that of the new one

Rows with the same id are the same; then those that stand on the same state, role, event and
guards; then, most alike first, those that say enough of the same to be one row that was changed.
A state that is gone and one that is new are the same if most of their rows say the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace

from flows.table import Row, Table

LEAST_ROW = 0.55
"""Rows less alike than this (of 1) are a removed and an added one."""
LEAST_STATE = 0.6
MOST_COMPARED = 40_000
"""Pairs of unknown rows; beyond it only rows of the same state are compared."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """States by name and rows by index: old to new."""

    states: Mapping[str, str]
    rows: Mapping[int, int]

    def now(self, state: str | None) -> str | None:
        """Return the new name of an old state; one that is gone keeps its own."""
        return None if state is None else self.states.get(state, state)


def pair(old: Table, new: Table) -> Pairing:
    """Pair the states, then the rows of two tables."""
    states = {name: name for name in old.states if name in new.states}
    states |= _renamed(old, new)
    return Pairing(states, _Rows(old, new, states).paired())


# -- states ----------------------------------------------------------------------------------------


def _renamed(old: Table, new: Table) -> dict[str, str]:
    gone = [name for name in old.states if name not in new.states]
    fresh = [name for name in new.states if name not in old.states]
    before = {name: _said_of(old, name) for name in gone}
    after = {name: _said_of(new, name) for name in fresh}
    scored = [
        (_share(before[a], after[b]), -at, a, b)
        for a in gone
        for at, b in enumerate(fresh)
        if old.states[a].final == new.states[b].final
    ]
    found: dict[str, str] = {}
    for share, _, a, b in sorted(scored, reverse=True):
        if share >= LEAST_STATE and a not in found and b not in found.values():
            found[a] = b
    return found


def _said_of(table: Table, name: str) -> Counter[Hashable]:
    """All that rows say of a state, with its own name left out."""

    def own(state: str | None) -> str | None:
        return "" if state == name else state

    said: Counter[Hashable] = Counter()
    for row in table.rows:
        words = (row.role, row.label, _guards(row), _actions(row))
        if row.from_state == name:
            said[("leaves", *words, own(row.next_state))] += 1
        elif row.next_state == name:
            said[("enters", row.from_state, *words)] += 1
    return said


def _share(one: Counter[Hashable], two: Counter[Hashable]) -> float:
    whole = (one | two).total()
    return (one & two).total() / whole if whole else 0.0


# -- rows ------------------------------------------------------------------------------------------


class _Rows:
    """The rows that have no partner yet, those of the old table with the new names of states."""

    def __init__(self, old: Table, new: Table, states: Mapping[str, str]) -> None:
        self.old = {at: _translated(row, states) for at, row in enumerate(old.rows)}
        self.new = dict(enumerate(new.rows))
        self.found: dict[int, int] = {}

    def paired(self) -> dict[int, int]:
        self._by(lambda row: row.id or None)
        # Copies of a row go first by all they say, so that each finds its own.
        self._by(lambda row: (*_stand(row), row.next_state, _actions(row), row.publish))
        self._by(_stand)
        self._most_alike()
        return self.found

    def _by(self, key: Callable[[Row], Hashable | None]) -> None:
        """Pair rows with the same key, the first with the first; None has no partner."""
        waiting: dict[Hashable, deque[int]] = defaultdict(deque)
        for at, row in self.old.items():
            waiting[key(row)].append(at)
        waiting.pop(None, None)
        for at, row in list(self.new.items()):
            if waiting.get(key(row)):
                self._take(waiting[key(row)].popleft(), at)

    def _take(self, old: int, new: int) -> None:
        self.found[old] = new
        del self.old[old], self.new[new]

    def _most_alike(self) -> None:
        scored = sorted(
            (-_alike(self.old[a], self.new[b]), abs(a - b), a, b) for a, b in self._nearby()
        )
        for score, _, a, b in scored:
            if -score >= LEAST_ROW and a in self.old and b in self.new:
                self._take(a, b)

    def _nearby(self) -> Iterator[tuple[int, int]]:
        """Pairs that may be one row: of one state, and where they are few of one event."""
        few = len(self.old) * len(self.new) <= MOST_COMPARED
        at_state: dict[str, list[int]] = defaultdict(list)
        for b, new in self.new.items():
            at_state[new.from_state].append(b)
        for a, old in self.old.items():
            yield from ((a, b) for b in at_state[old.from_state])
            if few:
                yield from (
                    (a, b)
                    for b, new in self.new.items()
                    if new.event == old.event and new.from_state != old.from_state
                )


def _translated(row: Row, states: Mapping[str, str]) -> Row:
    target = row.next_state
    return replace(
        row,
        from_state=states.get(row.from_state, row.from_state),
        next_state=None if target is None else states.get(target, target),
    )


def _stand(row: Row) -> tuple[Hashable, ...]:
    return (row.from_state, row.role, row.label, _guards(row))


def _alike(old: Row, new: Row) -> float:
    """How much two rows say the same, 0 to 1: where they stand counts more than what they do."""
    same = (
        (3.0, old.from_state == new.from_state),
        (3.0, old.event == new.event),
        (0.5, old.after == new.after),
        (1.0, old.role == new.role),
        (1.5, _guards(old) == _guards(new)),
        (1.5, old.next_state == new.next_state),
        (2.0, _overlap(_actions(old), _actions(new))),
    )
    return sum(weight * share for weight, share in same) / sum(weight for weight, _ in same)


def _guards(row: Row) -> tuple[str, ...]:
    return tuple(sorted(guard.text for guard in row.guards))


def _actions(row: Row) -> tuple[str, ...]:
    return tuple(f"{word.name} {sorted(word.arguments.items(), key=str)}" for word in row.actions)


def _overlap(one: tuple[str, ...], two: tuple[str, ...]) -> float:
    if not one and not two:
        return 1.0
    first, second = Counter(one), Counter(two)
    return (first & second).total() / (first | second).total()
