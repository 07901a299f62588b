"""Random legal and illegal acts of twenty peers and of the user, in virtual time.

Whatever they do: no exception, exactly one final answer to every INVITE, nothing held at the end.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runtime.sip.crowd import Act, Crowd

RUNS = int(os.environ.get("CALLSMITH_CROWDS", "10000"))
ACTS = st.lists(
    st.tuples(st.integers(0, 19), st.integers(0, 19), st.integers(0, 59)), min_size=1, max_size=60
)


def run(acts: list[Act]) -> list[str]:
    crowd = Crowd()
    for act in acts:
        crowd.do(act)
    return crowd.finish()


def by_chance(seed: int, length: int, peers: int) -> list[Act]:
    chance = random.Random(seed)
    return [
        (chance.randrange(20), chance.randrange(peers), chance.randrange(60)) for _ in range(length)
    ]


FOUND = {
    "a call on a usage whose subscription was answered meanwhile": [
        (15, 0, 42), (13, 0, 25), (8, 0, 33),
    ],
    "a subscription on the usage of a call": [(15, 0, 40), (10, 0, 49), (13, 0, 32)],
    "a re-INVITE that never gets its final answer, closed": [
        (0, 11, 58), (11, 1, 18), (18, 1, 35), (14, 10, 47), (9, 11, 17),
    ],
}  # fmt: skip


@pytest.mark.parametrize("acts", FOUND.values(), ids=FOUND.keys())
def test_what_was_found_once(acts: list[Act]) -> None:
    assert run(acts) == []


@settings(max_examples=150, deadline=None)
@given(ACTS)
def test_a_crowd_leaves_nothing_behind(acts: list[Act]) -> None:
    assert run(acts) == []


@pytest.mark.parametrize("peers", [1, 3, 20])
def test_longer_runs_leave_nothing_behind(peers: int) -> None:
    for seed in range(8):
        assert run(by_chance(seed, 200, peers)) == [], seed


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_runs_of_two_hundred_acts_leave_nothing_behind(part: int) -> None:
    for number in range(RUNS // 10):
        seed = 1_000_000 + part * RUNS + number
        assert run(by_chance(seed, 200, (1, 3, 20)[number % 3])) == [], seed
