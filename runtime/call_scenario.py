"""A recorded call as a scenario: what happened to it is done again, what it did is expected.

    made = scenario_of_call(session)       # CallScenario: text, notes; Refused says why not
    kept = keep_scenario_of_call(session, name="Busy", user=user)

Of what the events carried only that is kept which decides anything: codes, digits, directions, and
fields that a guard or `set` of the table asks for. Descriptions of media are filled in again when
it is played, so no address or key of the call gets into a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from designer import scenario_rows
from designer.errors import Refused
from designer.models import Flow
from designer.models import Scenario as Kept
from designer.scenario_files import read_scenarios, write_scenarios
from designer.scenarios import Expected, Scenario, judge, row_names
from designer.simulation.run import LONGEST_WAIT, MOST_INPUTS, Failure, Input, Run
from flows.ends import MAXIMUM_LIFE
from flows.semantics import NO_ROW
from flows.table import TIMER_EVENT, Table
from flows.vocabulary import EVENTS
from runtime import audit
from runtime.executor.machine import ACTION_FAILED
from runtime.models import Session, Step

DECIDING = ("code", "method", "direction", "digit", "minimum")
"""Fields that say which message or key it was; they name nobody."""
DESCRIBED = "v=0"
"""Stands for a description of media, whatever it was."""


@dataclass(slots=True)
class CallScenario:
    """The scenario of a call, on the version the call ran."""

    scenario: Scenario
    text: str
    """A file of this one scenario, as it would be kept."""
    steps: int
    """How many steps the call took."""
    notes: list[str] = field(default_factory=list)
    """What of the call is not in it, and why, in sentences."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "name": self.scenario.name,
            "text": self.text,
            "inputs": len(self.scenario.run.inputs),
            "steps": self.steps,
            "notes": self.notes,
        }


def scenario_of_call(session: Session, name: str = "") -> CallScenario:
    """Make a scenario of what is recorded of a call; Refused says why there is none.

    It holds on the version the call ran: what the simulator cannot do as the call did is cut off,
    and a note says so.
    """
    steps = list(Step.objects.filter(session_id=session.pk).order_by("sequence"))
    table = audit.table_of(session.digest)
    if table is None:
        raise Refused("The text this call ran is not kept here, so no test can be made of it.")
    if session.unjournalled or not steps or steps[0].sequence != 1:
        raise Refused("This call was not recorded in full, so no test can be made of it.")
    notes: list[str] = []
    inputs, expected = _played(table, steps, notes)
    if session.ended_at is not None and not notes and session.outcome:
        last = expected[-1]
        expected[-1] = (*last[:-1], {**last[-1], "outcome": session.outcome})
    name = scenario_rows.usable_name(name or _name(session, steps))
    told = f"As call {session.pk} went on {_label(session)}."
    scenario = Scenario(name, Run([session.role], inputs), tuple(expected), told)  # type: ignore[list-item]
    scenario = _as_far_as_it_goes(table, session.flow_name, scenario, notes)
    return CallScenario(scenario, write_scenarios(session.flow_name, [scenario]), len(steps), notes)


def keep_scenario_of_call(session: Session, *, name: str = "", user: Any = None) -> Kept:
    """Keep the scenario of a call with its flow; Refused if the name is taken or there is none."""
    flow = Flow.objects.filter(name=session.flow_name).first()
    if flow is None:
        raise Refused(f"There is no flow named {session.flow_name} to keep a test with.")
    return scenario_rows.write(flow, scenario_of_call(session, name).text, user=user)[0]


def run_of_call(session: Session, until: int = 0) -> tuple[Run, int]:
    """Return what happened to a call as a run of the simulator, and the place in it that stands
    behind the recorded step `until` (0: the last one). Refused if there is nothing to play."""
    steps = list(Step.objects.filter(session_id=session.pk).order_by("sequence"))
    table = audit.table_of(session.digest)
    if table is None or not steps:
        raise Refused("Nothing of this call can be played: its steps or its text are not kept.")
    inputs, _ = _played(table, steps, [])
    done = [step for step in steps if step.event != ACTION_FAILED]
    at = sum(not until or step.sequence <= until for step in done)
    return Run([session.role], inputs), min(at, len(inputs))  # type: ignore[list-item]


def _label(session: Session) -> str:
    return f"v{session.number}" if session.number else session.digest[:12]


def _name(session: Session, steps: Sequence[Step]) -> str:
    """A name that says what is special about the call."""
    how = session.outcome or "still going on"
    lost = next((step.event for step in steps if step.kind == "unhandled"), "")
    special = f", {lost} unanswered" if lost else ""
    return f"Call {session.pk}: {how}{special}"[: scenario_rows.LONGEST_NAME]


# -- what was done and what is expected ------------------------------------------------------------


def _played(
    table: Table, steps: Sequence[Step], notes: list[str]
) -> tuple[list[Input], list[tuple[Expected, ...]]]:
    names, read = row_names(table), _fields_read(table)
    inputs: list[Input] = []
    expected: list[tuple[Expected, ...]] = []
    for step in steps:
        if step.event == ACTION_FAILED and inputs and inputs[-1].fails is None:
            inputs[-1] = replace_failure(inputs[-1], step)
            expected[-1] = (*expected[-1], _expected(step, names))
            continue
        why = _not_playable(step, len(inputs))
        if why:
            notes.append(f"From step {step.sequence} on it is not in the test: {why}")
            break
        inputs.append(_input(step, read))
        expected.append((_expected(step, names),))
    return inputs, expected


def _not_playable(step: Step, done: int) -> str:
    if done >= MOST_INPUTS:
        return f"a test has at most {MOST_INPUTS} steps."
    if step.event == ACTION_FAILED:
        return "an action failed that belongs to the answer to a failure."
    if step.event in EVENTS or step.event in (TIMER_EVENT, MAXIMUM_LIFE):
        return ""
    return f"{step.event} came from outside the table."


def replace_failure(given: Input, step: Step) -> Input:
    """Return the input with the action that failed in its step."""
    failure = Failure(str(step.fields.get("action", "")), str(step.fields.get("reason", ""))[:200])
    return Input(**{**_parts(given), "fails": failure})


def _parts(given: Input) -> dict[str, Any]:
    return {name: getattr(given, name) for name in given.__struct_fields__}


def _input(step: Step, read: dict[str, frozenset[str]]) -> Input:
    if step.event == MAXIMUM_LIFE:
        return Input(wait=LONGEST_WAIT)
    if step.event == TIMER_EVENT:
        return Input(due=True)
    return Input(event=step.event, fields=_fields(step, read.get(step.event, frozenset())))


def _fields(step: Step, read: frozenset[str]) -> dict[str, Any]:
    known = EVENTS[step.event].fields
    kept = {
        name: value
        for name, value in step.fields.items()
        if name in known and name != "sdp" and (name in DECIDING or name in read)
        and isinstance(value, bool | int | float | str)
    }  # fmt: skip
    if "sdp" in known:
        kept["sdp"] = DESCRIBED if step.fields.get("sdp") else ""
    return kept


def _fields_read(table: Table) -> dict[str, frozenset[str]]:
    """Return for each event which of its fields guards and `set` ask for."""
    found: dict[str, set[str]] = {}
    for row in table.rows:
        asked = found.setdefault(row.event, set())
        for expression in (*(g.expression for g in row.guards), *(e for _, e in row.set)):
            asked |= expression.fields
    return {event: frozenset(asked) for event, asked in found.items()}


def _expected(step: Step, names: Sequence[str]) -> Expected:
    results = [audit.result_of(each) for each in step.results]
    broke = next((at for at, (ok, _, _) in enumerate(results) if not ok), -1)
    kept: dict[str, Any] = {"state": step.to_state}
    if step.kind != "fired":
        kept["kind"] = step.kind
    if 0 <= step.row < len(names):
        kept["row"] = names[step.row]
    actions = list(step.actions) if broke < 0 else list(step.actions[:broke])
    if actions:
        kept["actions"] = actions
    if step.published and broke < 0:
        kept["published"] = list(step.published)
    if step.answer is not None and step.row == NO_ROW:
        kept["answer"] = step.answer
    return kept


def _as_far_as_it_goes(table: Table, flow: str, scenario: Scenario, notes: list[str]) -> Scenario:
    """Return the scenario up to where the simulator does as the call did; Refused if nowhere."""
    (read,) = read_scenarios(write_scenarios(flow, [scenario])).scenarios
    judged = judge(table, read)
    if not judged.holds:
        number, sentence = judged.differences[0]
        if number <= 1:
            raise Refused(f"The simulator cannot do what this call did first: {sentence}")
        notes.append(f"The test ends before its step {number}, which the simulator"
                     f" does otherwise: {sentence}")  # fmt: skip
        inputs = list(read.run.inputs[: number - 1])
        run = Run(read.run.roles, inputs, read.run.mocks)
        read = replace(read, run=run, expected=read.expected[: number - 1])
    if not read.run.inputs:
        raise Refused("Nothing that a test could do again is recorded of this call.")
    return read
