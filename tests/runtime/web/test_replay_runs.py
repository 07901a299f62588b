"""The replay gate: recorded calls on a candidate, by the worker, chunk by chunk."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from django.test import Client
from django.urls import reverse

from designer import apart, facts, jobs, services
from designer.errors import Refused
from designer.models import Flow, Version
from runtime import coverage, replay_runs, replaying
from runtime.models import ReplayRun, Session, Step
from runtime.node.journal import StepRecord
from runtime.replaying import Report
from runtime.sink import DatabaseSink
from tests.runtime.web.stage import FakeNode
from tests.runtime.web.test_sink import SEGMENT
from tests.web import BROKEN, ECHO, worked

pytestmark = pytest.mark.django_db

SILENT = ECHO.replace("publish_events: [CallEstablished]", "publish_events: [CallRinging]")
LEAVING = "\n".join(line for line in ECHO.splitlines() if "event: DialogBYE" not in line) + "\n"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the worker's child would do is done here."""

    def ask(question: bytes, beat: Any) -> Report:
        read = msgspec.json.decode(question, type=replaying.Question)
        return msgspec.convert(replaying.play(read, beat), Report, strict=False)

    monkeypatch.setattr(replay_runs, "ask", ask)


@pytest.fixture
def record(node: FakeNode, flow: Flow) -> Any:
    """Put so many calls of echo_test into the record: two in three go on to their BYE."""
    names, offset = iter(range(10_000)), 0

    def calls(count: int) -> None:
        nonlocal offset
        steps: list[Any] = []

        def keep(session: Any, step: Any, done: Any) -> None:
            steps.append(StepRecord(step))

        node.listeners.add(keep)
        for number in range(count):
            node.now += 10
            session = node.begin("echo_test")
            session.id = session.machine.session = f"call-{next(names)}"
            node.living = {session.id: session}
            node.give(session, "IncomingCall", **{"from": "sip:a@x", "to": "sip:b@y", "sdp": "v=0"})
            if number % 3 == 2:
                node.give(session, "DialogCANCEL")
            if session.id in node.living:
                node.give(session, "DialogACK")
            if session.id in node.living:
                node.give(session, "DialogBYE")
        node.listeners.remove(keep)
        assert DatabaseSink().store(SEGMENT, steps, offset, offset + 9)
        offset += 9

    return calls


def save(flow: Flow, text: str) -> Version:
    newest = flow.versions.first()
    assert newest is not None
    return services.version_save(flow=flow, text=text, base=newest.number, author_name="a")


def played(version: Version) -> replay_runs.Replay:
    if replay_runs.found_of(version).run is None:
        replay_runs.request(version, by="Dora")
    worked(replay_runs.key_of(version))
    return replay_runs.found_of(version)


def test_calls_go_on_their_own_text_as_they_went(record: Any, flow: Flow) -> None:
    record(5)
    assert Session.objects.exclude(ended_at=None).count() == 5
    found = played(flow.versions.get())
    assert (found.state, found.report.compared, found.report.same) == ("passed", 5, 5)
    assert found.report.steps > 5 and found.report.rows and found.per_second > 0
    told = replay_runs.replayed(found.version, None)
    assert told is not None and told.state == "passed" and told.figure == "5 of 5 same"


def test_differences_are_grouped_by_their_first_row_with_sample_calls(
    record: Any, flow: Flow
) -> None:
    record(9)
    found = played(save(flow, LEAVING))
    assert found.state == "failed" and 0 < found.report.changed <= 9
    line = found.lines[0]
    assert line.event == "DialogBYE" and line.row == -1 and line.now == "no row takes it"
    assert line.count == found.report.changed and len(line.samples) == min(5, line.count)
    session, step = line.samples[0]
    assert Session.objects.filter(pk=session).exists() and step >= 1
    assert line.was.startswith("CleanupMedia") and line.final
    told = replay_runs.replayed(found.version, None)
    assert told is not None and told.state == "failed" and "DialogBYE" in told.sentence


def test_another_published_event_is_a_difference_that_ends_nothing(record: Any, flow: Flow) -> None:
    record(3)
    found = played(save(flow, SILENT))
    assert found.report.kinds == {"published": found.report.changed}
    assert found.report.left == 0 and not found.lines[0].final


def test_a_saved_version_is_compared_without_being_asked(
    record: Any, flow: Flow, called: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    record(2)
    with django_capture_on_commit_callbacks(execute=True):
        version = save(flow, SILENT)
        broken = save(flow, BROKEN)
    assert called == [replay_runs.key_of(version)]
    assert replay_runs.found_of(version).state == "running"
    assert replay_runs.found_of(broken).state == "none"
    with pytest.raises(Refused, match="does not compile"):
        replay_runs.request(broken, by="Dora")


def test_a_lost_worker_costs_one_chunk(
    record: Any, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_runs, "CHUNK", 2)
    record(7)
    version = flow.versions.get()
    replay_runs.request(version, by="Dora")
    here, chunks = replay_runs.ask, []

    def dies(question: bytes, beat: Any) -> Report:
        chunks.append(question)
        if len(chunks) == 3:
            raise jobs.Superseded
        return here(question, beat)

    monkeypatch.setattr(replay_runs, "ask", dies)
    worked(replay_runs.key_of(version))
    assert replay_runs.found_of(version).run.looked == 4  # type: ignore[union-attr]
    task = jobs.find(replay_runs.key_of(version))
    assert task is not None
    type(task).objects.update(state="queued")
    worked(replay_runs.key_of(version))
    found = replay_runs.found_of(version)
    assert (found.state, found.report.compared, len(chunks)) == ("passed", 7, 5)


def test_a_run_takes_the_newest_calls_and_no_more(record: Any, flow: Flow) -> None:
    record(6)
    version = flow.versions.get()
    replay_runs.request(version, limit=4, by="Dora")
    worked(replay_runs.key_of(version))
    assert replay_runs.found_of(version).report.compared == 4
    for limit in (0, replay_runs.MOST + 1):
        with pytest.raises(Refused, match="at once"):
            replay_runs.request(version, limit=limit, by="Dora")


def test_what_cannot_be_compared_is_counted_by_its_reason(
    record: Any, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(3)
    Session.objects.filter(pk="call-0").update(outcome="lost")
    found = played(flow.versions.get())
    assert found.report.unusable == {"not recorded in full": 1} and found.unusable == 1

    def slow(question: bytes, beat: Any) -> Report:
        raise apart.Exceeded("60 s")

    monkeypatch.setattr(replay_runs, "ask", slow)
    replay_runs.request(found.version, by="Dora")
    found = played(found.version)
    assert found.report.unusable["they were stopped at the limit of 60 s"] == 2
    assert found.state == "none"


def test_calls_whose_values_are_not_kept_say_nothing(record: Any, flow: Flow) -> None:
    record(3)
    Step.objects.filter(session_id="call-1").update(fields={})
    Session.objects.filter(pk="call-1").update(caller="sip:a@x")
    found = played(flow.versions.get())
    assert found.report.unusable == {"the values of its events are not kept": 1}
    assert found.report.compared == 2


def test_the_child_of_the_worker_plays_them(record: Any, flow: Flow) -> None:
    record(2)
    version = flow.versions.get()
    calls = list(replay_runs.calls_of(version))
    steps = replay_runs.steps_of([call.pk for call in calls])
    usable = [[c.pk, c.digest, c.role, c.outcome, c.started_at, steps[c.pk]] for c in calls]
    question = {"text": version.text, "texts": {version.digest: version.text}, "calls": usable}
    player = apart.Apart(apart.Bounds(0, 0, 30.0, 512, grace=0.0), doing=replaying.DOING)
    try:
        said = player.ask(msgspec.json.encode(question))
    finally:
        player.stop()
    assert (said["compared"], said["same"]) == (2, 2)


def test_rows_that_calls_took_count_as_covered(record: Any, flow: Flow) -> None:
    record(4)
    first = flow.versions.get()
    taken = facts.runtime().taken(first)
    assert taken.calls == 4 and taken.rows and max(taken.rows.values()) == 4
    # Rows that say the same in another version were taken there as well; after a replay, changed
    # ones are too.
    second = save(flow, SILENT)
    before = coverage.taken(second).rows
    assert set(before) < set(taken.rows)
    played(second)
    assert set(coverage.taken(second).rows) == set(taken.rows)


def test_the_page_leads_to_the_calls_and_the_simulator(
    client: Client, record: Any, flow: Flow, alice: Any
) -> None:
    client.force_login(alice)
    version = save(flow, LEAVING)
    address = reverse("flow_replay", args=["echo_test", version.number])
    assert "recorded and over" in client.get(address).content.decode()
    record(3)
    assert "Play" in client.get(address).content.decode()
    assert client.post(address + "again/", {"limit": "100"}).status_code == 302
    worked(replay_runs.key_of(version))
    page = client.get(address).content.decode()
    session, step = replay_runs.found_of(version).lines[0].samples[0]
    assert f"/calls/{session}/?step={step}" in page
    play = client.get(reverse("call_simulate", args=[session]), {"step": step})
    assert play.status_code == 302 and "mode=simulate&run=" in play["Location"]
    assert ReplayRun.objects.get().by_name == "alice"
    assert client.post(address + "cancel/").status_code == 302
