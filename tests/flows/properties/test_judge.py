"""Patterns on small graphs made by hand: true, broken by a shortest trace, or empty talk."""

import pytest

from flows.properties.judge import Moment, Steps, View, judge
from flows.properties.language import read


def graph(*edges, starts=(0,), ended=(), held=()):
    """Edges are (source, event, target); node n is in state Sn."""
    steps = Steps()
    size = 1 + max(max(s, t) for s, _, t in edges)

    def view(node):
        return View(
            f"S{node}",
            node in ended,
            frozenset(["media"]) if node in held else frozenset(),
            frozenset(["Ready"]) if node % 2 else frozenset(),
        )

    for node in range(size):
        steps.node(Moment({"UAC": view(node)}), start=node in starts)
    for source, event, target in edges:
        name, _, action = event.partition("/")
        moment = Moment(
            {"UAC": view(target)},
            "UAC",
            name,
            tuple(action.split("+")) if action else (),
            told={"event": name},
        )
        steps.step(source, moment, target)
    return steps


LINE = graph((0, "go/Ring", 1), (1, "ok", 2), (2, "bye", 3), ended=(3,), held=(1, 2))
LOOP = graph((0, "go", 1), (1, "try", 1), (1, "bye", 2), ended=(2,))
TRAP = graph((0, "go", 1), (1, "bye", 2), (1, "hold", 3), (3, "again", 3), ended=(2,))

CASES = [
    (LINE, "always not state S9", True),
    (LINE, "never state S2", ["go", "ok"]),
    (LINE, "never state S0", []),
    (LINE, "always Ready", []),
    (LINE, "event ok at most 1 time", True),
    (LOOP, "event try at most 2 times", ["go", "try", "try", "try"]),
    (LINE, "event go precedes event ok", True),
    (LINE, "event ok precedes event go", ["go"]),
    (LINE, "event ok precedes action Ring", ["go"]),
    (LINE, "after event go eventually ended", True),
    (LOOP, "after event go eventually ended", True),
    (TRAP, "after event go eventually ended", ["go", "hold"]),
    (TRAP, "event go leads to ended unless event hold", True),
    (TRAP, "ended is always reachable", ["go", "hold"]),
    (LINE, "ended is always reachable", True),
    (LINE, "after event ok never event go", True),
    (LINE, "after event go never event bye", ["go", "ok", "bye"]),
    (LINE, "after event go, before event bye, never event ok", ["go", "ok"]),
    (LINE, "after event ok, before event bye, never event go", True),
    (LINE, "before event ok never event bye", True),
    (LINE, "before event bye never event ok", ["go", "ok"]),
    (LINE, "between event go and event bye always holds media", True),
    (TRAP, "between event go and event bye always holds media", True),
    (TRAP, "after event go until event bye always holds media", ["go", "hold"]),
    (TRAP, "between event go and event again always holds media", ["go", "hold", "again"]),
    (LINE, "ended and holds media exclude each other", True),
    (LINE, "state S1 and holds media exclude each other", ["go"]),
    (LINE, "never uas.event ok", True),
    (LINE, "never uac.event ok", ["go", "ok"]),
]


@pytest.mark.parametrize(("steps", "text", "expected"), CASES, ids=[text for _, text, _ in CASES])
def test_a_pattern_is_judged(steps, text, expected):
    found = judge(read(text), steps)
    if expected is True:
        assert found.holds
    else:
        assert not found.holds and [step["event"] for step in found.trace] == expected


@pytest.mark.parametrize(
    ("text", "never_happens"),
    [
        ("after event nothing eventually ended", "event nothing"),
        ("event go precedes event nothing", "event nothing"),
        ("event nothing at most 1 time", "event nothing"),
        ("never state S7 and holds media", "state S7"),
        ("after state S7 never event go", "state S7"),
        ("after event go eventually ended", ""),
        ("never event nothing", ""),
        ("never ended and holds media", ""),
    ],
)
def test_empty_talk_is_told(text, never_happens):
    found = judge(read(text), LINE)
    assert found.holds and found.vacuous == never_happens


def test_two_sides_are_asked_apart_and_together():
    steps = Steps()
    first = steps.node(Moment({"UAC": View("Active"), "UAS": View("Ringing")}), start=True)
    both = {"UAC": View("Active", True), "UAS": View("Active")}
    second = steps.node(Moment(both))
    steps.step(first, Moment(both, "UAS", "ok", told={"event": "ok"}), second)
    assert not judge(read("never uas.state Ringing"), steps).holds
    assert judge(read("never uac.state Ringing"), steps).holds
    assert [s["event"] for s in judge(read("never both Active"), steps).trace] == ["ok"]
    assert judge(read("never ended"), steps).holds
