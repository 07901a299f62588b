"""Which step a message caused or came from, and which messages are one, seen by two of our legs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from flows.vocabulary import EVENTS
from flows.vocabulary.words import Kind
from runtime.onecall.legs import Leg, Wire

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


@dataclass(slots=True)
class Seen:
    """A message on its way into the ladder."""

    leg: Leg
    wire: Wire
    steps: list[str] = field(default_factory=list)
    again: bool = False
    arrival: Seen | None = None
    """The same message as the other leg of ours took it."""


def messages_of(leg: Leg) -> list[Seen]:
    """Return the messages of a leg, each with the step it caused or came from."""
    known: set[tuple[str, ...]] = set()
    seen: list[Seen] = []
    for wire in leg.wire:
        told = wire.told
        mark = (wire.direction, told.line, told.branch, told.cseq, told.call_id, told.body)
        seen.append(Seen(leg, wire, again=bool(told.branch) and mark in known))
        known.add(mark)
    _match_taken([each for each in seen if each.wire.direction == "in" and not each.again], leg)
    _match_sent([each for each in seen if each.wire.direction == "out" and not each.again], leg)
    return seen


def _match_taken(seen: list[Seen], leg: Leg) -> None:
    """Give each message that came the step it caused: the next one that speaks of messages."""
    caused = [step for step in leg.steps if _by_message(step["event"])]
    at = 0
    for each in seen:
        while at < len(caused) and caused[at]["time"] < each.wire.time - CLOSE:
            at += 1
        for offset, step in enumerate(caused[at : at + AHEAD]):
            if step["time"] - each.wire.time <= SOON and _fits(each.wire, step):
                each.steps.append(step_key(leg, step))
                at += offset + 1
                break


def _match_sent(seen: list[Seen], leg: Leg) -> None:
    """Give each message that was sent the step whose actions, or whose answer, sent it."""
    steps = leg.steps
    at = 0
    for each in seen:
        while at < len(steps) and steps[at]["time"] <= each.wire.time + CLOSE:
            at += 1
        for step in reversed(steps[max(0, at - 3) : at]):
            if each.wire.time <= _done_by(step) and _may_have_sent(step, each.wire):
                each.steps.append(step_key(leg, step))
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


def step_key(leg: Leg, step: dict[str, Any]) -> str:
    return f"{leg.letter}{step['sequence']}"


def joined(seen: list[Seen]) -> set[int]:
    """Join what one of our legs sent with what another took; return the ids of the latter."""
    sent: defaultdict[tuple[str, ...], list[Seen]] = defaultdict(list)
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
