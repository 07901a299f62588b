"""Records of the journal as rows of the database, with their digests.

One pass over a batch makes the rows of each table in the order of their columns, and the digest of
each record. PostgreSQL takes rows as lines of COPY, SQLite as tuples; a step's digest is made over
the very line, so that little is done twice. This runs for every step of every call: what a row of a
table always says is made once and kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from flows.semantics import Decision
from runtime import chain
from runtime.chain import NULL, escaped
from runtime.node.journal import (
    DoneRecord,
    MediaRecord,
    Record,
    Segment,
    StepRecord,
    WireRecord,
)
from runtime.numbers import key_of

DECISION: Final = (
    "row", "row_id", "from_state", "to_state", "role", "actions", "published", "kind", "digest",
    "answer", "outcome",
)  # fmt: skip
"""Columns of a step that are the same each time its row fires."""
STEP: Final = (
    "session_id", "sequence", "time", "event", *DECISION, "node", "epoch", "number",
    "fields", "salt", "results", "done_number",
)  # fmt: skip
WIRE: Final = (
    "session", "time", "direction", "transport", "local", "remote", "data", "summary", "node",
    "epoch", "number", "salt",
)  # fmt: skip
MEDIA: Final = ("session", "time", "kind", "detail", "node", "epoch", "number", "salt")
SESSION: Final = (
    "id", "node", "epoch", "flow_name", "digest", "number", "role", "caller", "callee",
    "started_at", "ended_at", "state", "outcome", "steps", "unhandled", "unjournalled",
    "caller_key", "callee_key", "call_id",
)  # fmt: skip
_DIGEST, _NUMBER = 4, 5
_ENDED, _STATE, _OUTCOME, _STEPS, _UNHANDLED, _CALL_ID = 10, 11, 12, 13, 14, 18

OUTCOME, STEPS, MESSAGES, EVERYTHING = 1, 2, 3, 4
"""Levels of detail: how calls ended; their steps; what was on the wire; media and all values."""

_CALL_ID_HEADER = re.compile(rb"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
_MOST_KNOWN: Final = 50_000
"""Sessions and rows whose facts are remembered between batches."""


@dataclass(slots=True)
class Batch:
    """The rows of one batch, by table, and the digest of each of its records, in their order."""

    sessions: dict[str, list[Any]] = field(default_factory=dict)
    steps: dict[tuple[str, int], StepRow] = field(default_factory=dict)
    results: list[tuple[str, int, str, int]] = field(default_factory=list)
    """Of steps of earlier batches: results, number, session, sequence."""
    wire: list[Any] = field(default_factory=list)
    media: list[Any] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class StepRow:
    """A step on its way into the database; its results may still come."""

    record: StepRecord
    known: Known
    event: str
    text: str
    fields: str
    salt: int | None
    results: str = "[]"
    done_number: int | None = None


@dataclass(slots=True)
class Known:
    """What is the same each time a row fires."""

    columns: tuple[Any, ...]
    text: str
    answer: int | None


class Rows:
    """Makes rows; remembers what the next batch needs again.

    `flow_of` tells (flow, number) of a version's hash, `level_of` the level of detail of a flow,
    None while every flow keeps everything; `flows_of` tells the flows of sessions by their ids.
    """

    def __init__(
        self,
        *,
        lines: bool,
        flow_of: Callable[[str], tuple[str, int | None]],
        flows_of: Callable[[list[str]], dict[str, str]],
    ) -> None:
        self.lines = lines
        self._flow_of = flow_of
        self._flows_of = flows_of
        self._known: dict[tuple[Any, ...], Known] = {}
        self._call_ids: dict[str, str] = {}
        """Call-ID of sessions; empty once their rows have it."""
        self._levels: dict[str, int] = {}
        self._flow_of_session: dict[str, str] = {}
        self.refused: set[tuple[str, int]] = set()
        """Steps that the database did not take: it can not take their results either."""

    def batch(
        self, segment: Segment, records: Iterable[Record], levels: dict[str, int] | None = None
    ) -> Batch:
        """Return the rows of some records that follow each other in a segment.

        `levels` has the flows that do not keep everything.
        """
        listed = list(records)
        self._levels = levels or {}
        if self._levels:
            self._learn_flows(listed)
        batch = Batch()
        salts = iter(chain.salts(len(listed)))
        node, epoch = segment.node, segment.epoch
        add = batch.digests.append
        for record in listed:
            match record:
                case StepRecord():
                    add(self._step(batch, node, epoch, record, next(salts)))
                case DoneRecord():
                    add(self._done(batch, node, epoch, record))
                case WireRecord():
                    add(self._wire(batch, node, epoch, record, next(salts)))
                case MediaRecord():
                    add(self._media(batch, node, epoch, record, next(salts)))
        return batch

    def step_rows(self, batch: Batch, segment: Segment) -> list[Any]:
        """Return the rows of the steps, now that their results are known."""
        if self.lines:
            return [
                f"{each.text}\t{escaped(each.fields)}"
                f"\t{NULL if each.salt is None else each.salt}\t{escaped(each.results)}"
                f"\t{NULL if each.done_number is None else each.done_number}\n"
                for each in batch.steps.values()
            ]
        return [_step_tuple(each, segment) for each in batch.steps.values()]

    # -- one record ----------------------------------------------------------------------------

    def _step(
        self, batch: Batch, node: str, epoch: int, record: StepRecord, salt: int | None
    ) -> bytes:
        step = record.step
        decision = step.decision
        self._session(batch, node, epoch, record)
        level = self._levels.get(self._flow_of_session.get(step.session, ""), EVERYTHING)
        if level < STEPS:
            return chain.NOT_KEPT
        known = self._decided(decision)
        event = clean(step.event)
        fields = json_text(step.fields) if step.fields and level >= EVERYTHING else "{}"
        if fields == "{}":
            salt = None
        text = chain.step_text(
            step.session, step.sequence, float(step.time), event, known.text, node, epoch,
            record.number,
        )  # fmt: skip
        key = (step.session, step.sequence)
        batch.steps[key] = StepRow(record, known, event, text, fields, salt)
        return chain.step_digest(text, chain.values_digest(salt, fields))

    def _decided(self, decision: Decision) -> Known:
        key = (
            decision.version, decision.row, decision.from_state, decision.to_state, decision.kind,
            decision.role, decision.row_id, decision.actions, decision.published, decision.outcome,
        )  # fmt: skip
        known = self._known.get(key)
        if known is None or known.answer != decision.answer:
            columns = (
                decision.row,
                clean(decision.row_id),
                clean(decision.from_state),
                clean(decision.to_state),
                decision.role,
                json_text(decision.actions),
                json_text(decision.published),
                decision.kind,
                decision.version,
                decision.answer,
                decision.outcome or "",
            )
            known = Known(columns, chain.decision_text(columns), decision.answer)
            _remember(self._known, key, known)
        return known

    def _done(self, batch: Batch, node: str, epoch: int, record: DoneRecord) -> bytes:
        key = (record.session, record.sequence)
        results = json_text(record.results)
        step = batch.steps.get(key)
        if step is not None:
            step.results, step.done_number = results, record.number
        elif key in self.refused or self._level(record.session) < STEPS:
            return chain.NOT_KEPT
        else:
            batch.results.append((results, record.number, *key))
        return chain.done_digest(*key, results, node, epoch, record.number)

    def _wire(self, batch: Batch, node: str, epoch: int, record: WireRecord, salt: int) -> bytes:
        session = record.session
        if session and session not in self._call_ids:
            self._learn_call_id(batch, session, record.data)
        if self._level(session or "") < MESSAGES:
            return chain.NOT_KEPT
        summary = summary_of(record.data)
        if self.lines:
            batch.wire.append(
                f"{escaped(session or '')}\t{record.time!r}\t{record.direction}"
                f"\t{record.transport}\t{escaped(record.local)}\t{escaped(record.remote)}"
                f"\t\\\\x{record.data.hex()}\t{escaped(summary)}"
                f"\t{node}\t{epoch}\t{record.number}\t{salt}\n"
            )
        else:
            batch.wire.append((
                session or "", record.time, record.direction, record.transport, record.local,
                record.remote, record.data, summary, node, epoch, record.number, salt,
            ))  # fmt: skip
        return chain.wire_digest(record, node, epoch, salt)

    def _media(self, batch: Batch, node: str, epoch: int, record: MediaRecord, salt: int) -> bytes:
        if self._level(record.session) < EVERYTHING:
            return chain.NOT_KEPT
        detail = json_text(record.detail)
        if self.lines:
            batch.media.append(
                f"{escaped(record.session)}\t{record.time!r}\t{escaped(record.kind)}"
                f"\t{escaped(detail)}\t{node}\t{epoch}\t{record.number}\t{salt}\n"
            )
        else:
            batch.media.append((
                record.session, record.time, record.kind, detail, node, epoch, record.number, salt,
            ))  # fmt: skip
        return chain.media_digest(record, detail, node, epoch, salt)

    # -- sessions ------------------------------------------------------------------------------

    def _session(self, batch: Batch, node: str, epoch: int, record: StepRecord) -> None:
        step = record.step
        decision = step.decision
        row = batch.sessions.get(step.session)
        if row is None:
            row = batch.sessions[step.session] = self._session_row(node, epoch, record)
        if decision.ended:
            row[_ENDED] = step.time
        row[_STATE] = clean(decision.to_state)
        if row[_DIGEST] != decision.version:
            # Somebody took the call to another version.
            row[_DIGEST], row[_NUMBER] = decision.version, self._flow_of(decision.version)[1]
        row[_OUTCOME] = decision.outcome or row[_OUTCOME]
        row[_STEPS] += 1
        row[_UNHANDLED] += decision.kind == "unhandled"

    def _session_row(self, node: str, epoch: int, record: StepRecord) -> list[Any]:
        step = record.step
        flow, number = self._flow_of(step.version)
        caller = callee = ""
        if step.sequence == 1:
            caller, callee = parties(step.fields)
            if self._levels:
                _remember(self._flow_of_session, step.session, flow)
        call_id = self._call_ids.get(step.session, "")
        if call_id:
            self._call_ids[step.session] = ""
        return [
            step.session, node, epoch, flow, step.version, number, step.role, caller, callee,
            step.time, None, "", "", 0, 0, False, key_of(caller), key_of(callee), call_id,
        ]  # fmt: skip

    def _learn_call_id(self, batch: Batch, session: str, data: bytes) -> None:
        found = _CALL_ID_HEADER.search(data, 0, 4000)
        call_id = found[1].decode(errors="replace")[:255] if found else ""
        row = batch.sessions.get(session)
        if row is not None:
            row[_CALL_ID] = clean(call_id)
            call_id = ""
        _remember(self._call_ids, session, clean(call_id))

    def _level(self, session: str) -> int:
        if not self._levels:
            return EVERYTHING
        return self._levels.get(self._flow_of_session.get(session, ""), EVERYTHING)

    def _learn_flows(self, records: list[Record]) -> None:
        """Find out whose the sessions are: the message before a call's first step has no flow."""
        for record in records:
            if isinstance(record, StepRecord) and record.step.session not in self._flow_of_session:
                flow, _ = self._flow_of(record.step.version)
                _remember(self._flow_of_session, record.step.session, flow)
        wanted = {
            record.session
            for record in records
            if not isinstance(record, StepRecord)
            and record.session
            and record.session not in self._flow_of_session
        }
        if wanted:
            self._flow_of_session.update(self._flows_of(sorted(wanted)))


def parties(fields: dict[str, Any]) -> tuple[str, str]:
    """Return caller and callee as a session's first event names them."""
    caller = fields.get("from") or ""
    callee = fields.get("to") or fields.get("target") or ""
    return clean(str(caller)), clean(str(callee))


def summary_of(data: bytes) -> str:
    """Return a message's first line, for lists."""
    first = data[:1000].lstrip(b"\r\n").partition(b"\r\n")[0]
    return clean(first.decode(errors="replace")[:300])


def json_text(value: Any) -> str:
    # No database keeps NUL in a text; nothing a call means is written with it.
    return msgspec.json.encode(value).decode().replace("\\u0000", "\\ufffd")


def clean(value: str) -> str:
    return value.replace("\x00", "\ufffd") if "\x00" in value else value


def _step_tuple(row: StepRow, segment: Segment) -> tuple[Any, ...]:
    step = row.record.step
    return (
        step.session, step.sequence, step.time, row.event, *row.known.columns, segment.node,
        segment.epoch, row.record.number, row.fields, row.salt, row.results, row.done_number,
    )  # fmt: skip


def _remember(memory: dict[Any, Any], key: Any, value: Any) -> None:
    if len(memory) >= _MOST_KNOWN:
        for old in list(memory)[: _MOST_KNOWN // 2]:
            del memory[old]
    memory[key] = value
