"""What the executor really did conforms to its table, and a record that was changed does not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.compile import compile_text
from flows.semantics import Program
from flows.table import Table
from runtime.executor.conform import Recorded, deviation
from runtime.executor.machine import ACTION_FAILED, Machine
from runtime.executor.step import Event, Step
from tests.runtime.executor.test_replay import Action, actions, run, tables

TEXT = """\
- {from_state: Idle, role: UAC, event: MakeCall, actions: [CreateDialog, SendINVITE], next_state: Calling}
- {from_state: Calling, role: UAC, event: Dialog200OK, guards: [event.code == 200], actions: [SendACK], next_state: Active, publish_events: [CallEstablished]}
- {from_state: Calling, role: UAC, event: {after: 30s}, actions: [CleanupDialog], next_state: Failed}
- {from_state: Active, role: UAC, event: ActionFailed, actions: [CleanupDialog], next_state: Failed}
- {from_state: Active, role: UAC, event: DialogBYE, actions: [CleanupDialog], next_state: Terminated}
"""  # noqa: E501


def program() -> Program:
    table = compile_text(TEXT).table
    assert table is not None
    return Program(table)


def recorded(steps: list[Step]) -> list[Recorded]:
    """Write steps down as the journal does, the actions' results with them."""
    lines = []
    for step, after in zip(steps, [*steps, None][1:], strict=True):
        failed = after.fields.get("index") if after and after.event == ACTION_FAILED else None
        done = (True,) * len(step.actions)
        if isinstance(failed, int):
            done = (*done[:failed], False)
        lines.append(
            Recorded(
                step.sequence,
                step.time,
                step.event,
                step.fields,
                step.row,
                step.from_state,
                step.to_state,
                step.actions,
                step.published,
                step.kind,
                step.answer,
                done,
            )  # fmt: skip
        )
    return lines


def a_call() -> list[Recorded]:
    machine = Machine(program(), "s", "UAC", 0.0)
    steps = [machine.receive(Event("MakeCall", {"target": "sip:b"}), 0.0)]
    steps.append(machine.receive(Event("Dialog180Ringing", {"code": 180}), 1.0))
    steps.append(machine.receive(Event("Dialog200OK", {"code": 200}), 2.0))
    steps.append(machine.receive(Event("DialogBYE"), 3.0))
    return recorded(steps)


@settings(max_examples=150, deadline=None)
@given(table=tables(), role=st.sampled_from(["UAC", "UAS"]), script=actions)
def test_whatever_the_executor_did_conforms(table: Table, role: str, script: list[Action]) -> None:
    steps, _ = run(Machine(Program(table), "s", role, 0.0), script)
    assert deviation(Program(table), role, recorded(steps)) is None


def test_a_call_conforms_and_so_does_nothing() -> None:
    assert deviation(program(), "UAC", a_call()) is None
    assert deviation(program(), "UAC", []) is None


def found(**changed: object) -> tuple[int, str]:
    """Change the third step and return where the record then contradicts the table."""
    lines = a_call()
    lines[2] = replace(lines[2], **changed)  # type: ignore[arg-type]
    wrong = deviation(program(), "UAC", lines)
    assert wrong is not None
    return wrong.sequence, wrong.what


def test_each_part_of_a_step_is_held_against_the_table() -> None:
    assert found(row=3) == (3, "the row")
    assert found(to_state="Failed") == (3, "the target")
    assert found(from_state="Idle") == (3, "the state it began in")
    assert found(actions=()) == (3, "the actions")
    assert found(published=()) == (3, "what is published")
    assert found(kind="ignored") == (3, "what became of it")
    assert found(answer=488) == (3, "the answer")
    assert found(fields={"code": 202})[0] == 3, "then no row should have taken it"


def test_an_action_that_was_never_done_is_found() -> None:
    assert found(done=()) == (3, "what was done")


def test_a_failure_that_nobody_was_told_of_is_found() -> None:
    assert found(done=(False,)) == (3, "what follows")


def test_a_step_that_is_missing_is_found() -> None:
    lines = a_call()
    del lines[1]
    wrong = deviation(program(), "UAC", lines)
    assert wrong is not None and (wrong.sequence, wrong.expected) == (3, 2)


def test_a_step_after_the_end_is_found() -> None:
    lines = a_call()
    wrong = deviation(program(), "UAC", [*lines, replace(lines[-1], sequence=5)])
    assert wrong is not None and (wrong.sequence, wrong.what) == (5, "the session")


def test_the_last_step_of_a_session_that_died_may_lack_its_results() -> None:
    lines = a_call()[:3]
    assert deviation(program(), "UAC", [*lines[:2], replace(lines[2], done=())]) is None


def test_an_end_from_outside_is_no_contradiction() -> None:
    machine = Machine(program(), "s", "UAC", 0.0)
    steps = [machine.receive(Event("MakeCall", {"target": "sip:b"}), 0.0)]
    steps.append(machine.close(Event("NodeStopping"), 1.0, "unhandled", "shutdown"))
    lines = recorded(steps)
    assert deviation(program(), "UAC", lines) is None
    assert deviation(program(), "UAC", [*lines, replace(lines[0], sequence=3)]) is not None


def test_another_version_s_table_is_contradicted_with_the_row_it_has() -> None:
    other = compile_text(TEXT.replace("[SendACK], next_state: Active", "[SendACK]")).table
    assert other is not None
    wrong = deviation(Program(other), "UAC", a_call())
    assert wrong is not None and (wrong.sequence, wrong.row) == (3, 1)
    assert "should be Calling and is Active" in wrong.message
