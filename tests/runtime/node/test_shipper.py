"""The journal reaches the database once, whatever dies in between."""

from __future__ import annotations

import asyncio
import sqlite3
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from runtime.node.journal import Journal, MediaRecord, Record, Segment, segments
from runtime.node.shipper import Shipper

ROOT = Path(__file__).resolve().parents[3]


class SqliteSink:
    """A sink of a few lines: records and position in one transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fail_before = 0
        self.fail_after = 0
        with self.connect() as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS record"
                " (node TEXT, epoch INT, number INT, PRIMARY KEY (node, epoch, number))"
            )
            database.execute(
                "CREATE TABLE IF NOT EXISTS position (segment TEXT PRIMARY KEY, reached INT)"
            )

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=30)

    def position(self, segment: str) -> int:
        with self.connect() as database:
            row = database.execute(
                "SELECT reached FROM position WHERE segment = ?", (segment,)
            ).fetchone()
        return int(row[0]) if row else 0

    def store(self, segment: Segment, records: Sequence[Record], start: int, end: int) -> bool:
        if self.fail_before:
            self.fail_before -= 1
            raise ConnectionError("the database is away")
        if self.position(segment.name) != start:
            return False
        with self.connect() as database:
            database.executemany(
                "INSERT INTO record VALUES (?, ?, ?)",
                [(segment.node, segment.epoch, record.number) for record in records],
            )
            database.execute("INSERT OR REPLACE INTO position VALUES (?, ?)", (segment.name, end))
        if self.fail_after:
            self.fail_after -= 1
            raise ConnectionError("the answer to the commit was lost")
        return True

    def numbers(self, epoch: int = 1) -> list[int]:
        with self.connect() as database:
            return [
                row[0]
                for row in database.execute(
                    "SELECT number FROM record WHERE epoch = ? ORDER BY number", (epoch,)
                )
            ]


@pytest.fixture
def sink(tmp_path: Path) -> SqliteSink:
    return SqliteSink(tmp_path / "sink.sqlite3")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal", "n1", 1)
    yield opened
    opened.close()


def fill(journal: Journal, count: int) -> None:
    for _ in range(count):
        journal.append(MediaRecord("s", 1.0, "dtmf", {"digit": "1"}))


def drain(shipper: Shipper) -> list[int]:
    counts = []
    while count := shipper.pump():
        counts.append(count)
    return counts


def test_it_ships_in_batches_and_knows_how_far_behind_it_is(
    journal: Journal, sink: SqliteSink
) -> None:
    fill(journal, 25)
    shipper = Shipper(journal.folder, "n1", 1, sink, batch=10)
    assert shipper.pump() == 10
    assert 0 < shipper.lag < journal.segment.path.stat().st_size
    assert drain(shipper) == [10, 5]
    assert shipper.lag == 0
    assert shipper.shipped == 25
    assert sink.numbers() == list(range(1, 26))


def test_a_new_shipper_goes_on_where_the_stored_position_is(
    journal: Journal, sink: SqliteSink
) -> None:
    fill(journal, 15)
    Shipper(journal.folder, "n1", 1, sink, batch=10).pump()
    fill(journal, 5)
    drain(Shipper(journal.folder, "n1", 1, sink, batch=10))
    assert sink.numbers() == list(range(1, 21))


def test_an_outage_neither_loses_nor_doubles(journal: Journal, sink: SqliteSink) -> None:
    fill(journal, 30)
    shipper = Shipper(journal.folder, "n1", 1, sink, batch=10)
    for failure in ("fail_before", "fail_after"):
        setattr(sink, failure, 1)
        with pytest.raises(ConnectionError):
            shipper.pump()
    drain(shipper)
    assert sink.numbers() == list(range(1, 31))


def test_what_somebody_else_stored_is_not_stored_again(journal: Journal, sink: SqliteSink) -> None:
    fill(journal, 10)
    late = Shipper(journal.folder, "n1", 1, sink, batch=5)
    late.pump()
    drain(Shipper(journal.folder, "n1", 1, sink))
    assert late.pump() == 0
    assert sink.numbers() == list(range(1, 11))


def test_old_segments_are_shipped_first_then_removed_and_the_current_one_stays(
    tmp_path: Path, sink: SqliteSink
) -> None:
    folder = tmp_path / "journal"
    for epoch in (1, 2, 3):
        journal = Journal(folder, "n1", epoch)
        fill(journal, 12)
        journal.close()
    shipper = Shipper(folder, "n1", 3, sink, batch=20)
    shipper.pump()
    assert (len(sink.numbers(1)), len(sink.numbers(2))) == (12, 8)
    assert [s.epoch for s in segments(folder)] == [2, 3]
    drain(shipper)
    assert [s.epoch for s in segments(folder)] == [3]
    assert [len(sink.numbers(epoch)) for epoch in (1, 2, 3)] == [12, 12, 12]


def test_a_node_that_never_stops_keeps_only_its_two_youngest_segments(
    tmp_path: Path, sink: SqliteSink
) -> None:
    journal = Journal(tmp_path / "journal", "n1", 1, segment_bytes=200)
    shipper = Shipper(journal.folder, "n1", 1, sink, batch=7)
    for _ in range(10):
        fill(journal, 20)
        drain(shipper)
        kept = segments(journal.folder)
        assert len(kept) == 2 and kept[-1] == journal.segment
    assert sink.numbers() == list(range(1, 201))
    journal.close()


def test_a_full_segment_stays_until_all_of_it_is_stored(tmp_path: Path, sink: SqliteSink) -> None:
    journal = Journal(tmp_path / "journal", "n1", 1, segment_bytes=200)
    fill(journal, 20)
    parts = segments(journal.folder)
    assert len(parts) > 3
    shipper = Shipper(journal.folder, "n1", 1, sink, batch=1)
    shipper.pump()
    assert segments(journal.folder) == parts
    drain(shipper)
    assert segments(journal.folder) == parts[-2:]
    journal.close()


def test_segments_are_kept_if_so_wished_and_other_nodes_are_left_alone(
    tmp_path: Path, sink: SqliteSink
) -> None:
    folder = tmp_path / "journal"
    for node in ("n1", "n2"):
        journal = Journal(folder, node, 1)
        fill(journal, 3)
        journal.close()
    drain(Shipper(folder, "n1", 2, sink, keep=True))
    assert len(segments(folder)) == 2
    assert sink.numbers() == [1, 2, 3]


def test_a_half_written_record_waits_until_it_is_whole(journal: Journal, sink: SqliteSink) -> None:
    fill(journal, 2)
    path = journal.segment.path
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    shipper = Shipper(journal.folder, "n1", 1, sink)
    assert shipper.pump() == 1
    assert shipper.pump() == 0
    with path.open("ab") as file:
        file.write(whole[-3:])
    assert shipper.pump() == 1
    assert sink.numbers() == [1, 2]


def test_a_segment_of_an_unknown_version_is_said_and_holds_nobody_up(
    tmp_path: Path, sink: SqliteSink
) -> None:
    folder = tmp_path / "journal"
    old = Journal(folder, "n1", 1)
    fill(old, 2)
    old.close()
    body = bytes([9]) + b"\x90"
    with old.segment.path.open("ab") as file:
        file.write(struct.pack("<II", len(body), zlib.crc32(body)) + body)
    new = Journal(folder, "n1", 2)
    fill(new, 3)
    new.close()
    shipper = Shipper(folder, "n1", 2, sink)
    drain(shipper)
    assert (sink.numbers(1), sink.numbers(2)) == ([1, 2], [1, 2, 3])
    assert "version 9" in shipper.trouble
    assert old.segment.path.exists()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0)


async def test_beside_the_loop_it_follows_the_journal_and_ships_the_rest_when_stopped(
    journal: Journal, sink: SqliteSink
) -> None:
    shipper = Shipper(journal.folder, "n1", 1, sink)
    shipper.start()
    shipper.start()
    fill(journal, 10)
    await until(lambda: shipper.shipped == 10)
    fill(journal, 5)
    await shipper.stop()
    await shipper.stop()
    assert sink.numbers() == list(range(1, 16))


async def test_while_the_sink_fails_it_says_so_and_goes_on_when_it_is_back(
    journal: Journal, sink: SqliteSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.node.shipper.PAUSE", 0.001)
    sink.fail_before = 3
    fill(journal, 10)
    shipper = Shipper(journal.folder, "n1", 1, sink)
    shipper.start()
    await until(lambda: "the database is away" in shipper.trouble)
    await until(lambda: shipper.shipped == 10)
    await until(lambda: shipper.trouble == "")
    await shipper.stop()
    assert sink.numbers() == list(range(1, 11))


SHIP_UNTIL_KILLED = """
import sys
from pathlib import Path
root, folder, database = sys.argv[1:]
sys.path[:0] = [root, root + "/tests/runtime/node"]
from test_shipper import SqliteSink
from runtime.node.shipper import Shipper
shipper = Shipper(Path(folder), "n1", 2, SqliteSink(Path(database)), batch=7, keep=True)
while shipper.pump():
    print(shipper.shipped, flush=True)
"""


def test_a_killed_shipper_leaves_neither_gap_nor_double(journal: Journal, sink: SqliteSink) -> None:
    fill(journal, 3000)
    command = [sys.executable, "-c", SHIP_UNTIL_KILLED, str(ROOT), str(journal.folder)]
    for kills in range(5):
        child = subprocess.Popen(
            [*command, str(sink.path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert child.stdout is not None
        for _ in range(3 + 5 * kills):
            assert child.stdout.readline()
        child.kill()
        child.communicate()
        stored = sink.numbers()
        assert stored == list(range(1, len(stored) + 1))
    drain(Shipper(journal.folder, "n1", 1, sink))
    assert sink.numbers() == list(range(1, 3001))
