"""What a deployment in steps costs and how often it errs: choice of a call, looks, error rates.

The error rates are counted in simulation, with seeds, against a fixed-sample test that is looked at
as often: the two-proportion z-test that most canary scripts use.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from runtime.node.ramp import NewCall, Ramp, Rule
from runtime.ramps.figures import FIGURES
from runtime.ramps.judging import compare
from runtime.ramps.sequential import Quantile, Share

RUNS = 400
LOOKS = 40
MOST = 2000
"""Calls of the candidate after which a run ends undecided."""
RATIO = 4
"""Calls of the stable version for each of the candidate."""
ALPHA = 0.05
Z = 1.959964


@dataclass(frozen=True, slots=True)
class Rates:
    """How a method did over all runs."""

    taken_back: float
    median: int | None
    """Calls of the candidate until it was taken back, in half of those runs."""


def looks() -> Iterator[int]:
    """Yield how many calls of the candidate there are at each look."""
    yield from (MOST * n // LOOKS for n in range(1, LOOKS + 1))


def rates(stable: float, candidate: float, limit: float, seed: int) -> tuple[Rates, Rates]:
    """Return the rates of ours and of the repeated z-test for two shares of answered calls."""
    rng = random.Random(seed)
    ours: list[int] = []
    theirs: list[int] = []
    figure = FIGURES["answered"]
    for _ in range(RUNS):
        new = old = seen = 0
        first: dict[str, int] = {}
        for look in looks():
            new += sum(rng.random() < candidate for _ in range(look - seen))
            old += sum(rng.random() < stable for _ in range((look - seen) * RATIO))
            seen = look
            arms = Share(new, seen), Share(old, seen * RATIO)
            if "ours" not in first:
                found = compare(figure, *arms, limit, alpha=ALPHA, slack=1.0, needs=False)
                if found.verdict == "worse":
                    first["ours"] = seen
            if "z" not in first and z_worse(new, seen, old, seen * RATIO, limit):
                first["z"] = seen
            if len(first) == 2:
                break
        ours += [first["ours"]] if "ours" in first else []
        theirs += [first["z"]] if "z" in first else []
    return _rates(ours), _rates(theirs)


def z_worse(new: int, ours: int, old: int, theirs: int, limit: float) -> bool:
    """Say what a z-test with 95 % says of this look alone: fewer by more than the limit."""
    p, q = new / ours, old / theirs
    deviation = math.sqrt(max(p * (1 - p) / ours + q * (1 - q) / theirs, 1e-12))
    return (q - p - limit) / deviation > Z


def _rates(needed: list[int]) -> Rates:
    ordered = sorted(needed)
    return Rates(len(needed) / RUNS, ordered[len(ordered) // 2] if ordered else None)


def choices(seconds: float = 0.5) -> float:
    """Return how many new calls a second one core puts on a side."""
    rule = Rule("salt", 25.0, numbers=("1*", "49302*"), sources=("10.0.0.0/8",))
    ramp = Ramp("support", None, rule)  # type: ignore[arg-type]
    calls = [NewCall(f"sip:+4930{n:07d}@trunk", "100", "10.1.2.3", "a") for n in range(1000)]
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for call in calls:
            ramp.takes(call)
        count += len(calls)
    return count / (time.perf_counter() - began)


def comparing(calls: int) -> float:
    """Return the milliseconds of comparing five figures of so many calls, a fifth of them new."""
    rng = random.Random(1)
    old = sorted(rng.lognormvariate(0, 0.4) for _ in range(calls * 4 // 5))
    new = sorted(rng.lognormvariate(0, 0.4) for _ in range(calls // 5))
    share = Share(len(new) * 0.7, len(new)), Share(len(old) * 0.7, len(old))
    began = time.perf_counter()
    for _ in range(4):
        compare(FIGURES["answered"], *share, 0.05, alpha=0.0025, slack=1.0)
    times = Quantile(new, 0.95), Quantile(old, 0.95)
    compare(FIGURES["delay"], *times, 0.25, alpha=0.0025, slack=1.0)
    return (time.perf_counter() - began) * 1000


def main() -> bool:
    """Print the figures; False if one is not reached."""
    print("\nDeployments in steps")
    print(f"  a side chosen for a new call     {choices():>12,.0f} a second on one core")
    print(f"  five figures of 50 000 calls     {comparing(50_000):>12.1f} ms a look")
    print(f"\n  {RUNS} runs, {LOOKS} looks up to {MOST} calls of the candidate, 1 of 5 calls")
    print(f"  {'answered, stable -> candidate':<34}{'taken back':>12}{'half by':>9}", end="")
    print(f"{'z-test':>10}{'half by':>9}")
    good = True
    for name, stable, candidate, limit, worse in (
        ("90 % -> 90 %, limit 0", 0.9, 0.9, 1e-9, False),
        ("70 % -> 65 %, at the limit 5 pt", 0.7, 0.65, 0.05, False),
        ("90 % -> 80 %, limit 5 pt", 0.9, 0.8, 0.05, True),
        ("90 % -> 70 %, limit 5 pt", 0.9, 0.7, 0.05, True),
        ("90 % -> 0 %, limit 5 pt", 0.9, 0.0, 0.05, True),
    ):
        ours, theirs = rates(stable, candidate, limit, seed=5)
        good &= ours.taken_back >= 0.9 if worse and candidate <= 0.7 else True
        good &= worse or ours.taken_back <= ALPHA
        print(
            f"  {name:<34}{ours.taken_back:>11.1%} {ours.median or '-':>8}"
            f"{theirs.taken_back:>9.1%} {theirs.median or '-':>8}"
        )
    return good


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
