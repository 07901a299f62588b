"""The journal in the database: each record once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from designer.models import Flow
from flows.semantics import Decision
from runtime import audit, deployments
from runtime.executor.step import Step
from runtime.models import JournalPosition, MediaRecord, Session, WireMessage
from runtime.models import Step as Row
from runtime.node import journal
from runtime.node.journal import ActionResult, DoneRecord, Journal, Segment, StepRecord, WireRecord
from runtime.node.shipper import Shipper
from runtime.sink import DatabaseSink

pytestmark = pytest.mark.django_db

SEGMENT = Segment("node1", 3, 0, Path("node1-3.journal"))


def step(session: str, sequence: int, event: str = "DialogBYE", **more: Any) -> StepRecord:
    fields = more.pop("fields", {})
    values = {
        "row": 4,
        "row_id": "",
        "from_state": "Idle",
        "to_state": "Active",
        "role": "UAS",
        "actions": ("SendSIPResponse",),
        "published": ("CallEstablished",),
        "kind": "fired",
        "version": "d" * 64,
        "answer": None,
        "ended": False,
        "outcome": None,
        **more,
    }
    return StepRecord(Step(session, sequence, 100.0 + sequence, event, fields, Decision(**values)))


def done(session: str, sequence: int) -> DoneRecord:
    return DoneRecord(session, sequence, (ActionResult(True, 12, None),))


def a_call(session: str = "s1") -> list[journal.Record]:
    return [
        step(session, 1, "IncomingCall", fields={"from": "sip:a@x", "to": "sip:b@y", "sdp": "v=0"}),
        done(session, 1),
        WireRecord(
            session, 101.0, "in", "UDP", "1:5060", "2:5060", b"INVITE sip:b@y SIP/2.0\r\n\r\n"
        ),
        journal.MediaRecord(session, 101.5, "flowing", {"codec": "PCMU"}),
        step(session, 2, "InfoReceived", kind="unhandled", row=-1, actions=(), answer=469),
        step(session, 3, to_state="Terminated", ended=True, outcome="completed"),
    ]


def test_a_call_is_stored_with_its_steps_wire_and_media() -> None:
    assert DatabaseSink().store(SEGMENT, a_call(), 0, 500)
    session = Session.objects.get()
    assert (session.pk, session.caller, session.callee) == ("s1", "sip:a@x", "sip:b@y")
    assert (session.state, session.outcome, session.ended_at) == ("Terminated", "completed", 103.0)
    assert (session.steps, session.unhandled, session.node, session.epoch) == (3, 1, "node1", 3)
    lines = audit.steps_of("s1")
    assert [line["event"] for line in lines] == ["IncomingCall", "InfoReceived", "DialogBYE"]
    assert lines[0]["results"] == [[True, 12, None]] and lines[0]["fields"]["sdp"] == "v=0"
    assert (lines[1]["answer"], lines[1]["row"], lines[1]["results"]) == (469, -1, [])
    assert WireMessage.objects.get().summary == "INVITE sip:b@y SIP/2.0"
    assert audit.wire_of("s1")[0]["data"] == "INVITE sip:b@y SIP/2.0\r\n\r\n"
    assert MediaRecord.objects.get().detail == {"codec": "PCMU"}
    assert DatabaseSink().position("node1-3.journal") == 500


def test_the_same_batch_again_stores_nothing() -> None:
    sink = DatabaseSink()
    assert sink.store(SEGMENT, a_call(), 0, 500)
    assert not sink.store(SEGMENT, a_call(), 0, 500)
    assert not sink.store(SEGMENT, a_call("s2"), 300, 700)
    assert (Row.objects.count(), WireMessage.objects.count(), Session.objects.count()) == (3, 1, 1)
    assert Session.objects.get().steps == 3 and sink.position(SEGMENT.name) == 500


def test_a_call_may_be_cut_anywhere_between_batches() -> None:
    sink, records = DatabaseSink(), a_call()
    for index, record in enumerate(records):
        assert sink.store(SEGMENT, [record], index, index + 1)
    session = Session.objects.get()
    assert (session.steps, session.outcome, session.caller) == (3, "completed", "sip:a@x")
    assert audit.steps_of("s1")[0]["results"] == [[True, 12, None]]


def test_a_batch_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = DatabaseSink()

    tables = sink._tables
    add = tables.add

    def broken(cursor: Any, table: str, *more: Any) -> None:
        if "wiremessage" in table:
            raise OperationalError("the database is gone")
        add(cursor, table, *more)

    monkeypatch.setattr(tables, "add", broken)
    with pytest.raises(OperationalError):
        sink.store(SEGMENT, a_call(), 0, 500)
    assert not Session.objects.exists() and not Row.objects.exists()
    assert sink.position(SEGMENT.name) == 0
    monkeypatch.setattr(tables, "add", add)
    assert sink.store(SEGMENT, a_call(), 0, 500) and Row.objects.count() == 3


def test_texts_that_no_database_keeps_are_kept_as_near_as_can_be() -> None:
    records = [
        step("s1", 1, "IncomingCall", fields={"from": "a\x00b", "odd": "\x00\\u0000é😀"}),
        WireRecord(None, 1.0, "in", "UDP", "l", "r", b"\x00\xff junk"),
    ]
    assert DatabaseSink().store(SEGMENT, records, 0, 9)
    assert Session.objects.get().caller == "a\ufffdb"
    assert "é😀" in Row.objects.get().fields["odd"]
    assert bytes(WireMessage.objects.get().data) == b"\x00\xff junk"


def test_the_flow_and_number_of_a_session_come_from_its_hash(flow: Flow) -> None:
    version = flow.versions.get()
    deployments.deploy(version=version, by_name="cli")
    DatabaseSink().store(SEGMENT, [step("s1", 1, version=version.digest)], 0, 9)
    session = Session.objects.get()
    assert (session.flow_name, session.number) == ("echo_test", 1)
    (line,) = audit.steps_of("s1")
    assert line["line"] == audit.table_of(version.digest).rows[4].place.line  # type: ignore[union-attr]


def test_a_journal_reaches_the_database_once_however_often_the_shipper_dies(
    tmp_path: Path,
) -> None:
    written = Journal(tmp_path, "node1", 1)
    for number in range(25):
        for record in a_call(f"s{number}"):
            written.append(record)
    written.close()

    class Dying(DatabaseSink):
        """Dies before or after each second transaction."""

        stores = 0

        def store(
            self, segment: Segment, records: Sequence[journal.Record], start: int, end: int
        ) -> bool:
            Dying.stores += 1
            if Dying.stores % 3 == 0:
                raise ConnectionError("killed before")
            stored = super().store(segment, records, start, end)
            if Dying.stores % 3 == 1:
                raise ConnectionError("killed after")
            return stored

    for _ in range(200):
        shipper = Shipper(tmp_path, "node1", 1, Dying(), batch=7, keep=True)
        try:
            while shipper.pump():
                pass
            break
        except ConnectionError:
            continue
    assert Row.objects.count() == 75 and WireMessage.objects.count() == 25
    assert MediaRecord.objects.count() == 25
    assert set(Session.objects.values_list("steps", "outcome")) == {(3, "completed")}
    assert JournalPosition.objects.get().offset == (tmp_path / "node1-1.journal").stat().st_size


def test_calls_that_died_with_an_earlier_start_are_marked_lost_until_more_is_known() -> None:
    sink = DatabaseSink()
    sink.store(SEGMENT, [step("s1", 1), step("s2", 1)], 0, 10)
    assert audit.close_lost(node="node1", epoch=3) == 0
    assert audit.close_lost(node="node1", epoch=4) == 2
    assert Session.objects.get(pk="s1").outcome == "lost"
    sink.store(SEGMENT, [step("s2", 2, ended=True, outcome="completed")], 10, 20)
    assert Session.objects.get(pk="s2").outcome == "completed"
    assert Session.objects.get(pk="s2").ended_at == 102.0
