"""Who watches what, and what happens to watchers that do not keep up. The timer is the test's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from flows.compile import compile_text
from flows.semantics import Program
from runtime import audit, bridge, watchers
from runtime.hub import ACK_WINDOW, CALL_INTERVAL, FLOW_INTERVAL, Hub
from runtime.lists import Wanted
from runtime.unusual import Bound
from runtime.watchers import Packet
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

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] == kind]

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
    snapshot, listed = browser.frames
    assert snapshot["type"] == "snapshot" and snapshot["seq"] == 1 and snapshot["now"] == 42.0
    assert snapshot["cells"] == {session.digest: {"UAS": {"Answering": [1, session.since]}}}
    assert snapshot["total"] == 1 and snapshot["begun"] == {session.digest: 1}
    assert list(snapshot["fired"][session.digest].values()) == [1], "of the last minute"
    assert listed["type"] == "list" and listed["matching"] == 1 and listed["nodes"] == ["node1"]
    assert (listed["lines"][0]["id"], listed["lines"][0]["number"]) == (session.id, 1)


def test_many_steps_become_one_frame_and_at_most_four_a_second(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    browser = Browser()
    hub.watch_flow("echo_test", browser.put, drawn(node))
    for _ in range(10):
        session = answered(node)
        node.give(session, "DialogACK")
    timer.passes(FLOW_INTERVAL - 0.01)
    assert browser.of("delta") == []
    timer.passes(0.01)
    (delta,) = browser.of("delta")
    assert list(delta["cells"]) == [session.digest]
    places = delta["cells"][session.digest]["UAS"]
    assert {state: count for state, (count, _) in places.items()} == {"Answering": 0, "Active": 10}
    assert sorted(delta["fired"][session.digest].values()) == [10, 10]
    assert delta["total"] == 10
    timer.passes(10)
    assert len(browser.of("delta")) == 1


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
    (delta,) = browser.of("delta")
    assert unhandled == 3 and delta["total"] == 0 and delta["lost"] == 1
    assert delta["unhandled"] == [{"session": session.id, "event": "MakeCall", "state": "Active"}]
    assert delta["failed"] == {session.digest: {"UAS": {"Active": 1}}}


def test_rows_of_another_version_flash_where_the_picture_has_them(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    session = node.begin("echo_test")
    browser = Browser()
    here = {**drawn(node), "digest": "other"}
    hub.watch_flow("echo_test", browser.put, here)
    fired = node.give(session, "IncomingCall").row
    timer.passes(FLOW_INTERVAL)
    (delta,) = browser.of("delta")
    assert delta["fired"] == {} and delta["total"] == 1, "nobody knows where the row would be"
    hub.redrawn("echo_test", {**here, "rows": {session.digest: {fired: 7}}})
    assert browser.of("snapshot")[-1]["fired"] == {session.digest: {"7": 1}}


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
    assert len(browser.frames) == ACK_WINDOW and watcher.stale and watcher.skipped > 20
    watcher.acknowledge(ACK_WINDOW)
    assert not watcher.stale
    back = browser.frames[ACK_WINDOW:]
    assert [frame["type"] for frame in back] == ["snapshot", "list"]
    assert back[0]["seq"] == ACK_WINDOW + 1 and back[0]["total"] == 1
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
    assert len(browser.of("delta")) == 100 and watcher.skipped == 0


def test_a_socket_that_is_full_counts_as_stale(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    session = answered(node)
    browser = Browser()
    watcher = hub.watch_flow("echo_test", browser.put, drawn(node), browser.busy)
    browser.full = True
    node.give(session, "DialogACK")
    timer.passes(FLOW_INTERVAL)
    assert watcher.stale and browser.of("delta") == []
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
    (batch,) = browser.frames[1:]
    assert batch["type"] == "batch", "steps of one tick travel together"
    first, second = batch["frames"]
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
    frames = browser.last["frames"]
    assert [frame["type"] for frame in frames] == ["step", "step", "ended"]
    assert frames[-1]["outcome"] == "completed"
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
    first = {"type": "fleet", "flows": {}, "total": 0, "node": "node1", "seq": 1}
    assert browser.last == {**first, "nodes": {"well": 1, "all": 1}}
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
    for browser in (one, two):
        assert browser.of("snapshot")[-1]["digest"] == "new"


def test_a_frame_is_encoded_once_for_all_and_numbered_for_each(
    stage_set: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, timer, hub = stage_set
    browsers = [Browser() for _ in range(5)]
    for browser in browsers:
        hub.watch_flow("echo_test", browser.put, drawn(node))
    encoded: list[str] = []
    real = watchers.encoded
    monkeypatch.setattr(watchers, "encoded", lambda f: encoded.append(f["type"]) or real(f))
    answered(node)
    timer.passes(FLOW_INTERVAL)
    assert encoded.count("delta") == 1
    assert {browser.of("delta")[0]["seq"] for browser in browsers} == {3}


@pytest.mark.parametrize("text", ["plain", "Zoë ☎", "half \ud800 a character", '"quoted"\n'])
def test_whatever_a_peer_says_travels_in_a_frame(text: str) -> None:
    packet = Packet({"type": "x", "text": text})
    assert json.loads(packet.numbered(7)) == {"type": "x", "text": text, "seq": 7}


def test_a_followed_call_says_what_can_happen_next_and_what_a_newer_version_adds(
    stage_set: Stage,
) -> None:
    node, timer, hub = stage_set
    session = answered(node)
    newer = compile_text(ECHO.replace("event: HangupCall", "event: HoldCall", 1)).table
    assert newer is not None
    browser = Browser()
    here = {**drawn(node), "program": Program(newer)}
    watcher = hub.watch_flow("echo_test", browser.put, here)
    hub.follow(watcher, session.id, "echo_test")
    (followed,) = browser.of("followed")
    assert followed["session"]["state"] == "Answering"
    events = {row["event"]: row for row in followed["next"]}
    assert events["DialogACK"]["to"] == "Active" and events["DialogACK"]["who"] == "peer"
    timers = followed["timers"]
    assert all(each["due"] == session.since + each["seconds"] for each in timers)
    node.give(session, "DialogACK")
    timer.passes(CALL_INTERVAL)
    assert browser.of("followed")[-1]["session"]["state"] == "Active"
    assert "HangupCall" in {row["event"] for row in browser.of("followed")[-1]["next"]}
    node.give(session, "DialogBYE")
    timer.passes(CALL_INTERVAL)
    assert browser.of("followed")[-1]["gone"]
    hub.follow(watcher, "", "echo_test")
    assert hub._followed == {}


def test_calls_of_another_flow_cannot_be_followed(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    node.load("other", ECHO.replace("name: echo_test", "name: other"))
    secret = node.begin("other")
    node.give(secret, "IncomingCall")
    browser = Browser()
    watcher = hub.watch_flow("echo_test", browser.put, drawn(node))
    hub.follow(watcher, secret.id, "echo_test")
    assert browser.of("followed") == []


def test_counts_of_other_nodes_are_added(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    session = answered(node)
    browser, fleet = Browser(), Browser()
    hub.watch_flow("echo_test", browser.put, drawn(node))
    hub.watch_fleet(fleet.put)
    told = json.loads(json.dumps({**hub.told(), "node": "node2"}))
    hub.hear(told)
    timer.passes(FLOW_INTERVAL)
    (delta,) = browser.of("delta")
    assert delta["total"] == 2
    assert delta["cells"][session.digest]["UAS"]["Answering"] == [2, session.since]
    assert fleet.last["total"] == 2 and hub.sums.nodes() == ["node1", "node2"]
    hub.hear({**told, "node": "node1"})
    hub.forget("node2")
    timer.passes(FLOW_INTERVAL)
    assert browser.of("delta")[-1]["total"] == 1


async def test_unusual_calls_and_what_fired_on_other_nodes_are_shown(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    session = answered(node)
    hub._now = lambda: session.since + 90.0
    hub.learn({("echo_test", "", "Answering"): Bound(60.0, 400)})
    await hub.look()
    told = json.loads(json.dumps({**hub.told(), "node": "node2"}))
    browser, page = Browser(), Browser()
    watcher = hub.watch_flow("echo_test", browser.put, drawn(node))
    hub.watch_all(page.put)
    hub.hear(told)
    timer.passes(1)
    assert browser.of("delta")[-1]["unusual"] == 2
    assert len(browser.of("list")[-1]["lines"]) == 2 and len(page.last["unusual"]) == 2
    hub.want(watcher, Wanted(state="Active"))
    timer.passes(1)
    assert browser.of("list")[-1]["lines"] == []
    more = json.loads(json.dumps(told))
    more["flows"]["echo_test"]["fired"] = [[session.digest, 3, 5]]
    hub.hear(more)
    timer.passes(1)
    assert browser.of("delta")[-1]["fired"][session.digest]["3"] == 5


def test_hidden_flows_are_not_counted_for_who_may_not_look(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    answered(node)
    some, most = Browser(), Browser()
    hub.watch_fleet(some.put, hidden=frozenset({"echo_test"}))
    hub.watch_all(most.put, hidden=frozenset({"echo_test"}))
    assert some.last["total"] == 0 and most.last["flows"] == {}


async def test_a_session_that_stands_too_long_is_flagged_on_the_page(stage_set: Stage) -> None:
    node, timer, hub = stage_set
    session = answered(node)
    browser = Browser()
    hub.watch_flow("echo_test", browser.put, drawn(node))
    hub._now = lambda: session.since + 90.0
    hub.learn({("echo_test", "", "Answering"): Bound(60.0, 400)})
    await hub.look()
    timer.passes(FLOW_INTERVAL)
    assert browser.of("delta")[-1]["unusual"] == 1
    line = browser.of("list")[-1]["lines"][0]
    assert line["why"] == "longer than 99 % in Answering" and line["bound"] == 60.0
