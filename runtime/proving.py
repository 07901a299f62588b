"""The rows of the database as the chains see them: by number, each with its digest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple

from django.db import connection

from designer.auditing import digest_of, is_ours
from designer.models import AuditEntry
from runtime import chain
from runtime.chain import ACTS, SIZE
from runtime.journal_rows import DECISION, parties, summary_of
from runtime.node.journal import MediaRecord, WireRecord

TABLES: Final = {
    "runtime_step": "step",
    "runtime_wiremessage": "message",
    "runtime_mediarecord": "media record",
}
_SESSION: Final = (
    "id", "caller", "callee", "started_at", "ended_at", "state", "outcome", "role", "digest",
)  # fmt: skip
_SESSIONS: Final = 400
"""Sessions asked for at once."""


class BrokenLink(Exception):
    """The first link that does not hold."""

    def __init__(self, name: str, epoch: int, number: int, subject: str, what: str) -> None:
        super().__init__(what)
        self.told = {
            "chain": name,
            "epoch": epoch,
            "number": number,
            "subject": subject,
            "what": what,
        }


class Found(NamedTuple):
    """A row that has a place in a chain."""

    number: int
    digest: bytes
    table: str
    subject: str
    """Which session's or which act it is."""
    values_gone: bool = False


class Places:
    """Where the rows of one chain come from."""

    waiting = 0

    def begin(self, epoch: int, first: int, digests: bytes) -> None:
        """Go on to the numbers from `first` on that have these digests."""
        raise NotImplementedError

    def rows(self) -> Iterator[Found]:
        """Yield the rows with these numbers, in their order."""
        raise NotImplementedError

    def compare_beside(self) -> None:
        """Compare what follows from these rows."""

    def finish(self) -> None:
        """Look for rows that have no place in the chain."""


class JournalPlaces(Places):
    """Steps, their results, messages and media records of one node."""

    def __init__(self, node: str) -> None:
        self.node = node
        self._epoch = self._first = self._last = 0
        self._digests = b""
        self._results: dict[tuple[int, int], Found] = {}
        """Results by (epoch, number), until the walk comes to their place."""
        self._sessions: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self._seen: dict[tuple[str, int], int] = {}
        self._covered: dict[int, list[tuple[int, int]]] = {}

    def begin(self, epoch: int, first: int, digests: bytes) -> None:
        last = first + len(digests) // SIZE - 1
        self._digests = digests
        if epoch != self._epoch:
            self._left_over()
        self._epoch, self._first, self._last = epoch, first, last
        runs = self._covered.setdefault(epoch, [])
        if runs and runs[-1][1] + 1 == first:
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((first, last))
        self._sessions = {}

    def rows(self) -> Iterator[Found]:
        """Yield in the order of the numbers, so that what is found first is the first."""
        found = [*self._steps(), *self._messages(), *self._media()]
        for key in [key for key in self._results if key[0] == self._epoch]:
            if key[1] <= self._last:
                found.append(self._results.pop(key))
        found.sort()
        yield from found

    def compare_beside(self) -> None:
        """The sessions of these steps say what their first and last steps say."""
        ids = list(self._sessions)
        for at in range(0, len(ids), _SESSIONS):
            some = ids[at : at + _SESSIONS]
            marks = ", ".join(["%s"] * len(some))
            rows = _query(
                f"SELECT {', '.join(_SESSION)} FROM runtime_session WHERE id IN ({marks})",
                some,
            )
            stored = {row[0]: row for row in rows}
            for each in some:
                for number, told in self._sessions[each]:
                    self._compare_session(each, number, told, stored.get(each))

    def finish(self) -> None:
        self._left_over(last=True)
        for table in TABLES:
            self._outside(table)

    # -- the tables ----------------------------------------------------------------------------

    def _where(self) -> list[Any]:
        return [self.node, self._epoch, self._first, self._last]

    def _steps(self) -> Iterator[Found]:
        decision = ", ".join(f'"{name}"' for name in DECISION)
        rows = _query(
            f"SELECT session_id, sequence, time, event, number, fields, salt, results, done_number,"
            f" values_digest, {decision} FROM runtime_step"
            " WHERE node = %s AND epoch = %s AND number BETWEEN %s AND %s",
            self._where(),
        )
        self._count("runtime_step", len(rows))
        known: dict[tuple[Any, ...], str] = {}
        for row in rows:
            (
                session, sequence, time, event, number, fields, salt, results, done, gone,
                *columns,
            ) = row  # fmt: skip
            key = tuple(columns)
            said = known.get(key)
            if said is None:
                said = known[key] = chain.decision_text(columns)
            text = chain.step_text(
                chain.escaped(session), sequence, time, chain.escaped(event), said, self.node,
                self._epoch, number,
            )  # fmt: skip
            values = bytes(gone) if gone is not None else chain.values_digest(salt, fields)
            if (gone is not None or salt is None) and fields != "{}":
                values = b"written in"
            together = self._stored_together(done)
            digest = chain.step_digest(text, values, f"{done}\t{results}" if together else "")
            subject = f"session {session}, step {sequence}"
            yield Found(number, digest, "step", subject, gone is not None)
            self._note_results(session, sequence, results, done, subject, number)
            self._note_session(row, columns, None if gone is not None else fields)

    def _note_results(
        self, session: str, sequence: int, results: str, done: int | None, subject: str, number: int
    ) -> None:
        if done is None:
            if results != "[]":
                what = "results were written in"
                raise BrokenLink(self.node, self._epoch, number, subject, what)
            return
        if not isinstance(done, int) or done <= number or (self._epoch, done) in self._results:
            what = "its results have the number of another record"
            raise BrokenLink(self.node, self._epoch, number, subject, what)
        digest = chain.WITH_STEP
        if not self._stored_together(done):
            digest = chain.done_digest(session, sequence, results, self.node, self._epoch, done)
        self._results[self._epoch, done] = Found(done, digest, "results", subject)

    def _stored_together(self, done: Any) -> bool:
        """Say whether the results with this number are in the digest of their step."""
        if not isinstance(done, int) or not self._first <= done <= self._last:
            return False
        at = (done - self._first) * SIZE
        return self._digests[at : at + SIZE] == chain.WITH_STEP

    def _note_session(self, row: Any, columns: list[Any], fields: str | None) -> None:
        session, sequence, time, number = row[0], row[1], row[2], row[4]
        said = dict(zip(DECISION, columns, strict=True))
        told: dict[str, Any] = {}
        if sequence == 1:
            told = {"started_at": time, "role": said["role"]}
            if fields and fields != "{}":
                # A text that is no JSON has another digest, which says more.
                with suppress(ValueError, AttributeError):
                    told["caller"], told["callee"] = parties(json.loads(fields))
        if said["outcome"]:
            told |= {"ended_at": time, "state": said["to_state"], "outcome": said["outcome"]}
            told["digest"] = said["digest"]
        if told:
            self._sessions.setdefault(session, []).append((number, told))

    def _compare_session(
        self, session: str, number: int, told: dict[str, Any], row: Any | None
    ) -> None:
        subject = f"session {session}"
        if row is None:
            what = "the session's row is missing"
            raise BrokenLink(self.node, self._epoch, number, subject, what)
        stored = dict(zip(_SESSION, row, strict=True))
        for name, value in told.items():
            if stored[name] != value:
                what = f"the session's {name} was changed: its step says {value!r}"
                raise BrokenLink(self.node, self._epoch, number, subject, what)

    def _messages(self) -> Iterator[Found]:
        rows = _query(
            "SELECT session, time, direction, transport, local, remote, data, number, salt,"
            " summary FROM runtime_wiremessage"
            " WHERE node = %s AND epoch = %s AND number BETWEEN %s AND %s",
            self._where(),
        )
        self._count("runtime_wiremessage", len(rows))
        for row in rows:
            session, time, direction, transport, local, remote, data, number, salt, summary = row
            data = data.encode() if isinstance(data, str) else bytes(data)
            record = WireRecord(session, time, direction, transport, local, remote, data, number)
            digest = chain.wire_digest(record, self.node, self._epoch, salt)
            if summary != summary_of(record.data):
                digest = b"another first line"
            yield Found(number, digest, "message", f"session {row[0]}, {summary}")

    def _media(self) -> Iterator[Found]:
        rows = _query(
            "SELECT session, time, kind, detail, number, salt FROM runtime_mediarecord"
            " WHERE node = %s AND epoch = %s AND number BETWEEN %s AND %s",
            self._where(),
        )
        self._count("runtime_mediarecord", len(rows))
        for session, time, kind, detail, number, salt in rows:
            record = MediaRecord(session, time, kind, {}, number)
            digest = chain.media_digest(record, detail, self.node, self._epoch, salt)
            yield Found(number, digest, "media record", f"session {session}, {kind}")

    # -- what has no place ---------------------------------------------------------------------

    def _count(self, table: str, count: int) -> None:
        key = (table, self._epoch)
        self._seen[key] = self._seen.get(key, 0) + count

    def _left_over(self, *, last: bool = False) -> None:
        """Results of an epoch that is over have all been met; of the newest some may still come."""
        for (epoch, number), found in sorted(self._results.items()):
            if not last or number <= self._last:
                what = "its results have a number that no record has"
                raise BrokenLink(self.node, epoch, number, found.subject, what)
        self._results.clear()

    def _outside(self, table: str) -> None:
        """Rows of the node that no block speaks of; those that came during the walk are fine."""
        rows = _query(
            f"SELECT epoch, COUNT(*), MAX(number) FROM {table}"
            " WHERE node = %s AND number IS NOT NULL GROUP BY epoch ORDER BY epoch",
            [self.node],
        )
        for epoch, count, newest in rows:
            if count != self._seen.get((table, epoch), 0):
                self._find_outside(table, epoch, newest)

    def _find_outside(self, table: str, epoch: int, newest: int) -> None:
        ends = _query(
            "SELECT MAX(first + count - 1) FROM runtime_chainblock WHERE chain = %s AND epoch = %s",
            [self.node, epoch],
        )
        end = ends[0][0] or 0
        known = self._covered.get(epoch, [])
        edges = [(0, 0), *known]
        if known and end > known[-1][1]:
            edges.append((known[-1][1] + 1, end))
        elif not known and end:
            edges.append((1, end))
        edges.append((newest + 1, newest + 1))
        for (_, before), (after, _) in zip(edges, edges[1:], strict=False):
            session = "session_id" if table == "runtime_step" else "session"
            rows = _query(
                f"SELECT number, {session} FROM {table} WHERE node = %s AND epoch = %s"
                " AND number > %s AND number < %s ORDER BY number LIMIT 1",
                [self.node, epoch, before if before else -1, after],
            )
            if rows:
                number, name = rows[0]
                what = f"a row was added ({TABLES[table]}): the chain has no such record"
                raise BrokenLink(self.node, epoch, number, f"session {name}", what)


class ActPlaces(Places):
    """The acts of people, and what they say about the chains themselves."""

    def __init__(self) -> None:
        self.erasures: dict[int, str] = {}
        """Digests of erasures by their keys, as the acts tell."""
        self.anchored: dict[str, Any] = {}
        """Heads of all chains, as the newest anchor tells."""
        self._first = self._last = 0
        self._seen = 0
        self._unsealed: dict[int, str] = {}

    def begin(self, epoch: int, first: int, digests: bytes) -> None:
        self._first, self._last = first, first + len(digests) // SIZE - 1

    def rows(self) -> Iterator[Found]:
        entries = AuditEntry.objects.filter(number__range=(self._first, self._last))
        for entry in entries.order_by("number"):
            assert entry.number is not None
            self._seen += 1
            subject = f"act {entry.pk}, {entry.act} by {entry.by_name}"
            gone = entry.values_digest is not None
            digest = digest_of(entry)
            if gone and (entry.subject or entry.reason or entry.detail):
                digest = b"written in"
            yield Found(entry.number, digest, "act", subject, gone)
            self._listen(entry)

    def _listen(self, entry: AuditEntry) -> None:
        if entry.act == "audit.erased" and "erasure" in entry.detail:
            self.erasures[entry.detail["erasure"]] = entry.detail["digest"]
        elif entry.act == "audit.anchored":
            self.anchored = entry.detail.get("heads", {})

    def finish(self) -> None:
        stray = AuditEntry.objects.filter(number__gt=self._last).order_by("number").first()
        newest = _query(
            "SELECT MAX(first + count - 1) FROM runtime_chainblock WHERE chain = %s", [ACTS]
        )[0][0]
        if stray is None:
            stray = AuditEntry.objects.filter(number__lt=1).first()
        if stray is not None and not 1 <= (stray.number or 0) <= (newest or 0):
            what = "an act was added: the chain has no such record"
            raise BrokenLink(ACTS, 0, stray.number or 0, f"act {stray.pk}, {stray.act}", what)
        for entry in AuditEntry.objects.filter(number=None).exclude(seal="").iterator():
            if not is_ours(entry):
                what = "an act was added or changed before it was in the chain"
                subject = f"act {entry.pk}, {entry.act} by {entry.by_name}"
                raise BrokenLink(ACTS, 0, self._last + 1, subject, what)
            self.waiting += 1
            if entry.act == "audit.erased":
                self._unsealed[entry.detail["erasure"]] = entry.detail["digest"]

    def may_wait(self, erasure: int, digest: str) -> bool:
        """Say whether an act of the last moment tells of this erasure."""
        return self._unsealed.get(erasure) == digest


def _query(sql: str, values: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
