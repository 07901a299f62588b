"""Ten minutes of calls at 200 a second: `python -m benchmarks.sip_soak [SECONDS] [RATE]`.

No call may fail, and the node's memory may not grow: the slope of its resident size is taken by
least squares over what follows the first third, in which caches fill and the first transactions
reach their end.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.runner import machine
from benchmarks.sip_driver import command, counted
from benchmarks.sip_memory import resident
from benchmarks.sip_process import subject

SECONDS, RATE = 600, 200
LOOK = 5.0
FLAT = 10_000.0
"""Bytes a second of growth that are taken for none: a fiftieth of what one kept message a call
would be."""


def main(seconds: int = SECONDS, rate: int = RATE) -> bool:
    calls = seconds * rate
    with (
        subject(sys.executable, "benchmarks.sip_ours", "node") as node,
        tempfile.TemporaryDirectory(prefix="sipp") as folder,
    ):
        before = node.cpu()
        driver = subprocess.Popen(
            command(
                ["-sn", "uac", f"127.0.0.1:{node.port}"],
                folder,
                *("-m", str(calls), "-r", str(rate), "-l", "100000"),
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        start, seen = time.monotonic(), []
        try:
            while driver.poll() is None and time.monotonic() - start < seconds + 60:
                seen.append((time.monotonic() - start, float(resident(node.process.pid))))
                time.sleep(LOOK)
        finally:
            driver.kill()
            driver.wait()
        told = counted(Path(folder) / "stat.csv", calls)
        spent = (node.cpu() - before) / calls / 1000
    growth = slope([each for each in seen if each[0] > seconds / 3 and each[0] < seconds])
    good = told.successful == calls and growth <= FLAT
    print(machine())
    print(
        f"{calls:,} calls in {seconds} s: {calls - told.successful} failed,"
        f" {told.retransmissions} messages sent again; {spent:.0f} us CPU a call;"
        f" {seen[-1][1] / 1e6:.0f} MB resident, {growth / 1000:+.1f} kB a second"
        f"  {'met' if good else 'MISSED'}"
    )
    return good


def slope(points: list[tuple[float, float]]) -> float:
    """The slope of the line that fits the points best; 0.0 for fewer than two."""
    if len(points) < 2:
        return 0.0
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    width = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / width


if __name__ == "__main__":
    sys.exit(0 if main(*map(int, sys.argv[1:3])) else 1)
