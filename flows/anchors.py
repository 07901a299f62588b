"""Where a row or state that somebody spoke of is now, several texts later.

    here = Anchor(ROW, 4, NEW)                       # said of row 4 of the newer text
    located(here, base=[b0, b1], text=[t0, t1, t2])  # Anchor(ROW, 6, NEW): it moved
                                                     # Anchor(ROW, 3, OLD): removed by now
                                                     # None: in neither text any more

A row is followed as `flows.pairing` knows it again, so a new name of its state, another place in
the text and a change of its words do not lose it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from flows.pairing import Pairing, pair
from flows.table import Table

ROW, STATE, FLOW = "row", "state", "flow"
NEW, OLD = "new", "old"

Pair = Callable[[Table, Table], Pairing]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in a comparison of two texts."""

    kind: str
    """`row`, `state`, or `flow`: the whole."""
    what: int | str | None
    """The index of the row, the name of the state, or None."""
    side: str = NEW
    """Whether that is of the newer text, or of the older one, where it is a removed one."""

    def exists(self, old: Table | None, new: Table | None) -> bool:
        """Whether the place is there in its text."""
        if self.kind == FLOW:
            return True
        table = new if self.side == NEW else old
        if table is None:
            return False
        if self.kind == ROW:
            return isinstance(self.what, int) and 0 <= self.what < len(table.rows)
        return self.what in table.states


WHOLE = Anchor(FLOW, None)


def located(
    anchor: Anchor, *, base: Sequence[Table], text: Sequence[Table], pairs: Pair = pair
) -> Anchor | None:
    """Return where the anchor is in the comparison of `base[-1]` with `text[-1]`.

    It was made in the comparison of `base[0]` with `text[0]`; between them stand the texts that
    were saved in between, in their order. An empty `base` compares with nothing.
    """
    if anchor.kind == FLOW:
        return anchor
    for origin, here in _origins(anchor, base, text, pairs):
        chain = text if here.side == NEW else base
        there = _followed(here, chain, pairs)
        if there is not None and there.side == OLD:
            return _unless_kept(there, pairs(base[-1], text[-1]))
        # What was absent for a while and is back is known again without the texts between.
        now = (
            there.what
            if there is not None
            else _next(here.kind, here.what, pairs(origin, text[-1]))
        )
        if now is not None:
            return Anchor(here.kind, now, NEW)
    return None


def _origins(
    anchor: Anchor, base: Sequence[Table], text: Sequence[Table], pairs: Pair
) -> Iterator[tuple[Table, Anchor]]:
    """The place in the text it was said of, then the same in the older text of that moment."""
    if anchor.side == NEW:
        yield text[0], anchor
        was = _back(anchor, pairs(base[0], text[0])) if base else None
        if was is not None:
            yield base[0], was
    elif base:
        yield base[0], anchor


def _followed(anchor: Anchor, tables: Sequence[Table], pairs: Pair) -> Anchor | None:
    """Follow it from the first of the tables to the last."""
    what = anchor.what
    for before, after in zip(tables, tables[1:], strict=False):
        what = _next(anchor.kind, what, pairs(before, after))
        if what is None:
            return None
    return Anchor(anchor.kind, what, anchor.side)


def _next(kind: str, what: int | str | None, pairing: Pairing) -> int | str | None:
    if kind == ROW:
        return pairing.rows.get(what) if isinstance(what, int) else None
    return pairing.states.get(what) if isinstance(what, str) else None


def _back(anchor: Anchor, pairing: Pairing) -> Anchor | None:
    """Where something of the newer text was in the older one."""
    known = pairing.rows.items() if anchor.kind == ROW else pairing.states.items()
    was = next((old for old, new in known if new == anchor.what), None)
    return None if was is None else Anchor(anchor.kind, was, OLD)


def _unless_kept(old: Anchor, pairing: Pairing) -> Anchor:
    """What is in both texts is spoken of in the newer one."""
    now = _next(old.kind, old.what, pairing)
    return old if now is None else Anchor(old.kind, now, NEW)
