"""Texts that are too much: bounded, stopped when asked, and the verdict says it is no proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.check import deep, examine
from flows.check.deep import Bounds
from flows.compile import MAX_ROWS, compile_text
from flows.explore.pair import Pair
from flows.explore.pair import explore as explore_pair
from flows.explore.party import Party
from flows.mixed import mixed
from flows.semantics import Program

HOLD = (Path(__file__).parents[3] / "state_tables" / "call_with_hold.yaml").read_text("utf-8")
HEAD = "callflow: 1\nvariables: {%s}\nstates: {Idle: {initial: true}, Active: {}, Failed: {final: true}}\ntransitions:\n"  # noqa: E501
BEGINS = "- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog, {SendSIPResponse: {code: 200}}], next_state: Active}\n"  # noqa: E501
ENDS = "- {from_state: Active, role: UAS, event: DialogBYE, actions: [CleanupDialog], next_state: Failed}\n"  # noqa: E501


def exploding(counters: int) -> str:
    """A table whose configurations are as many as all counts of its counters together."""
    names = [f"c{n}" for n in range(counters)]
    events = ("MuteCall", "UnmuteCall", "PlayAudio", "HoldCall", "ResumeCall")
    rows = [
        f"- {{from_state: Active, role: UAS, event: {event}, guards: [{name} < 60], "
        f"set: {{{name}: {name} + 1}}}}\n"
        for name, event in zip(names, events, strict=False)
    ]
    return HEAD % ", ".join(f"{n}: 0" for n in names) + BEGINS + ENDS + "".join(rows)


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ("- {from_state: Active, role: UAS, event: DialogBYE, next_state: Failed}\n", "50,000"),
        ("- {event: DialogBYE}\n", str(MAX_ROWS)),
    ],
)
def test_ten_thousand_rows_are_cut_off_at_the_first_too_many(row: str, limit: str) -> None:
    compiled = examine(HEAD % "" + BEGINS + row * 10_000)
    (found,) = (f for f in compiled.findings if f.code == "SYN007")
    assert compiled.table is None and limit in found.message
    assert found.place.line >= MAX_ROWS
    assert deep.examine(compiled).states == 0


def test_what_is_nested_too_deeply_is_refused_and_never_walked() -> None:
    compiled = examine(HEAD % "" + f"- {{from_state: {'[' * 500}{']' * 500}}}\n")
    assert compiled.table is None and "SYN007" in {f.code for f in compiled.findings}
    assert deep.examine(compiled).states == 0


def test_a_guard_nested_too_deeply_is_a_finding() -> None:
    guard = "(" * 2000 + "MediaReady" + ")" * 2000
    row = f'- {{from_state: Active, role: UAS, event: MuteCall, guards: ["{guard}"]}}\n'
    compiled = examine(HEAD % "" + BEGINS + ENDS + row)
    assert compiled.table is None and "NAM104" in {f.code for f in compiled.findings}


@pytest.mark.parametrize("tier", [1, 2])
def test_an_explosion_of_states_stops_at_its_bound_and_is_called_no_proof(tier: int) -> None:
    result = deep.examine(exploding(5), tier=tier, budget=Bounds(states=3000))
    assert not result.complete and result.states < 4000
    told = next(f for f in result.findings if f.code == "META992")
    assert "3000 configurations" in told.message and told.confidence == "bounded"


def test_the_caller_s_clock_stops_a_walk() -> None:
    asked = iter(range(1_000_000))
    bounds = Bounds(late=lambda: next(asked) >= 3)
    result = deep.examine(exploding(5), budget=bounds)
    assert not result.complete and result.states < 20_000
    assert any("time" in f.message for f in result.findings if f.code == "META992")


class Stop(Exception):
    """Raised by a beat to stop the work."""


def test_an_explosion_is_cancelled_at_its_next_beat() -> None:
    beats = []

    def beat(share: float) -> None:
        beats.append(share)
        if len(beats) > 2:
            raise Stop

    with pytest.raises(Stop):
        deep.examine(exploding(5), tier=3, beat=beat)
    assert len(beats) == 3


def test_two_sides_are_bounded_by_themselves() -> None:
    table = compile_text(HOLD).table
    assert table is not None
    walked = explore_pair(Pair(Party(Program(table))), Bounds(states=200))
    assert not walked.complete and walked.limit == "200 joint configurations"
    assert len(walked.joints) < 300


def test_two_versions_are_bounded_as_well() -> None:
    table = compile_text(HOLD).table
    assert table is not None
    found = mixed(table, table, Bounds(states=100))
    assert found.limits == ["100 joint configurations"] and found.states < 1000


def test_a_thousand_guards_that_cross_end_with_a_word_that_says_so() -> None:
    names = [f"v{n}" for n in range(40)]
    head = HEAD % ", ".join(f"{name}: 0" for name in names)
    rows = "".join(
        f"- {{from_state: Active, role: UAS, event: MuteCall, guards: [{names[n % 40]} + "
        f"{names[(n * 7 + 1) % 40]} < {n}], set: {{{names[n % 40]}: {names[n % 40]} + 1}}}}\n"
        for n in range(1000)
    )
    found = examine(head + BEGINS + ENDS + rows).findings
    assert "META992" in {f.code for f in found}
