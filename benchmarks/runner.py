"""Let cases of several processes take turns, and print what came out beside the goals."""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-bench"
LOCK = ROOT / "requirements" / "bench.txt"
ROUNDS = 9
SLACK = 1.15
"""A goal missed by less than this is a warning: machines are noisy."""


@dataclass
class Goal:
    """`case` over `against` shall be at most (or, with `at_least`, at least) `ratio`."""

    case: str
    against: str
    ratio: float
    at_least: bool = False
    absolute: float | None = None
    """Instead of a ratio: the most that `case` itself may be, in nanoseconds."""


@dataclass
class Figures:
    """The figures of all rounds, by case, in the order of the first round."""

    rounds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, case: str, figure: float) -> None:
        self.rounds.setdefault(case, []).append(figure)

    def median(self, case: str) -> float:
        return statistics.median(self.rounds[case])

    def ratio(self, case: str, against: str) -> float:
        """The median of the ratios of each round: slow moments of the machine fall out."""
        pairs = zip(self.rounds[case], self.rounds[against], strict=True)
        return statistics.median(a / b for a, b in pairs)

    def spread(self, case: str) -> float:
        """Distance of the quartiles, as a part of the median."""
        low, _, high = statistics.quantiles(self.rounds[case], n=4)
        return (high - low) / self.median(case)


class Worker:
    """A process that owns the cases of one module, in one environment."""

    def __init__(self, python: Path, module: str) -> None:
        self.process = subprocess.Popen(
            [str(python), "-m", "benchmarks.worker", module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.cases: list[str] = self._read()

    def round(self, case: str) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        return float(self._read())

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a benchmark process ended with status {self.process.wait()}")
        return json.loads(line)


def interleaved(workers: Iterable[Worker], rounds: int = ROUNDS) -> Figures:
    """Run every case once in each round, after one round that does not count."""
    figures = Figures()
    workers = list(workers)
    try:
        for number in range(-1, rounds):
            for worker in workers:
                for case in worker.cases:
                    figure = worker.round(case)
                    if number >= 0:
                        figures.add(case, figure)
            if sys.stderr.isatty():
                print(f"\r  round {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
        if sys.stderr.isatty():
            print("\r" + " " * 30 + "\r", end="", file=sys.stderr)
    finally:
        for worker in workers:
            worker.stop()
    return figures


def peers_python() -> Path:
    """Return the interpreter of the peers' environment, made from its lock file if need be."""
    python = PEERS / "bin" / "python"
    stamp = PEERS / ".locked"
    wanted = LOCK.read_text()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        raise SystemExit("The peers need uv to be installed: run `make setup` first.")
    print("Setting up the peers' environment ...", file=sys.stderr)
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(PEERS)],
        [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(LOCK)],
    ):
        done = subprocess.run(command, cwd=ROOT)
        if done.returncode:
            raise SystemExit(f"`{' '.join(command[:3])}` failed: the peers are not measured.")
    stamp.write_text(wanted)
    return python


# -- the printed table -----------------------------------------------------------------------------


def machine() -> str:
    """Name the machine: processor, cores, system, interpreter."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{platform.node()}: {model}, {os.cpu_count()} cores, {platform.system()}, {python}"


def report(title: str, figures: Figures, goals: list[Goal], reference: dict[str, str]) -> bool:
    """Print one table; return whether every goal is met within the slack.

    `reference` names, for each case, the case it is compared with.
    """
    print(f"\n{title}\n{machine()}; median of {len(next(iter(figures.rounds.values())))} rounds\n")
    lines = [("case", "figure", "spread", "ratio", "goal", "")]
    good = True
    by_case = {goal.case: goal for goal in goals}
    for case in figures.rounds:
        goal = by_case.get(case)
        against = goal.against if goal else reference.get(case, "")
        ratio = f"{figures.ratio(case, against):.2f} x {against}" if against else ""
        wanted, verdict = "", ""
        if goal is not None:
            wanted, verdict = _judge(goal, figures)
            good = good and verdict != "MISSED"
        lines.append(
            (case, _figure(case, figures), f"{figures.spread(case):.0%}", ratio, wanted, verdict)
        )
    widths = [max(len(line[i]) for line in lines) for i in range(6)]
    for line in lines:
        cells = [
            text.rjust(w) if i in (1, 2) else text.ljust(w)
            for i, (text, w) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
    return good


def _judge(goal: Goal, figures: Figures) -> tuple[str, str]:
    if goal.absolute is not None:
        value, limit = figures.median(goal.case), goal.absolute
        wanted = f"<= {_nanoseconds(limit)}"
    else:
        value, limit = figures.ratio(goal.case, goal.against), goal.ratio
        wanted = f"{'>=' if goal.at_least else '<='} {limit:g} x"
    distance = limit / value if goal.at_least else value / limit
    return wanted, "met" if distance <= 1 else "close" if distance <= SLACK else "MISSED"


def _figure(case: str, figures: Figures) -> str:
    value = figures.median(case)
    return f"{value:.0f} B" if case.endswith("bytes") else _nanoseconds(value)


def _nanoseconds(value: float) -> str:
    for unit, size in (("ms", 1e6), ("us", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f} ns"
