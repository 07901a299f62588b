"""The chain of the record: what was changed afterwards is found and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from designer import auditing
from designer.models import AuditEntry
from flows.semantics import Decision
from runtime import blocks, chain
from runtime.blocks import heads, seal_acts
from runtime.executor.step import Step
from runtime.models import ChainBlock, MediaRecord, Session, WireMessage
from runtime.models import Step as Row
from runtime.node.journal import (
    ActionResult,
    DoneRecord,
    Journal,
    Record,
    StepRecord,
    WireRecord,
)
from runtime.node.journal import (
    MediaRecord as Media,
)
from runtime.node.shipper import Shipper
from runtime.sink import DatabaseSink
from runtime.verifying import GROUP, Report, verify

pytestmark = pytest.mark.django_db


def decision(row: int, **more: Any) -> Decision:
    values: dict[str, Any] = {
        "row": row,
        "row_id": f"row\\{row}",
        "from_state": "Idle",
        "to_state": "Active",
        "role": "UAS",
        "actions": ("SendSIPResponse",),
        "published": (),
        "kind": "fired",
        "version": "d" * 64,
        **more,
    }
    return Decision(**values)


def a_call(name: str, at: float = 1000.0) -> list[Record]:
    fields = {"from": f"sip:+4930{name}@x", "to": "sip:b@y", "odd": 'é\t"\\\n\x00', "n": 1e22}
    ended = decision(2, to_state="Terminated", ended=True, outcome="completed")
    return [
        WireRecord(name, at, "in", "UDP", "1:5060", "2:5060", b"INVITE sip:b SIP/2.0\r\n\r\n\x00"),
        StepRecord(Step(name, 1, at + 0.1, "IncomingCall", fields, decision(0))),
        DoneRecord(name, 1, (ActionResult(True, 12, None), ActionResult(False, 3, "a\\b\tc"))),
        Media(name, at + 0.25, "flowing", {"codec": "PCMU", "level": 0.1}),
        StepRecord(Step(name, 2, at + 1 / 3, "TimerFired", {}, decision(1, answer=469))),
        StepRecord(Step(name, 3, at + 2.0, "DialogBYE", {"reason": "x"}, ended)),
        DoneRecord(name, 3, ()),
    ]


@pytest.fixture
def ship(tmp_path: Path) -> Callable[..., None]:
    """Write calls into a journal and bring them to the database, in batches of this size."""
    epochs: dict[str, int] = {}

    def shipped(*names: str, node: str = "node1", batch: int = 10) -> None:
        epoch = epochs[node] = epochs.get(node, 0) + 1
        journal = Journal(tmp_path, node, epoch)
        for name in names:
            for record in a_call(name):
                journal.append(record)
        journal.close()
        shipper = Shipper(tmp_path, node, epoch, DatabaseSink(), batch=batch, keep=True)
        while shipper.pump():
            pass

    return shipped


def sql(text: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def broken() -> dict[str, Any]:
    report = verify()
    assert not report.ok and report.broken is not None
    return report.broken


def test_what_was_stored_is_proved_whatever_the_batches(ship: Callable[..., None]) -> None:
    ship("s1", "s2", "s3", batch=4)
    ship("s4", batch=1)
    ship("s5", "s6", node="node2", batch=100)
    report = verify()
    assert report.broken is None
    assert report == Report(records=42, heads=heads())
    assert report.heads["node1"]["position"] == 6 + 7 and report.heads["node2"]["position"] == 1
    assert set(Session.objects.values_list("outcome", flat=True)) == {"completed"}


def test_an_empty_record_is_proved() -> None:
    assert verify() == Report()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("event", "'DialogBYE'"),
        ("time", "time + 0.001"),
        ("sequence", "7"),
        ("fields", "'{}'"),
        ("fields", """'{"from":"sip:eve@x"}'"""),
        ("results", "'[]'"),
        ("results", "'[[true,1,null]]'"),
        ("done_number", "NULL"),
        ("done_number", "number"),
        ("done_number", "9999"),
        ("salt", "7"),
        ("salt", "NULL"),
        ('"row"', "5"),
        ("row_id", "''"),
        ("to_state", "'Idle'"),
        ("role", "'UAC'"),
        ("actions", "'[]'"),
        ("published", """'["x"]'"""),
        ("kind", "'ignored'"),
        ("digest", f"'{'e' * 64}'"),
        ("answer", "200"),
        ("outcome", "'failed'"),
        ("session_id", "'s9'"),
        ("fields", "'no JSON'"),
        ("number", "NULL"),
        ("number", "1000000"),
        ("number", "number + 1"),
        ("number", "-1"),
        ("epoch", "77"),
        ("epoch", "2"),
        ("node", "'node2'"),
        ("node", "'node9'"),
    ],
)
def test_a_change_of_any_column_of_a_step_is_found(
    ship: Callable[..., None], column: str, value: str
) -> None:
    ship("s1", "s2", "s3")
    ship("s4")
    ship("s5", node="node2")
    sql(f"UPDATE runtime_step SET {column} = {value} WHERE session_id = 's2' AND sequence = 1")
    found = broken()
    named = any(name in found["subject"] for name in ("s1", "s2", "s9"))
    assert named or "missing" in found["what"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("data", "'x'"),
        ("summary", "'BYE sip:b SIP/2.0'"),
        ("direction", "'out'"),
        ("remote", "'3:5060'"),
        ("time", "0"),
        ("session", "'s1'"),
        ("salt", "1"),
    ],
)
def test_a_change_of_a_message_is_found(ship: Callable[..., None], column: str, value: str) -> None:
    ship("s1", "s2")
    sql(f"UPDATE runtime_wiremessage SET {column} = {value} WHERE session = 's2'")
    found = broken()
    assert (found["chain"], found["epoch"], found["number"]) == ("node1", 1, 8)
    assert "was changed (message)" in found["what"]


def test_a_change_of_a_media_record_is_found(ship: Callable[..., None]) -> None:
    ship("s1")
    sql("UPDATE runtime_mediarecord SET detail = '{}'")
    assert broken()["what"] == "the row was changed (media record)"


@pytest.mark.parametrize("table", ["runtime_step", "runtime_wiremessage", "runtime_mediarecord"])
def test_a_row_that_was_taken_out_is_named_by_its_place(
    ship: Callable[..., None], table: str
) -> None:
    ship("s1", "s2", "s3")
    session = "session_id" if table == "runtime_step" else "session"
    sql(f"DELETE FROM {table} WHERE {session} = 's2'")
    found = broken()
    assert 8 <= found["number"] <= 14 and "missing" in found["what"]


def test_a_row_that_was_put_in_is_named(ship: Callable[..., None]) -> None:
    ship("s1")
    for number in (None, 500, 1):
        row = Row.objects.get(session_id="s1", sequence=1)
        row.pk, row.sequence, row.number, row.done_number = None, 9, number, None
        row.save()
        found = broken()
        assert "added" in found["what"] or "second row" in found["what"] or number == 1
        assert "s1" in found["subject"]
        row.delete()
    assert verify().ok


def test_two_rows_that_changed_places_are_named(ship: Callable[..., None]) -> None:
    ship("s1", "s2")
    sql("UPDATE runtime_mediarecord SET number = 500 WHERE number = 4")
    sql("UPDATE runtime_mediarecord SET number = 4 WHERE number = 11")
    sql("UPDATE runtime_mediarecord SET number = 11 WHERE number = 500")
    assert broken()["number"] == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("caller = 'sip:eve@x'", "caller was changed"),
        ("outcome = 'failed'", "outcome was changed"),
        ("ended_at = 5", "ended_at was changed"),
        ("started_at = 5", "started_at was changed"),
        ("state = 'Active'", "state was changed"),
    ],
)
def test_a_session_that_says_other_than_its_steps_is_found(
    ship: Callable[..., None], change: str, said: str
) -> None:
    ship("s1", "s2")
    sql(f"UPDATE runtime_session SET {change} WHERE id = 's2'")
    found = broken()
    assert found["subject"] == "session s2" and said in found["what"]


def test_a_session_whose_row_is_gone_is_found(ship: Callable[..., None]) -> None:
    ship("s1")
    sql("DELETE FROM runtime_session")
    assert broken()["what"] == "the session's row is missing"


def test_a_changed_link_and_a_missing_block_are_named(ship: Callable[..., None]) -> None:
    ship("s1", "s2", "s3", batch=3)
    digests = bytes(ChainBlock.objects.get(chain="node1", position=3).digests)
    block = ChainBlock.objects.filter(chain="node1", position=3)
    block.update(digests=bytes(32) + digests[32:])
    assert broken()["what"] == "block 3 of the chain was changed"
    block.update(digests=digests)
    assert verify().ok
    block.update(at=1.0)
    assert "block 3" in broken()["what"]
    block.delete()
    assert broken()["what"] == "block 3 of the chain is missing"


def test_a_chain_written_anew_is_found_by_a_head_that_was_kept(ship: Callable[..., None]) -> None:
    ship("s1", "s2", batch=7)
    kept = heads()
    ship("s3", batch=7)
    assert verify(kept).ok
    sql("DELETE FROM runtime_step WHERE session_id <> 's1'")
    sql("DELETE FROM runtime_wiremessage WHERE session <> 's1'")
    sql("DELETE FROM runtime_mediarecord WHERE session <> 's1'")
    ChainBlock.objects.filter(chain="node1", position__gt=1).delete()
    assert verify().ok
    report = verify(kept)
    assert not report.ok and report.broken is not None
    assert "the end was cut off" in report.broken["what"] and report.broken["number"] == 8
    blocks.append_block("node1", 1, 8, chain.NOT_KEPT * 7)
    report = verify(kept)
    assert report.broken is not None and "is another one" in report.broken["what"]


# -- acts ------------------------------------------------------------------------------------------


def acts(count: int) -> None:
    for number in range(count):
        auditing.record(
            "deployment.make",
            by_name="dora",
            flow="echo_test",
            subject=f"v{number}",
            reason="é",
            detail={"a": 1.0, "b": [1e22, None, {"c": "ü"}]},
        )


def test_acts_are_sealed_once_and_proved() -> None:
    acts(3)
    assert verify().waiting == 3 and verify().acts == 0
    assert seal_acts() == 3 and seal_acts() == 0
    acts(2)
    assert seal_acts() == 2
    report = verify()
    assert report.broken is None and (report.acts, report.waiting) == (5, 0)
    assert list(AuditEntry.objects.order_by("pk").values_list("number", flat=True)) == [
        1, 2, 3, 4, 5,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        "act = 'version.save'",
        "by_name = 'eve'",
        "subject = 'v9'",
        "reason = ''",
        "flow_name = ''",
        "detail = '{}'",
        "at = '2020-01-01 00:00:00'",
        "salt = 1",
        "number = NULL",
        "number = 99",
    ],
)
def test_a_change_of_an_act_is_found(change: str) -> None:
    acts(3)
    seal_acts()
    sql(f"UPDATE designer_auditentry SET {change} WHERE number = 2")
    assert broken()["chain"] == "@acts"


def test_an_act_that_is_gone_is_found() -> None:
    acts(3)
    seal_acts()
    sql("DELETE FROM designer_auditentry WHERE number = 3")
    found = broken()
    assert found["number"] == 3 and "missing" in found["what"]


def test_an_act_that_the_product_did_not_write_is_not_sealed() -> None:
    acts(1)
    AuditEntry.objects.create(act="deployment.make", by_name="eve", seal="0" * 64)
    assert seal_acts() == 1
    assert "eve" in broken()["subject"]
    AuditEntry.objects.filter(by_name="eve").update(seal="")
    assert "added" in broken()["what"]


# -- size ------------------------------------------------------------------------------------------


def test_more_records_than_are_looked_at_at_once_are_proved(ship: Callable[..., None]) -> None:
    calls = [f"s{number}" for number in range(GROUP // 7 + 50)]
    ship(*calls, batch=900)
    told: list[tuple[int, int]] = []
    report = verify(tell=lambda *done: told.append(done))
    assert report.ok and report.records == len(calls) * 7
    assert told[-1] == (len(calls) * 7, len(calls) * 7) and len(told) > 1
    sql("UPDATE runtime_step SET event = 'x' WHERE session_id = %s AND sequence = 2", calls[-2])
    found = broken()
    assert found["subject"] == f"session {calls[-2]}, step 2"
    assert MediaRecord.objects.count() == WireMessage.objects.count() == len(calls)
