"""Counting step by step comes to what counting anew would."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.lists import Wanted, chosen
from runtime.tally import Key, Tally, Window
from runtime.unusual import LEAST_SECONDS, NOTHING, Bound, Finder
from tests.runtime.web.stage import FakeNode
from tests.web import ECHO

EVENTS = ["IncomingCall", "DialogACK", "DialogBYE", "MakeCall", "HangupCall", "ReinviteReceived"]
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.sampled_from(["echo_test", "other"]), st.just(0)),
        st.tuples(st.just("event"), st.sampled_from(EVENTS), st.integers(0, 9)),
        st.tuples(st.just("vanish"), st.just(""), st.integers(0, 9)),
        st.tuples(st.just("mend"), st.just(""), st.just(0)),
    ),
    max_size=60,
)
OTHER = ECHO.replace("name: echo_test", "name: other")


def loaded() -> tuple[FakeNode, Tally]:
    node, tally = FakeNode(), Tally(1000.0)
    node.load("echo_test", ECHO)
    node.load("other", OTHER)
    node.listeners.add(lambda session, step, done: tally.stepped(session, step))
    return node, tally


def recount(node: FakeNode) -> dict[str, dict[Key, list[float]]]:
    """Count all that lives, as nobody should have to."""
    found: dict[str, dict[Key, list[float]]] = {}
    for session in node.living.values():
        if session.machine.sequence:
            key = Key(session.digest, session.role, session.state)
            found.setdefault(session.flow, {}).setdefault(key, []).append(session.since)
    return found


def counted(tally: Tally) -> dict[str, dict[Key, list[float]]]:
    return {
        name: {key: list(cell.since.values()) for key, cell in flow.cells.items()}
        for name, flow in tally.flows.items()
        if flow.cells
    }


def in_order(found: dict[str, dict[Key, list[float]]]) -> Any:
    return {flow: {k: sorted(since) for k, since in keys.items()} for flow, keys in found.items()}


@settings(max_examples=120, deadline=None)
@given(ACTS)
def test_the_tally_equals_a_recount_after_any_steps(acts: list[tuple[str, str, int]]) -> None:
    node, tally = loaded()
    vanished = False
    for act, word, number in acts:
        living = list(node.living.values())
        session = living[number % len(living)] if living else None
        if act == "begin":
            node.begin(word, "UAS")
        elif act == "mend":
            tally.mend(node.each_session())
            vanished = False
        elif session is not None and act == "event":
            node.give(session, word)
        elif session is not None and act == "vanish":
            del node.living[session.id]
            vanished = True
        if not vanished:
            assert in_order(counted(tally)) == in_order(recount(node))
    tally.mend(node.each_session())
    assert in_order(counted(tally)) == in_order(recount(node))
    for flow in tally.flows.values():
        for cell in flow.cells.values():
            exact = sum(since - tally.begin for since in cell.since.values())
            assert cell.total == pytest.approx(exact)


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 200)), max_size=80), st.floats(0, 400))
def test_a_window_forgets_exactly_what_is_too_old(
    events: list[tuple[int, float]], later: float
) -> None:
    window: Window[int] = Window(60, 1.0)
    events.sort(key=lambda event: event[1])
    for key, at in events:
        window.add(key, at)
    now = (events[-1][1] if events else 0.0) + later
    wanted = Counter(key for key, at in events if int(at) > int(now) - 60)
    assert dict(window.counts(now)) == dict(wanted)


def answered(node: FakeNode, flow: str = "echo_test") -> Any:
    session = node.begin(flow)
    node.give(session, "IncomingCall", **{"from": "sip:anna@x"})
    return session


def test_sessions_beyond_what_is_usual_are_found_the_longest_first() -> None:
    node, tally = loaded()
    sessions = [answered(node) for _ in range(5)]
    finder = Finder(tally)
    now = sessions[2].since + 100.5
    assert finder.look(now) == {}, "nothing is known of what is usual, and a person can hang up"
    finder.bounds = {("echo_test", "", "Answering"): Bound(100.0, 500)}
    found = finder.look(now)["echo_test"]
    assert [each.id for each in found.listed] == [session.id for session in sessions[:3]]
    assert found.total == 3 and found.listed[0].words() == "longer than 99 % in Answering"


def test_the_own_version_says_what_is_usual_before_all_versions_do() -> None:
    node, tally = loaded()
    session = answered(node)
    finder = Finder(tally)
    finder.bounds = {
        ("echo_test", "", "Answering"): Bound(10.0, 900),
        ("echo_test", session.digest, "Answering"): Bound(50.0, 100),
    }
    assert finder.look(session.since + 40) == {}
    assert finder.look(session.since + 51)["echo_test"].total == 1


def test_nobody_is_unusual_within_the_first_seconds() -> None:
    node, tally = loaded()
    session = answered(node)
    finder = Finder(tally)
    finder.bounds = {("echo_test", "", "Answering"): Bound(0.01, 900)}
    assert finder.look(session.since + LEAST_SECONDS) == {}
    assert finder.look(session.since + LEAST_SECONDS + 0.1)["echo_test"].total == 1


WAITING = """
callflow: 1
name: waiting
states:
  Idle: {initial: true}
  Asking: {}
  Done: {final: true}
transitions:
  - {from_state: Idle, role: UAC, event: MakeCall, actions: [SendBYE], next_state: Asking}
  - {from_state: Asking, role: UAC, event: Dialog200OK, next_state: Done}
"""


def test_a_session_without_timer_message_or_person_to_move_it_is_found() -> None:
    node, tally = loaded()
    node.load("waiting", WAITING)
    session = node.begin("waiting", "UAC")
    node.give(session, "MakeCall")
    assert session.state == "Asking"
    found = Finder(tally).look(session.since + LEAST_SECONDS + 1)["waiting"]
    assert [each.words() for each in found.listed] == ["nothing can move it on"]


def test_a_timer_that_runs_is_an_exit() -> None:
    node, tally = loaded()
    node.load(
        "waiting",
        WAITING + "  - {from_state: Asking, role: UAC, event: {after: 30s}, next_state: Done}\n",
    )
    session = node.begin("waiting", "UAC")
    node.give(session, "MakeCall")
    assert session.machine.timers_left() == [(30.0, session.since + 30.0)]
    assert Finder(tally).look(session.since + LEAST_SECONDS + 1) == {}


def test_a_list_is_narrowed_by_state_version_role_and_words() -> None:
    node, tally = loaded()
    sessions = [answered(node) for _ in range(4)]
    node.give(sessions[3], "DialogACK")
    digest = sessions[0].digest

    def ids(**wanted: Any) -> list[str]:
        here, count = chosen(tally, "echo_test", NOTHING, Wanted(**wanted))
        assert count == len(here)
        return [session.id for session, _ in here]

    assert ids() == [session.id for session in sessions], "who stands longest comes first"
    assert ids(unusual=False)[0] == sessions[3].id, "or the newest"
    assert ids(state="Active") == [sessions[3].id] and ids(role="UAC") == []
    assert ids(digest=digest, state="Answering") == [session.id for session in sessions[:3]]
    assert ids(digest="other") == [] and ids(text=sessions[2].id) == [sessions[2].id]
    assert ids(text="nobody") == []


def test_a_list_of_very_many_is_short_and_says_how_many_match() -> None:
    node, tally = loaded()
    for _ in range(200):
        answered(node)
    here, count = chosen(tally, "echo_test", NOTHING, Wanted())
    assert (len(here), count) == (60, 200)


@pytest.mark.parametrize("frame", [{}, {"state": 7, "text": None, "unusual": "yes"}])
def test_nonsense_asks_for_the_usual_list(frame: dict[str, Any]) -> None:
    assert Wanted.of(frame) == Wanted()
