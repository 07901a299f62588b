"""What a living session could do next: the rows of its state, and how their guards stand now."""

from __future__ import annotations

from typing import Any

from flows.semantics import Program
from flows.table import TIMER_EVENT, Guard
from flows.vocabulary import EXPANSIONS, state_facts
from flows.why import Tried, explain
from runtime.node.session import Session

TAKES, MAY, NOT_NOW, HIDDEN = "takes it", "depends on the event", "not now", "hidden"


def transitions(session: Session, now: float) -> list[dict[str, Any]]:
    """Return the rows that could answer an event now, in the order tried, and the timers that run.

    Each has `event`, `row` (-1: the state's own ignore), `id`, `line`, `next`, `guards` (each with
    `text`, `held`, which is None where only the event decides, and the present `values`) and
    `verdict`; a timer `event` "after" and `seconds` until it fires. `now` as the session counts it.
    """
    machine = session.machine
    program, state = machine.program, machine.state
    position = program.position(state, session.role)
    found = []
    for event in position.candidates:
        if event == TIMER_EVENT:
            continue
        tried = explain(program, state, session.role, event, machine.values, {})
        found += [_told(session, event, each) for each in tried]
    for seconds, when in machine.timers_left():
        fields = {"seconds": seconds}
        tried = explain(program, state, session.role, TIMER_EVENT, machine.values, fields)
        left = max(0.0, when - now)
        found += [{**_told(session, TIMER_EVENT, each), "seconds": left} for each in tried]
    return found


def _told(session: Session, event: str, tried: Tried) -> dict[str, Any]:
    program: Program = session.machine.program
    state = program.table.states[session.state]
    if tried.row < 0:
        told = {"row": -1, "id": "", "line": state.place.line, "next": None}
        return {"event": event, **told, "guards": [], "verdict": "ignored"}
    row = program.table.rows[tried.row]
    values = {**session.machine.values, **state_facts(state)}
    held = dict(tried.guards)
    guards = [_guard(guard, held[guard.text], values) for guard in row.guards]
    return {
        "event": event,
        "row": row.index,
        "id": row.id,
        "line": row.place.line,
        "next": row.next_state,
        "guards": guards,
        "verdict": _verdict(tried, guards),
    }


def _guard(guard: Guard, held: bool, values: dict[str, Any]) -> dict[str, Any]:
    expression = guard.expression.expanded(EXPANSIONS)
    seen = {name: values.get(name) for name in sorted(expression.names)}
    return {"text": guard.text, "held": None if expression.fields else held, "values": seen}


def _verdict(tried: Tried, guards: list[dict[str, Any]]) -> str:
    if any(guard["held"] is False for guard in guards):
        return NOT_NOW
    if any(guard["held"] is None for guard in guards):
        return MAY
    return HIDDEN if tried.verdict == "not reached" else TAKES
