"""The cases of `benchmarks.audit` on the database that DATABASE_URL names.

Ours is the whole way from the journal's file into the database: read, checksum, decode, rows,
digests, chain, sessions, position. Bare is the same rows, sessions too, made beforehand as tuples,
by `executemany` (SQLite) or by psycopg's COPY, row by row (PostgreSQL), and nothing else.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from benchmarks import timing  # noqa: E402
from flows.semantics import Decision  # noqa: E402
from runtime import journal_rows  # noqa: E402
from runtime.executor.step import Step  # noqa: E402
from runtime.node.journal import (  # noqa: E402
    ActionResult,
    DoneRecord,
    Journal,
    MediaRecord,
    Record,
    Segment,
    StepRecord,
    WireRecord,
    read,
)
from runtime.node.shipper import BATCH, Shipper  # noqa: E402
from runtime.sink import DatabaseSink, PlainTables  # noqa: E402

CALLS = 1000
DIGEST = "0123456789abcdef" * 4
SIP = (
    b"INVITE sip:%s@sbc.example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK77\r\n"
    b"From: <sip:+493055564217@example.com>;tag=19283\r\nTo: <sip:%s@sbc.example.com>\r\n"
    b"Call-ID: %s@192.0.2.4\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
    b"Contact: <sip:+493055564217@192.0.2.4:5060>\r\nContent-Length: 0\r\n\r\n"
)
TABLES = {
    "runtime_session": journal_rows.SESSION,
    "runtime_step": journal_rows.STEP,
    "runtime_wiremessage": journal_rows.WIRE,
    "runtime_mediarecord": journal_rows.MEDIA,
}


def decision(row: int, **more: Any) -> Decision:
    return Decision(
        row, f"row-{row}", "Ringing", "Active", "UAS",
        ("GenerateLocalSDP", "SendSIPResponse", "StartMediaSession"),
        ("CallEstablished", "StateChanged"), "fired", DIGEST, **more,
    )  # fmt: skip


DECISIONS = [decision(row) for row in range(5)]
LAST = decision(5, ended=True, outcome="completed")
DONE = tuple(ActionResult(True, 40) for _ in range(3))


def transitions(name: str, at: float, count: int = 6) -> Iterator[Record]:
    """Yield the steps of one call with their results."""
    fields = {"from": "sip:+493055564217@example.com", "to": "sip:100@sbc.example.com"}
    for sequence in range(1, count + 1):
        made = LAST if sequence == count else DECISIONS[sequence % 5]
        told = fields if sequence == 1 else {"status": 200}
        yield StepRecord(Step(name, sequence, at + sequence / 10, "IncomingCall", told, made))
        yield DoneRecord(name, sequence, DONE)


def a_call(name: str, at: float) -> Iterator[Record]:
    """Yield six steps with their results, seven messages and two media records."""
    number = name.encode()
    data = SIP % (number, number, number)
    for index, record in enumerate(transitions(name, at)):
        if index % 2 == 0:
            hops = ("in", "UDP", "192.0.2.1:5060", "192.0.2.4:5060")
            yield WireRecord(name, at, *hops, data)
        yield record
    yield WireRecord(name, at, "out", "UDP", "192.0.2.1:5060", "192.0.2.4:5060", data)
    yield MediaRecord(name, at, "flowing", {"codec": "PCMU", "ssrc": 1234})
    yield MediaRecord(name, at, "statistics", {"lost": 0, "jitter": 0.002, "packets": 1500})


def _journal(folder: Path, of: Callable[[str, float], Iterator[Record]]) -> Path:
    journal = Journal(folder, "bench", 1)
    # Calls run beside each other, as they do: a batch has a piece of many.
    for at in range(0, CALLS, 100):
        running = [of(f"bench-1-{call:08x}", 1.7e9 + call) for call in range(at, at + 100)]
        while running:
            for each in list(running):
                record = next(each, None)
                if record is None:
                    running.remove(each)
                else:
                    journal.append(record)
    journal.close()
    return journal.segment.path


def _empty() -> None:
    with connection.cursor() as cursor:
        for table in (*TABLES, "runtime_journalposition", "runtime_chainblock"):
            word = "TRUNCATE" if connection.vendor == "postgresql" else "DELETE FROM"
            cursor.execute(f"{word} {table}")


def _ours(of: Callable[[str, float], Iterator[Record]]) -> timing.Round:
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name)
    rows = _count(_journal(path, of))

    def prepare() -> Shipper:
        _empty()
        return Shipper(path, "bench", 1, DatabaseSink(), keep=True)

    def run(shipper: Shipper, folder: object = folder) -> None:
        while shipper.pump():
            pass

    return _measured(f"ours, {of.__name__}", prepare, run, rows)


def _bare(of: Callable[[str, float], Iterator[Record]]) -> timing.Round:
    with tempfile.TemporaryDirectory() as folder:
        path = _journal(Path(folder), of)
        records = [record for _, record in read(path)]
    batches = list(_tuples(records))
    put = _copied if connection.vendor == "postgresql" else _executed

    def run(batches: list[dict[str, list[Any]]]) -> None:
        for batch in batches:
            with transaction.atomic(), connection.cursor() as cursor:
                for table, found in batch.items():
                    put(cursor, table, found)

    def prepare() -> list[dict[str, list[Any]]]:
        _empty()
        return batches

    rows = sum(len(found) for batch in batches for found in batch.values())
    return _measured(f"bare, {of.__name__}", prepare, run, rows)


def _tuples(records: list[Record]) -> Iterator[dict[str, list[Any]]]:
    segment = Segment("bench", 1, 0, Path())
    maker = journal_rows.Rows(
        lines=False, flow_of=lambda digest: ("", None), flows_of=lambda names: {}
    )
    batches = [
        maker.batch(segment, records[at : at + BATCH]) for at in range(0, len(records), BATCH)
    ]
    # A session is written once, as it was in the end.
    last = {name: row for batch in batches for name, row in batch.sessions.items()}
    for batch in batches:
        yield {
            "runtime_session": [last.pop(name) for name in list(batch.sessions) if name in last],
            "runtime_step": maker.step_rows(batch, segment),
            "runtime_wiremessage": batch.wire,
            "runtime_mediarecord": batch.media,
        }


def _executed(cursor: Any, table: str, found: list[Any]) -> None:
    PlainTables().add(cursor, table, TABLES[table], found)


def _copied(cursor: Any, table: str, found: list[Any]) -> None:
    columns = ", ".join(f'"{name}"' for name in TABLES[table])
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in found:
            copy.write_row(row)


def _count(path: Path) -> int:
    records = [record for _, record in read(path)]
    sessions = {record.step.session for record in records if isinstance(record, StepRecord)}
    return len(sessions) + sum(not isinstance(record, DoneRecord) for record in records)


# -- what is measured ------------------------------------------------------------------------------

_alone: dict[str, float] = {}
"""Of the last round of each case: CPU of this process without the database's."""


def _measured(
    case: str, prepare: Callable[[], Any], run: Callable[[Any], object], rows: int
) -> timing.Round:
    """Return a round that tells CPU time a row: of this process and of the database's process that
    serves it. SQLite works in this process anyway."""

    def both(prepared: Any) -> None:
        before = _server_cpu()
        run(prepared)
        served.append(_server_cpu() - before)

    served: list[int] = []
    client = timing.cpu(prepare, both, rows)

    def measure() -> float:
        _alone[case] = client()
        return _alone[case] + served.pop() / rows

    return measure


def _server_cpu() -> int:
    """Return the nanoseconds of CPU that our PostgreSQL backend has taken so far."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


call_command("migrate", verbosity=0, interactive=False)
WAY = "COPY" if connection.vendor == "postgresql" else "executemany"
CASES: dict[str, Callable[[], timing.Round]] = {
    f"bare {WAY}, calls": lambda: _bare(a_call),
    f"{connection.vendor}, calls": lambda: _ours(a_call),
    f"bare {WAY}, steps only": lambda: _bare(transitions),
    f"{connection.vendor}, steps only": lambda: _ours(transitions),
}
if connection.vendor == "postgresql":
    CASES |= {
        "bare COPY, calls, client": lambda: lambda: _alone["bare, a_call"],
        "postgresql, calls, client": lambda: lambda: _alone["ours, a_call"],
        "bare COPY, steps only, client": lambda: lambda: _alone["bare, transitions"],
        "postgresql, steps only, client": lambda: lambda: _alone["ours, transitions"],
    }
