"""Recorded calls are held against the version they ran: by the command line, and on their page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from config import cli
from designer import services
from designer.models import Flow, Version
from flows.compile import compile_text
from flows.semantics import Program
from runtime import audit, conformance
from runtime.executor.machine import Machine
from runtime.executor.step import Event
from runtime.models import Session, Step
from runtime.node.journal import ActionResult, DoneRecord, Record, StepRecord
from runtime.sink import DatabaseSink
from tests.runtime.web.test_sink import SEGMENT
from tests.web import ECHO

pytestmark = pytest.mark.django_db

OFFER = {"from": "sip:a@x", "to": "sip:echo@y", "sdp": "v=0"}


def record(session: str, *events: tuple[str, dict[str, Any]]) -> None:
    """Let the executor run a call of the echo test, and store it as a node does."""
    table = compile_text(ECHO).table
    assert table is not None
    machine = Machine(Program(table), session, "UAS", 100.0)
    records: list[Record] = []
    for number, (name, fields) in enumerate(events):
        step = machine.receive(Event(name, fields), 100.0 + number)
        records.append(StepRecord(step))
        if step.actions:
            done = tuple(ActionResult(True, 12, None) for _ in step.actions)
            records.append(DoneRecord(session, step.sequence, done))
    DatabaseSink().store(SEGMENT, records, 0, 500)


@pytest.fixture
def call(flow: Flow) -> Session:
    record("s1", ("IncomingCall", OFFER), ("DialogACK", {}), ("DialogBYE", {}))
    return Session.objects.get(pk="s1")


def tampered(**changed: Any) -> None:
    Step.objects.filter(session_id="s1", sequence=2).update(**changed)


def test_a_recorded_call_conforms_to_its_version(call: Session) -> None:
    verdict = conformance.of_session(call)
    assert (verdict.conforms, verdict.steps, verdict.number) == (True, 3, 1)
    assert verdict.text == "conforms to v1" and verdict.finding is None


def test_a_tampered_record_is_a_finding_on_that_version(call: Session) -> None:
    tampered(actions=["NegotiateSDPAsUAS", "StartMediaSession"], results=[[True, 1, None]] * 2)
    verdict = conformance.of_session(call)
    assert (verdict.conforms, verdict.step) == (False, 2)
    finding = verdict.finding
    assert finding is not None and (finding.code, finding.state) == ("META995", "Answering")
    assert "StartEcho and is NegotiateSDPAsUAS, StartMediaSession" in finding.message
    lines = ECHO.splitlines()
    assert lines[finding.place.line - 1].strip() == "- id: established"
    assert [step["event"] for step in finding.trace] == ["IncomingCall", "DialogACK"]


def test_what_cannot_be_compared_says_why(call: Session) -> None:
    Session.objects.update(unjournalled=True)
    verdict = conformance.of_session(Session.objects.get())
    assert verdict.conforms is None and "in full" in verdict.why
    Session.objects.update(unjournalled=False, digest="f" * 64)
    Step.objects.update(digest="f" * 64)
    verdict = conformance.of_session(Session.objects.get())
    assert verdict.conforms is None and "not in the database" in verdict.why


def run(capsys: Any, *arguments: str, code: int = 0) -> Any:
    assert cli.main(["conform", *arguments, "--format", "json"]) == code
    return json.loads(capsys.readouterr().out)


def test_the_command_line_tells_which_calls_contradict(call: Session, capsys: Any) -> None:
    assert [each["conforms"] for each in run(capsys)["sessions"]] == [True]
    tampered(to_state="HangingUp")
    (line,) = run(capsys, "s1", code=1)["sessions"]
    assert (line["step"], line["finding"]["code"]) == (2, "META995")
    assert run(capsys, "--flow", "other")["sessions"] == []
    assert "no session" in run(capsys, "s9", code=2)["error"]
    assert cli.main(["conform"]) == 1
    assert "differs from v1 at step 2" in capsys.readouterr().out


def test_the_call_s_page_says_whether_it_conforms(
    call: Session, client: Client, alice: Any
) -> None:
    client.force_login(alice)
    assert "Conforms to v1" in client.get("/calls/s1/").content.decode()
    tampered(row=0)
    shown = client.get("/calls/s1/").content.decode()
    assert "Differs from v1 at step 2" in shown and "/rules/META995" in shown


def test_a_call_that_went_over_to_another_version_is_held_against_both(call: Session) -> None:
    text = ECHO + "# a second version\n"
    services.version_save(flow=Flow.objects.get(), text=text, base=1, message="2")
    here, there = (Program(compile_text(each).table) for each in (ECHO, text))  # type: ignore[arg-type]
    machine = Machine(here, "s2", "UAS", 100.0)
    records: list[Record] = []
    for name, fields in (("IncomingCall", OFFER), ("DialogACK", {}), ("", {}), ("DialogBYE", {})):
        step = (
            machine.receive(Event(name, fields), 101.0)
            if name
            else machine.migrate(there, machine.state, Event("Migrated", {"entered": 101.0}), 102.0)
        )
        records.append(StepRecord(step))
        done = tuple(ActionResult(True, 12, None) for _ in step.actions)
        records.append(DoneRecord("s2", step.sequence, done))
    DatabaseSink().store(SEGMENT, records, 500, 900)
    stored = Session.objects.get(pk="s2")
    assert (stored.number, stored.digest) == (2, there.table.digest), "where it is now"
    assert conformance.of_session(stored).conforms is True
    Step.objects.filter(session_id="s2", sequence=4).update(to_state="Active")
    wrong = conformance.of_session(stored)
    assert (wrong.conforms, wrong.step) == (False, 4)
    Version.objects.filter(number=2).update(digest="f" * 64)
    conformance._made.cache_clear()
    audit._compiled_of.cache_clear()
    assert "version it went over to" in conformance.of_session(stored).why
