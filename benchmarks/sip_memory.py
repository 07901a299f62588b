"""What a living session keeps in memory, signalling alone: `python -m benchmarks.sip --sessions N`.

SIPp opens that many calls to one node and leaves them open; the node's resident memory is read
once a tenth of them live and once all of them do, each time after the transactions of their
beginning have ended (the node's SIP timers run ten times as fast for that). The slope between the
two is what a session costs, interpreter, stack, journal and allocator included.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.sip_driver import SIPP, free_port
from benchmarks.sip_process import subject

GOAL = 8 * 1024
RATE = 400
TALK = 3_600_000
"""Milliseconds SIPp would talk; it is stopped before."""
REST = 8.0
"""Seconds after which transactions of the beginning are gone: 64 * T1 of a quick node, twice."""


def main(sessions: int) -> bool:
    few = sessions // 10
    with ExitStack() as stack:
        node = stack.enter_context(subject(sys.executable, "benchmarks.sip_ours", "quick"))
        callers: list[subprocess.Popen[bytes]] = []
        stack.callback(_stop, callers)
        sizes = []
        for more, wanted in ((few, few), (sessions - few, sessions)):
            callers.append(_open(node.port, more))
            while int(node.ask("sessions")) < wanted:
                if callers[-1].poll() is not None:
                    raise SystemExit("SIPp ended before all calls were open")
                time.sleep(0.5)
            time.sleep(REST)
            living = int(node.ask("sessions"))
            sizes.append((living, resident(node.process.pid)))
    (low, before), (high, after) = sizes
    slope = (after - before) / (high - low)
    verdict = "met" if slope <= GOAL else "MISSED"
    print(
        f"{high:,} living sessions, signalling alone: {after / 1e6:.0f} MB resident"
        f" ({before / 1e6:.0f} MB with {low:,}); {slope:,.0f} bytes each"
        f"  <= {GOAL:,}  {verdict}"
    )
    return slope <= GOAL


def _open(port: int, calls: int) -> subprocess.Popen[bytes]:
    chosen = [SIPP, "-sn", "uac", f"127.0.0.1:{port}", "-i", "127.0.0.1", "-p", str(free_port())]
    limits = ["-m", str(calls), "-r", str(RATE), "-l", "100000", "-d", str(TALK), "-nostdin"]
    return subprocess.Popen(
        [*chosen, *limits], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _stop(callers: list[subprocess.Popen[bytes]]) -> None:
    for each in callers:
        each.kill()
        each.wait()


def resident(pid: int) -> int:
    """Return the bytes of a process that are in memory (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("the node's memory cannot be read")
