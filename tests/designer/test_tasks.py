from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from designer import apart, deep, services, tasks, verdicts
from designer.errors import Refused
from designer.models import Task, Version
from tests.designer import tables
from tests.web import BROKEN, ECHO

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that goes on by a second each time it is looked at."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def version(django_capture_on_commit_callbacks: Any) -> Version:
    with django_capture_on_commit_callbacks(execute=True):
        flow = services.flow_create(name="support")
        saved = services.version_save(flow=flow, text=ECHO, base=None, author_name="a")
    Task.objects.update(heartbeat=NOON, created_at=NOON)
    return saved


def task() -> Task:
    return Task.objects.get()


def messages(published: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [m for group, m in published if m["type"] == "check.progress"]


def test_a_check_explores_everything_and_keeps_what_it_found(
    version: Version, published: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        tasks.work(version.pk, worker="w1", clock=Clock(NOON))
    done = task()
    assert (done.state, done.progress, done.worker, done.attempts) == ("done", 1.0, "w1", 1)
    assert done.detail["complete"] and done.detail["explored"] > 10
    assert done.detail["findings"] == [] and done.finished_at is not None
    states = [m["state"] for m in messages(published)]
    assert states[0] == "running" and states[-1] == "done"
    assert {group for group, _ in published} == {"flow.support", "fleet"}
    progress = [m["progress"] for m in messages(published)]
    assert progress == sorted(progress)


def test_a_text_that_does_not_compile_is_checked_as_far_as_it_can_be() -> None:
    result = deep.examine(BROKEN, lambda share, searched: None)
    assert result["errors"] >= 1 and result["explored"] == 0 and not result["complete"]


def test_what_guards_forbid_is_found_to_be_out_of_reach() -> None:
    text = """
callflow: 1
name: x
states:
  Idle: {initial: true}
  Active: {}
  Never: {}
  Terminated: {final: true}
variables: {retries: 0}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Active}
- {from_state: Active, role: UAS, event: HangupCall, guards: [retries > 3], next_state: Never}
- {from_state: Active, role: UAS, event: DialogBYE, next_state: Terminated}
- {from_state: Never, role: UAS, event: DialogBYE, next_state: Terminated}
"""
    codes = {
        (f["code"], f["state"])
        for f in deep.examine(text, lambda share, searched: None)["findings"]
    }
    assert ("REA302", "Never") in codes
    counting = text.replace(
        "event: IncomingCall,", "event: IncomingCall, set: {retries: retries + 4},"
    )
    codes = {f["code"] for f in deep.examine(counting, lambda share, searched: None)["findings"]}
    assert "REA302" not in codes


def test_a_walk_that_is_too_long_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
callflow: 1
name: x
states: {Idle: {initial: true}, Terminated: {final: true}}
variables: {n: 0}
transitions:
- {from_state: Idle, role: UAC, event: MakeCall, actions: [CreateDialog], next_state: Idle}
- from_state: Idle
  role: Both
  event: HangupCall
  guards: [n < 1000000]
  set: {n: n + 1}
  next_state: Idle
- {from_state: Idle, role: Both, event: DialogBYE, next_state: Terminated}
"""
    monkeypatch.setattr(deep, "BUDGET", 2000)
    result = deep.examine(text, lambda share, searched: None)
    assert not result["complete"] and 2000 <= result["explored"] < 2100
    assert any(f["code"] == "META992" for f in result["findings"])
    assert not any(f["code"].startswith("REA30") for f in result["findings"])


def test_a_waiver_covers_what_only_the_deeper_check_finds() -> None:
    row = "- {from_state: Active, role: UAS, event: DialogBYE, actions: [CleanupMedia, "
    assert row + "CleanupDialog]" in ECHO
    leaking = ECHO.replace(row + "CleanupDialog]", row.removesuffix(", ") + "]")
    found = deep.examine(leaking, lambda share, searched: None)
    assert "RES501" in [f["code"] for f in found["findings"] if f["severity"] == "error"]
    at = "actions: [CleanupMedia], next_state: Terminated"
    waived = leaking.replace(at, f"waive: [{{code: RES501, reason: known}}], {at}")
    found = deep.examine(waived, lambda share, searched: None)
    assert [(f["code"], f["severity"]) for f in found["findings"]] == [
        ("RES501", "info"),
        ("META993", "warning"),
    ]


def test_a_task_that_a_worker_does_is_left_alone_by_others(version: Version) -> None:
    Task.objects.update(state="running", worker="w1", heartbeat=NOON)
    tasks.work(version.pk, worker="w2", clock=Clock(NOON))
    assert (task().state, task().worker) == ("running", "w1")


def test_a_worker_that_was_taken_over_stops_without_a_word(
    version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    def examine(text: str, beat: Any) -> dict[str, Any]:
        Task.objects.update(worker="w2")
        beat(0.5, 512)
        raise AssertionError("it went on")

    monkeypatch.setattr(deep, "examine", examine)
    tasks.work(version.pk, worker="w1", clock=Clock(NOON))
    assert (task().state, task().worker) == ("running", "w2")


def test_a_check_that_breaks_says_so_instead_of_being_tried_for_ever(
    version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    def examine(text: str, beat: Any) -> dict[str, Any]:
        raise ZeroDivisionError("by us")

    monkeypatch.setattr(deep, "examine", examine)
    tasks.work(version.pk, worker="w1", clock=Clock(NOON))
    assert task().state == "failed" and "ZeroDivisionError" in task().detail["error"]


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_task_without_a_sign_of_life_is_rung_again(
    version: Version, state: str, rung: list[int]
) -> None:
    Task.objects.update(state=state, worker="dead", heartbeat=NOON)
    rung.clear()
    assert tasks.ring_stale(NOON + timedelta(seconds=9)) == []
    assert tasks.ring_stale(NOON + timedelta(seconds=11)) == [f"check:{version.pk}"]
    assert rung == [version.pk] and task().state == "queued"
    # It was rung a moment ago: the next look waits.
    assert tasks.ring_stale(NOON + timedelta(seconds=12)) == []


def test_a_task_that_kills_its_workers_is_given_up(version: Version, rung: list[int]) -> None:
    Task.objects.update(state="running", attempts=tasks.MAX_ATTEMPTS, heartbeat=NOON)
    rung.clear()
    assert tasks.ring_stale(NOON + timedelta(minutes=1)) == []
    assert task().state == "failed" and "broke off" in task().detail["error"] and rung == []


def test_a_killed_workers_task_is_done_once_by_the_next(version: Version) -> None:
    Task.objects.update(state="running", worker="killed", attempts=1, heartbeat=NOON)
    tasks.ring_stale(NOON + timedelta(seconds=11))
    tasks.work(version.pk, worker="w2", clock=Clock(NOON + timedelta(seconds=12)))
    tasks.work(version.pk, worker="w3", clock=Clock(NOON + timedelta(seconds=13)))
    assert (task().state, task().worker, task().attempts) == ("done", "w2", 2)


def test_a_broker_that_is_away_does_not_keep_anybody_from_saving(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def away(version: int) -> None:
        raise OSError("no broker")

    monkeypatch.setattr("designer.tasks.check_version.delay", away)
    flow = services.flow_create(name="support")
    with django_capture_on_commit_callbacks(execute=True):
        services.version_save(flow=flow, text=ECHO, base=None, author_name="a")
    assert task().state == "queued"


def test_a_cancelled_check_stops_its_worker_at_the_next_beat(
    version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    def examine(text: str, beat: Any) -> dict[str, Any]:
        beat(0.1, 512)
        tasks.check_cancel(version, by="alice")
        beat(0.2, 1024)
        raise AssertionError("it went on")

    monkeypatch.setattr(tasks, "examine", examine)
    tasks.work(version.pk, worker="w1", clock=Clock(NOON))
    assert task().state == "cancelled" and task().detail["by"] == "alice"
    assert verdicts.verdict_of(version).word == "was not checked: that was cancelled"
    # Nobody takes it up by himself, and whoever wants to asks again.
    assert tasks.ring_stale(NOON + timedelta(days=1)) == []
    tasks.work(version.pk, worker="w2", clock=Clock(NOON))
    assert task().state == "cancelled"
    with pytest.raises(Refused, match=r"No check of support v1 runs"):
        tasks.check_cancel(version, by="alice")
    tasks.check_again(version)
    with pytest.raises(Refused, match="runs already"):
        tasks.check_again(version)
    monkeypatch.undo()
    tasks.work(version.pk, worker="w3", clock=Clock(NOON))
    assert (task().state, task().attempts) == ("done", 1)


def test_a_check_tells_how_many_states_were_searched_and_how_long_it_takes(
    version: Version, published: Any, django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def examine(text: str, beat: Any) -> dict[str, Any]:
        for share, searched in ((0.01, 512), (0.25, 4096), (0.5, 9000)):
            beat(share, searched)
        return deep.examine(text, lambda share, searched: None)

    monkeypatch.setattr(tasks, "examine", examine)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.work(version.pk, worker="w1", clock=Clock(NOON))
    told = [m["detail"] for m in messages(published) if m["state"] == "running"][1:]
    assert [(each["searched"], each["left"]) for each in told] == [
        (512, None),
        (4096, 6),
        (9000, 3),
    ]


@pytest.mark.parametrize("text", [tables.long(), tables.nested(), tables.exploding(5000)])
def test_hard_texts_go_the_whole_way_bounded(
    text: str, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    """Saved, walked over by a real child, told with the bound that was hit."""
    walker = apart.Apart(apart.Bounds(tier=2, states=2000, seconds=30.0, memory=512))
    monkeypatch.setattr(tasks, "examine", walker.examine)
    flow = services.flow_create(name="hard")
    saved = services.version_save(flow=flow, text=text, base=None, author_name="a")
    try:
        tasks.work(saved.pk, worker="w1", clock=Clock(NOON))
    finally:
        walker.stop()
    verdict = verdicts.verdict_of(saved)
    assert task().state == "done" and not verdict.detail["complete"]
    assert verdict.state in ("limited", "errors")
    said = " ".join(f["message"] for f in verdict.detail["findings"])
    assert any(bound in said for bound in ("50,000 values", "deep", "limit of 2000")), said
