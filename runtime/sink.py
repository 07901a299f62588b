"""Where the shipper brings the journal: the database, each record once, in a chain.

How far a segment was read is kept in the transaction that stores its records, and so is the block
of the chain that proves them: a batch is stored with both or not at all, whatever is killed in
between. Plain SQL (COPY on PostgreSQL, `executemany` on SQLite), since this has to keep up with the
calls; it runs in the shipper's thread and never on the loop.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from runtime import chain
from runtime import journal_rows as rows
from runtime.blocks import append_block
from runtime.journal_rows import Batch, Rows
from runtime.models import JournalPosition, Recording
from runtime.node.journal import PackedStepRecord, Segment, Shipped, StepRecord

logger = logging.getLogger(__name__)

_MERGE_SESSION = """
ON CONFLICT (id) DO UPDATE SET
  state = excluded.state,
  digest = excluded.digest,
  number = CASE WHEN excluded.digest = runtime_session.digest THEN runtime_session.number
           ELSE excluded.number END,
  ended_at = COALESCE(excluded.ended_at, runtime_session.ended_at),
  outcome = CASE WHEN excluded.outcome <> '' THEN excluded.outcome
            ELSE runtime_session.outcome END,
  call_id = CASE WHEN excluded.call_id <> '' THEN excluded.call_id
            ELSE runtime_session.call_id END,
  steps = runtime_session.steps + excluded.steps,
  unhandled = runtime_session.unhandled + excluded.unhandled
"""
FLOW_OF_DIGEST = """
SELECT f.name, v.number FROM designer_version v JOIN designer_flow f ON f.id = v.flow_id
LEFT JOIN runtime_deployment d ON d.version_id = v.id
WHERE v.digest = %s ORDER BY d.id IS NULL, d.id DESC, v.id LIMIT 1
"""
LEVELS_FOR = 2.0
"""Seconds for which the levels of detail of the flows are not asked for again."""


def _columns(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _insert(table: str, names: Sequence[str], more: str = "") -> str:
    marks = ", ".join(["%s"] * len(names))
    return f"INSERT INTO {table} ({_columns(names)}) VALUES ({marks}) {more}"


class DatabaseSink:
    """The shipper's port, on SQLite and on PostgreSQL alike."""

    def __init__(self) -> None:
        self._flows: dict[str, tuple[str, int | None]] = {}
        self._unknown: list[str] = []
        self._levels: dict[str, int] = {}
        self._levels_at = float("-inf")
        self._tables: Tables = CopiedTables() if _on_postgresql() else PlainTables()
        self._rows = Rows(lines=self._tables.lines, flow_of=self._flow_of, flows_of=self._flows_of)

    def position(self, segment: str) -> int:
        """Return how far this segment was stored; 0 for one that was never seen."""
        _fresh_connection()
        found = JournalPosition.objects.filter(segment=segment).values_list("offset", flat=True)
        return found.first() or 0

    def store(
        self, segment: Segment, records: Sequence[Shipped | StepRecord], start: int, end: int
    ) -> bool:
        """Store the records between two offsets of a segment together with the position.

        False, and nothing is stored, if the segment does not stand at `start`: then somebody
        stored them before.
        """
        _fresh_connection()
        while self._unknown:
            self._flows.pop(self._unknown.pop(), None)
        self._look_up_levels()
        try:
            return self._store(segment, records, start, end)
        except (DataError, IntegrityError) as error:
            logger.warning("%s: a batch is stored one by one: %s", segment.name, error)
            return self._store_singly(segment, records, start, end)

    def _store(
        self, segment: Segment, records: Sequence[Shipped | StepRecord], start: int, end: int
    ) -> bool:
        batch = self._rows.batch(segment, records, self._levels)
        with transaction.atomic():
            if not _advance(segment.name, start, end):
                return False
            self._write(batch, segment)
            if records:
                append_block(
                    segment.node, segment.epoch, records[0].number, b"".join(batch.digests)
                )
        return True

    def _write(self, batch: Batch, segment: Segment) -> None:
        with connection.cursor() as cursor:
            tables = self._tables
            if batch.sessions:
                tables.merge_sessions(cursor, list(batch.sessions.values()))
            if batch.steps:
                lines = self._rows.step_rows(batch, segment)
                tables.add(cursor, "runtime_step", rows.STEP, lines)
            if batch.results:
                tables.set_results(cursor, batch.results)
            if batch.wire:
                tables.add(cursor, "runtime_wiremessage", rows.WIRE, batch.wire)
            if batch.media:
                tables.add(cursor, "runtime_mediarecord", rows.MEDIA, batch.media)

    def _store_singly(
        self, segment: Segment, records: Sequence[Shipped | StepRecord], start: int, end: int
    ) -> bool:
        """Store what can be stored, so that one bad record does not hold back the rest."""
        digests = []
        with transaction.atomic():
            if not _advance(segment.name, start, end):
                return False
            for record in records:
                batch = self._rows.batch(segment, [record], self._levels)
                try:
                    with transaction.atomic():
                        self._write(batch, segment)
                    digests += batch.digests
                except (DataError, IntegrityError) as error:
                    logger.error("%s: record %d: %s", segment.name, record.number, error)
                    digests.append(chain.NOT_KEPT)
                    if isinstance(record, StepRecord | PackedStepRecord):
                        self._rows.refused.add((record.step.session, record.step.sequence))
            if records:
                append_block(segment.node, segment.epoch, records[0].number, b"".join(digests))
        return True

    def _look_up_levels(self) -> None:
        now = time.monotonic()
        if now - self._levels_at < LEVELS_FOR:
            return
        found = Recording.objects.filter(level__lt=rows.EVERYTHING)
        self._levels = dict(found.values_list("flow__name", "level"))
        self._levels_at = now

    def _flow_of(self, digest: str) -> tuple[str, int | None]:
        known = self._flows.get(digest)
        if known is None:
            with connection.cursor() as cursor:
                cursor.execute(FLOW_OF_DIGEST, [digest])
                known = cursor.fetchone()
            known = known or ("", None)
            self._flows[digest] = known
            if not known[0]:
                # It may yet be saved: the next batch asks again.
                self._unknown.append(digest)
        return known

    def _flows_of(self, sessions: list[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for at in range(0, len(sessions), 500):
            part = sessions[at : at + 500]
            marks = ", ".join(["%s"] * len(part))
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT id, flow_name FROM runtime_session WHERE id IN ({marks})", part
                )
                found.update(cursor.fetchall())
        return found


class Tables:
    """How rows get into the tables of one kind of database."""

    lines = False
    """Rows are lines of COPY, not tuples."""

    def add(self, cursor: Any, table: str, names: Sequence[str], found: list[Any]) -> None:
        raise NotImplementedError

    def merge_sessions(self, cursor: Any, found: list[list[Any]]) -> None:
        raise NotImplementedError

    def set_results(self, cursor: Any, found: list[tuple[str, int, str, int]]) -> None:
        raise NotImplementedError


class PlainTables(Tables):
    """By `executemany`."""

    _sessions = _insert("runtime_session", rows.SESSION, _MERGE_SESSION)
    _results = (
        "UPDATE runtime_step SET results = %s, done_number = %s"
        " WHERE session_id = %s AND sequence = %s"
    )

    def add(self, cursor: Any, table: str, names: Sequence[str], found: list[Any]) -> None:
        cursor.executemany(_insert(table, names), found)

    def merge_sessions(self, cursor: Any, found: list[list[Any]]) -> None:
        cursor.executemany(self._sessions, found)

    def set_results(self, cursor: Any, found: list[tuple[str, int, str, int]]) -> None:
        cursor.executemany(self._results, found)


class CopiedTables(Tables):
    """By COPY, and what changes rows by one statement over a list (PostgreSQL)."""

    lines = True
    _sessions = (
        f"INSERT INTO runtime_session ({_columns(rows.SESSION)}) SELECT {_columns(rows.SESSION)}"
        f" FROM json_populate_recordset(NULL::runtime_session, %s::json) {_MERGE_SESSION}"
    )
    _results = (
        "UPDATE runtime_step s SET results = d.results, done_number = d.number"
        " FROM json_to_recordset(%s::json)"
        " AS d(results text, number bigint, session_id text, sequence integer)"
        " WHERE s.session_id = d.session_id AND s.sequence = d.sequence"
    )

    def add(self, cursor: Any, table: str, names: Sequence[str], found: list[str]) -> None:
        with cursor.copy(f"COPY {table} ({_columns(names)}) FROM STDIN") as copy:
            copy.write("".join(found).encode())

    def merge_sessions(self, cursor: Any, found: list[list[Any]]) -> None:
        self._all(cursor, self._sessions, rows.SESSION, found)

    def set_results(self, cursor: Any, found: list[tuple[str, int, str, int]]) -> None:
        self._all(cursor, self._results, ("results", "number", "session_id", "sequence"), found)

    def _all(
        self, cursor: Any, sql: str, names: Sequence[str], found: Sequence[Sequence[Any]]
    ) -> None:
        told = [dict(zip(names, row, strict=True)) for row in found]
        cursor.execute(sql, [msgspec.json.encode(told).decode()])


def _on_postgresql() -> bool:
    return connection.vendor == "postgresql"


def _fresh_connection() -> None:
    """Drop a connection that broke; one that works serves the shipper's thread for ever."""
    if connection.in_atomic_block or not connection.errors_occurred:
        return
    if connection.is_usable():
        connection.errors_occurred = False
    else:
        connection.close()


def _advance(segment: str, start: int, end: int) -> bool:
    """Move a segment's position from `start` to `end`; False if it stands elsewhere."""
    now = timezone.now()
    if start == 0:
        JournalPosition.objects.get_or_create(segment=segment, defaults={"updated_at": now})
    with connection.cursor() as cursor:
        cursor.execute(
            'UPDATE runtime_journalposition SET "offset" = %s, updated_at = %s'
            ' WHERE segment = %s AND "offset" = %s',
            [end, now, segment, start],
        )
        return bool(cursor.rowcount == 1)
