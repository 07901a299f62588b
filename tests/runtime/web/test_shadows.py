"""Shadows: rows that nodes follow, what they count, and what pages, API and commands say of it."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.urls import reverse

from designer import services
from designer.errors import Refused
from designer.models import AuditEntry, Flow, Version
from runtime import shadows
from runtime.models import Shadow, ShadowCount, ShadowDifference
from runtime.rows import Shared
from runtime.shadow_desk import ShadowDesk
from tests.runtime.web.stage import FakeNode
from tests.runtime.web.test_commands import run
from tests.runtime.web.test_replay_runs import LEAVING
from tests.web import BROKEN, ECHO

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def candidate(flow: Flow) -> Version:
    return services.version_save(flow=flow, text=LEAVING, base=1, author_name="a")


@pytest.fixture
def desk(node: FakeNode) -> ShadowDesk:
    made = ShadowDesk(node, Shared())
    node.listeners.add(made.shadows.stepped)
    return made


def look(desk: ShadowDesk) -> None:
    async_to_sync(desk.look)()


def report(desk: ShadowDesk) -> None:
    async_to_sync(desk.report)()


def play(node: FakeNode, count: int = 1) -> None:
    for _ in range(count):
        session = node.begin("echo_test")
        for event in ("IncomingCall", "DialogACK", "DialogBYE"):
            node.give(session, event)
        node.living[f"over-{node.now}"] = node.living.pop(session.id, session)
        node.living = {k: v for k, v in node.living.items() if not v.machine.ended}
        node.epoch += 1


def test_a_node_follows_the_row_counts_and_stops(
    node: FakeNode, desk: ShadowDesk, candidate: Version
) -> None:
    play(node)
    shadows.start(candidate, share=100, by_name="Dora")
    look(desk)
    play(node, 3)
    report(desk)
    found = shadows.found_of(candidate)
    assert (found.state, found.followed, found.differed) == ("running", 3, 3)
    line = found.lines[0]
    assert line.event == "DialogBYE" and line.count == 3 and line.row == -1
    assert len(line.samples) == 3 and "differs in 3 of 3" in found.sentence
    shadows.stop(candidate.flow, by_name="Dora", why="seen enough")
    look(desk)
    play(node)
    report(desk)
    found = shadows.found_of(candidate)
    assert (found.state, found.followed) == ("stopped", 3)
    assert list(AuditEntry.objects.order_by("pk").values_list("subject", flat=True))[-2:] == [
        "v2", "v2",
    ]  # fmt: skip


def test_counts_grow_over_a_restart_of_the_node(
    node: FakeNode, desk: ShadowDesk, candidate: Version
) -> None:
    shadows.start(candidate, share=100, by_name="Dora")
    look(desk)
    play(node, 2)
    report(desk)
    node.listeners.remove(desk.shadows.stepped)
    again = ShadowDesk(node, Shared())
    node.listeners.add(again.shadows.stepped)
    look(again)
    play(node, 2)
    report(again)
    assert ShadowCount.objects.get().followed == 4
    assert ShadowDifference.objects.get().count == 4


def test_a_version_of_the_flow_takes_the_place_of_another(flow: Flow, candidate: Version) -> None:
    shadows.start(candidate, by_name="Dora")
    other = services.version_save(flow=flow, text=ECHO + "# x\n", base=2, author_name="a")
    shadows.start(other, share=5, by_name="Dora")
    assert Shadow.objects.filter(stopped_at=None).get().version == other
    assert Shadow.objects.get(version=candidate).why_stopped == "v3 took its place."


def test_what_makes_no_sense_is_refused(flow: Flow, candidate: Version) -> None:
    broken = services.version_save(flow=flow, text=BROKEN, base=2, author_name="a")
    for version, named, said in (
        (candidate, {"share": 0}, "1 to 100"),
        (candidate, {"most": 0}, "beside a shadow"),
        (broken, {}, "does not compile"),
    ):
        with pytest.raises(Refused, match=said):
            shadows.start(version, by_name="Dora", **named)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="No version judges"):
        shadows.stop(flow, by_name="Dora")


def test_a_fault_on_a_node_is_shown_and_nothing_else_happens(
    node: FakeNode, desk: ShadowDesk, candidate: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("broken")

    shadows.start(candidate, share=100, by_name="Dora")
    look(desk)
    monkeypatch.setattr("runtime.node.shadowing.Beside.take", broken)
    play(node)
    report(desk)
    (told,) = shadows.found_of(candidate).errors
    assert told.node == "node1" and "broken" in told.error


def test_what_was_counted_waits_for_the_database(
    node: FakeNode, desk: ShadowDesk, candidate: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise ConnectionError("away")

    shadows.start(candidate, share=100, by_name="Dora")
    look(desk)
    play(node, 2)
    with monkeypatch.context() as patched:
        patched.setattr(shadows, "told", away)
        with pytest.raises(ConnectionError):
            report(desk)
    report(desk)
    assert shadows.found_of(candidate).differed == 2


def test_the_page_starts_shows_and_stops_it(
    client: Client, node: FakeNode, desk: ShadowDesk, candidate: Version, alice: Any
) -> None:
    client.force_login(alice)
    page = reverse("flow_shadow", args=["echo_test", 2])
    assert "before any call takes it" in client.get(page).content.decode()
    assert client.post(page + "start/", {"share": "100"}).status_code == 302
    look(desk)
    play(node, 2)
    report(desk)
    shown = client.get(page).content.decode()
    assert 'data-state="running"' in shown and "DialogBYE" in shown
    assert client.post(page + "stop/").status_code == 302
    assert 'data-state="stopped"' in client.get(page).content.decode()
    api = client.get(reverse("api_shadow", args=["echo_test", 2])).json()
    assert api["state"] == "stopped" and api["differences"][0]["count"] == 2
    told = shadows.shadowed(candidate, None)
    assert told is not None and told.state == "failed" and not told.needed


def test_the_command_begins_tells_and_stops(
    node: FakeNode, desk: ShadowDesk, candidate: Version, capsys: Any
) -> None:
    assert run(capsys, "shadow", "echo_test", "2", "--share", "100")["state"] == "running"
    look(desk)
    play(node)
    report(desk)
    told = run(capsys, "shadow", "echo_test", code=1)
    assert told["version"] == 2 and told["differences"][0]["count"] == 1
    assert run(capsys, "shadow", "echo_test", "--stop")["state"] == "stopped"
    assert "No version judges" in run(capsys, "shadow", "echo_test", "--stop", code=1)["error"]
    assert run(capsys, "shadow", "echo_test", "9", code=2)["error"]
