"""One living call, closely: what can happen next, by whom, which timers run down.

Asked of the session's own program, so it is true for the version the call runs. Beside it stands
what the version that new calls take has a row for, and this one has not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flows.semantics import Position, Program, Transition
from flows.table import TIMER_EVENT, Row
from flows.vocabulary import EVENTS, Kind
from runtime import unusual
from runtime.node.session import Session

MOST_ROWS = 40

PERSON, PEER, ANSWER, TIME, MEDIA, SELF, LEG = (
    "person",
    "peer",
    "answer",
    "time",
    "media",
    "itself",
    "leg",
)
"""By whom an event comes."""
_BY_KIND = {
    Kind.USER: PERSON,
    Kind.TIMER: TIME,
    Kind.MEDIA: MEDIA,
    Kind.LINK: LEG,
    Kind.INTERNAL: SELF,
}


def detail(session: Session, newer: Program | None = None) -> dict[str, Any]:
    """Return what can happen to a session now.

    `next` [{index, label, event, guards, holds, to, ends, stays, who, due}], those that leave the
    state first; `timers` [{label, seconds, due}]; `waits`: a message is under way; `missing`:
    [{event, who}] that `newer` has a row for.
    """
    position = session.machine.program.position(session.state, session.role)
    due = dict(session.machine.timers_left())
    rows = [_row(each, session, due) for each in _chances(position)]
    rows.sort(key=lambda row: row["stays"])
    return {
        "next": rows[:MOST_ROWS],
        "timers": [
            {"label": row["label"], "seconds": row["seconds"], "due": row["due"], "to": row["to"]}
            for row in rows
            if row["due"] is not None
        ],
        "waits": unusual.awaits_message(session),
        "missing": _missing(session, position, newer),
    }


def who(event: str) -> str:
    """Return by whom an event comes: a person, the peer, an answer, time ..."""
    word = EVENTS.get(event)
    if event == TIMER_EVENT:
        return TIME
    if word is None:
        return SELF
    if word.kind is Kind.MESSAGE:
        return ANSWER if word.group == "Responses" else PEER
    return _BY_KIND[word.kind]


def _chances(position: Position) -> Iterator[Transition]:
    for first in position.candidates.values():
        chance: Transition | None = first
        while chance is not None:
            if chance.kind == "fired" and chance.row is not None:
                yield chance
            chance = chance.otherwise


def _row(chance: Transition, session: Session, due: dict[float, float]) -> dict[str, Any]:
    row = chance.row
    assert row is not None
    return {
        "index": row.index,
        "event": row.event,
        "label": row.label,
        "guards": [guard.text for guard in row.guards],
        "holds": _holds(chance, session),
        "to": None if row.next_state is None else chance.next_state,
        "ends": chance.decision.ended,
        "stays": not chance.decision.ended and chance.next_state == session.state,
        "who": who(row.event),
        "seconds": row.after,
        "due": None if row.after is None else due.get(row.after),
    }


def _holds(chance: Transition, session: Session) -> bool | None:
    """Whether the guards hold now; None where that depends on what the event will bring."""
    if chance.test is None or _is_timer(chance.row):
        return True
    if chance.reads_event:
        return None
    return bool(chance.test(session.machine.values, {}))


def _is_timer(row: Row | None) -> bool:
    return row is not None and row.after is not None and not row.guards


def _missing(session: Session, own: Position, newer: Program | None) -> list[dict[str, Any]]:
    if newer is None or newer.table.digest == session.digest:
        return []
    if session.state not in newer.table.states:
        return []
    there = newer.position(session.state, session.role)
    return [
        {"event": name, "who": who(name)}
        for name, first in there.candidates.items()
        if name not in own.candidates and name != TIMER_EVENT and first.kind == "fired"
    ]
