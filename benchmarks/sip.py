"""What a call costs the signalling: `make bench-sip`.

SIPp drives each answerer in turn with the same calls (INVITE 100 180 200 ACK BYE 200) at the same
rate; what counts is the CPU time of the answerer's process for one call, all threads included.
Wall-clock rates depend on what else the machine does and judge nothing.

    python -m benchmarks.sip [--rounds N] [--calls N] [--rate N] [--peers no] [--sessions N]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks import sip_memory
from benchmarks.runner import Figures, Goal, peers_python, report
from benchmarks.sip_driver import Counted, drive, sipp_answers
from benchmarks.sip_process import Subject, subject
from benchmarks.sip_registering import register
from benchmarks.sip_table import TWO_LEGS

ROUNDS = 7
CALLS, RATE = 600, 200
UAS, UAC, BARE = "call answered (UAS)", "call placed (UAC)", "bare asyncio answerer"
TWO, REGISTERED = "call of two legs", "REGISTER with digest"
BARE_UVLOOP = "the same on uvloop"
OURS = "benchmarks.sip_ours"
PEERS = ("sipua", "aiosipua", "sippy")
GOALS = [
    Goal(UAS, "sipua", 0.6),
    Goal(UAS, "sippy", 0.35),
    Goal(UAS, BARE, 3.0),
    Goal(UAC, UAS, 1.3),
    Goal(TWO, UAS, 2.5),
    Goal(REGISTERED, UAS, 1.0),
]


def answered(one: Subject, options: argparse.Namespace) -> Counted:
    """Have SIPp call it."""
    return drive(one.port, options.calls, options.rate)


def placed(one: Subject, options: argparse.Namespace) -> Counted:
    """Have it call SIPp."""
    with sipp_answers() as port:
        successful = int(one.ask(f"call {port} {options.calls} {options.rate}"))
        return Counted(options.calls, successful, 0)


def passed_on(one: Subject, options: argparse.Namespace) -> Counted:
    """Have SIPp call it, and another SIPp answer what it passes on."""
    with sipp_answers() as port:
        one.ask(f"pass-on {port}")
        return drive(one.port, options.calls, options.rate, user=TWO_LEGS)


def registered(one: Subject, options: argparse.Namespace) -> Counted:
    """Have phones register with it."""
    return register(one.port, options.calls, options.rate)


def figures(options: argparse.Namespace) -> Figures:
    cases: dict[str, tuple[Subject, Callable[[Subject, argparse.Namespace], Counted]]] = {}
    found = Figures()
    with ExitStack() as stack:
        node = stack.enter_context(subject(sys.executable, OURS, "node"))
        cases[UAS] = node, answered
        cases[UAC] = node, placed
        cases[TWO] = node, passed_on
        registrar = stack.enter_context(subject(sys.executable, OURS, "registrar"))
        cases[REGISTERED] = registrar, registered
        cases[BARE] = stack.enter_context(subject(sys.executable, OURS, "bare")), answered
        other = stack.enter_context(subject(sys.executable, OURS, "bare-uvloop"))
        cases[BARE_UVLOOP] = other, answered
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
    parser.add_argument("--sessions", type=int, default=20_000)
    options = parser.parse_args(arguments)
    found = figures(options)
    good = report_all(found, [goal for goal in GOALS if goal.against in found.rounds])
    if options.sessions:
        good = sip_memory.main(options.sessions) and good
    return good


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
