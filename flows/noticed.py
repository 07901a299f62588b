"""What callers will notice of a change: the first steps at which two versions part, one by one.

    for each in noticed(found.partings): each.kind, each.title, each.way

Each stands for one event in one state; what follows from it is not told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flows.joint import Happening, Parting
from flows.table import TIMER_EVENT

MORE, LESS, OTHER = "more", "less", "other"
_ORDER = (LESS, OTHER, MORE)
_NO_ROW = -1


@dataclass(frozen=True, slots=True)
class Noticed:
    """One event that a call answers otherwise."""

    kind: str
    """`more`: it met no row before; `less`: it meets none now; `other`: both do, each its own."""
    title: str
    old: str
    new: str
    """What either version does, in words."""
    role: str
    way: tuple[Happening, ...]
    """The shortest order of events that leads there; the last is the one that tells them apart."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "kind": self.kind,
            "title": self.title,
            "old": self.old,
            "new": self.new,
            "role": self.role,
            "events": [_plain(what) for what in self.way],
        }


def noticed(partings: Iterable[Parting]) -> list[Noticed]:
    """Return each event in each state once, by its shortest way; losses first."""
    found: dict[tuple[Any, ...], Noticed] = {}
    for parting in sorted(partings, key=lambda p: len(p.way)):
        last = parting.way[-1]
        # The same rows part in the same way, whichever role and fields brought the event.
        key = (parting.states, last.event, last.fields.get("seconds"), parting.rows)
        found.setdefault(key, _of(parting))
    return sorted(found.values(), key=lambda each: (_ORDER.index(each.kind), len(each.way)))


def _of(parting: Parting) -> Noticed:
    kind, state, last = _kind(parting), parting.states[1], parting.way[-1]
    if last.event == TIMER_EVENT:
        wait = last.label.removeprefix("after ")
        does = {MORE: "is new", LESS: "is gone", OTHER: "ends otherwise"}[kind]
        title = f"The wait of {wait} in {state} {does}"
    else:
        does = {
            MORE: "has a row now",
            LESS: "has no row any more",
            OTHER: "does something else",
        }[kind]
        title = f"{last.event} in {state} {does}"
    return Noticed(kind, title, parting.old.text, parting.new.text, parting.role, parting.way)


def _kind(parting: Parting) -> str:
    if parting.rows[0] == _NO_ROW:
        return MORE
    return LESS if parting.rows[1] == _NO_ROW else OTHER


def _plain(what: Happening) -> Mapping[str, Any]:
    return {"event": what.event, "fields": dict(what.fields), "label": what.label}
