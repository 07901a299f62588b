"""Trying a draft: the production executor played by a person, with a clock of its own.

    shown = played(compiled, read_run(data), at=4)     # everything a page shows, as plain data

A page sends the text's run whole each time; what it is shown is computed from the two alone.
"""

from __future__ import annotations

from typing import Any

from designer.simulation.choices import choices, guards_of, obligations
from designer.simulation.run import BadRun, Failure, Input, Run, read_run
from designer.simulation.side import Side, Taken
from designer.simulation.stage import Entry, Line, Stage
from flows.compile import Compiled
from flows.table import duration_text

__all__ = ["BadRun", "Failure", "Input", "Run", "Stage", "played", "read_run"]


def played(compiled: Compiled, run: Run, at: int | None = None) -> dict[str, Any]:
    """Return what a run looks like after its first `at` inputs; BadRun if the text has no table."""
    table = compiled.table
    if table is None:
        raise BadRun("The text does not compile, so there is nothing to run. Mend it first.")
    stage = Stage(table, run).play(at)
    return {
        "digest": table.digest,
        "at": len(stage.entries),
        "now": stage.now,
        "deadline": stage.deadline(),
        "sides": [_side(stage, side) for side in stage.sides.values()],
        "entries": [_entry(entry) for entry in stage.entries],
        "ladder": [_line(line) for line in stage.ladder],
        "choices": [c for s in stage.sides.values() for c in choices(s, both=run.both)],
        "problem": None
        if stage.problem is None
        else {"input": stage.problem[0], "message": stage.problem[1]},
    }


def _side(stage: Stage, side: Side) -> dict[str, Any]:
    values, initial = side.machine.values, side.party.program.initial_values
    shown = [n for n in values if n in side.party.domain.names or values[n] != initial[n]]
    deadline = side.machine.deadline
    return {
        "role": side.role,
        "state": side.state,
        "ended": side.ended,
        "outcome": side.outcome,
        "values": [{"name": n, "value": values[n], "initial": initial[n]} for n in shown],
        "held": list(side.held),
        "owes": obligations(side.wire),
        "left": None if deadline is None else max(0.0, deadline - stage.now),
        "timers": [duration_text(s) for s in side.party.program.timers(side.state, side.role)],
        "guards": guards_of(side),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.given.kind,
        "time": entry.time,
        "side": entry.given.side,
        "what": entry.given.event or entry.given.deliver or entry.given.lose,
        "wait": entry.given.wait,
        "note": entry.note,
        "steps": [_step(number, side, taken) for number, side, taken in entry.steps],
    }


def _step(number: int, side: str, taken: Taken) -> dict[str, Any]:
    step = taken.step
    words = taken.transition.words if taken.transition is not None else ()
    return {
        "number": number,
        "side": side,
        "time": step.time,
        "event": step.event,
        "fields": {n: v for n, v in step.fields.items() if v is not None},
        "kind": step.kind,
        "row": step.row,
        "row_id": step.row_id,
        "from": step.from_state,
        "to": step.to_state,
        "actions": [
            {"name": word.name, "arguments": dict(word.arguments), "done": _done(taken, index)}
            for index, word in enumerate(words)
        ],
        "reason": taken.reason,
        "published": list(taken.published),
        "withheld": list(step.published) if taken.broke >= 0 else [],
        "changed": taken.changed,
        "answer": step.answer,
        "ended": step.ended,
        "outcome": step.outcome,
        "sends": [str(message) for message in taken.sends],
        "complaints": [{"code": c.code, "detail": c.detail} for c in taken.complaints],
        "notes": taken.notes,
        "held": list(taken.held),
    }


def _done(taken: Taken, index: int) -> str:
    if taken.broke < 0 or index < taken.broke:
        return "done"
    return "failed" if index == taken.broke else "not reached"


def _line(line: Line) -> dict[str, Any]:
    message = line.message
    kind = "request" if message.kind != "RESP" else "bad" if message.code >= 300 else "answer"
    return {
        "number": line.number,
        "time": line.time,
        "from": line.source,
        "to": line.target,
        "label": str(message),
        "kind": kind,
        "fate": line.fate,
        "sent_in": line.sent_in,
        "heard_in": line.heard_in,
        "by_stack": line.by_stack,
    }
