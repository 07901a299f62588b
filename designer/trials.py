"""What a tab asks of the simulator, and what it is answered: `{"ask": ..., "arguments": {...}}`.

    run       {run, at}                  -> what the run looks like (designer.simulation.played)
    reach     {run, state | row, side}   -> the inputs that lead there
    trace     {trace}                    -> the run that follows a finding's trace
    scenarios {}                         -> those kept with the flow, each judged on the draft
    keep      {name, run, description}   -> keep a run as a scenario of the flow
    open      {name}                     -> the run of a kept scenario
    drop      {name}                     -> let a scenario go
    file      {}                         -> all of them as one file

and of the merge with a newer version: see `designer.merging`. The draft of the desk is what is
played. Of all this only `take` changes the draft.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from channels.db import database_sync_to_async

from designer import merging, rendering, scenario_rows, scenario_runs, selectors
from designer.access import may
from designer.desk import Desk
from designer.errors import Refused
from designer.models import Scenario as Kept
from designer.renames import followed, in_force
from designer.scenario_files import BadScenario, read_scenarios, write_scenarios
from designer.scenarios import Scenario, judge, record
from designer.simulation import BadRun, Failure, Run, played, read_run
from designer.simulation.ahead import Goal, way_to
from flows.compile import Compiled
from flows.semantics import SESSION_ROLES
from flows.table import TIMER_EVENT, Table

Message = dict[str, Any]


async def answer(desk: Desk, ask: str, arguments: Message) -> Message:
    """Answer one question; Refused says in one sentence why not."""
    asked = ASKED.get(ask)
    if asked is None:
        raise Refused(f"Nothing can be asked by the name {ask}.")
    try:
        return {"type": "tried", "ask": ask, **await asked(desk, arguments)}
    except (BadRun, BadScenario) as problem:
        raise Refused(str(problem)) from None


async def _run(desk: Desk, arguments: Message) -> Message:
    run = read_run(arguments.get("run") or {})
    at = arguments.get("at")
    if at is not None and not (isinstance(at, int) and 0 <= at <= len(run.inputs)):
        raise Refused("This run has no such place.")
    compiled = _compiled(desk)
    return {"played": await asyncio.to_thread(played, compiled, run, at)}


async def _reach(desk: Desk, arguments: Message) -> Message:
    run = read_run(arguments.get("run") or {})
    state, row = arguments.get("state") or "", arguments.get("row", -1)
    goal = Goal(str(state), row if isinstance(row, int) else -1, str(arguments.get("side") or ""))
    inputs = await asyncio.to_thread(way_to, _table(desk), run, goal)
    if inputs is None:
        where = goal.state or f"row {goal.row + 1}"
        raise Refused(f"No way from here to {where} was found. Go back some steps and try again.")
    return {"inputs": msgspec.to_builtins(inputs)}


async def _trace(desk: Desk, arguments: Message) -> Message:
    run = run_of_trace(arguments.get("trace"))
    return {"run": msgspec.to_builtins(run)}


async def _scenarios(desk: Desk, arguments: Message) -> Message:
    kept = await database_sync_to_async(_kept)(desk)
    table = _compiled(desk).table
    names = in_force(desk.renames, table)
    return {
        "scenarios": await asyncio.to_thread(_judged, table, kept, names),
        "saved": await database_sync_to_async(_saved)(desk),
    }


async def _keep(desk: Desk, arguments: Message) -> Message:
    _require(desk)
    name = str(arguments.get("name") or "").strip()
    name = scenario_rows.usable_name(name)
    run = read_run(arguments.get("run") or {})
    if not run.inputs:
        raise Refused("Nothing has happened yet: a test needs a step.")
    scenario = record(_table(desk), run, name, str(arguments.get("description") or ""))
    text = write_scenarios(desk.flow.name, [scenario])
    await database_sync_to_async(scenario_rows.keep)(desk.flow, name, text, user=desk.user)
    return await _scenarios(desk, {})


async def _open(desk: Desk, arguments: Message) -> Message:
    found = {kept.name: kept for kept in await database_sync_to_async(_kept)(desk)}
    kept = found.get(str(arguments.get("name") or ""))
    if kept is None:
        raise Refused("This test is not there any more.")
    (scenario,) = read_scenarios(kept.text).scenarios
    return {"name": kept.name, "run": msgspec.to_builtins(scenario.run)}


async def _drop(desk: Desk, arguments: Message) -> Message:
    _require(desk)
    name = str(arguments.get("name") or "")
    await database_sync_to_async(scenario_rows.drop)(desk.flow, name, user=desk.user)
    return await _scenarios(desk, {})


async def _file(desk: Desk, arguments: Message) -> Message:
    kept = await database_sync_to_async(_kept)(desk)
    scenarios = [s for each in kept for s in read_scenarios(each.text).scenarios]
    return {"file": write_scenarios(desk.flow.name, scenarios)}


ASKED: dict[str, Callable[[Desk, Message], Awaitable[Message]]] = {
    "run": _run,
    "reach": _reach,
    "trace": _trace,
    "scenarios": _scenarios,
    "keep": _keep,
    "open": _open,
    "drop": _drop,
    "file": _file,
    "merge": merging.merging,
    "take": merging.take,
    "compare": merging.compare,
}


def run_of_trace(trace: Any) -> Run:
    """Return the run that follows a finding's trace; BadRun if it is no trace."""
    if not isinstance(trace, list) or not all(isinstance(step, dict) for step in trace):
        raise BadRun("This is no trace of a finding.")
    sides = {step.get("side") for step in trace}
    both = set(SESSION_ROLES) <= sides
    inputs: list[Message] = []
    for step in trace:
        inputs += _inputs_of(step, both)
    roles = list(SESSION_ROLES) if both else sorted(sides & set(SESSION_ROLES)) or ["UAC"]
    return read_run({"roles": roles, "inputs": inputs})


def _inputs_of(step: Message, both: bool) -> list[Message]:
    given: Message = {"side": str(step.get("side") or "")} if both else {}
    name, message = str(step.get("name") or ""), str(step.get("message") or "")
    if step.get("failed"):
        given["fails"] = {"action": str(step["failed"]), "reason": Failure("").reason}
    if message and both:
        lost = step.get("kind") == "lost"
        return [{**given, "lose" if lost else "deliver": message}]
    if name == "ActionFailed" or not name:
        # The simulator brings it by itself after the action that failed.
        return []
    if name == TIMER_EVENT:
        return [{"due": True, **{k: v for k, v in given.items() if k == "fails"}}]
    fields = step.get("fields")
    given["event"] = name
    given["fields"] = fields if isinstance(fields, dict) else {}
    return [given]


def _compiled(desk: Desk) -> Compiled:
    return rendering.drawing(desk.text).compiled


def _table(desk: Desk) -> Table:
    table = _compiled(desk).table
    if table is None:
        raise Refused("The text does not compile, so there is nothing to run. Mend it first.")
    return table


def _require(desk: Desk) -> None:
    if not may(desk.user, "scenario.edit", desk.flow):
        raise Refused("Your account may look at this flow, but not do this.")


def _kept(desk: Desk) -> list[Kept]:
    return list(Kept.objects.filter(flow=desk.flow).order_by("name")[: scenario_rows.MOST_KEPT])


def _saved(desk: Desk) -> Message | None:
    """How the tests stand on the newest version, which the worker plays them on."""
    newest = selectors.newest_version(desk.flow)
    return scenario_runs.tests_of(newest).as_message() if newest is not None else None


def _judged(table: Table | None, kept: list[Kept], names: dict[str, str]) -> list[Message]:
    return [_one_judged(table, each, names) for each in kept]


def _one_judged(table: Table | None, kept: Kept, names: dict[str, str]) -> Message:
    line: Message = {"name": kept.name, "by": kept.changed_by, "at": kept.updated_at.isoformat()}
    scenario: Scenario
    (scenario,) = read_scenarios(kept.text).scenarios
    line |= {"description": scenario.description, "inputs": len(scenario.run.inputs)}
    present = followed(scenario, names)
    # Renamed in this draft: the test is played by the new names, and takes them with the version.
    line["follows"] = present != scenario
    scenario = present
    if table is None:
        return {**line, "holds": None, "differences": []}
    judged = judge(table, scenario)
    return {
        **line,
        "holds": judged.holds,
        "differences": [{"input": n, "message": text} for n, text in judged.differences],
    }
