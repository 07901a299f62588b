"""Two calls beside each other, step by step and message by message, and where they part.

told = compared(one, other)          # Comparison
told = against_prediction(leg)       # the same against what the simulator predicts
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from designer.simulation.stage import Stage
from runtime import audit
from runtime.call_scenario import scenario_of_call
from runtime.models import Session
from runtime.onecall.facts import event_words
from runtime.onecall.legs import Leg, Wire
from runtime.onecall.words import call_time

MOST = 1000
"""Steps and messages of each call that are compared."""


@dataclass(frozen=True, slots=True)
class Side:
    """One call as it is compared."""

    name: str
    """What sentences call it."""
    steps: list[dict[str, Any]]
    """{"key", "number", "time", "event", "from", "to", "kind", "actions", "published"}"""
    messages: list[dict[str, Any]]
    """{"key", "time", "label", "sent"}"""


@dataclass(frozen=True, slots=True)
class Pair:
    """What stands beside each other; None where the other call has nothing like it."""

    left: dict[str, Any] | None
    right: dict[str, Any] | None
    same: bool
    first: bool = False
    """Here the calls part."""
    parts: tuple[str, ...] = ()
    """What is otherwise: `where it led`, `what was done`, ..."""


@dataclass(slots=True)
class Comparison:
    """Two calls, aligned."""

    left: Side
    right: Side
    sentence: str
    same: bool
    steps: list[Pair] = field(default_factory=list)
    messages: list[Pair] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "same": self.same,
            "sentence": self.sentence,
            "steps": [_pair(pair) for pair in self.steps],
            "messages": [_pair(pair) for pair in self.messages],
        }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "left": _shown(pair.left),
        "right": _shown(pair.right),
        "same": pair.same,
        "first": pair.first,
        "parts": list(pair.parts),
    }


def _shown(entry: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if entry is None else {k: v for k, v in entry.items() if k != "key"}


def compared(one: Leg, other: Leg) -> Comparison:
    """Compare two sessions, each from its own beginning."""
    return _compare(side_of(one, "The first call"), side_of(other, "the second"))


def against_prediction(leg: Leg) -> Comparison:
    """Compare a session with what its version does in the simulator when the same happens to it.

    Raises Refused where the simulator cannot do what the call did.
    """
    session = Session.objects.get(pk=leg.id)
    made = scenario_of_call(session)
    table = audit.table_of(session.digest)
    assert table is not None  # scenario_of_call refuses it
    stage = Stage(table, made.scenario.run).play()
    steps = [
        _step(each.step.event, each.step, at, call_time(each.step.time))
        for entry in stage.entries
        for at, _, each in entry.steps
    ]
    messages = [
        _message(line.source == leg.role, str(line.message).partition(" (")[0], line.time)
        for line in stage.ladder
    ]
    return _compare(side_of(leg, "The call"), Side("the flow", steps, messages))


def side_of(leg: Leg, name: str) -> Side:
    """Return a session as it is compared."""
    began = min([float(leg.session["started"]), *(step["time"] for step in leg.steps[:1])])
    steps = [
        _step(event_words(line), line, line["sequence"], call_time(line["time"] - began))
        for line in leg.steps[:MOST]
    ]
    return Side(name, steps, [_message(*_told(wire), wire.time - began) for wire in _first(leg)])


def _first(leg: Leg) -> list[Wire]:
    """Return the messages without those that were sent again, and without what the stack says."""
    seen: set[tuple[str, ...]] = set()
    kept = []
    for wire in leg.wire[:MOST]:
        told = wire.told
        mark = (wire.direction, told.line, told.branch, told.cseq)
        if mark not in seen and told.code != 100:
            kept.append(wire)
        seen.add(mark)
    return kept


def _told(wire: Wire) -> tuple[bool, str]:
    told = wire.told
    label = told.method if told.code is None else f"{told.code} to {told.method}"
    return wire.direction == "out", label


def _message(sent: bool, label: str, time: float) -> dict[str, Any]:
    shown = {"time": call_time(time), "label": label, "sent": sent}
    return {"key": (sent, label), **shown}


def _step(label: str, step: Any, number: int, time: str) -> dict[str, Any]:
    read: Callable[[str], Any] = (
        step.__getitem__ if isinstance(step, dict) else lambda name: getattr(step, name)
    )
    told = {
        "number": number,
        "time": time,
        "event": event_words({"event": read("event"), "fields": read("fields")}) or label,
        "from": read("from_state"),
        "to": read("to_state"),
        "kind": read("kind"),
        "actions": list(read("actions")),
        "published": list(read("published")),
    }
    told["key"] = (told["event"], told["from"], told["to"], told["kind"], *told["actions"])
    return told


# -- aligning --------------------------------------------------------------------------------------


def _compare(left: Side, right: Side) -> Comparison:
    steps = list(_aligned(left.steps, right.steps))
    at = next((index for index, pair in enumerate(steps) if not pair.same), None)
    if at is not None:
        steps[at] = _marked(steps[at])
    messages = list(_aligned(left.messages, right.messages))
    parted = next((index for index, pair in enumerate(messages) if not pair.same), None)
    if parted is not None:
        messages[parted] = _marked(messages[parted])
    sentence = _sentence(left, right, steps, at, parted)
    return Comparison(left, right, sentence, at is None and parted is None, steps, messages)


def _marked(pair: Pair) -> Pair:
    return Pair(pair.left, pair.right, pair.same, True, pair.parts)


def _aligned(left: Sequence[dict[str, Any]], right: Sequence[dict[str, Any]]) -> Iterator[Pair]:
    keys = [each["key"] for each in left], [each["key"] for each in right]
    matcher = SequenceMatcher(a=keys[0], b=keys[1], autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            yield from (Pair(left[a + i], right[c + i], True) for i in range(b - a))
            continue
        for i in range(max(b - a, d - c)):
            one = left[a + i] if a + i < b else None
            other = right[c + i] if c + i < d else None
            yield Pair(one, other, False, parts=_parts(one, other))


_NAMES = {
    "event": "what came",
    "from": "where it stood",
    "to": "where it led",
    "kind": "how it was taken",
    "actions": "what was done",
    "published": "what was published",
}


def _parts(one: dict[str, Any] | None, other: dict[str, Any] | None) -> tuple[str, ...]:
    if one is None or other is None or "event" not in one:
        return ()
    return tuple(said for name, said in _NAMES.items() if one[name] != other[name])


def _sentence(
    left: Side, right: Side, steps: list[Pair], at: int | None, parted: int | None
) -> str:
    if at is None and parted is None:
        count = len(left.steps)
        return f"Both go alike, in {count} {'step' if count == 1 else 'steps'} and every message."
    if at is None:
        return "Both take the same steps; their messages differ."
    pair = steps[at]
    before = f"Both go alike for {at} {'step' if at == 1 else 'steps'}. Then" if at else "At once"
    return f"{before} {_did(left.name, pair.left)}; {_did(right.name, pair.right)}."


def _did(name: str, step: dict[str, Any] | None) -> str:
    shown = name[0].lower() + name[1:]
    if step is None:
        return f"{shown} has no step like it"
    if step["kind"] == "unhandled":
        return f"{shown} has no row for {step['event']} in {step['from']}"
    to = "stays there" if step["from"] == step["to"] else f"goes to {step['to']}"
    return f"{shown} takes {step['event']} in {step['from']} and {to}"
