"""A million steps in PostgreSQL, and how long each search of calls takes: `make bench-search`.

The steps go the whole way, by the journal and the shipper; what that took is printed too, and what
it takes to compare all of it with its chain.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.runner import machine
from tests import services

STEPS = 1_000_000
LIMIT = 0.300
"""Seconds a search may take."""
ROWS = 60
EVENTS = ("ReferReceived", "InfoReceived", "UpdateReceived", "MessageReceived", "NotifyReceived")


def calls(steps: int) -> Iterator[Any]:
    """Yield the records of so many steps: calls of five to seven steps over four versions."""
    from flows.semantics import Decision
    from runtime.executor.step import Step
    from runtime.node.journal import StepRecord

    chance = random.Random(1)

    def made(row: int, version: str, kind: str = "fired", outcome: str | None = None) -> Decision:
        state = "Terminated" if outcome else f"State{row % 13}"
        return Decision(
            row, f"row-{row}", f"State{(row + 5) % 13}", state, "UAS",
            ("SendSIPResponse", "StartMediaSession"), ("StateChanged",), kind, version, None,
            outcome is not None, outcome,
        )  # fmt: skip

    versions = [str(number) * 64 for number in range(4)]
    common = {v: [made(row, v) for row in range(ROWS - 1)] for v in versions}
    rare = {v: made(ROWS - 1, v) for v in versions}
    outcomes = ["completed"] * 17 + ["failed", "cancelled", "rejected"]
    ends = {v: [made(0, v, outcome=outcome) for outcome in outcomes] for v in versions}
    unhandled = {v: made(-1, v, "unhandled") for v in versions}
    number = done = 0
    while done < steps:
        number += 1
        name, version = f"bench-1-{number:08x}", versions[min(3, number * 4 * 6 // steps)]
        at, count = 1.7e9 + number * 3.0, chance.randint(5, 7)
        fields = {
            "from": f"sip:+4930{chance.randrange(10**7):07}@example.com",
            "to": f"sip:{chance.randrange(100, 999)}@sbc.example.com",
        }
        for sequence in range(1, count + 1):
            event, decision = "DialogACK", chance.choice(common[version])
            if sequence == count:
                decision = chance.choice(ends[version])
            elif chance.random() < 0.001:
                event, decision = chance.choice(EVENTS), unhandled[version]
            elif chance.random() < 0.0001:
                decision = rare[version]
            told = fields if sequence == 1 else {}
            yield StepRecord(Step(name, sequence, at + sequence, event, told, decision))
        done += count


SEARCHES = {
    "newest": {},
    "a number, contained": {"q": "5564"},
    "a number, whole": {"caller": "+49301234567"},
    "a number that nobody has": {"number": "99999999999"},
    "an id": {"q": "bench-1-0000ffff"},
    "a Call-ID": {"call_id": "nothing@like.that"},
    "flow": {"flow": "bench"},
    "flow and version": {"flow": "bench", "version": "2"},
    "state": {"state": "Terminated"},
    "outcome": {"outcome": "failed"},
    "outcome that is rare": {"outcome": "lost"},
    "an hour": {"since": "2023-11-16 12:00", "until": "2023-11-16 13:00"},
    "row that fires often": {"row": "row-7"},
    "row that fires seldom": {"row": "row-59"},
    "row by its place, one version": {"row": "60", "flow": "bench", "version": "3"},
    "row that never fired": {"row": "row-999"},
    "event without a row": {"event": "ReferReceived"},
    "any event without a row": {"event": "*"},
    "event that never came": {"event": "Never"},
    "all at once": {"q": "30", "outcome": "failed", "row": "row-7", "since": "2023-11-15"},
}


def search(title: str, query: dict[str, str]) -> bool:
    """Print how long a search takes, the best of five, and how PostgreSQL does it."""
    from runtime.search import CallFilter, sessions, slice_of

    wanted, took = CallFilter.of(query), []
    for _ in range(5):
        start = time.perf_counter()
        found = slice_of(wanted)
        took.append(time.perf_counter() - start)
    plan = sessions(wanted)[:51].explain().splitlines()
    nodes = [
        line.strip(" ->").partition("  (")[0] for line in plan if "->" in line or "  (" in line
    ]
    best = min(took)
    verdict = "met" if best < LIMIT else "MISSED"
    how = " < ".join(nodes[1:4]) or nodes[0]
    print(f"{title:32} {best * 1000:8.1f} ms {len(found.sessions):4} {verdict:7} {how[:110]}")
    return best < LIMIT


def _ship(folder: Path, steps: int) -> None:
    from runtime.node.journal import Journal
    from runtime.node.shipper import Shipper
    from runtime.sink import DatabaseSink

    journal = Journal(folder, "bench", 1)
    shipper = Shipper(folder, "bench", 1, DatabaseSink())
    start, cpu, written = time.perf_counter(), time.process_time(), 0
    for record in calls(steps):
        journal.append(record)
        written += 1
        if written % 40_000 == 0:
            while shipper.pump():
                pass
    while shipper.pump():
        pass
    journal.close()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(
        f"{written:,} steps made, journalled and shipped by one process in {wall:.0f} s,"
        f" {written / wall:,.0f} a second, {cpu / written * 1e6:.1f} us of its CPU each"
    )


def _verify() -> bool:
    from runtime.verifying import verify

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    report = verify()
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(
        f"{report.records:,} records compared with their chain in"
        f" {time.perf_counter() - start:.0f} s, {more // 1024} MiB more memory: "
        f"{'all hold' if report.ok else report.broken}"
    )
    return report.ok


def main(steps: int = STEPS) -> bool:
    with services.postgresql() as url, tempfile.TemporaryDirectory() as data:
        os.environ |= {"CALLSMITH_DATA": data, "DATABASE_URL": url}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0, interactive=False)
        print(machine())
        _ship(Path(data) / "journal", steps)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE runtime_session SET flow_name = 'bench', number = substr(digest, 1, 1)::int"
            )
            cursor.execute("VACUUM ANALYZE")
        good = [search(title, query) for title, query in SEARCHES.items()]
        good.append(_verify())
        connection.close()
    return all(good)


if __name__ == "__main__":
    sys.exit(0 if main(int(sys.argv[1]) if len(sys.argv) > 1 else STEPS) else 1)
