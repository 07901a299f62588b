"""Candidates beside living calls: what they count, what they leave alone, how they end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flows.semantics import Program
from runtime.executor.machine import Machine
from runtime.executor.step import Event
from runtime.node.shadowing import Shade, Shadows
from tests.runtime.executor.test_beside import ANSWERED, program

OTHERWISE = (("code: 200", "code: 202"),)


class Calls:
    """Sessions of the table, played into shadows."""

    def __init__(self, shadows: Shadows, ran: Program | None = None) -> None:
        self.shadows = shadows
        self.ran = ran or program()

    def begin(self, name: str) -> Any:
        machine = Machine(self.ran, name, "UAS", 0.0)
        return SimpleNamespace(
            id=name, flow="support", role="UAS", started=0.0, machine=machine,
            digest=self.ran.table.digest,
        )  # fmt: skip

    def play(self, name: str, *events: tuple[str, float]) -> None:
        session = self.begin(name)
        for event, at in events or ANSWERED:
            self.tell(session, event, at)

    def tell(self, session: Any, event: str, at: float) -> None:
        step = session.machine.receive(Event(event), at)
        self.shadows.stepped(session, step, None)


def shade(*changes: tuple[str, str], share: int = 100, most: int = 100, id: int = 1) -> Shade:
    return Shade(id, "support", program(*changes), share=share, most=most)


def following(*shades: Shade) -> tuple[Shadows, Calls]:
    shadows = Shadows()
    shadows.follow(shades)
    return shadows, Calls(shadows)


def test_calls_that_go_the_same_are_counted_so() -> None:
    candidate = shade(("  Active: {}", "  Active: {}\n  Aside: {}"))
    _, calls = following(candidate)
    calls.play("a")
    calls.play("b")
    counted = candidate.take(lambda session: True)
    assert (counted.followed, counted.same, counted.differed, counted.steps) == (2, 2, 0, 6)
    assert candidate.living == {} and candidate.take(lambda session: True).followed == 0


def test_a_call_is_left_at_its_first_difference_and_named() -> None:
    candidate = shade(*OTHERWISE)
    _, calls = following(candidate)
    for name in ("a", "b"):
        calls.play(name)
    counted = candidate.take(lambda session: True)
    assert (counted.followed, counted.differed, counted.steps) == (2, 2, 4)
    ((key, found),) = counted.differences.items()
    assert key[1:6] == (2, 2, "AcceptCall", ("message",), None)
    assert found.count == 2 and found.samples == [("a", 2), ("b", 2)]


def test_only_a_share_of_the_calls_is_judged() -> None:
    candidate = shade(*OTHERWISE, share=20)
    _, calls = following(candidate)
    for number in range(500):
        calls.play(f"node1-7-{number}")
    assert 50 < candidate.take(lambda session: True).followed < 150


def test_no_more_than_so_many_are_followed_at_a_time() -> None:
    candidate = shade(*OTHERWISE, most=2)
    _, calls = following(candidate)
    for name in "abcd":
        calls.play(name, ANSWERED[0])
    counted = candidate.take(lambda session: True)
    assert (counted.followed, counted.left_out, len(candidate.living)) == (2, 2, 2)
    candidate.take(lambda session: session == "a")
    assert list(candidate.living) == ["a"]


def test_calls_of_the_candidate_itself_and_of_other_flows_are_not_judged() -> None:
    candidate = shade()
    shadows, calls = following(candidate)
    calls.play("a")
    session = Calls(shadows, program(*OTHERWISE)).begin("b")
    session.flow = "other"
    calls.tell(session, "IncomingCall", 0.0)
    assert candidate.take(lambda session: True).followed == 0


def test_a_call_is_judged_from_its_first_step_or_not_at_all() -> None:
    candidate = shade(*OTHERWISE)
    shadows, calls = Shadows(), None
    calls = Calls(shadows)
    session = calls.begin("a")
    calls.tell(session, "IncomingCall", 0.0)
    shadows.follow([candidate])
    calls.tell(session, "AcceptCall", 4.0)
    assert candidate.take(lambda session: True).followed == 0


def test_a_fault_of_ours_ends_the_shadow_and_no_call(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    candidate = shade(*OTHERWISE)
    _, calls = following(candidate)

    def broken(*_: Any) -> None:
        raise ValueError("broken")

    monkeypatch.setattr("runtime.node.shadowing.Beside.take", broken)
    calls.play("a")
    calls.play("b")
    assert candidate.error == "ValueError: broken" and candidate.living == {}
    assert caplog.text.count("by a fault of ours") == 1


def test_one_that_is_followed_on_keeps_its_calls() -> None:
    first, again = shade(*OTHERWISE), shade(*OTHERWISE)
    shadows, calls = following(first)
    calls.play("a", ANSWERED[0])
    shadows.follow([again])
    assert list(shadows) == [first] and "a" in first.living
    shadows.follow([])
    calls.play("b")
    assert list(shadows) == [] and first.take(lambda session: True).followed == 1


def test_what_could_not_be_told_is_counted_again() -> None:
    candidate = shade(*OTHERWISE)
    _, calls = following(candidate)
    calls.play("a")
    candidate.give_back(candidate.take(lambda session: True))
    calls.play("b")
    counted = candidate.take(lambda session: True)
    ((_, found),) = counted.differences.items()
    assert counted.differed == 2 == found.count and found.samples == [("a", 2), ("b", 2)]
