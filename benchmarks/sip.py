"""What a call costs the signalling: `make bench-sip`.

SIPp drives each answerer in turn with the same calls (INVITE 100 180 200 ACK BYE 200) at the same
rate; what counts is the CPU time of the answerer's process for one call, all threads included.
Wall-clock rates depend on what else the machine does and judge nothing.

    python -m benchmarks.sip [--rounds N] [--calls N] [--rate N] [--peers no] [--sessions N]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.runner import ROOT, Figures, Goal, machine, peers_python, report
from benchmarks.sip_driver import Counted, drive, sipp_answers

ROUNDS = 7
CALLS, RATE = 600, 200
UAS, UAC, BARE = "call answered (UAS)", "call placed (UAC)", "bare answerer"
OURS = "benchmarks.sip_ours"
PEERS = ("sipua", "aiosipua", "sippy")
GOALS = [
    Goal(UAS, "sipua", 0.6),
    Goal(UAS, "sippy", 0.35),
    Goal(UAS, BARE, 3.0),
    Goal(UAC, UAS, 1.3),
]


class Subject:
    """One process whose CPU time is measured, started once for all rounds."""

    def __init__(self, python: Path | str, module: str, name: str) -> None:
        self.process = subprocess.Popen(
            # aiosipua asserts what is no longer true of asyncio, and works without its assertion.
            [str(python), *(["-O"] if name == "aiosipua" else []), "-m", module, name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._line())

    def ask(self, command: str) -> str:
        """Have it do something, and return what it says when it is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._line()

    def cpu(self) -> int:
        """Return the nanoseconds all its threads have run so far (Linux)."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(each.read_text().split()[0]) for each in threads)

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a measured process ended with status {self.process.wait()}")
        return line


@contextmanager
def subject(python: Path | str, module: str, name: str) -> Iterator[Subject]:
    one = Subject(python, module, name)
    try:
        yield one
    finally:
        one.stop()


def answered(one: Subject, options: argparse.Namespace) -> Counted:
    """Have SIPp call it."""
    return drive(one.port, options.calls, options.rate)


def placed(one: Subject, options: argparse.Namespace) -> Counted:
    """Have it call SIPp."""
    with sipp_answers() as port:
        successful = int(one.ask(f"call {port} {options.calls} {options.rate}"))
        return Counted(options.calls, successful, 0)


def figures(options: argparse.Namespace) -> Figures:
    cases: dict[str, tuple[Subject, Callable[[Subject, argparse.Namespace], Counted]]] = {}
    found = Figures()
    with ExitStack() as stack:
        node = stack.enter_context(subject(sys.executable, OURS, "node"))
        cases[UAS] = node, answered
        cases[UAC] = node, placed
        cases[BARE] = stack.enter_context(subject(sys.executable, OURS, "bare")), answered
        if options.peers != "no":
            python = peers_python()
            for name in PEERS:
                one = stack.enter_context(subject(python, "benchmarks.sip_peers", name))
                cases[name] = one, answered
        for number in range(-1, options.rounds):
            for case, (one, run) in cases.items():
                before = one.cpu()
                counted = run(one, options)
                spent = one.cpu() - before
                if number >= 0:
                    found.add(case, spent / options.calls)
                    counted.tell(case)
    return found


def main(arguments: list[str] | None = None) -> bool:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sip")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--peers", default="yes", choices=("yes", "no"))
    parser.add_argument("--sessions", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.sessions:
        from benchmarks import sip_memory

        print(machine())
        return sip_memory.main(options.sessions)
    found = figures(options)
    goals = [goal for goal in GOALS if goal.against in found.rounds]
    return report_all(found, goals)


def report_all(found: Figures, goals: list[Goal]) -> bool:
    """Print the table; a case may have several goals, which `report` has one line for each."""
    first: dict[str, Goal] = {}
    more: list[Goal] = []
    for goal in goals:
        if first.setdefault(goal.case, goal) is not goal:
            more.append(goal)
    good = report("SIP: CPU time of one call", found, list(first.values()), {})
    for goal in more:
        ratio = found.ratio(goal.case, goal.against)
        verdict = "met" if ratio <= goal.ratio else "MISSED"
        good = good and verdict == "met"
        print(f"{goal.case}: {ratio:.2f} x {goal.against}  <= {goal.ratio:g} x  {verdict}")
    return good


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
