"""One node journals transitions at a steady rate and ships them to PostgreSQL, while the database
goes away and the node is killed: `make bench-sustained`.

    python -m benchmarks.sustained [SECONDS] [RATE] [AWAY]

Nothing may be lost: what the node had written when it was killed is in the database afterwards,
each transition once, and the chain holds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.runner import machine
from tests import services

SECONDS, RATE, AWAY = 20.0, 20_000, 5.0
STEPS_OF_A_CALL = 6
PIECE = 0.01
"""Seconds of transitions that are written at once."""


def node(folder: Path, rate: int) -> None:
    """Be the node: write `rate` transitions a second until killed, and ship beside."""
    import django

    django.setup()
    from benchmarks.audit_rows import DECISIONS, LAST
    from runtime.executor.step import Step
    from runtime.node.journal import Journal, StepRecord, next_epoch
    from runtime.node.shipper import Shipper
    from runtime.sink import DatabaseSink

    epoch = next_epoch(folder, "bench")
    journal = Journal(folder, "bench", epoch)
    shipper = Shipper(folder, "bench", epoch, DatabaseSink())
    threading.Thread(target=_ship, args=(shipper,), daemon=True).start()
    fields = {"from": "sip:+493055564217@example.com", "to": "sip:100@sbc.example.com"}
    start, written = time.perf_counter(), 0
    while True:
        due = int((time.perf_counter() - start) * rate)
        while written < due:
            call, sequence = divmod(written, STEPS_OF_A_CALL)
            name, last = f"bench-{epoch}-{call:08x}", sequence == STEPS_OF_A_CALL - 1
            decision = LAST if last else DECISIONS[sequence % 5]
            told = {} if sequence else fields
            step = Step(name, sequence + 1, time.time(), "DialogACK", told, decision)
            journal.append(StepRecord(step))
            written += 1
        cpu = time.process_time()
        print(written, shipper.shipped, shipper.lag, f"{cpu:.2f}", flush=True)
        time.sleep(PIECE)


def _ship(shipper: Any) -> None:
    while True:
        try:
            if not shipper.pump():
                time.sleep(0.02)
        except Exception:  # the database is away: the world's failure, tried again
            time.sleep(0.2)


class Watched:
    """The node's process, and what it said last."""

    def __init__(self, folder: Path, rate: int) -> None:
        arguments = ["--node", str(folder), str(rate)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sustained", *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.written = self.shipped = self.lag = 0
        self.cpu = 0.0
        self.most_lag = 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = line.split()
            if len(said) == 4:
                self.written, self.shipped, self.lag = map(int, said[:3])
                self.cpu = float(said[3])
                self.most_lag = max(self.most_lag, self.lag)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.reader.join()


def main(seconds: float = SECONDS, rate: int = RATE, away: float = AWAY) -> bool:
    server = services.Postgres()
    try:
        with tempfile.TemporaryDirectory(prefix="callsmith-bench-") as data:
            return _measure(server, Path(data), seconds, rate, away)
    finally:
        server.close()


def _measure(server: Any, data: Path, seconds: float, rate: int, away: float) -> bool:
    os.environ |= {"CALLSMITH_DATA": str(data), "DATABASE_URL": server.url}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0, interactive=False)
    connection.close()
    print(machine())
    folder = data / "journal"
    watched = Watched(folder, rate)
    while not watched.written:
        time.sleep(0.05)
    start = time.perf_counter()
    time.sleep((seconds - away) / 2)
    before = watched.written, watched.shipped, time.perf_counter() - start
    if away:
        server.stop()
        time.sleep(away)
        server.start()
    time.sleep((seconds - away) / 2)
    took = time.perf_counter() - start
    watched.kill()
    print(
        f"{watched.written:,} transitions in {took:.0f} s: {watched.written / took:,.0f} a second"
        f" journalled, {watched.shipped:,} shipped when the node was killed"
        f" ({before[1] / before[2]:,.0f} a second before the database went away,"
        f" at most {watched.most_lag >> 20} MiB behind);"
        f" {watched.cpu / max(1, watched.written) * 1e6:.1f} us of the node's CPU each"
    )
    return _recovered(folder, watched, rate, took)


def _recovered(folder: Path, watched: Watched, rate: int, took: float) -> bool:
    """Ship what is left, as the next start of the node does, and look for what is missing."""
    from django.db import connection

    from runtime.node.journal import Journal, next_epoch
    from runtime.node.shipper import Shipper
    from runtime.sink import DatabaseSink
    from runtime.verifying import verify

    epoch = next_epoch(folder, "bench")
    journal = Journal(folder, "bench", epoch)
    shipper = Shipper(folder, "bench", epoch, DatabaseSink())
    start = time.perf_counter()
    while shipper.pump():
        pass
    journal.close()
    print(f"{shipper.shipped:,} shipped after it in {time.perf_counter() - start:.0f} s")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*), COUNT(DISTINCT (session_id, sequence)), MAX(number) FROM runtime_step"
        )
        there, different, newest = cursor.fetchone()
    report = verify()
    connection.close()
    lost = max(0, watched.written - there)
    fast = watched.written >= 0.98 * rate * took
    print(
        f"{there:,} in the database, {lost} lost, {there - different} double, chain"
        f" {'holds' if report.ok else report.broken}; rate {'met' if fast else 'MISSED'}"
    )
    return lost == 0 and there == different == newest and report.ok and fast


if __name__ == "__main__":
    if sys.argv[1:2] == ["--node"]:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        node(Path(sys.argv[2]), int(sys.argv[3]))
    given = [float(each) for each in sys.argv[1:]]
    sys.exit(0 if main(*given[:1], *map(int, given[1:2]), *given[2:3]) else 1)
