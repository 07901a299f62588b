"""What callers will notice of a change: the first steps at which two versions part, one by one.

    for each in noticed(found.partings): each.kind, each.title, each.way

Each stands for one event in one state; what follows from it is not told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flows.joint import Happening, Parting
from flows.table import TIMER_EVENT, duration_text

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
    state: str
    """Where the call is then, by its name in the new version."""
    seconds: float | None = None
    """Of a wait: how long it is."""

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
    told = _together(list(found.values()))
    return sorted(told, key=lambda each: (_ORDER.index(each.kind), len(each.way)))


def _together(found: list[Noticed]) -> list[Noticed]:
    """Tell a wait that is gone and one that is new as one that is longer or shorter, where the same
    is done in the same state."""
    gone = {_wait(each): each for each in found if each.kind == LESS and each.seconds is not None}
    new = [each for each in found if each.kind == MORE and each.seconds is not None]
    pairs = [(gone[_wait(each)], each) for each in new if _wait(each) in gone]
    paired = [each for pair in pairs for each in pair]
    return [*(each for each in found if each not in paired), *(_changed(*pair) for pair in pairs)]


def _wait(each: Noticed) -> tuple[str, str, str]:
    return each.role, each.state, each.new if each.kind == MORE else each.old


def _changed(was: Noticed, now: Noticed) -> Noticed:
    assert was.seconds is not None and now.seconds is not None
    before, after = duration_text(was.seconds), duration_text(now.seconds)
    longer = now.seconds > was.seconds
    return Noticed(
        OTHER,
        f"The wait in {now.state} is {'longer' if longer else 'shorter'}: {after}",
        f"{was.old} after {before}",
        f"{now.new} after {after}",
        now.role,
        was.way if longer else now.way,
        now.state,
        now.seconds,
    )


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
    seconds = last.fields.get("seconds") if last.event == TIMER_EVENT else None
    old, new = parting.old.text, parting.new.text
    return Noticed(kind, title, old, new, parting.role, parting.way, state, seconds)


def _kind(parting: Parting) -> str:
    if parting.rows[0] == _NO_ROW:
        return MORE
    return LESS if parting.rows[1] == _NO_ROW else OTHER


def _plain(what: Happening) -> Mapping[str, Any]:
    return {"event": what.event, "fields": dict(what.fields), "label": what.label}
