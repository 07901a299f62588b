"""Work beside the check: rows that a worker claims, beats for, and finishes; nobody else's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from designer import jobs, tasks
from designer.errors import Refused
from designer.models import Task

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that goes on by a second each time it is looked at."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """A kind of work that counts to three; what was told of its row."""
    heard: list[tuple[str, float]] = []

    def do(task: Task, beat: jobs.Beat) -> dict[str, Any]:
        for number in range(task.detail["from"], 3):
            beat(number / 3, {"at": number})
        return {"counted": 3}

    monkeypatch.setattr(jobs, "_kinds", {})
    jobs.register(jobs.Kind("count", do, lambda task: heard.append((task.state, task.progress))))
    return heard


def test_work_is_rung_for_done_and_told_of(
    told: Any, called: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        jobs.request("count", "count:1", {"from": 0})
    assert called == ["count:1"]
    jobs.work("count:1", worker="w", clock=Clock())
    done = jobs.find("count:1")
    assert done is not None and done.state == "done" and done.finished_at is not None
    assert (done.progress, done.detail["from"], done.detail["counted"]) == (1.0, 0, 3)
    assert [state for state, _ in told] == ["queued", *["running"] * 4, "done"]


def test_what_is_done_is_done_anew_when_it_is_asked_for_again(told: Any) -> None:
    jobs.request("count", "count:1", {"from": 0})
    jobs.work("count:1", worker="w", clock=Clock())
    jobs.work("count:1", worker="other", clock=Clock())
    assert jobs.find("count:1").worker == "w"  # type: ignore[union-attr]
    jobs.request("count", "count:1", {"from": 2})
    assert jobs.waits(jobs.find("count:1"))
    jobs.work("count:1", worker="other", clock=Clock())
    assert jobs.find("count:1").worker == "other"  # type: ignore[union-attr]


def test_cancelled_work_is_left_at_the_next_beat(
    told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def do(task: Task, beat: jobs.Beat) -> dict[str, Any]:
        for number in range(3):
            seen.append(number)
            beat(number / 3, {})
            jobs.cancel(task.key, by="Dora")
        return {}

    jobs.register(jobs.Kind("count", do, lambda task: None))
    jobs.request("count", "count:1", {"from": 0})
    jobs.work("count:1", worker="w", clock=Clock())
    left = jobs.find("count:1")
    assert seen == [0, 1] and left is not None
    assert (left.state, left.detail["by"]) == ("cancelled", "Dora")
    with pytest.raises(Refused, match="Nothing"):
        jobs.cancel("count:1", by="Dora")


def test_work_that_fails_says_why(told: Any, caplog: pytest.LogCaptureFixture) -> None:
    jobs.request("count", "count:1", {})
    jobs.work("count:1", worker="w", clock=Clock())
    failed = jobs.find("count:1")
    assert failed is not None and failed.state == "failed" and "from" in failed.detail["error"]
    assert "KeyError" in caplog.text


def test_lost_work_is_rung_again_and_given_up_at_last(told: Any, called: list[str]) -> None:
    jobs.request("count", "count:1", {"from": 0})
    lost = Task.objects.filter(key="count:1")
    lost.update(state="running", worker="gone", heartbeat=NOON)
    assert tasks.ring_stale(NOON + timedelta(seconds=60)) == ["count:1"]
    assert called == ["count:1"]
    lost.update(state="running", attempts=tasks.MAX_ATTEMPTS, heartbeat=NOON)
    assert tasks.ring_stale(NOON + timedelta(seconds=60)) == []
    assert lost.get().state == "failed" and told[-1][0] == "failed"
