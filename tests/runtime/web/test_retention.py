"""What the rules take out is gone, the rest stays, and the chain holds without it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from designer import auditing
from designer.errors import Refused
from designer.models import AuditEntry, Flow
from flows.semantics import Decision
from runtime import retention, upkeep
from runtime.blocks import seal_acts
from runtime.executor.step import Step
from runtime.models import Erasure, MediaRecord, Recording, Session, WireMessage
from runtime.models import Step as Row
from runtime.node.journal import (
    ActionResult,
    DoneRecord,
    Record,
    Segment,
    StepRecord,
    WireRecord,
)
from runtime.node.journal import MediaRecord as Media
from runtime.sink import DatabaseSink
from runtime.verifying import Report, verify

pytestmark = pytest.mark.django_db

SEGMENT = Segment("node1", 1, 0, Path("node1-1.journal"))
NOW = 1_000_000_000.0
NUMBER = "+493055564217"


def a_call(name: str, days_ago: float, digest: str, caller: str = NUMBER) -> list[Record]:
    at = NOW - days_ago * 86400
    said = {"version": digest, "kind": "fired", "published": (), "actions": ()}
    first = Decision(0, "r", "Idle", "Active", "UAS", **said)  # type: ignore[arg-type]
    last = Decision(
        1,
        "s",
        "Active",
        "Terminated",
        "UAS",
        ended=True,
        outcome="completed",
        **said,  # type: ignore[arg-type]
    )
    return [
        WireRecord(name, at, "in", "UDP", "l", "r", f"INVITE sip:{caller}@x SIP/2.0".encode()),
        StepRecord(Step(name, 1, at, "IncomingCall", {"from": f"sip:{caller}@x"}, first)),
        DoneRecord(name, 1, (ActionResult(True, 5),)),
        Media(name, at, "flowing", {"codec": "PCMU"}),
        StepRecord(Step(name, 2, at, "DialogBYE", {}, last)),
        DoneRecord(name, 2, ()),
    ]


@pytest.fixture
def ship(flow: Flow) -> Any:
    digest = flow.versions.get().digest
    numbers = {"last": 0, "end": 0}

    def shipped(*calls: tuple[str, float], caller: str = NUMBER) -> None:
        records = [record for name, days in calls for record in a_call(name, days, digest, caller)]
        for record in records:
            numbers["last"] += 1
            record.number = numbers["last"]
        sink, start = DatabaseSink(), numbers["end"]
        numbers["end"] += 1
        assert sink.store(SEGMENT, records, start, numbers["end"])

    return shipped


def rule(flow: Flow, **kept: Any) -> None:
    Recording.objects.update_or_create(flow=flow, defaults=kept)


def left(session: str) -> tuple[int, int, int, int]:
    """Return what is left of a call: steps, steps with values, messages, media records."""
    steps = Row.objects.filter(session_id=session)
    return (
        steps.count(),
        steps.exclude(fields={}).count(),
        WireMessage.objects.filter(session=session).count(),
        MediaRecord.objects.filter(session=session).count(),
    )


def proved() -> Report:
    report = verify()
    assert report.broken is None
    return report


def test_each_level_goes_after_its_days(flow: Flow, ship: Any) -> None:
    ship(("s1", 1), ("s5", 5), ("s10", 10), ("s20", 20), ("s40", 40))
    rule(flow, values_days=3, messages_days=7, steps_days=15, outcome_days=30)
    assert {each.rule: each.sessions for each in retention.run(dry=True, now=NOW)} == {
        "echo_test: everything after 30 days": 1,
        "echo_test: steps after 15 days": 2,
        "echo_test: SIP messages after 7 days": 3,
        "echo_test: media and values after 3 days": 4,
    }
    assert Row.objects.count() == 10 and not Erasure.objects.exists()
    done = retention.run(now=NOW)
    assert [each.sessions for each in done] == [1, 1, 1, 1]
    assert left("s1") == (2, 1, 1, 1)
    assert left("s5") == (2, 0, 1, 0)
    assert left("s10") == (2, 0, 0, 0)
    assert left("s20") == (0, 0, 0, 0)
    assert set(Session.objects.values_list("pk", flat=True)) == {"s1", "s5", "s10", "s20"}
    assert Session.objects.get(pk="s20").outcome == "completed"
    report = proved()
    assert (report.records, report.erased) == (30 - 1 - 2 - 6 - 6, 15)
    assert retention.run(now=NOW) == []
    seal_acts()
    assert proved().acts == AuditEntry.objects.count() and Erasure.objects.count() == 4


def test_what_a_flow_does_not_keep_is_not_stored_and_the_chain_knows(flow: Flow, ship: Any) -> None:
    rule(flow, level=Recording.Level.STEPS)
    ship(("s1", 1))
    assert left("s1") == (2, 0, 0, 0)
    assert Row.objects.get(sequence=1).results == [[True, 5, None]]
    report = proved()
    assert (report.records, report.not_kept) == (4, 2)
    rule(flow, level=Recording.Level.OUTCOME)
    ship(("s2", 1))
    assert left("s2") == (0, 0, 0, 0)
    assert Session.objects.get(pk="s2").outcome == "completed"
    assert proved().not_kept == 8
    retention.run(now=NOW)
    assert left("s1") == (0, 0, 0, 0) and proved().erased == 4


def test_a_call_that_goes_on_is_left_alone(flow: Flow, ship: Any) -> None:
    ship(("s1", 40))
    Session.objects.update(ended_at=None)
    rule(flow, values_days=0, outcome_days=1)
    assert retention.run(now=NOW) == [] and left("s1") == (2, 1, 1, 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM runtime_erasure", "missing"),
        ("UPDATE runtime_erasure SET digest = 'x', rule = 'y', places = %s", "erasure"),
        ("DELETE FROM designer_auditentry WHERE act = 'audit.erased'", "missing"),
        ("DELETE FROM runtime_mediarecord WHERE session = 's1'", "missing"),
        ("DELETE FROM runtime_step WHERE session_id = 's5'", "missing"),
        ("UPDATE runtime_step SET fields = '{}', salt = NULL, values_digest = %s", "values"),
        ("UPDATE runtime_step SET fields = '{\"a\":1}' WHERE session_id = 's5'", "changed"),
    ],
)
def test_taking_out_more_than_the_rules_do_is_found(
    flow: Flow, ship: Any, change: str, said: str
) -> None:
    ship(("s1", 1), ("s5", 5))
    rule(flow, values_days=3)
    retention.run(now=NOW)
    seal_acts()
    assert proved().erased == 1
    with connection.cursor() as cursor:
        cursor.execute(change, [bytes(32)] if "%s" in change else None)
    report = verify()
    assert report.broken is not None and said in report.broken["what"]


def test_a_person_is_erased_and_what_calls_did_stays_proved(flow: Flow, ship: Any) -> None:
    ship(("s1", 1), ("s2", 2))
    ship(("s3", 3), caller="+15550001111")
    auditing.record("call.unmask", by_name="vera", reason=f"asked about {NUMBER}")
    auditing.record("call.export", by_name="vera", subject="s3", reason="court")
    seal_acts()
    before = time.time()
    assert retention.erase_person("0049 30 55564217", by_name="v", reason="art. 17", dry=True) == (
        retention.Done("a person, art. 17", 2)
    )
    done = retention.erase_person("0049 30 55564217", by_name="vera", reason="art. 17")
    assert (done.sessions, time.time() >= before) == (2, True)
    seal_acts()
    everything = json.dumps(
        [
            list(Row.objects.values_list("fields", flat=True)),
            list(Session.objects.values_list("caller", "callee", "caller_key")),
            [bytes(data).decode() for data in WireMessage.objects.values_list("data", flat=True)],
            list(AuditEntry.objects.values_list("subject", "reason", "detail")),
        ]
    )
    assert "55564217" not in everything and "15550001111" in everything and "court" in everything
    assert left("s1") == (2, 0, 0, 0) and left("s3") == (2, 1, 1, 1)
    assert Session.objects.get(pk="s1").outcome == "completed"
    report = proved()
    assert report.erased == 4 and report.acts == AuditEntry.objects.count()
    kept = AuditEntry.objects.filter(act="audit.erased")
    assert {entry.by_name for entry in kept} == {"vera"}


@pytest.mark.parametrize(("number", "reason"), [("30", "art. 17"), ("+4930555642", ""), ("", "x")])
def test_no_part_of_a_number_and_no_silence_erases_anybody(number: str, reason: str) -> None:
    with pytest.raises(Refused):
        retention.erase_person(number, by_name="vera", reason=reason)


def test_an_anchor_among_the_acts_shows_that_a_chain_was_cut(flow: Flow, ship: Any) -> None:
    ship(("s1", 1))
    ship(("s2", 1))
    upkeep.anchor()
    seal_acts()
    proved()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM runtime_chainblock WHERE chain = 'node1' AND position = 2")
        for table in ("runtime_step", "runtime_wiremessage", "runtime_mediarecord"):
            cursor.execute(f"DELETE FROM {table} WHERE number > 6")
    report = verify()
    assert report.broken is not None
    assert report.broken["what"].startswith("the end was cut off: an act of the product says")
