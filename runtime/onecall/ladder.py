"""The ladder of a call as plain data: who stands where, and what went between them in order.

Page, text, SVG and HTML draw this one thing. `LADDER` below is its shape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.vocabulary import EVENTS
from flows.vocabulary.words import Kind
from runtime.onecall.legs import Leg, OneCall, Wire
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

CLOSE = 0.0005
"""Seconds by which the clock of a message and of its step may differ."""
SOON = 0.25
"""Seconds in which a message leads to its step, if nothing says how long it took."""
PASSAGE = 2.0
"""Seconds a message takes at most from one of our legs to another."""
AHEAD = 4
"""Steps looked at for one message: some steps came without one."""
_SILENT = frozenset({"DialogTimeout", "DialogError"})
"""Events that no message brings, but its absence."""
_METHODS = {
    "IncomingCall": "INVITE",
    "ReinviteReceived": "INVITE",
    "DialogACK": "ACK",
    "DialogBYE": "BYE",
    "DialogCANCEL": "CANCEL",
    "DialogPRACK": "PRACK",
    "UpdateReceived": "UPDATE",
    "InfoReceived": "INFO",
    "MessageReceived": "MESSAGE",
    "TransferRequested": "REFER",
}
_ICE = frozenset({"connected", "transport_failed", "transport_closed"})


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


@dataclass(slots=True)
class _Seen:
    """A message on its way into the ladder."""

    leg: Leg
    wire: Wire
    steps: list[str] = field(default_factory=list)
    again: bool = False
    arrival: _Seen | None = None
    """The same message as the other leg of ours took it."""


def ladder_of(call: OneCall) -> Ladder:
    """Return the ladder of a call."""
    seen = [each for leg in call.legs for each in _messages(leg)]
    seen.sort(key=lambda each: (each.wire.time, each.wire.id))
    inner = _joined(seen)
    columns = _columns(call, seen, inner)
    place = {_key(column): index for index, column in enumerate(columns)}
    items = [_drawn(each, place, call.began) for each in seen if id(each) not in inner]
    items += [_told(leg, fact, place, call.began) for leg in call.legs for fact in leg.media]
    items += _lonely(call, seen, place)
    items.sort(key=lambda item: item["time"])
    return Ladder(call.began, [*columns], list(_folded(items)), _steps(call))


# -- messages and steps ----------------------------------------------------------------------------


def _messages(leg: Leg) -> list[_Seen]:
    """Return the messages of a leg, each with the step it caused or came from."""
    known: set[tuple[str, ...]] = set()
    seen: list[_Seen] = []
    for wire in leg.wire:
        told = wire.told
        mark = (wire.direction, told.line, told.branch, told.cseq, told.call_id, told.body)
        seen.append(_Seen(leg, wire, again=bool(told.branch) and mark in known))
        known.add(mark)
    _match_taken([each for each in seen if each.wire.direction == "in" and not each.again], leg)
    _match_sent([each for each in seen if each.wire.direction == "out" and not each.again], leg)
    return seen


def _match_taken(seen: list[_Seen], leg: Leg) -> None:
    """Give each message that came the step it caused: the next one that speaks of messages."""
    caused = [step for step in leg.steps if _by_message(step["event"])]
    at = 0
    for each in seen:
        while at < len(caused) and caused[at]["time"] < each.wire.time - CLOSE:
            at += 1
        for offset, step in enumerate(caused[at : at + AHEAD]):
            if step["time"] - each.wire.time <= SOON and _fits(each.wire, step):
                each.steps.append(_step_key(leg, step))
                at += offset + 1
                break


def _match_sent(seen: list[_Seen], leg: Leg) -> None:
    """Give each message that was sent the step whose actions, or whose answer, sent it."""
    steps = leg.steps
    at = 0
    for each in seen:
        while at < len(steps) and steps[at]["time"] <= each.wire.time + CLOSE:
            at += 1
        for step in reversed(steps[max(0, at - 3) : at]):
            if each.wire.time <= _done_by(step) and _may_have_sent(step, each.wire):
                each.steps.append(_step_key(leg, step))
                break


def _by_message(event: str) -> bool:
    word = EVENTS.get(event)
    return word is not None and word.kind is Kind.MESSAGE and event not in _SILENT


def _fits(wire: Wire, step: dict[str, Any]) -> bool:
    """Say whether the message may be what the step speaks of."""
    code, said = wire.told.code, step["fields"].get("code")
    if code is not None:
        return said is None or said == code
    wanted = _METHODS.get(step["event"])
    return said is None and (wanted is None or wanted == wire.told.method)


def _may_have_sent(step: dict[str, Any], wire: Wire) -> bool:
    """Say whether the step may have sent the message: what the stack answers alone is no step's."""
    if not (step["actions"] or step["answer"]):
        return False
    asked, answered = _METHODS.get(step["event"]), wire.told.method
    # What ends a call answers the INVITE that is still open, too.
    return wire.told.code is None or asked in (None, answered) or answered == "INVITE"


def _done_by(step: dict[str, Any]) -> float:
    took = sum(result[1] for result in step["results"]) / 1e6 if step["results"] else 0.0
    return float(step["time"]) + max(SOON, took + CLOSE)


def _step_key(leg: Leg, step: dict[str, Any]) -> str:
    return f"{leg.letter}{step['sequence']}"


def _joined(seen: list[_Seen]) -> set[int]:
    """Join what one of our legs sent with what another took; return the ids of the latter."""
    sent: defaultdict[tuple[str, ...], list[_Seen]] = defaultdict(list)
    for each in seen:
        if each.wire.direction == "out":
            sent[_identity(each.wire)].append(each)
    taken: set[int] = set()
    for each in seen:
        if each.wire.direction != "in":
            continue
        for other in sent.get(_identity(each.wire), ()):
            late = each.wire.time - other.wire.time
            if other.leg is not each.leg and other.arrival is None and -CLOSE <= late <= PASSAGE:
                other.arrival = each
                taken.add(id(each))
                break
    return taken


def _identity(wire: Wire) -> tuple[str, ...]:
    told = wire.told
    return (told.line, told.branch, told.cseq, told.call_id)


# -- columns ---------------------------------------------------------------------------------------


def _columns(call: OneCall, seen: list[_Seen], inner: set[int]) -> list[_KeyedColumn]:
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


def party_name(address: str) -> str:
    """Return whom an address names, as people read it: its user part, else its host."""
    bare = address.rpartition("<")[2].partition(">")[0]
    bare = bare.partition(":")[2] if bare.lower().startswith(("sip:", "sips:", "tel:")) else bare
    user, at, host = bare.partition("@")
    return (user if at else bare).partition(";")[0] or host or "unknown"


def _host(wire: Wire) -> str:
    if wire.transport.upper() in ("WS", "WSS"):
        return "browser"
    host, colon, port = wire.remote.rpartition(":")
    return host if colon and port.isdecimal() else wire.remote


# -- items -----------------------------------------------------------------------------------------


def _drawn(each: _Seen, place: dict[tuple[str, str], int], began: float) -> dict[str, Any]:
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
    kind, bad = _kind_of(fact), fact["kind"] in ("error", "timeout", "lost")
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


def _kind_of(fact: dict[str, Any]) -> str:
    if fact["kind"] in ("dtmf", "dtmf_sent"):
        return "dtmf"
    if fact["kind"] == "stats":
        return "rtcp"
    return "ice" if fact["kind"] in _ICE or fact["detail"].get("code") in _ICE else "media"


def fact_words(fact: dict[str, Any]) -> str:
    """Return what the media said in a few words."""
    said = fact["detail"]
    match fact["kind"]:
        case "connected":
            return "ICE and DTLS are up"
        case "flowing":
            codec = f", {said['codec']}" if said.get("codec") else ""
            return f"audio comes in{codec}"
        case "play_finished":
            how = "stopped" if said.get("stopped") else "to its end"
            return f"{said.get('source', 'sound')} played {how}"
        case "dtmf":
            return f"digit {said.get('digit', '?')} came, {said.get('duration', '?')} ms"
        case "dtmf_sent":
            return f"digits {said.get('digits', '?')} sent"
        case "timeout":
            return f"no audio for {said.get('seconds', '?')} s"
        case "error":
            return f"media failed: {said.get('reason') or said.get('code', 'unknown')}"
        case "lost":
            return "the media process was lost"
        case "stats":
            return _figures(said)
    return str(fact["kind"]).replace("_", " ")


def _figures(said: dict[str, Any]) -> str:
    parts = [f"{said.get('packets_in', 0)} packets in", f"{said.get('packets_out', 0)} out"]
    parts += [f"{said['lost']} lost"] if said.get("lost") is not None else []
    parts += [f"jitter {said['jitter_ms']} ms"] if said.get("jitter_ms") is not None else []
    return ", ".join(parts)


def _lonely(
    call: OneCall, seen: Iterable[_Seen], place: dict[tuple[str, str], int]
) -> Iterator[dict[str, Any]]:
    """Yield the steps that no message belongs to, as rows of their own: timers, acts of people."""
    told = {key for each in seen for key in each.steps}
    for leg in call.legs:
        own = place[leg.letter, ""]
        for step in leg.steps:
            key = _step_key(leg, step)
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
                "key": _step_key(leg, step),
                "leg": leg.letter,
                "number": number,
                "label": event_words(step),
                "gap": gap,
                **step,
            }
        )
        before, states[leg.letter] = step["time"], step["to_state"]
    return shown


def event_words(step: dict[str, Any]) -> str:
    """Return what came, as people read it."""
    fields = step["fields"]
    if step["event"] == "after":
        seconds = fields.get("seconds")
        return f"after {seconds:g} s" if isinstance(seconds, int | float) else "after its time"
    code = fields.get("code")
    if code and str(code) not in step["event"]:
        return f"{step['event']} {code}"
    return str(step["event"])
