"""What it costs to load a table, and to check it as an editor does, beside bare PyYAML.

CSafeLoader builds plain dicts and lists and knows no line. `text to table` (compile_text) gives a
table with the place of each word, or findings of text and names. `text to checked` is that and
every rule of T0 (flows.check.examine): what an editor asks at each keystroke. What the rules know
of guards is remembered between keystrokes; `nothing remembered` forgets it first. The program is
what the executor runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from benchmarks import timing, workload
from benchmarks.runner import Goal, Worker, interleaved, report
from flows import expressions
from flows.check import examine, facts
from flows.compile import compile_text
from flows.semantics import Program


def _csafe(rows: int) -> timing.Round:
    text = workload.text(rows)
    return timing.cpu(lambda: text, lambda t: yaml.load(t, Loader=yaml.CSafeLoader), 1)


def _safe(rows: int) -> timing.Round:
    text = workload.text(rows)
    return timing.cpu(lambda: text, yaml.safe_load, 1)


def _compile(rows: int) -> timing.Round:
    text = workload.text(rows)
    assert compile_text(text).table is not None
    return timing.cpu(lambda: text, compile_text, 1)


def _examine(rows: int) -> timing.Round:
    text = workload.text(rows)
    assert examine(text).table is not None
    return timing.cpu(lambda: text, examine, 1)


def _examine_anew(rows: int) -> timing.Round:
    text = workload.text(rows)

    def forget() -> str:
        facts.forget()
        expressions.forget()
        return text

    return timing.cpu(forget, examine, 1)


def _program(rows: int) -> timing.Round:
    table = compile_text(workload.text(rows)).table
    assert table is not None
    return timing.cpu(lambda: table, Program, 1)


CASES: dict[str, Callable[[], timing.Round]] = {
    "CSafeLoader, 60 rows": lambda: _csafe(60),
    "text to table, 60 rows": lambda: _compile(60),
    "text to checked, 60 rows": lambda: _examine(60),
    "Program, 60 rows": lambda: _program(60),
    "CSafeLoader, 500 rows": lambda: _csafe(500),
    "text to checked, 500 rows": lambda: _examine(500),
    "CSafeLoader, 1000 rows": lambda: _csafe(1000),
    "SafeLoader, 1000 rows": lambda: _safe(1000),
    "text to table, 1000 rows": lambda: _compile(1000),
    "text to checked, 1000 rows": lambda: _examine(1000),
    "text to checked, 1000 rows, nothing remembered": lambda: _examine_anew(1000),
    "Program, 1000 rows": lambda: _program(1000),
}
GOALS = [
    Goal("text to checked, 60 rows", "CSafeLoader, 60 rows", 0.0, absolute=20e6),
    Goal("text to checked, 500 rows", "CSafeLoader, 500 rows", 0.0, absolute=100e6),
    Goal("text to table, 1000 rows", "CSafeLoader, 1000 rows", 1.3),
    Goal("text to checked, 1000 rows", "CSafeLoader, 1000 rows", 1.5),
]
REFERENCE = {
    "text to table, 60 rows": "CSafeLoader, 60 rows",
    "text to checked, 1000 rows, nothing remembered": "CSafeLoader, 1000 rows",
    "Program, 60 rows": "CSafeLoader, 60 rows",
    "SafeLoader, 1000 rows": "CSafeLoader, 1000 rows",
    "Program, 1000 rows": "CSafeLoader, 1000 rows",
}


def main() -> bool:
    figures = interleaved([Worker(Path(sys.executable), "benchmarks.load")])
    kilobytes = len(workload.text(1000)) // 1024
    return report(
        f"Loading a table: CPU time (1000 rows are {kilobytes} KiB)", figures, GOALS, REFERENCE
    )


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
