"""Why a step went as it did: which row fired, which did not and for what reason, and the values.

No record keeps the values of guards: they come from the executor, which plays the recorded events
again up to the step (decision 1 of ARCHITECTURE.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from flows.semantics import Decision, Program, Values
from flows.table import ANY_STATE, Guard, Row, Table
from flows.vocabulary import EXPANSIONS, state_facts
from flows.why import Tried, explain
from runtime import audit
from runtime.executor.machine import ACTION_FAILED, MIGRATED, Machine
from runtime.executor.replay import UnknownVersion, restore
from runtime.executor.step import Step
from runtime.onecall.facts import event_words
from runtime.onecall.legs import Leg

MOST_NAMED = 12
"""Rows of other states that are named for an event nobody took."""


def moment(leg: Leg, sequence: int) -> dict[str, Any] | None:
    """Return all there is to say of one step, None if the leg has no such step.

    {"sequence", "event", "state", "to", "kind", "digest", "answer",
     "tried": [{"row", "id", "line", "class", "label", "guards": [{"text", "held", "values"}],
                "verdict", "why"}],
     "here": rows the state has, "elsewhere": rows of other states that take the event,
     "values": [{"name", "before", "after", "changed"}], "unknown": why there are no values}
    """
    at = next((i for i, step in enumerate(leg.steps) if step["sequence"] == sequence), None)
    if at is None:
        return None
    line = leg.steps[at]
    told: dict[str, Any] = {
        "sequence": sequence,
        "leg": leg.letter,
        "event": line["event"],
        "label": event_words(line),
        "state": line["from_state"],
        "to": line["to_state"],
        "role": line["role"],
        "kind": line["kind"],
        "row": line["row"],
        "answer": line["answer"],
        "published": line["published"],
        "microseconds": sum(result[1] for result in line["results"]),
        "tried": [],
        "here": [],
        "elsewhere": [],
        "values": [],
        "unknown": "",
    }
    program = program_of(line["digest"])
    if program is None:
        told["unknown"] = "The text of its version is not in the database, or is broken."
        return told
    if line["kind"] == MIGRATED:
        told["unknown"] = "Somebody took the call to another version: no row was asked."
        return told
    before, told["unknown"] = _before(leg, at, program)
    told["tried"] = _tried(program, line, before)
    if line["kind"] == "unhandled":
        told["here"] = _rows_of(program.table, line["from_state"], line["role"])
        told["elsewhere"] = _others(program.table, line)
    if before is not None:
        told["values"] = _values(before, _after(leg, at, before))
    return told


@lru_cache(maxsize=32)
def _program(digest: str) -> Program:
    table = audit.table_of(digest)
    if table is None:
        raise LookupError(digest)
    return Program(table)


def program_of(digest: str) -> Program | None:
    """Return the program of a version; asked again while the database does not know it."""
    try:
        return _program(digest)
    except LookupError:
        return None


def step_of(leg: Leg, line: dict[str, Any]) -> Step:
    """Return a step line as the executor made it."""
    over = leg.session.get("ended") is not None and line is leg.steps[-1]
    decision = Decision(
        row=line["row"],
        row_id=line["row_id"],
        from_state=line["from_state"],
        to_state=line["to_state"],
        role=line["role"],
        actions=tuple(line["actions"]),
        published=tuple(line["published"]),
        kind=line["kind"],
        version=line["digest"],
        answer=line["answer"],
        ended=over,
        outcome=(leg.session.get("outcome") or "completed") if over else None,
    )
    fields = dict(line["fields"])
    return Step(leg.id, line["sequence"], line["time"], line["event"], fields, decision)


# -- the machine before and after ------------------------------------------------------------------


def _before(leg: Leg, at: int, program: Program) -> tuple[Machine | None, str]:
    """Return the machine as it stood before the step, or why nobody can tell."""
    line, earlier = leg.steps[at], leg.steps[:at]
    gapless = [step["sequence"] for step in leg.steps[: at + 1]] == [*range(1, at + 2)]
    if leg.session.get("unjournalled") or not gapless:
        return None, "The call was not recorded in full."
    try:
        machine = _restored(leg, earlier)
    except UnknownVersion:
        return None, "The text of a version it ran before is not in the database."
    if machine is None:
        machine = Machine(program, leg.id, leg.role, line["time"])
    elif line["event"] == ACTION_FAILED:
        _undo(machine, leg, at - 1, line["fields"])
    if machine.ended or machine.state != line["from_state"]:
        return None, f"Played again the call stands in {machine.state}: record and version differ."
    return machine, ""


def _restored(leg: Leg, lines: Sequence[dict[str, Any]]) -> Machine | None:
    if not lines:
        return None
    first = program_of(lines[0]["digest"])
    steps = [step_of(leg, line) for line in lines]
    if first is None:
        raise UnknownVersion(lines[0]["digest"])
    return restore(first, leg.role, steps, programs=program_of)


def _after(leg: Leg, at: int, before: Machine) -> Values:
    """Return the values after the step, without what its failed action would have set."""
    machine = _restored(leg, leg.steps[: at + 1])
    if machine is None:
        return before.values
    failed = [i for i, result in enumerate(leg.steps[at]["results"]) if not result[0]]
    if failed:
        _undo(machine, leg, at, {"index": failed[0]})
    return machine.values


def _undo(machine: Machine, leg: Leg, at: int, fields: Values) -> None:
    """Tell the machine which action of the step failed, as the shell did."""
    index, previous = fields.get("index"), step_of(leg, leg.steps[at])
    if isinstance(index, int) and 0 <= index < len(previous.actions):
        machine.failed(previous, index, str(fields.get("reason", "")))


def _values(before: Machine, after: Values) -> list[dict[str, Any]]:
    table = before.program.table
    return [
        {
            "name": name,
            "variable": name in table.variables,
            "before": value,
            "after": after.get(name),
            "changed": after.get(name) != value,
        }
        for name, value in sorted(before.values.items())
    ]


# -- rows ------------------------------------------------------------------------------------------


def _tried(program: Program, line: dict[str, Any], machine: Machine | None) -> list[dict[str, Any]]:
    """Return the rows that could have answered, in the order tried, each with its reason."""
    state, role, event, fields = line["from_state"], line["role"], line["event"], line["fields"]
    values = program.initial_values if machine is None else machine.values
    found = explain(program, state, role, event, values, fields)
    facts = state_facts(program.table.states[state])
    winner = next((each for each in found if each.verdict in ("fired", "ignored")), None)
    shown = []
    for each in found:
        told = _tried_row(program.table, each, state, event)
        told["guards"] = _guards(program.table, each, {**values, **facts}, fields)
        told["why"] = _reason(program.table, told, winner)
        if machine is None:
            # Which row fired is recorded; what the guards said is not known.
            told["guards"], told["why"] = [], ""
            told["verdict"] = line["kind"] if each.row == line["row"] else "not known"
        shown.append(told)
    return shown


def _tried_row(table: Table, tried: Tried, state: str, event: str) -> dict[str, Any]:
    if tried.row < 0:
        found = table.states[state]
        told = {"row": -1, "id": "", "line": found.place.line, "class": "the state's own ignore"}
        return {**told, "label": f"{state} ignores {event}", "verdict": tried.verdict}
    return {**_row(table.rows[tried.row]), "verdict": tried.verdict}


def _row(row: Row) -> dict[str, Any]:
    where = "any state" if row.from_state == ANY_STATE else row.from_state
    return {
        "row": row.index,
        "id": row.id,
        "line": row.place.line,
        "class": f"{where}, {row.role}",
        "label": f"{where} · {row.label}",
        "event": row.event,
        "next": row.next_state,
        "conditions": [guard.text for guard in row.guards],
    }


def _guards(table: Table, tried: Tried, values: Values, fields: Values) -> list[dict[str, Any]]:
    if tried.row < 0:
        return []
    held = dict(tried.guards)
    return [
        {"text": guard.text, "held": held[guard.text], "values": _read(guard, values, fields)}
        for guard in table.rows[tried.row].guards
    ]


def _read(guard: Guard, values: Values, fields: Values) -> dict[str, Any]:
    """Return what a guard looked at: conditions, variables and fields of the event."""
    expression = guard.expression.expanded(EXPANSIONS)
    seen = {name: values.get(name) for name in sorted(expression.names)}
    return seen | {f"event.{name}": fields.get(name) for name in sorted(expression.fields)}


def _reason(table: Table, told: dict[str, Any], winner: Tried | None) -> str:
    match told["verdict"]:
        case "fired":
            return "it fired"
        case "ignored" if told["row"] >= 0:
            return table.rows[told["row"]].ignore or "it ignores the event on purpose"
        case "ignored":
            return "ignored on purpose"
        case "not reached":
            by = "the state's own ignore" if winner is None or winner.row < 0 else "it"
            return f"hidden by {_name(table, winner) if by == 'it' else by}"
    refused = [guard["text"] for guard in told["guards"] if not guard["held"]]
    return f"{' and '.join(refused)} did not hold"


def _name(table: Table, tried: Tried | None) -> str:
    if tried is None:
        return "an earlier row"
    row = table.rows[tried.row]
    return f"row {row.id}" if row.id else f"row {row.index + 1}"


def _rows_of(table: Table, state: str, role: str) -> list[dict[str, Any]]:
    """Return what the state does take in this role."""
    return [
        _row(row)
        for row in table.rows
        if row.from_state in (state, ANY_STATE) and row.role in (role, "Both")
    ]


def _others(table: Table, line: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows that take the event where the call was not."""
    return [
        _row(row)
        for row in table.rows
        if row.event == line["event"]
        and not (row.from_state in (line["from_state"], ANY_STATE) and row.role == line["role"])
    ][:MOST_NAMED]
