"""Where the shipper brings the journal: the database, each record once.

How far a segment was read is kept in the transaction that stores its records, so a batch is stored
with its position or not at all, whatever is killed in between. Plain SQL, since this has to keep up
with the calls; it runs in the shipper's thread and never on the loop.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from runtime.models import JournalPosition
from runtime.node.journal import (
    DoneRecord,
    MediaRecord,
    Record,
    Segment,
    StepRecord,
    WireRecord,
)

logger = logging.getLogger(__name__)

INSERT_STEP = """
INSERT INTO runtime_step (session_id, sequence, time, event, fields, "row", row_id, from_state,
  to_state, role, actions, results, published, kind, digest, answer, node, epoch)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (session_id, sequence) DO NOTHING
"""
UPDATE_RESULTS = "UPDATE runtime_step SET results = %s WHERE session_id = %s AND sequence = %s"
INSERT_WIRE = """
INSERT INTO runtime_wiremessage (session, time, direction, transport, local, remote, data, summary,
  node, epoch)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
INSERT_MEDIA = """
INSERT INTO runtime_mediarecord (session, time, kind, detail, node, epoch)
VALUES (%s, %s, %s, %s, %s, %s)
"""
UPSERT_SESSION = """
INSERT INTO runtime_session (id, node, epoch, flow_name, digest, number, role, caller, callee,
  started_at, ended_at, state, outcome, steps, unhandled, unjournalled)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET
  state = excluded.state,
  digest = excluded.digest,
  number = CASE WHEN excluded.digest = runtime_session.digest THEN runtime_session.number
           ELSE excluded.number END,
  ended_at = COALESCE(excluded.ended_at, runtime_session.ended_at),
  outcome = CASE WHEN excluded.outcome <> '' THEN excluded.outcome
            ELSE runtime_session.outcome END,
  steps = runtime_session.steps + excluded.steps,
  unhandled = runtime_session.unhandled + excluded.unhandled
"""
FLOW_OF_DIGEST = """
SELECT f.name, v.number FROM designer_version v JOIN designer_flow f ON f.id = v.flow_id
LEFT JOIN runtime_deployment d ON d.version_id = v.id
WHERE v.digest = %s ORDER BY d.id IS NULL, d.id DESC, v.id LIMIT 1
"""


@dataclass(slots=True)
class _Batch:
    """The rows of one batch, sorted by table."""

    sessions: dict[str, list[Any]] = field(default_factory=dict)
    steps: dict[tuple[str, int], list[Any]] = field(default_factory=dict)
    results: list[tuple[Any, ...]] = field(default_factory=list)
    wire: list[tuple[Any, ...]] = field(default_factory=list)
    media: list[tuple[Any, ...]] = field(default_factory=list)


class DatabaseSink:
    """The shipper's port, on SQLite and on PostgreSQL alike."""

    def __init__(self) -> None:
        self._flows: dict[str, tuple[str, int | None]] = {}

    def position(self, segment: str) -> int:
        """Return how far this segment was stored; 0 for one that was never seen."""
        _fresh_connection()
        found = JournalPosition.objects.filter(segment=segment).values_list("offset", flat=True)
        return found.first() or 0

    def store(self, segment: Segment, records: Sequence[Record], start: int, end: int) -> bool:
        """Store the records between two offsets of a segment together with the position.

        False, and nothing is stored, if the segment does not stand at `start`: then somebody
        stored them before.
        """
        _fresh_connection()
        try:
            return self._store(segment, records, start, end)
        except (DataError, IntegrityError) as error:
            if len(records) <= 1:
                logger.error("%s: the record before %d is not stored: %s", segment.name, end, error)
                return self._store(segment, [], start, end)
            logger.warning("%s: a batch is stored one by one: %s", segment.name, error)
            return self._store_singly(segment, records, start, end)

    def _store(self, segment: Segment, records: Sequence[Record], start: int, end: int) -> bool:
        batch = self._sorted(segment, records)
        with transaction.atomic():
            if not _advance(segment.name, start, end):
                return False
            with connection.cursor() as cursor:
                _execute(cursor, UPSERT_SESSION, batch.sessions.values())
                _execute(cursor, INSERT_STEP, batch.steps.values())
                _execute(cursor, UPDATE_RESULTS, batch.results)
                _execute(cursor, INSERT_WIRE, batch.wire)
                _execute(cursor, INSERT_MEDIA, batch.media)
        return True

    def _store_singly(
        self, segment: Segment, records: Sequence[Record], start: int, end: int
    ) -> bool:
        """Store what can be stored, so that one bad record does not hold back the rest."""
        with transaction.atomic():
            if not _advance(segment.name, start, end):
                return False
            for record in records:
                batch = self._sorted(segment, [record])
                try:
                    with transaction.atomic(), connection.cursor() as cursor:
                        _execute(cursor, UPSERT_SESSION, batch.sessions.values())
                        _execute(cursor, INSERT_STEP, batch.steps.values())
                        _execute(cursor, UPDATE_RESULTS, batch.results)
                        _execute(cursor, INSERT_WIRE, batch.wire)
                        _execute(cursor, INSERT_MEDIA, batch.media)
                except (DataError, IntegrityError) as error:
                    logger.error("%s: record %d: %s", segment.name, record.number, error)
        return True

    def _sorted(self, segment: Segment, records: Iterable[Record]) -> _Batch:
        batch = _Batch()
        for record in records:
            match record:
                case StepRecord():
                    self._add_step(batch, segment, record)
                case DoneRecord():
                    _add_results(batch, record)
                case WireRecord():
                    batch.wire.append(_wire_row(segment, record))
                case MediaRecord():
                    batch.media.append(_media_row(segment, record))
        return batch

    def _add_step(self, batch: _Batch, segment: Segment, record: StepRecord) -> None:
        step = record.step
        batch.steps[step.session, step.sequence] = [
            step.session,
            step.sequence,
            step.time,
            _text(step.event),
            _json(step.fields),
            step.row,
            _text(step.row_id),
            _text(step.from_state),
            _text(step.to_state),
            step.role,
            _json(step.actions),
            "[]",
            _json(step.published),
            step.kind,
            step.version,
            step.answer,
            segment.node,
            segment.epoch,
        ]
        row = batch.sessions.get(step.session)
        if row is None:
            row = batch.sessions[step.session] = self._session_row(segment, record)
        row[_ENDED] = step.time if step.ended else row[_ENDED]
        row[_STATE] = _text(step.to_state)
        if row[_DIGEST] != step.version:
            # Somebody took the call to another version.
            row[_DIGEST], row[_NUMBER] = step.version, self._flow_of(step.version)[1]
        row[_OUTCOME] = step.outcome or row[_OUTCOME]
        row[_STEPS] += 1
        row[_UNHANDLED] += step.kind == "unhandled"

    def _session_row(self, segment: Segment, record: StepRecord) -> list[Any]:
        step = record.step
        flow, number = self._flow_of(step.version)
        caller = step.fields.get("from") or ""
        callee = step.fields.get("to") or step.fields.get("target") or ""
        begins = step.sequence == 1
        return [
            step.session,
            segment.node,
            segment.epoch,
            flow,
            step.version,
            number,
            step.role,
            _text(str(caller)) if begins else "",
            _text(str(callee)) if begins else "",
            step.time,
            None,
            "",
            "",
            0,
            0,
            False,
        ]

    def _flow_of(self, digest: str) -> tuple[str, int | None]:
        known = self._flows.get(digest)
        if known is None:
            with connection.cursor() as cursor:
                cursor.execute(FLOW_OF_DIGEST, [digest])
                known = cursor.fetchone()
            if known is None:
                return "", None
            self._flows[digest] = known
        return known


_DIGEST, _NUMBER = 4, 5
_ENDED, _STATE, _OUTCOME, _STEPS, _UNHANDLED = 10, 11, 12, 13, 14
_RESULTS = 11


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
    moved = JournalPosition.objects.filter(segment=segment, offset=start)
    return moved.update(offset=end, updated_at=now) == 1


def _execute(cursor: Any, sql: str, rows: Iterable[Sequence[Any]]) -> None:
    listed = list(rows)
    if listed:
        cursor.executemany(sql, listed)


def _add_results(batch: _Batch, record: DoneRecord) -> None:
    results = _json(record.results)
    step = batch.steps.get((record.session, record.sequence))
    if step is not None:
        step[_RESULTS] = results
    else:
        batch.results.append((results, record.session, record.sequence))


def _wire_row(segment: Segment, record: WireRecord) -> tuple[Any, ...]:
    first = record.data[:1000].lstrip(b"\r\n").partition(b"\r\n")[0]
    return (
        record.session or "",
        record.time,
        record.direction,
        record.transport,
        record.local,
        record.remote,
        record.data,
        _text(first.decode(errors="replace")[:300]),
        segment.node,
        segment.epoch,
    )


def _media_row(segment: Segment, record: MediaRecord) -> tuple[Any, ...]:
    return (
        record.session,
        record.time,
        record.kind,
        _json(record.detail),
        segment.node,
        segment.epoch,
    )


def _json(value: Any) -> str:
    # No database keeps NUL in a text; nothing a call means is written with it.
    return msgspec.json.encode(value).decode().replace("\\u0000", "\\ufffd")


def _text(value: str) -> str:
    return value.replace("\x00", "\ufffd") if "\x00" in value else value
