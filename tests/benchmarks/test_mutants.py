"""The benchmark of seeded defects, on a small table and few mutants: it counts what it should."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.mutants import alarms, collect, findings_of, judge, run, same_behaviour, subject
from benchmarks.mutations import HELD_OUT, KEPT, OPERATORS, drop_row, second_order, swap_actions
from benchmarks.scores import Score
from benchmarks.variants import variants
from flows.semantics import Program

ECHO = Path(__file__).parents[2] / "state_tables" / "echo_test.yaml"


@pytest.fixture(scope="module")
def echo():
    return subject(ECHO, tier=1)


def test_a_correct_table_says_nothing_that_counts_as_a_defect(echo):
    assert echo.said == frozenset()


def test_variants_that_mean_the_same_bring_no_alarm(echo):
    found = list(variants(echo.table, echo.walk, random.Random(1)))
    assert len(found) >= 12
    for name, table in found:
        told = {code for grave, code, _, _ in alarms(echo, table, 1) if grave}
        assert not told, name


def test_a_variant_that_releases_in_another_order_is_told_as_information_only(echo):
    table = dict(variants(echo.table, echo.walk, random.Random(1)))["the dialog released first"]
    assert {(grave, code) for grave, code, _, _ in alarms(echo, table, 1)} == {(False, "RES509")}
    assert same_behaviour(echo, table)


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
            score.verdicts.append(judge(echo, mutant, 1))
    assert score.defects > 15
    assert score.share() >= 90, score.survivors()


def test_what_is_remembered_of_the_correct_table_changes_no_finding(echo):
    remembered = 0
    for operator in (*OPERATORS[:6], *HELD_OUT):
        for mutant in random.Random(2).sample(list(operator(echo.table, "", random.Random(2))), 3):
            party = echo.memory.party(Program(mutant.table))
            remembered += party is not None
            found = findings_of(echo.compiled, mutant.table, 1, party)
            assert found == findings_of(echo.compiled, mutant.table, 1), mutant.change
    assert remembered > 20


def test_operators_that_were_kept_back_change_something(echo):
    for operator in KEPT:
        mutants = list(operator(echo.table, echo.text, random.Random(1)))
        assert mutants, operator.__name__
        assert all(mutant.table != echo.table for mutant in mutants)


def test_mutants_of_second_order_have_two_changes(echo):
    mutants = list(second_order(echo.table, echo.text, random.Random(1), 5))
    assert mutants and all("; " in mutant.change for mutant in mutants)


def test_several_processes_come_to_the_verdicts_of_one():
    work = collect([ECHO], ["held-out"], 1, 1, 1)
    one, other = (run(work, processes)[0]["held-out"] for processes in (1, 2))
    assert [(v.where, v.same, v.grave) for v in one.verdicts] == [
        (v.where, v.same, v.grave) for v in other.verdicts
    ]
