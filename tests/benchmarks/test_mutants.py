"""The benchmark of seeded defects, on a small table and few mutants: it counts what it should."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.mutants import Score, judge, said, same_behaviour, subject, variants
from benchmarks.mutants import findings_of as found
from benchmarks.mutations import OPERATORS, drop_row, swap_actions

ECHO = Path(__file__).parents[2] / "state_tables" / "echo_test.yaml"


@pytest.fixture(scope="module")
def echo():
    return subject(ECHO, tier=1)


def test_a_correct_table_says_nothing_that_counts_as_a_defect(echo):
    assert echo.said == frozenset()


def test_variants_that_mean_the_same_bring_no_alarm(echo):
    for name, table in variants(echo, random.Random(1)):
        assert said(found(echo.compiled, table, 1)) == frozenset(), name


def test_a_table_behaves_like_itself_and_not_like_its_mutant(echo):
    assert same_behaviour(echo, echo.table)
    mutant = next(drop_row(echo.table, echo.text, random.Random(1)))
    assert not same_behaviour(echo, mutant.table)


def test_the_order_of_actions_that_do_not_meet_makes_no_other_behaviour(echo):
    mutants = list(swap_actions(echo.table, echo.text, random.Random(1)))
    apart = [m for m in mutants if m.change == "StopMediaSession before SendBYE"]
    assert apart and all(same_behaviour(echo, m.table) for m in apart)


def test_nearly_all_mutants_of_each_operator_are_found(echo):
    score = Score()
    for operator in OPERATORS:
        mutants = list(operator(echo.table, echo.text, random.Random(4)))
        for mutant in random.Random(4).sample(mutants, min(2, len(mutants))):
            judge(echo, mutant, score, 1)
    assert sum(score.made.values()) > 15
    assert score.share() >= 90, score.survivors
