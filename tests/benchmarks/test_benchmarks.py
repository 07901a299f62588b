"""The workload is what the tables of figures say, and every case of ours runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks import candidates, checker, journal, load, ours, runner, workload
from benchmarks.timing import Round
from flows.check import examine
from flows.check.deep import examine as walk_through
from flows.compile import compile_text
from flows.findings import Severity

CASES = {**ours.CASES, **candidates.CASES, **journal.CASES, **load.CASES}


def test_the_workload_has_13_states_and_60_rows_with_two_guards_and_three_actions() -> None:
    table = compile_text(workload.text(60)).table
    assert table is not None
    assert len(table.states) == 13
    assert len(table.rows) == 60
    assert len({(row.from_state, row.event) for row in table.rows}) == 60
    assert {len(row.guards) for row in table.rows} == {2}
    assert {len(row.actions) for row in table.rows} == {3}
    assert len(workload.CALL) == 12


def test_a_thousand_rows_are_the_call_flow_and_copies_of_it() -> None:
    table = compile_text(workload.text(1000)).table
    assert table is not None
    assert len(table.rows) == 1000
    assert len(table.states) > 200


@pytest.mark.parametrize("name", CASES)
def test_each_case_runs_a_round(name: str) -> None:
    make: Callable[[], Round] = CASES[name]
    assert make()() > 0


def test_a_goal_is_met_close_or_missed() -> None:
    figures = runner.Figures({"a": [30.0, 32.0, 31.0], "b": [20.0, 20.0, 20.0]})
    verdicts = [
        runner._judge(runner.Goal("a", "b", 1.6), figures),
        runner._judge(runner.Goal("a", "b", 1.5), figures),
        runner._judge(runner.Goal("a", "b", 1.2), figures),
        runner._judge(runner.Goal("a", "b", 1.5, at_least=True), figures),
        runner._judge(runner.Goal("a", "b", 0.0, absolute=40.0), figures),
    ]
    assert verdicts == [
        ("<= 1.6 x", "met"),
        ("<= 1.5 x", "close"),
        ("<= 1.2 x", "MISSED"),
        (">= 1.5 x", "met"),
        ("<= 40 ns", "met"),
    ]


def test_the_table_with_its_call_twice_is_correct_and_has_300_rows() -> None:
    text = (checker.ROOT / "state_tables" / "call_with_hold.yaml").read_text("utf-8")
    compiled = examine(checker.grown(text, 1))
    assert compiled.table is not None and len(compiled.table.rows) > 300
    assert [f for f in compiled.findings if f.severity is not Severity.INFO] == []
    looked = walk_through(compiled, tier=2)
    assert looked.complete
    assert [f.code for f in looked.findings if f.severity is not Severity.INFO] == []
