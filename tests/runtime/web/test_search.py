"""Calls are found by what they are, in pages that cost the same however many there are."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from designer.models import AuditEntry
from flows.semantics import Decision
from runtime import search, unmasking
from runtime.executor.step import Step
from runtime.models import Session
from runtime.models import Step as Row
from runtime.node.journal import Segment, StepRecord, WireRecord
from runtime.numbers import key_of
from runtime.search import CallFilter, moment_of
from runtime.sink import DatabaseSink

pytestmark = pytest.mark.django_db

SEGMENT = Segment("node1", 1, 0, Path("node1-1.journal"))
PARTIES = ["sip:+493055564217@x", "sip:alice@x", "sip:2001@y", '"Bob" <sip:0049 30 777@z>', ""]
OUTCOMES = [None, "completed", "failed", "unhandled"]


def decision(row: int, kind: str, outcome: str | None) -> Decision:
    return Decision(
        row, ["", "answer", "ring"][row % 3], "Idle", ["Active", "OnHold"][row % 2], "UAS",
        (), (), kind, "d" * 64, None, outcome is not None, outcome,
    )  # fmt: skip


@pytest.fixture
def calls() -> list[Session]:
    """Sixty calls of which no two are alike."""
    chance = random.Random(7)
    records: list[Any] = []
    for number in range(60):
        name = f"s{number:03}"
        fields = {"from": chance.choice(PARTIES), "to": chance.choice(PARTIES)}
        data = f"INVITE sip:a SIP/2.0\r\nCall-ID: id-{number}@x\r\n\r\n".encode()
        records.append(WireRecord(name, 1.0, "in", "UDP", "l", "r", data))
        outcome, steps = chance.choice(OUTCOMES), chance.randint(1, 4)
        for sequence in range(1, steps + 1):
            kind = chance.choice(["fired", "fired", "unhandled"])
            made = decision(chance.randint(0, 5), kind, outcome if sequence == steps else None)
            event = chance.choice(["DialogBYE", "ReferReceived"])
            at = 1e9 + number // 2 * 60
            told = fields if sequence == 1 else {}
            records.append(StepRecord(Step(name, sequence, at, event, told, made)))
    for at, record in enumerate(records, 1):
        record.number = at
    DatabaseSink().store(SEGMENT, records, 0, 100)
    Session.objects.filter(pk__in=["s001", "s002"]).update(flow_name="other", number=2)
    return list(Session.objects.all())


def naive(wanted: CallFilter, all_calls: list[Session]) -> list[str]:
    """Look at each call by itself, as simply as can be said."""

    def holds(call: Session) -> bool:
        steps = list(Row.objects.filter(session_id=call.pk))
        keys = [key_of(call.caller), key_of(call.callee)]
        place = int(wanted.row) - 1 if wanted.row.isdecimal() else None
        text = wanted.text
        return all([
            not wanted.flow or call.flow_name == wanted.flow,
            wanted.version is None or call.number == wanted.version,
            not wanted.state or call.state == wanted.state,
            not wanted.outcome or call.outcome == wanted.outcome,
            not wanted.call_id or call.call_id == wanted.call_id,
            not wanted.caller or key_of(wanted.caller) in keys[0],
            not wanted.callee or key_of(wanted.callee) in keys[1],
            not wanted.number or any(key_of(wanted.number) in key for key in keys),
            not text or call.pk.startswith(text) or call.call_id == text
            or any(key_of(text) in key for key in keys),
            not wanted.row or any(
                step.kind == "fired" and (step.row == place or step.row_id == wanted.row)
                for step in steps
            ),
            not wanted.event or any(
                step.kind == "unhandled" and wanted.event in ("*", step.event) for step in steps
            ),
            wanted.from_time is None or call.started_at >= wanted.from_time,
            wanted.to_time is None or call.started_at < wanted.to_time,
            {
                "all": True,
                "live": call.ended_at is None,
                "ended": call.ended_at is not None,
                "unhandled": call.unhandled > 0,
                "failed": call.outcome in search.FAILURES,
            }[wanted.show],
        ])  # fmt: skip

    found = [call for call in all_calls if holds(call)]
    found.sort(key=lambda call: (call.started_at, call.pk), reverse=wanted.sort == "newest")
    return [call.pk for call in found]


QUERIES: list[dict[str, Any]] = [
    {},
    {"q": "5564"},
    {"q": "+49 30 777"},
    {"q": "ALICE"},
    {"q": "s01"},
    {"q": "id-7@x"},
    {"q": "row:answer outcome:failed 49"},
    {"q": "nothing:here"},
    {"caller": "0049305556"},
    {"callee": "bob"},
    {"number": "2001", "sort": "oldest"},
    {"flow": "other"},
    {"flow": "other", "version": "v2"},
    {"state": "OnHold", "show": "ended"},
    {"outcome": "completed", "since": "2001-09-09 01:50"},
    {"row": "3"},
    {"row": "ring", "since": "2001-09-09T01:47:40+00:00"},
    {"event": "ReferReceived"},
    {"event": "*", "show": "failed"},
    {"call_id": "id-11@x"},
    {"since": "2001-09-09 01:50", "until": "2001-09-09 02:05"},
    {"until": "2001-09-08"},
    {"show": "live"},
    {"show": "unhandled", "sort": "oldest"},
    {"q": "%"},
    {"q": "_' OR 1=1 --"},
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_search_finds_what_looking_at_each_call_finds(
    calls: list[Session], query: dict[str, Any]
) -> None:
    wanted = CallFilter.of(query)
    expected = naive(wanted, calls)
    assert [call.pk for call in search.sessions(wanted)] == expected
    assert list(_walked(wanted)) == expected


def _walked(wanted: CallFilter) -> Iterator[str]:
    """Turn pages of seven to the end, and once back."""
    before = ""
    while True:
        found = search.slice_of(wanted, before=before, size=7)
        assert found.first is (before == "")
        if before:
            back = search.slice_of(wanted, after=found.newer, size=7)
            assert back.older and (back.first or back.newer)
        yield from (call.pk for call in found.sessions)
        before = found.older
        if not before:
            return


def test_a_flow_that_is_hidden_is_never_found(calls: list[Session]) -> None:
    found = search.sessions(CallFilter.of({}), hidden=["other"])
    assert found.count() == 58 and search.slice_of(CallFilter(), hidden=["other"]).older


def test_a_filter_stands_in_its_address_and_comes_out_of_it_again() -> None:
    wanted = CallFilter.of({"q": "row:answer 4930 v:7", "show": "failed", "since": "2 h"})
    assert (wanted.row, wanted.text, wanted.version) == ("answer", "4930", 7)
    from django.http import QueryDict

    assert CallFilter.of(QueryDict(wanted.as_query())) == wanted
    assert [chip["name"] for chip in wanted.chips()] == ["Version", "Row fired", "Since"]
    without = CallFilter.of(QueryDict(wanted.chips()[0]["without"]))
    assert without.version is None and without.row == "answer"


def test_words_that_mean_nothing_narrow_nothing() -> None:
    wanted = CallFilter.of({"show": "?", "sort": "-password", "version": "x", "since": "soon"})
    assert wanted.from_time is None and wanted.version is None
    assert (wanted.show, wanted.sort) == ("all", "newest")
    for key in ("x", "1e999_s", "nan_s", "_", "5_\x00"):
        search.slice_of(CallFilter(), before=key)


def test_a_moment_is_a_date_a_time_or_how_long_ago() -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert moment_of("2 h", now) == now.timestamp() - 7200
    assert moment_of("7d", now) == now.timestamp() - 7 * 86400
    assert moment_of("2026-11-22", now) == now.timestamp() - 12 * 3600
    assert moment_of("99999 w", now) is None or moment_of("99999 w", now) < 0  # type: ignore[operator]
    assert CallFilter(until="2026-11-22").to_time == now.timestamp() + 12 * 3600


# -- the page --------------------------------------------------------------------------------------


def test_the_list_turns_pages_and_keeps_what_is_looked_for(
    calls: list[Session], client: Client, alice: Any
) -> None:
    client.force_login(alice)
    seen = client.get("/calls/", {"sort": "oldest"}).content.decode()
    assert seen.count('data-testid="call-s0') == 50
    older = re.search(r'href="\?([^"]*)" rel="next"', seen)
    assert older and "sort=oldest" in older[1]
    rest = client.get("/calls/?" + older[1].replace("&amp;", "&")).content.decode()
    assert rest.count('data-testid="call-s0') == 10 and "calls-newer" in rest
    none = client.get("/calls/", {"q": "callid:none"}).content.decode()
    assert "No call matches" in none and "Without Call-ID none" in none


def test_numbers_are_masked_until_somebody_who_may_says_why(
    calls: list[Session], client: Client, alice: Any, vera: Any
) -> None:
    client.force_login(vera)
    assert "55564217" not in (page := client.get("/calls/").content.decode())
    assert "+4930••••••17" in page and "Numbers are masked" in page
    assert client.post("/calls/show-numbers/", {"reason": "curious"}).status_code == 403
    client.force_login(alice)
    assert "55564217" not in client.get("/calls/").content.decode()
    client.post("/calls/show-numbers/", {"reason": "  "})
    assert "55564217" not in client.get("/calls/").content.decode()
    answer = client.post("/calls/show-numbers/", {"reason": "ticket 7", "next": "/calls/?q=1"})
    assert answer["Location"] == "/calls/?q=1"
    page = client.get("/calls/").content.decode()
    assert "sip:+493055564217@x" in page and "15 min left" in page
    kept = AuditEntry.objects.get(act="call.unmask")
    assert (kept.by_name, kept.reason) == ("alice", "ticket 7")
    assert client.post("/calls/hide-numbers/", {"next": "//evil.example/"})["Location"] == "/calls/"
    assert "55564217" not in client.get("/calls/").content.decode()


def test_numbers_are_hidden_again_after_a_quarter_of_an_hour(
    calls: list[Session], client: Client, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(alice)
    client.post("/calls/show-numbers/", {"reason": "ticket 7"})
    now = unmasking.time.time()
    monkeypatch.setattr(unmasking.time, "time", lambda: now + unmasking.LASTS + 1)
    assert "55564217" not in client.get("/calls/").content.decode()
