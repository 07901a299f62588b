"""A recorded call becomes a scenario that holds on the version it ran."""

from __future__ import annotations

from typing import Any

import pytest

from designer.errors import Refused
from designer.models import Flow, Scenario
from designer.scenario_files import read_scenarios
from designer.scenarios import judge
from flows.compile import compile_text
from runtime import call_scenario
from runtime.models import Session, Step
from runtime.node.journal import ActionResult, DoneRecord, StepRecord
from runtime.sink import DatabaseSink
from tests.runtime.web.stage import FakeNode
from tests.runtime.web.test_sink import SEGMENT
from tests.web import ECHO

pytestmark = pytest.mark.django_db


@pytest.fixture
def record(node: FakeNode, flow: Flow) -> Any:
    """Play events on a session of echo_test and put it into the record; answer the session."""
    steps: list[Any] = []

    def keep(session: Any, step: Any, done: DoneRecord | None) -> None:
        steps.append(StepRecord(step))
        if done is not None:
            kept = tuple(ActionResult(*each) for each in done.results)  # type: ignore[misc]
            steps.append(DoneRecord(session.id, step.sequence, kept))

    node.listeners.add(keep)

    def played(*events: tuple[str, dict[str, Any]]) -> Session:
        session = node.begin("echo_test")
        for event, fields in events:
            node.give(session, event, **fields)
        DatabaseSink().store(SEGMENT, steps, 0, 9)
        return Session.objects.get(pk=session.id)

    return played


CALL = (
    ("IncomingCall", {"from": "sip:+4930123@x", "to": "sip:echo@y", "sdp": "v=0\r\nc=IN IP4 10.1"}),
    ("DialogACK", {}),
    ("DialogBYE", {}),
)


def test_a_call_is_made_a_test_that_holds_on_its_version(record: Any) -> None:
    made = call_scenario.scenario_of_call(record(*CALL))
    table = compile_text(ECHO).table
    assert table is not None and made.notes == [] and made.steps == 3
    (scenario,) = read_scenarios(made.text).scenarios
    assert judge(table, scenario).holds
    assert [given.event for given in scenario.run.inputs] == [event for event, _ in CALL]
    assert scenario.expected[-1][0]["outcome"] == "completed"


def test_nobody_is_named_in_the_test_of_a_call(record: Any) -> None:
    text = call_scenario.scenario_of_call(record(*CALL)).text
    assert "4930123" not in text and "10.1" not in text and "v=0" in text


def test_an_event_without_a_row_is_expected_to_have_none(record: Any) -> None:
    made = call_scenario.scenario_of_call(record(CALL[0], CALL[1], ("DialogPRACK", {}), CALL[2]))
    assert "kind: unhandled" in made.text and "DialogPRACK unanswered" in made.scenario.name


def test_it_is_kept_with_the_flow_under_a_name(record: Any) -> None:
    session = record(*CALL)
    kept = call_scenario.keep_scenario_of_call(session, name="As it went")
    assert Scenario.objects.get() == kept and kept.name == "As it went"
    with pytest.raises(Refused, match="already"):
        call_scenario.keep_scenario_of_call(session, name="As it went")


def test_what_ended_the_call_from_outside_is_cut_off_and_said(record: Any) -> None:
    session = record(*CALL)
    Step.objects.filter(session=session, sequence=3).update(
        event="InternalError", kind="error", row=-1
    )
    made = call_scenario.scenario_of_call(session)
    assert len(made.scenario.run.inputs) == 2 and "outside the table" in made.notes[0]


def test_a_call_without_its_text_or_its_beginning_makes_no_test(record: Any) -> None:
    session = record(*CALL)
    Session.objects.update(digest="f" * 64)
    with pytest.raises(Refused, match="not kept here"):
        call_scenario.scenario_of_call(Session.objects.get())
    Session.objects.update(digest=session.digest, unjournalled=True)
    with pytest.raises(Refused, match="in full"):
        call_scenario.scenario_of_call(Session.objects.get())
