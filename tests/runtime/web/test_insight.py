"""What the counts and the newest calls say of a flow over days."""

from __future__ import annotations

from typing import Any

import pytest

from designer import services
from runtime import counting, insight
from runtime.models import Session, Step, StepCount, StepsCounted
from tests.runtime.web.test_live_pages import session, step
from tests.web import ECHO

pytestmark = pytest.mark.django_db
DAY = counting.DAY
NOW = 20_000 * DAY + 40_000.0


@pytest.fixture(autouse=True)
def forgotten() -> None:
    insight._insight.cache_clear()


def told(flow: Any, days: int = 7) -> dict[str, Any]:
    counting.catch_up()
    insight._insight.cache_clear()
    return insight.insight(flow, days, NOW)


def rows_of(flow: Any, number: int = 1) -> Any:
    from runtime import audit

    table = audit.table_of(flow.versions.get(number=number).digest)
    assert table is not None
    return table.rows


def test_alike_steps_are_added_up_once(flow: Any) -> None:
    digest = flow.versions.get().digest
    for number in range(3):
        call = session(number, digest, NOW, None)
        step(call, 1, NOW, ("Idle", "Active"), published=["CallEstablished"])
    counting.catch_up()
    counting.catch_up()
    (count,) = StepCount.objects.all()
    assert (count.count, count.established, count.failed) == (3, 3, 0)
    assert count.flow_name == "echo_test" and count.day == 20_000
    call = session(9, digest, NOW + 9, None)
    step(call, 1, NOW + 9, ("Idle", "Active"), outcome="failed")
    counting.catch_up()
    (count,) = StepCount.objects.all()
    assert (count.count, count.established, count.failed) == (4, 3, 1)


def test_steps_are_counted_only_when_nothing_older_can_still_come(flow: Any) -> None:
    call = session(1, flow.versions.get().digest, NOW, None)
    step(call, 1, NOW, ("Idle", "Active"))
    assert counting.turn(NOW) == 0, "the newest key is only noted"
    assert counting.turn(NOW + 1) == 1
    step(call, 2, NOW, ("Active", "Gone"))
    assert counting.turn(NOW + 2) == 0, "a transaction may be open that holds a smaller key"
    assert counting.turn(NOW + 2 + counting.SETTLED_SECONDS) == 0
    assert counting.turn(NOW + 3 + counting.SETTLED_SECONDS) == 1
    assert StepsCounted.objects.get().counted == Step.objects.latest("pk").pk


def test_counting_goes_on_in_portions(flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "PORTION", 4)
    call = session(1, flow.versions.get().digest, NOW, None)
    for number in range(1, 12):
        step(call, number, NOW, ("Active", "Active"))
    counting.catch_up()
    assert StepCount.objects.get().count == 11


def test_rows_that_never_fired_are_named_with_the_version_they_came_with(flow: Any) -> None:
    rows = rows_of(flow)
    call = session(1, flow.versions.get().digest, NOW, NOW + 9)
    step(call, 1, NOW, ("Idle", "Answering"), published=[])
    dead = told(flow)["dead"]
    assert [each["row"] for each in dead] == [row.index for row in rows[1:]]
    assert {each["since"] for each in dead} == {1} and dead[0]["line"] == rows[1].place.line
    text = ECHO.replace("event: DialogACK", "event: DialogPRACK", 1)
    services.flow_import(text=text, file_name="echo_test.yaml", author_name="alice")
    dead = told(flow)["dead"]
    assert {each["since"] for each in dead if each["label"] == "DialogPRACK"} == {2}
    assert rows[0].index not in [each["row"] for each in dead], "it fired in the version before"


def test_what_fired_before_the_days_does_not_count(flow: Any) -> None:
    call = session(1, flow.versions.get().digest, NOW - 3 * DAY, NOW)
    step(call, 1, NOW - 3 * DAY, ("Idle", "Answering"))
    assert len(told(flow, 1)["dead"]) == len(rows_of(flow))
    assert len(told(flow, 7)["dead"]) == len(rows_of(flow)) - 1


def test_events_without_a_row_are_counted_with_calls_and_a_way_to_the_editor(flow: Any) -> None:
    digest = flow.versions.get().digest
    for number in range(5):
        call = session(number, digest, NOW + number, None, unhandled=1)
        unmet(call, NOW + number, "MessageReceived")
    unmet(call, NOW + 9, "NodeStopping", sequence=2)
    (each,) = told(flow)["unexpected"]
    assert (each["event"], each["state"], each["count"]) == ("MessageReceived", "Active", 5)
    assert each["calls"] == ["n-1-4", "n-1-3", "n-1-2"] and each["versions"] == [1]
    assert each["add"] == "add=row&state=Active&event=MessageReceived&as=UAS"
    assert each["drawn"] and not each["fixed"]


def unmet(call: Session, at: float, event: str, sequence: int = 1) -> None:
    Step.objects.create(
        session=call, sequence=sequence, time=at, event=event, row=-1, from_state="Active",
        to_state="Active", role="UAS", kind="unhandled", digest=call.digest, node="n", epoch=1,
    )  # fmt: skip


def test_an_event_that_the_new_version_takes_is_told_as_fixed(flow: Any) -> None:
    call = session(1, flow.versions.get().digest, NOW, None)
    unmet(call, NOW, "MessageReceived")
    row = "Active, role: UAS, event: ReinviteReceived"
    text = ECHO.replace(row, row.replace("Reinvite", "Message"))
    assert text != ECHO
    services.flow_import(text=text, file_name="echo_test.yaml", author_name="alice")
    (each,) = told(flow)["unexpected"]
    assert each["fixed"]


def two_versions(flow: Any, good: int, of: int) -> dict[str, Any]:
    text = ECHO.replace("description: Answers", "description: Always answers", 1)
    services.flow_import(text=text, file_name="echo_test.yaml", author_name="alice")
    first, second = flow.versions.order_by("number")
    for version, answered in ((first, of), (second, good)):
        for number in range(of):
            call = session(version.number * 10_000 + number, version.digest, NOW, NOW + 5)
            said = ["CallEstablished"] if number < answered else []
            step(call, 1, NOW, ("Idle", "Active"), published=said)
    return told(flow)


def test_versions_are_compared_in_a_plain_sentence(flow: Any) -> None:
    found = two_versions(flow, 20, 120)
    newer, older = found["versions"]
    assert (newer["number"], older["number"], newer["calls"]) == (2, 1, 120)
    assert newer["answered"]["low"] < 20 / 120 < newer["answered"]["high"]
    assert found["verdict"] == "v2 answers 17 % of calls, v1 100 %, which is worse."


def test_no_difference_is_told_as_none(flow: Any) -> None:
    verdict = two_versions(flow, 118, 120)["verdict"]
    assert verdict == "No difference between v2 and v1 shows in 120 and 120 calls."


def test_too_few_calls_are_not_compared(flow: Any) -> None:
    assert "too few to compare v2 with v1" in two_versions(flow, 3, 5)["verdict"]


def test_the_heat_of_days_has_visits_failures_and_stays(flow: Any) -> None:
    digest = flow.versions.get().digest
    call = session(1, digest, NOW, NOW + 30)
    step(call, 1, NOW, ("Idle", "Active"))
    step(call, 2, NOW + 30, ("Active", "Gone"), outcome="failed")
    here = told(flow)["heat"][digest]["UAS"]
    assert here["Active"] == {"visits": 1, "failed": 1, "dwell": 30.0}


@pytest.mark.parametrize("asked", ["", "7", "9", "x", "30", None])
def test_days_are_one_of_three(asked: Any) -> None:
    assert insight.days_of(asked) == (30 if asked == "30" else 7)


def test_the_page_shows_all_of_it(client: Any, flow: Any, alice: Any, vera: Any) -> None:
    call = session(1, flow.versions.get().digest, NOW, None)
    unmet(call, NOW, "MessageReceived")
    counting.catch_up()
    for user, may in ((alice, True), (vera, False)):
        client.force_login(user)
        page = client.get("/flows/echo_test/insight/?days=30")
        assert page.status_code == 200 and page.context["told"]["days"] == 30
        assert (b'data-testid="add-row"' in page.content) is (
            may and bool(page.context["told"]["unexpected"])
        )
