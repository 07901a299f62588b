"""Sessions that need a look: they stand longer than almost all did, or nothing can move them on.

How long is usual is learned from the record (`runtime.dwell`). The other kind needs no learning: no
timer runs, no message is awaited, and no row of the state waits for a person or for a request of
the other side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flows.semantics import Position
from flows.vocabulary import EVENTS, Kind
from runtime.node.session import Session
from runtime.tally import Cell, FlowTally, Key, Tally

LONG = "long"
NO_EXIT = "no exit"
LEAST_SECONDS = 5.0
"""Whoever stands shorter than this is not looked at, however quick the others were."""
MOST_LISTED = 200
"""Unusual sessions of one flow that are named; all of them are counted."""

_AWAITED = frozenset({"DialogACK", "DialogPRACK", "DialogCANCEL"}) | {
    name
    for name, word in EVENTS.items()
    if word.kind is Kind.MESSAGE and word.group in ("Responses", "Registration")
}
"""Events that come only while a message of ours, or our answer to one, is under way."""


class Bound(NamedTuple):
    """How long sessions usually stand in a state."""

    seconds: float
    """What 99 of 100 did not pass."""
    sample: int
    """How many were seen."""


Bounds = Mapping[tuple[str, str, str], Bound]
"""By flow, digest and state; with the digest empty for all versions together."""


class Unusual(NamedTuple):
    """A session that needs a look, and why."""

    id: str
    flow: str
    key: Key
    since: float
    why: str
    """LONG or NO_EXIT."""
    bound: float
    """For LONG: the seconds that 99 of 100 did not pass."""

    def words(self) -> str:
        """Return the reason as people read it."""
        if self.why == LONG:
            return f"longer than 99 % in {self.key.state}"
        return "nothing can move it on"


class Found(NamedTuple):
    """What a look at one flow found."""

    listed: list[Unusual]
    """Those that stand longest beyond what is usual first, at most MOST_LISTED."""
    total: int

    def by_id(self) -> dict[str, Unusual]:
        """Return what was listed by session."""
        return {each.id: each for each in self.listed}


NOTHING = Found([], 0)


def bound_of(bounds: Bounds, flow: str, key: Key) -> Bound | None:
    """Return how long is usual where a session stands; of its own version if that is known."""
    own = bounds.get((flow, key.digest, key.state))
    return own or bounds.get((flow, "", key.state))


class Finder:
    """Looks over all cells; a cell costs what is unusual in it, and one session more."""

    def __init__(self, tally: Tally) -> None:
        self.bounds: Bounds = {}
        self._tally = tally
        self._closed: dict[Key, bool] = {}

    def look(self, now: float) -> dict[str, Found]:
        """Return what is unusual now, by flow; flows without such a session are left out."""
        found = {name: self._of(name, flow, now) for name, flow in self._tally.flows.items()}
        return {name: each for name, each in found.items() if each.total}

    def _of(self, name: str, flow: FlowTally, now: float) -> Found:
        seen: list[Unusual] = []
        count = 0
        for key, cell in flow.cells.items():
            bound = bound_of(self.bounds, name, key)
            late = [] if bound is None else _late(cell, now - max(bound.seconds, LEAST_SECONDS))
            count += len(late)
            limit = 0.0 if bound is None else bound.seconds
            seen += [Unusual(id, name, key, cell.since[id], LONG, limit) for id in late]
            closed = self._shut(key, cell, now, set(late))
            count += len(closed)
            seen += [Unusual(id, name, key, cell.since[id], NO_EXIT, 0.0) for id in closed]
        seen.sort(key=lambda each: (each.why != NO_EXIT, each.since))
        return Found(seen[:MOST_LISTED], count)

    def _shut(self, key: Key, cell: Cell, now: float, known: set[str]) -> list[str]:
        """Return the sessions of a cell that nothing can move on."""
        closed = self._closed.get(key)
        late = _late(cell, now - LEAST_SECONDS) if closed is not False else []
        found = []
        for id in late:
            session = self._tally.session(id)
            if session is None or id in known:
                continue
            if closed is None:
                position = session.machine.program.position(key.state, key.role)
                closed = self._closed[key] = not opens(position)
            if closed and not armed(session):
                found.append(id)
        return found


def _late(cell: Cell, before: float) -> list[str]:
    found = []
    for id, since in cell.since.items():
        if since >= before:
            break
        found.append(id)
    return found


def opens(position: Position) -> bool:
    """Say whether somebody outside can move a session on from here whenever they like."""
    return any(
        name not in _AWAITED and EVENTS[name].kind not in (Kind.TIMER, Kind.INTERNAL)
        for name in position.candidates
        if name in EVENTS
    )


def armed(session: Session) -> bool:
    """Say whether a timer of its state runs or a message is under way."""
    return bool(session.machine.timers_left()) or awaits_message(session)


def awaits_message(session: Session) -> bool:
    """Say whether something was sent that is not answered, or not confirmed, yet."""
    dialog = getattr(getattr(session, "leg", None), "dialog", None)
    usage: Any = getattr(dialog, "usage", None)
    return usage is not None and bool(
        usage.own_invite or usage.bye_tx or usage.own_update or usage.unacknowledged
    )
