"""What may happen next to a side, which row would take it, and why the others would not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from designer.simulation.side import Side
from flows.ends import unanswered
from flows.explore import peer, wire
from flows.explore.party import Stimulus
from flows.explore.wire import Wire
from flows.table import ANY_STATE, TIMER_EVENT, Row
from flows.vocabulary import EVENTS, EXPANSIONS, Kind
from flows.why import Tried, explain

GROUPS = {
    "user": "People",
    "answer": "Far side",
    "peer": "Far side",
    "media": "Media",
    "trouble": "Trouble",
    "link": "Linked session",
    "clock": "Time",
    "internal": "Not now",
}
ORDER = (*dict.fromkeys(GROUPS.values()), "Other")


def choices(side: Side, *, both: bool) -> list[dict[str, Any]]:
    """Return what may happen to a side now, best first in each group, as plain data.

    `verdict` is `fires`, `ignored`, `blocked` (rows are there, no guard holds) or `unhandled`. In a
    run of both sides the far side's messages are delivered, not chosen.
    """
    if side.ended:
        return []
    found = []
    # What a side does without the far one: its people, its timers, its registrar, its links.
    own = set(peer.alone(side.party, side.config)) if both else set()
    for stimulus in peer.options(side.party, side.config):
        far = both and stimulus.kind in ("answer", "peer") and stimulus not in own
        # No run of both sides has the other end of a registration or a subscription.
        far = far and not (side.wire.register.begun or stimulus.wire.outside.kind)
        if stimulus.kind == "timer" or far:
            continue
        found.append(_choice(side, stimulus, stimulus.kind))
    # Without a description first, as most provisional answers come; then what goes another way.
    found.sort(key=lambda c: (c["event"] in peer.PROVISIONAL and c["described"],))
    found = list({(c["event"], c["method"], c["row"]): c for c in reversed(found)}.values())[::-1]
    seen = {choice["event"] for choice in found}
    found += [_choice(side, s, kind) for s, kind in _by_hand(side, seen, both)]
    rank = {"fires": 0, "blocked": 1, "ignored": 2, "unhandled": 3}
    return sorted(found, key=lambda c: (ORDER.index(c["group"]), rank[c["verdict"]]))


def _by_hand(side: Side, seen: set[str], both: bool) -> Iterator[tuple[Stimulus, str]]:
    """Yield the events of this state's rows that the model does not bring now."""
    position = side.party.program.position(side.state, side.role)
    for event in position.candidates:
        word = EVENTS.get(event)
        if event in seen or event == TIMER_EVENT or word is None:
            continue
        if both and word.kind is Kind.MESSAGE:
            continue
        fields = tuple(dict.fromkeys(word.fields).items())
        kind = "link" if word.kind is Kind.LINK else "internal"
        yield Stimulus(event, fields, side.wire, kind), kind


def _choice(side: Side, stimulus: Stimulus, kind: str) -> dict[str, Any]:
    program, values, fields = side.party.program, side.machine.values, dict(stimulus.fields)
    transition = program.choose(side.state, side.role, stimulus.event, values, fields)
    tried = explain(program, side.state, side.role, stimulus.event, values, fields)
    answer = unanswered(stimulus.event)
    verdict = "unhandled"
    if transition is not None:
        verdict = "ignored" if transition.kind == "ignored" else "fires"
    elif tried:
        verdict = "blocked"
    message = stimulus.message
    return {
        "side": side.role,
        "event": stimulus.event,
        "message": str(message) if message is not None else "",
        "method": message.method if message is not None else "",
        "described": bool(message is not None and message.direction),
        "group": GROUPS.get(kind, "Other"),
        "fields": _fields(stimulus.event, fields),
        "verdict": verdict,
        "row": transition.index if transition is not None else -1,
        "to": transition.next_state if transition is not None else side.state,
        "ends": answer.ends and transition is None,
        "answer": answer.answer if transition is None else None,
        "tried": tried_as_data(side, tried, values),
    }


def tried_as_data(
    side: Side, tried: list[Tried], values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the rows that were asked, with what their guards said and read."""
    rows = side.party.program.table.rows
    return [
        {
            "row": one.row,
            "verdict": one.verdict,
            "guards": [
                {"text": text, "holds": holds, "reads": _reads(rows[one.row], text, values)}
                for text, holds in one.guards
            ],
        }
        for one in tried
    ]


def _reads(row: Row, text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    guard = next(guard for guard in row.guards if guard.text == text)
    names = guard.expression.expanded(EXPANSIONS).names
    return {name: values[name] for name in sorted(names) if name in values}


def _fields(event: str, filled: Mapping[str, Any]) -> list[dict[str, Any]]:
    word = EVENTS.get(event)
    types = dict(word.fields) if word is not None else {}
    names = dict.fromkeys((*types, *filled))
    return [
        {"name": name, "type": types.get(name, "text"), "value": filled.get(name)}
        for name in names
        if name != "method"
    ]


def guards_of(side: Side) -> list[str]:
    """Return the guards that rows of the present state ask, each once."""
    rows = side.party.program.table.rows
    mine = (r for r in rows if r.from_state in (side.state, ANY_STATE))
    fitting = (r for r in mine if r.role in (side.role, "Both"))
    return list(dict.fromkeys(guard.text for row in fitting for guard in row.guards))


def obligations(call: Wire) -> list[str]:
    """Return what the call waits for, in sentences."""
    if call.call == wire.OVER and not (call.challenged or call.transfer):
        return []
    owed: list[tuple[bool, str]] = [
        (call.call == wire.OFFERED, "The INVITE waits for our final answer"),
        (call.call == wire.CANCELLED, "The cancelled INVITE waits for 487"),
        (call.call == wire.CALLING, "Our INVITE waits for any answer"),
        (call.call == wire.PROCEEDING, "Our INVITE waits for its final answer"),
        (call.cancel and call.call == wire.PROCEEDING, "Our CANCEL is under way"),
        (call.call == wire.ANSWERED, "Our 2xx waits for its ACK"),
        (call.ack, "A 2xx waits for SendACK"),
        (bool(call.own), f"Our re-INVITE ({call.own}) waits for its answer"),
        (bool(call.asked), "The far side's re-INVITE waits for our answer"),
        (call.unacked, "Our 2xx to the re-INVITE waits for its ACK"),
        (bool(call.update), "The far side's UPDATE waits for our answer"),
        (call.bye == "sent", "Our BYE waits for its answer"),
        (bool(call.refer), "The accepted REFER waits for its NOTIFY"),
        (bool(call.transfer), "Our REFER waits for the end of the transfer"),
        (call.reliable == "theirs", "A reliable provisional answer waits for SendPRACK"),
        (call.reliable in ("plain", "described"), "Our reliable answer waits for its PRACK"),
    ]
    others = [f"The far side's {name} waits for our answer" for name in call.others]
    return [text for holds, text in owed if holds] + others
