"""How long a deployment takes until calls run it: `make bench-deploy`.

Whole instances over PostgreSQL and Redis, as people run them, asked by their REST API and by calls:

- save to first call: from before a version is sent until a call that began later was answered by
  it, on one node and on the slowest of three;
- deploy to first call: the same from before the deployment is sent;
- rollback: from before it is sent until the slowest of three nodes answers by the version before,
  and until each node's answer is shown;
- with --traffic: 100 deployments during 50 calls a second of SIPp, failed calls and mixed ones.

The probes call all the time, so a figure has a resolution of one short call (shown as `a call`).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.caller import Caller
from tests import fleet as fleets
from tests.fleet import PROBE, Fleet, telling

ROUNDS = 20
AIM_ONE, AIM_THREE, AIM_BACK = 50.0, 150.0, 2000.0
"""Milliseconds, at the 99th percentile: one node, the slowest of three, a rollback shown."""


@dataclass
class Probe:
    """Calls one node again and again, and notes when it first answered by a word."""

    remote: tuple[str, int]
    wanted: str = ""
    seen: threading.Event = field(default_factory=threading.Event)
    at: float = 0.0
    calls: list[float] = field(default_factory=list)
    ended: bool = False

    def run(self) -> None:
        while not self.ended:
            if not self.wanted or self.seen.is_set():
                time.sleep(0.001)
                continue
            began = time.perf_counter()
            with Caller(self.remote, caller=PROBE) as caller:
                word = caller.invite().reason
            now = time.perf_counter()
            self.calls.append(now - began)
            if word == self.wanted:
                self.at = now
                self.seen.set()
            time.sleep(0.001)


class Probes:
    """One probe for each node, each in a thread."""

    def __init__(self, fleet: Fleet, names: Sequence[str]) -> None:
        self.all = [Probe(fleet.sip(name)) for name in names]
        self._threads = [threading.Thread(target=each.run, daemon=True) for each in self.all]
        for thread in self._threads:
            thread.start()

    def expect(self, word: str) -> None:
        for each in self.all:
            each.seen.clear()
            each.wanted = word

    def last(self, began: float) -> float:
        """Return when the slowest answered by the word, milliseconds after `began`."""
        for each in self.all:
            if not each.seen.wait(30):
                raise RuntimeError(f"{each.remote} never ran {each.wanted}")
        return (max(each.at for each in self.all) - began) * 1000

    def end(self) -> None:
        for each in self.all:
            each.ended = True
        for thread in self._threads:
            thread.join()

    @property
    def call(self) -> float:
        """Return the median time of one probing call, milliseconds."""
        return statistics.median(one for each in self.all for one in each.calls) * 1000


def saves(fleet: Fleet, names: Sequence[str], rounds: int, word: str) -> dict[str, list[float]]:
    """Save and deploy `rounds` versions, and time each."""
    probes = Probes(fleet, names)
    times: dict[str, list[float]] = {"save": [], "deploy": [], "request": []}
    try:
        for number in range(rounds + 1):
            said = f"{word}{number}"
            text = telling(said)
            began = time.perf_counter()
            version = fleet.save(text)
            asked = time.perf_counter()
            probes.expect(said)
            fleet.deploy(version)
            answered = time.perf_counter()
            if number:  # the first warms up
                times["deploy"].append(probes.last(asked))
                times["save"].append(probes.last(began))
                times["request"].append((answered - asked) * 1000)
            else:
                probes.last(began)
    finally:
        probes.end()
    times["call"] = [probes.call]
    return times


def rollbacks(fleet: Fleet, names: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Deploy and roll back; time until calls run the version before, and until that is shown."""
    for word in ("back", "forth"):
        fleet.deploy(fleet.save(telling(word)))
    probes = Probes(fleet, names)
    times: dict[str, list[float]] = {"runs": [], "shown": []}
    runs = dict.fromkeys(names, "runs")
    try:
        for number in range(rounds):
            probes.expect("back" if number % 2 == 0 else "forth")
            began = time.perf_counter()
            fleet.api("POST", "flows/echo_test/rollback", {})
            while fleet.progress() != runs:
                time.sleep(0.002)
            times["shown"].append((time.perf_counter() - began) * 1000)
            times["runs"].append(probes.last(began))
    finally:
        probes.end()
    return times


def show(what: str, values: Sequence[float], aim: float | None = None) -> bool:
    """Print median and 99th percentile; say whether the aim is kept."""
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    well = aim is None or high <= aim
    wanted = "" if aim is None else f"   aim p99 {aim:.0f} ms{'' if well else '   MISSED'}"
    print(f"{what:<52} p50 {statistics.median(values):7.1f} ms   p99 {high:7.1f} ms{wanted}")
    return well


def traffic(fleet: Fleet, deployments: int, rate: int) -> bool:
    """Deploy again and again while SIPp calls; no call may fail or run two versions."""
    return asyncio.run(_traffic(fleet, deployments, rate))


async def _traffic(fleet: Fleet, deployments: int, rate: int) -> bool:
    from tests.sip.sipp import SIPP, Sipp

    if SIPP is None:
        print("SIPp is not installed: no traffic")
        return True
    seconds = deployments * 0.5
    calls = int(rate * seconds)
    load = await Sipp(
        "uac", remote=fleet.sip("node1"), calls=calls, rate=rate, timeout=int(seconds * 4)
    ).start()
    began = time.perf_counter()
    for number in range(deployments):
        version = await asyncio.to_thread(fleet.save, telling(f"t{number}"))
        await asyncio.to_thread(fleet.deploy, version)
        await asyncio.sleep(max(0.0, began + (number + 1) * 0.5 - time.perf_counter()))
    result = await load.finish()
    await asyncio.to_thread(settle, fleet, calls)
    used, mixed = await asyncio.to_thread(versions_of_calls, fleet)
    print(
        f"{deployments} deployments during {rate} calls/s: {result.successful} calls well,"
        f" {result.failed} failed, on {used} versions, {mixed} on more than one"
    )
    if result.failed:
        print(await asyncio.to_thread(failures, fleet), result.errors[-1500:])
    return result.failed == 0 and mixed == 0


def failures(fleet: Fleet) -> str:
    """Return how calls ended other than well, by outcome and by what the failed action said."""
    import psycopg

    with psycopg.connect(fleet.services["DATABASE_URL"]) as connection:
        ended = connection.execute(
            "SELECT outcome, state, COUNT(*) FROM runtime_session"
            " WHERE outcome <> 'completed' GROUP BY outcome, state"
        ).fetchall()
        said = connection.execute(
            "SELECT fields, COUNT(*) FROM runtime_step WHERE event = 'ActionFailed' GROUP BY fields"
        ).fetchall()
    return f"outcomes {ended}; failed actions {said}"


def settle(fleet: Fleet, calls: int) -> None:
    """Wait until the record has all calls that are over."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if fleet.api("GET", "sessions?show=live") == []:
            return
        time.sleep(0.5)


def versions_of_calls(fleet: Fleet) -> tuple[int, int]:
    """Return how many versions calls ran, and how many calls ran more than one."""
    import psycopg

    with psycopg.connect(fleet.services["DATABASE_URL"]) as connection:
        used = connection.execute("SELECT COUNT(DISTINCT digest) FROM runtime_session").fetchone()
        mixed = connection.execute(
            "SELECT COUNT(*) FROM (SELECT session_id FROM runtime_step"
            " GROUP BY session_id HAVING COUNT(DISTINCT digest) > 1) AS several"
        ).fetchone()
    assert used is not None and mixed is not None
    return int(used[0]), int(mixed[0])


def main(arguments: Sequence[str] = ()) -> bool:
    """Run all of it; return whether all aims are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--traffic", action="store_true", help="deploy under SIPp's calls too")
    options = parser.parse_args(arguments)
    good = []
    with tempfile.TemporaryDirectory(prefix="callsmith-bench-") as folder:
        print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        for count, aim in ((1, AIM_ONE), (3, AIM_THREE)):
            names = [f"node{number}" for number in range(1, count + 1)]
            with fleets.running(Path(folder) / str(count), *names[1:]) as fleet:
                times = saves(fleet, names, options.rounds, f"{count}n")
                of = f"{count} node{'s, the slowest' if count > 1 else ''}"
                good.append(show(f"deploy to first call, {of}", times["deploy"], aim))
                show(f"save to first call, {of}", times["save"])
                show("  the request to deploy itself", times["request"])
                show("  a call of a probe", times["call"])
                if count > 1:
                    back = rollbacks(fleet, names, options.rounds // 2 * 2)
                    good.append(show(f"rollback to first call, {of}", back["runs"], AIM_BACK))
                    good.append(show(f"rollback until all answers are shown, {of}", back["shown"],
                                     AIM_BACK))  # fmt: skip
                if options.traffic and count == 1:
                    good.append(traffic(fleet, 100, 50))
    return all(good)


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
