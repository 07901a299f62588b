"""What a check costs in CPU time: the quick rules per keystroke, the deeper ones after a save.

The smaller tables are those of the product and of its tests; the larger ones are made of them: the
states of talking and holding once more under other names, reached by a timer. Nothing is wrong with
any of them, so all that can be walked through is walked through.
"""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import workload
from benchmarks.runner import machine
from flows.check import examine
from flows.check.deep import examine as walk_through

ROOT = Path(__file__).resolve().parent.parent
IN_CALL = ("Active", "Holding", "HoldGlare", "OnHold", "Resuming", "ResumeGlare", "HeldByPeer")
ROUNDS = 5


class Figure(NamedTuple):
    """One case, measured."""

    case: str
    rows: int
    seconds: float
    """Median CPU time of a round."""
    aim: float
    joint: int = 0
    """Configurations visited."""


def rows() -> list[Figure]:
    """Measure every case."""
    hold = (ROOT / "state_tables" / "call_with_hold.yaml").read_text("utf-8")
    correct = ROOT / "tests" / "flows" / "data" / "correct"
    talk, transfer = (
        (correct / f"{name}.yaml").read_text("utf-8") for name in ("announcement", "transfer")
    )
    found = [_quick("T0, 60 rows", workload.text(60), 0.020)]
    found.append(_quick("T0, 500 rows", workload.text(500), 0.100))
    found.append(_deep("T2, announcement", talk, 0.5))
    found.append(_deep("T2, call_with_hold", hold, 0.5))
    found.append(_deep("T2, transfer", transfer, 2.0))
    found.append(_deep("T2, call_with_hold, its call twice", grown(hold, 1), 2.0))
    return found


def grown(text: str, times: int) -> str:
    """Give a table the states of its call once more, or several times, each after the other."""
    lines = text.splitlines()
    at = lines.index("transitions:")
    states, transitions = lines[:at], lines[at:]
    more: list[str] = []
    for copy in range(2, times + 2):
        for name in IN_CALL:
            start = states.index(f"  {name}:")
            length = next(n for n, line in enumerate(states[start + 1 :], 1) if line[:3] != "   ")
            more += [f"  {name}{copy}:", *states[start + 1 : start + length]]
        transitions += [
            _renamed(line, copy)
            for line in lines[at:]
            if line.startswith("- {") and _from(line) in IN_CALL
        ]
        before = "Active" if copy == 2 else f"Active{copy - 1}"
        transitions.append(
            f"- {{from_state: {before}, role: Both, event: {{after: {600 * copy}s}}, "
            f"next_state: Active{copy}}}"
        )
    end = states.index("  CancelPending:")
    return "\n".join([*states[:end], *more, *states[end:], *transitions]) + "\n"


def _from(line: str) -> str:
    found = re.search(r"from_state: (\w+)", line)
    return found.group(1) if found else ""


def _renamed(line: str, copy: int) -> str:
    def name(match: re.Match[str]) -> str:
        other = f"{match[2]}{copy}" if match[2] in IN_CALL else match[2]
        return f"{match[1]}: {other}"

    line = re.sub(r"(\bid): ([\w-]+)", rf"\1: \2-{copy}", line)
    return re.sub(r"(from_state|next_state): (\w+)", name, line)


def _quick(case: str, text: str, aim: float) -> Figure:
    compiled = examine(text)
    assert compiled.table is not None
    return Figure(case, len(compiled.table.rows), _median(partial(examine, text)), aim)


def _deep(case: str, text: str, aim: float) -> Figure:
    compiled = examine(text)
    assert compiled.table is not None
    looked = walk_through(compiled, tier=2)
    seconds = _median(partial(walk_through, compiled, tier=2))
    return Figure(case, len(compiled.table.rows), seconds, aim, looked.states)


def _median(run: Callable[[], object]) -> float:
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        run()
        spent.append(time.process_time() - began)
    return statistics.median(spent)


def main() -> bool:
    print(f"\nChecker: CPU time of one check\n{machine()}; median of {ROUNDS} rounds\n")
    for figure in rows():
        verdict = "met" if figure.seconds <= figure.aim else "MISSED"
        seen = f"{figure.joint} configurations" if figure.joint else ""
        print(
            f"{figure.case:<34}{figure.rows:>6} rows{1000 * figure.seconds:>9.1f} ms   "
            f"aim <= {1000 * figure.aim:.0f} ms   {verdict:<7}{seen}".rstrip()
        )
    # Shown and not judged: absolute times are the machine's.
    return True


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
