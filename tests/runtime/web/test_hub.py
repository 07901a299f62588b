"""Who watches what, and what happens to watchers that do not keep up. The timer is the test's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from runtime import audit, bridge
from runtime.hub import ACK_WINDOW, CALL_INTERVAL, FLOW_INTERVAL, Hub
from tests.runtime.web.stage import FakeNode
from tests.web import ECHO


class Timer:
    """Runs what was asked for later when the test says that time has passed."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self.due.append((self.now + seconds, act))

    def passes(self, seconds: float) -> None:
        self.now += seconds
        ready = [act for when, act in self.due if when <= self.now + 1e-9]
        self.due = [(when, act) for when, act in self.due if when > self.now + 1e-9]
        for act in ready:
            act()


class Browser:
    """What one browser received."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.full = False

    def put(self, frame: str) -> None:
        self.frames.append(json.loads(frame))

    def busy(self) -> bool:
        return self.full

    @property
    def last(self) -> dict[str, Any]:
        return self.frames[-1]


@pytest.fixture
def stage_set(monkeypatch: pytest.MonkeyPatch) -> tuple[FakeNode, Timer, Hub]:
    fake, timer = FakeNode(), Timer()
    fake.load("echo_test", ECHO)
    hub = Hub(fake, later=timer.later, now=lambda: 42.0)  # type: ignore[arg-type]
    fake.listeners.add(hub.stepped)
    monkeypatch.setattr(bridge, "_node", fake)
    return fake, timer, hub


Stage = tuple[FakeNode, Timer, Hub]


def drawn(node: FakeNode) -> dict[str, Any]:
    digest = node.deployed()["echo_test"]
    return {
        "digest": digest,
        "deployed": {"number": 1, "digest": digest},
        "numbers": {digest: 1},
    }


def answered(node: FakeNode) -> Any:
    session = node.begin("echo_test")
    node.give(session, "IncomingCall", **{"from": "sip:a@x"})
    return session


def test_nothing_is_made_for_nobody(stage_set: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    node, timer, hub = stage_set
    monkeypatch.setattr(audit, "live_step_line", lambda *a: pytest.fail("nobody listens"))
    answered(node)
    assert timer.due == []


def test_a_watcher_of_a_flow_begins_with_a_snapshot(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    session = answered(node)
    browser = Browser()
    hub.watch_flow("echo_test", browser.put, drawn(node))
    assert browser.last["type"] == "snapshot" and browser.last["seq"] == 1
    assert browser.last["states"] == {"Answering": {"UAS": 1}}
    assert browser.last["sessions"][0]["id"] == session.id
    assert browser.last["sessions"][0]["number"] == 1 and browser.last["total"] == 1
    assert browser.last["versions"] == {session.digest: 1} and browser.last["now"] == 42.0


def test_many_steps_become_one_frame_and_at_most_four_a_second(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    browser = Browser()
    hub.watch_flow("echo_test", browser.put, drawn(node))
    for _ in range(10):
        session = answered(node)
        node.give(session, "DialogACK")
    timer.passes(FLOW_INTERVAL - 0.01)
    assert len(browser.frames) == 1
    timer.passes(0.01)
    assert len(browser.frames) == 2
    delta = browser.last
    assert delta["type"] == "delta" and delta["states"] == {"Active": {"UAS": 10}}
    assert sorted(delta["fired"].values()) == [10, 10] and len(delta["started"]) == 10
    assert delta["changed"] == [] and delta["total"] == 10
    timer.passes(10)
    assert len(browser.frames) == 2


def test_sessions_that_end_and_events_without_a_row_are_told(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    session = answered(node)
    browser = Browser()
    hub.watch_flow("echo_test", browser.put, drawn(node))
    node.give(session, "DialogACK")
    node.give(session, "MakeCall", target="sip:c@x")
    unhandled = session.machine.sequence
    node.give(session, "DialogBYE")
    timer.passes(FLOW_INTERVAL)
    delta = browser.last
    assert unhandled == 3 and delta["ended"] == [session.id] and delta["total"] == 0
    assert delta["unhandled"] == [{"session": session.id, "event": "MakeCall", "state": "Active"}]
    assert delta["changed"] == []


def test_rows_of_another_version_do_not_flash_in_this_picture(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    session = node.begin("echo_test")
    browser = Browser()
    hub.watch_flow("echo_test", browser.put, {**drawn(node), "digest": "other"})
    node.give(session, "IncomingCall")
    timer.passes(FLOW_INTERVAL)
    assert browser.last["fired"] == {} and browser.last["states"] == {"Answering": {"UAS": 1}}


def test_a_client_that_says_nothing_becomes_stale_and_returns_with_one_snapshot(
    stage_set: Stage,
) -> None:
    node, timer, hub = stage_set
    session = answered(node)
    node.give(session, "DialogACK")
    browser = Browser()
    watcher = hub.watch_flow("echo_test", browser.put, drawn(node))
    for _ in range(ACK_WINDOW + 20):
        node.give(session, "ReinviteReceived")
        timer.passes(FLOW_INTERVAL)
    assert len(browser.frames) == ACK_WINDOW and watcher.stale and watcher.skipped == 21
    watcher.acknowledge(ACK_WINDOW)
    assert len(browser.frames) == ACK_WINDOW + 1 and not watcher.stale
    assert browser.last["type"] == "snapshot" and browser.last["seq"] == ACK_WINDOW + 1
    node.give(session, "ReinviteReceived")
    timer.passes(FLOW_INTERVAL)
    assert browser.last["type"] == "delta"


def test_a_client_that_acknowledges_each_tenth_frame_misses_nothing(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    session = answered(node)
    node.give(session, "DialogACK")
    browser = Browser()
    watcher = hub.watch_flow("echo_test", browser.put, drawn(node))
    for _ in range(100):
        node.give(session, "ReinviteReceived")
        timer.passes(FLOW_INTERVAL)
        if browser.last["seq"] % 10 == 0:
            watcher.acknowledge(browser.last["seq"])
    assert len(browser.frames) == 101 and watcher.skipped == 0


def test_a_socket_that_is_full_counts_as_stale(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    session = answered(node)
    browser = Browser()
    watcher = hub.watch_flow("echo_test", browser.put, drawn(node), browser.busy)
    browser.full = True
    node.give(session, "DialogACK")
    timer.passes(FLOW_INTERVAL)
    assert watcher.stale and len(browser.frames) == 1
    watcher.acknowledge(1)
    assert watcher.stale, "the socket is full still"


@pytest.mark.parametrize("nonsense", [None, "7", -1, 0, 99, True, 1.5])
def test_nonsense_acknowledges_nothing(stage_set: Stage, nonsense: Any) -> None:
    node, _, hub = stage_set
    watcher = hub.watch_fleet(Browser().put)
    watcher.sequence = 50
    watcher.acknowledge(nonsense)
    assert watcher.acknowledged == (1 if nonsense is True else 0)


def test_a_followed_call_shows_each_step_with_results_and_what_is_possible_now(
    stage_set: Stage,
) -> None:
    node, timer, hub = stage_set
    session = node.begin("echo_test")
    browser = Browser()
    hub.watch_call(session.id, browser.put, lambda: {"type": "snapshot"})
    node.give(session, "IncomingCall", sdp="v=0")
    node.give(session, "DialogACK")
    assert len(browser.frames) == 1
    timer.passes(CALL_INTERVAL)
    first, second = browser.frames[1:]
    assert first["type"] == "step" and first["step"]["event"] == "IncomingCall"
    assert first["step"]["actions"][0] == "CreateDialog"
    assert first["step"]["results"][0] == [True, 10, None]
    line = ECHO.splitlines()[first["step"]["line"] - 1 :]
    assert "IncomingCall" in "\n".join(line[:4])
    assert "HangupCall" in [offer["event"] for offer in second["possible"]]
    assert [hub.lines_of(session.id)[n]["event"] for n in (1, 2)] == ["IncomingCall", "DialogACK"]


def test_the_end_of_a_followed_call_is_told_once(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    session = answered(node)
    browser = Browser()
    watcher = hub.watch_call(session.id, browser.put, lambda: {"type": "snapshot"})
    node.give(session, "DialogACK")
    node.give(session, "DialogBYE")
    timer.passes(CALL_INTERVAL)
    assert [frame["type"] for frame in browser.frames] == ["snapshot", "step", "step", "ended"]
    assert browser.last["outcome"] == "completed"
    hub.leave(watcher)
    assert hub.lines_of(session.id) == {}


def test_steps_of_other_calls_are_not_shown(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    mine, other = node.begin("echo_test"), node.begin("echo_test")
    browser = Browser()
    hub.watch_call(mine.id, browser.put, lambda: {"type": "snapshot"})
    node.give(other, "IncomingCall")
    timer.passes(1)
    assert len(browser.frames) == 1


def test_the_fleet_is_counted_when_calls_begin_and_end(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    browser = Browser()
    watcher = hub.watch_fleet(browser.put)
    assert browser.last == {"type": "fleet", "flows": {}, "total": 0, "node": "node1", "seq": 1}
    session = answered(node)
    timer.passes(FLOW_INTERVAL)
    assert browser.last["flows"] == {"echo_test": 1}
    node.give(session, "DialogACK")
    timer.passes(FLOW_INTERVAL)
    assert len(browser.frames) == 2, "a step in between changes no count"
    node.give(session, "DialogBYE")
    timer.passes(FLOW_INTERVAL)
    assert browser.last["total"] == 0
    hub.leave(watcher)
    answered(node)
    timer.passes(FLOW_INTERVAL)
    assert len(browser.frames) == 3


def test_a_new_deployment_begins_the_picture_anew_for_all(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    one, two = Browser(), Browser()
    hub.watch_flow("echo_test", one.put, drawn(node))
    hub.watch_flow("echo_test", two.put, drawn(node))
    hub.redrawn("echo_test", {**drawn(node), "digest": "new"})
    assert one.last["digest"] == two.last["digest"] == "new"
    assert one.last["type"] == "snapshot"
