"""SIPp as the driver of `make bench-sip`: it places or answers calls and says how they went."""

from __future__ import annotations

import csv
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SIPP = shutil.which("sipp") or "sipp"
SECONDS = 120


@dataclass
class Counted:
    """What SIPp counted in one run."""

    calls: int
    successful: int
    retransmissions: int

    def tell(self, case: str) -> None:
        """Say so where a run was not clean: its CPU time is then of other work as well."""
        if self.successful < self.calls or self.retransmissions:
            failed = self.calls - self.successful
            print(f"  {case}: {failed} failed, {self.retransmissions} sent again", file=sys.stderr)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(scenario: list[str], folder: str, *more: str) -> list[str]:
    return [
        *(SIPP, *scenario, "-i", "127.0.0.1", "-p", str(free_port()), "-nostdin"),
        *("-trace_stat", "-stf", f"{folder}/stat.csv", "-fd", "1", *more),
    ]


def drive(port: int, calls: int, rate: int, user: str = "service") -> Counted:
    """Place calls to a user at a port."""
    with tempfile.TemporaryDirectory(prefix="sipp") as folder:
        subprocess.run(
            command(
                ["-sn", "uac", "-s", user, f"127.0.0.1:{port}"],
                folder,
                *("-m", str(calls), "-r", str(rate), "-l", "100000"),
                *("-timeout", f"{SECONDS}s", "-recv_timeout", "20000"),
                # A 180 that comes behind its 200 (several sending threads) fails no call.
                *("-default_behaviors", "all,-abortunexp"),
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS + 20,
            check=False,
        )
        return counted(Path(folder) / "stat.csv", calls)


def counted(path: Path, calls: int) -> Counted:
    with path.open(newline="", errors="replace") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    last = rows[-1] if rows else {}
    return Counted(
        calls,
        int(last.get("SuccessfulCall(C)") or 0),
        int(last.get("Retransmissions(C)") or 0),
    )


@contextmanager
def sipp_answers() -> Iterator[int]:
    """Let SIPp answer calls (180, 200) while the context lasts; gives its port."""
    with tempfile.TemporaryDirectory(prefix="sipp") as folder:
        line = command(["-sn", "uas"], folder)
        port = int(line[line.index("-p") + 1])
        process = subprocess.Popen(
            line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
        )
        try:
            wanted = f"0100007F:{port:04X}"
            while wanted not in Path("/proc/net/udp").read_text():
                time.sleep(0.01)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=30)
