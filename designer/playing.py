"""Scenarios played by the worker's child: a text and scenarios in, what became of each out.

Free of Django: it runs in a child of its own (`designer.walker`), bounded in time and memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from designer.scenario_files import BadScenario, read_scenarios
from designer.scenarios import Judged, judge
from flows.compile import compile_text
from flows.table import Table

DOING = "designer.playing:play"
MOST_DIFFERENCES = 20
"""Sentences kept of one scenario; what follows a first difference is mostly its consequence."""

Result = dict[str, Any]


def play(question: dict[str, Any], beat: Callable[[float, int], None]) -> dict[str, Any]:
    """Play `scenarios` (their texts) on the table of `text`; a text without a table is a refusal.

    Answers `{"results": [...]}` in the same order, each as `played` returns it.
    """
    table = _table(question["text"])
    results = []
    for number, text in enumerate(question["scenarios"]):
        beat(number / len(question["scenarios"]), number)
        results.append(played(table, text))
    return {"results": results}


def played(table: Table | None, text: str) -> Result:
    """Play one kept scenario: holds, steps, rows that fired, differences, inputs."""
    if table is None:
        return _refused("The text of the version does not compile, so there is nothing to run.")
    try:
        (scenario,) = read_scenarios(text).scenarios
    except (BadScenario, ValueError) as problem:
        return _refused(f"The test cannot be read: {problem}")
    return as_result(judge(table, scenario))


def as_result(judged: Judged) -> Result:
    """Return what became of a scenario as plain data."""
    return {
        "holds": judged.holds,
        "steps": judged.steps,
        "inputs": len(judged.scenario.run.inputs),
        "rows": sorted(judged.rows),
        "differences": [list(each) for each in judged.differences[:MOST_DIFFERENCES]],
    }


def _refused(sentence: str) -> Result:
    return {
        "holds": False, "steps": 0, "inputs": 0, "rows": [], "differences": [[0, sentence]],
    }  # fmt: skip


@lru_cache(maxsize=2)
def _table(text: str) -> Table | None:
    return compile_text(text).table
