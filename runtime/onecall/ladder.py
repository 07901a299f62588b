"""The ladder of a call as plain data: who stands where, and what went between them in order.

Page, text, SVG and HTML draw this one thing. `LADDER` below is its shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from runtime.onecall.facts import event_words, fact_words, kind_of, party_name
from runtime.onecall.legs import Leg, OneCall, Wire
from runtime.onecall.matching import Seen, joined, messages_of, step_key
from runtime.onecall.messages import direction_of
from runtime.onecall.words import FOLD, spoken

LADDER = {
    "began": "seconds since the epoch",
    "columns": [
        {
            "leg": "letter",
            "own": "bool: one of our sessions",
            "title": "str",
            "detail": "str",
            "role": "UAC | UAS",
        }
    ],
    "items": [
        {
            "kind": "sip | media | ice | dtmf | rtcp | step | gap",
            "time": "seconds since the call began",
            "from": "index of a column",
            "to": "index of a column; of what is no message the same",
            "label": "str",
            "style": "request | answer | bad",
            "leg": "letter",
            "steps": ["key of a step: letter and sequence"],
            "messages": ["id of a message"],
            "again": "bool: a retransmission",
            "about": "str",
        }
    ],
    "steps": [
        {
            "key": "letter and sequence",
            "leg": "letter",
            "number": "int: its place among the steps of all legs",
            "label": "event as people read it",
            "gap": "str: what was folded before it, empty if nothing was",
        }
    ],
}
"""The shape of the model, as documentation that a test compares with what is made."""


@dataclass(slots=True)
class Column:
    """One lifeline."""

    leg: str
    own: bool
    title: str
    detail: str
    role: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "leg": self.leg,
            "own": self.own,
            "title": self.title,
            "detail": self.detail,
            "role": self.role,
        }


@dataclass(slots=True)
class Ladder:
    """What is drawn; the indices in `items` are places in `columns`."""

    began: float
    columns: list[Column]
    items: list[dict[str, Any]]
    steps: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "began": self.began,
            "columns": [column.as_dict() for column in self.columns],
            "items": self.items,
            "steps": self.steps,
        }


def ladder_of(call: OneCall) -> Ladder:
    """Return the ladder of a call."""
    seen = [each for leg in call.legs for each in messages_of(leg)]
    seen.sort(key=lambda each: (each.wire.time, each.wire.id))
    inner = joined(seen)
    columns = _columns(call, seen, inner)
    place = {_key(column): index for index, column in enumerate(columns)}
    items = [_drawn(each, place, call.began) for each in seen if id(each) not in inner]
    items += [_told(leg, fact, place, call.began) for leg in call.legs for fact in leg.media]
    items += _lonely(call, seen, place)
    items.sort(key=lambda item: item["time"])
    return Ladder(call.began, [*columns], list(_folded(items)), _steps(call))


# -- columns ---------------------------------------------------------------------------------------


def _columns(call: OneCall, seen: list[Seen], inner: set[int]) -> list[_KeyedColumn]:
    """Return the lifelines from left to right: who called us, our sessions, whom we called."""
    far: dict[str, dict[str, _KeyedColumn]] = {leg.letter: {} for leg in call.legs}
    for each in seen:
        if each.arrival is None and id(each) not in inner:
            host = _host(each.wire)
            if host not in far[each.leg.letter]:
                far[each.leg.letter][host] = _far(each.leg, each.wire, len(far[each.leg.letter]))
    left = [far[leg.letter] for leg in call.legs if leg.role == "UAS"]
    right = [far[leg.letter] for leg in call.legs if leg.role != "UAS"]
    alone = len(call.legs) == 1
    ordered = [column for group in left for column in group.values()]
    ordered += [_own(leg, alone) for leg in call.legs]
    ordered += [column for group in right for column in group.values()]
    return ordered


@dataclass(slots=True, eq=False)
class _KeyedColumn(Column):
    host: str = ""


def _key(column: _KeyedColumn) -> tuple[str, str]:
    return (column.leg, column.host)


def _own(leg: Leg, alone: bool) -> _KeyedColumn:
    version = f", v{leg.session['number']}" if leg.session.get("number") else ""
    title = "Session" if alone else f"Session {leg.letter}"
    return _KeyedColumn(leg.letter, True, title, f"{leg.role}{version}", leg.role)


def _far(leg: Leg, wire: Wire, already: int) -> _KeyedColumn:
    """Return the lifeline of somebody outside: the party's name, then further hosts of it."""
    party = leg.session["caller"] if leg.role == "UAS" else leg.session["callee"]
    browser = wire.transport.upper() in ("WS", "WSS")
    host = _host(wire)
    title = party_name(party) if already == 0 else host
    detail = f"browser, {wire.transport}" if browser else f"{wire.remote}, {wire.transport}"
    return _KeyedColumn(leg.letter, False, title, detail, leg.role, host)


def _host(wire: Wire) -> str:
    if wire.transport.upper() in ("WS", "WSS"):
        return "browser"
    host, colon, port = wire.remote.rpartition(":")
    return host if colon and port.isdecimal() else wire.remote


# -- items -----------------------------------------------------------------------------------------


def _drawn(each: Seen, place: dict[tuple[str, str], int], began: float) -> dict[str, Any]:
    wire, told = each.wire, each.wire.told
    own = place[each.leg.letter, ""]
    if each.arrival is not None:
        other = place[each.arrival.leg.letter, ""]
    else:
        other = place[each.leg.letter, _host(wire)]
    source, target = (own, other) if wire.direction == "out" else (other, own)
    ends = [each] if each.arrival is None else [each, each.arrival]
    return {
        "kind": "sip",
        "time": round(wire.time - began, 6),
        "from": source,
        "to": target,
        "label": _label(wire),
        "style": told.style,
        "leg": each.leg.letter,
        "steps": [key for end in ends for key in end.steps],
        "messages": [end.wire.id for end in ends],
        "again": each.again,
        "about": f"to {told.method}" if told.code is not None and told.method else "",
    }


def _label(wire: Wire) -> str:
    """Return what stands on the arrow: a re-INVITE says what becomes of the media."""
    told = wire.told
    if told.code is None and told.method == "INVITE" and told.to_tag:
        held = direction_of(told) in ("sendonly", "inactive")
        return "INVITE, hold" if held else "INVITE again"
    return told.label


def _told(
    leg: Leg, fact: dict[str, Any], place: dict[tuple[str, str], int], began: float
) -> dict[str, Any]:
    own = place[leg.letter, ""]
    kind, bad = kind_of(fact), fact["kind"] in ("error", "timeout", "lost")
    return {
        "kind": kind,
        "time": round(fact["time"] - began, 6),
        "from": own,
        "to": own,
        "label": fact_words(fact),
        "style": "bad" if bad else "answer",
        "leg": leg.letter,
        "steps": [],
        "messages": [],
        "again": False,
        "about": "",
    }


def _lonely(
    call: OneCall, seen: Iterable[Seen], place: dict[tuple[str, str], int]
) -> Iterator[dict[str, Any]]:
    """Yield the steps that no message belongs to, as rows of their own: timers, acts of people."""
    told = {key for each in seen for key in each.steps}
    for leg in call.legs:
        own = place[leg.letter, ""]
        for step in leg.steps:
            key = step_key(leg, step)
            if key not in told:
                yield {
                    "kind": "step",
                    "time": round(step["time"] - call.began, 6),
                    "from": own,
                    "to": own,
                    "label": event_words(step),
                    "style": "bad" if step["kind"] in ("unhandled", "error") else "request",
                    "leg": leg.letter,
                    "steps": [key],
                    "messages": [],
                    "again": False,
                    "about": "",
                }


def _folded(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Put a band where nothing happened for a while, with what the call did meanwhile."""
    doing = "nothing happens"
    before: dict[str, Any] | None = None
    for item in items:
        if before is not None and item["time"] - before["time"] >= FOLD:
            idle = item["time"] - before["time"]
            yield {
                **before,
                "kind": "gap",
                "label": f"{doing}, {spoken(idle)}",
                "style": "answer",
                "steps": [],
                "messages": [],
                "again": False,
                "about": "",
            }
        yield item
        doing = _doing(item, doing)
        before = item


def _doing(item: dict[str, Any], doing: str) -> str:
    match item["kind"], item["label"]:
        case "sip", "INVITE":
            return "ringing"
        case "sip", "INVITE, hold":
            return "on hold"
        case "sip", "INVITE again" | "ACK":
            return "talking" if doing != "on hold" or item["label"] != "ACK" else doing
        case "sip", "BYE" | "CANCEL":
            return "ending"
    return doing


# -- steps -----------------------------------------------------------------------------------------


def _steps(call: OneCall) -> list[dict[str, Any]]:
    """Return the steps of all legs in one order, with what was folded between them."""
    every = [(leg, step) for leg in call.legs for step in leg.steps]
    every.sort(key=lambda each: (each[1]["time"], each[0].letter, each[1]["sequence"]))
    shown: list[dict[str, Any]] = []
    before: float | None = None
    states: dict[str, str] = {}
    for number, (leg, step) in enumerate(every, 1):
        idle = 0.0 if before is None else step["time"] - before
        where = states.get(leg.letter) or step["from_state"]
        gap = f"in {where}, {spoken(idle)} folded" if idle >= FOLD else ""
        shown.append(
            {
                "key": step_key(leg, step),
                "leg": leg.letter,
                "number": number,
                "label": event_words(step),
                "gap": gap,
                **step,
            }
        )
        before, states[leg.letter] = step["time"], step["to_state"]
    return shown
