"""Records of the journal as rows of the database, with their digests.

One pass over a batch makes the rows of each table in the order of their columns, and the digest of
each record. PostgreSQL takes rows as lines of COPY, SQLite as tuples; a step's digest is made over
the very line, so that little is done twice. This runs for every step of every call: what a row of a
table always says is made once and kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from flows.semantics import Decision
from runtime import chain
from runtime.chain import NULL, escaped
from runtime.node.journal import (
    DoneRecord,
    MediaRecord,
    PackedStep,
    PackedStepRecord,
    Segment,
    Shipped,
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
_NOTHING: Final = b"\x80"
"""An empty map in MessagePack."""
_SMALL: Final = 64
_MOST_KNOWN: Final = 50_000
"""Sessions and rows whose facts are remembered between batches."""


@dataclass(slots=True)
class Batch:
    """The rows of one batch, by table, and the digest of each of its records, in their order."""

    sessions: dict[str, list[Any]] = field(default_factory=dict)
    steps: dict[tuple[str, int], list[Any]] = field(default_factory=dict)
    """See `_TEXT` and those below it."""
    results: list[tuple[str, int, str, int]] = field(default_factory=list)
    """Of steps of earlier batches: results, number, session, sequence."""
    wire: list[Any] = field(default_factory=list)
    media: list[Any] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)


_TEXT, _FIELDS, _SALT, _RESULTS, _DONE, _AT, _STEP, _KNOWN = range(8)
"""Of a step on its way: its text, fields, salt, results and their number, its place among the
digests, its record and what its row always says."""


class Known(NamedTuple):
    """What is the same each time a row fires."""

    decision: Decision
    columns: tuple[Any, ...]
    text: str
    state: str
    plain: bool
    """It neither ends the session nor goes without a row."""


class Rows:
    """Makes rows; remembers what the next batch needs again.

    `flow_of` tells (flow, number) of a version's hash, `flows_of` the flows of sessions by their
    ids. Nothing of a batch is remembered that a batch done twice would show.
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
        self._known: dict[bytes, Known] = {}
        self._small: dict[bytes, str] = {}
        """JSON of fields that are often the same."""
        self._words: dict[str, str] = {}
        """Names of events, as lines have them."""
        self._call_ids: dict[str, str] = {}
        """Call-ID of sessions; empty once their rows have it."""
        self._levels: dict[str, int] = {}
        self._flow_of_session: dict[str, str] = {}
        self.refused: set[tuple[str, int]] = set()
        """Steps that the database did not take: it can not take their results either."""

    def batch(
        self,
        segment: Segment,
        records: Sequence[Shipped | StepRecord],
        levels: dict[str, int] | None = None,
    ) -> Batch:
        """Return the rows of some records that follow each other in a segment.

        `levels` has the levels of detail of the flows that do not keep everything.
        """
        listed: Any = [_packed(each) if type(each) is StepRecord else each for each in records]
        self._levels = levels or {}
        if self._levels:
            self._learn_flows(listed)
        batch = Batch()
        salts = chain.salts(len(listed))
        node, epoch = segment.node, segment.epoch
        add = batch.digests.append
        for record, salt in zip(listed, salts, strict=True):
            kind = type(record)
            if kind is PackedStepRecord:
                self._step(batch, node, epoch, record, salt)
            elif kind is DoneRecord:
                add(self._done(batch, node, epoch, record))
            elif kind is WireRecord:
                add(self._wire(batch, node, epoch, record, salt))
            else:
                add(self._media(batch, node, epoch, record, salt))
        digests, sha256 = batch.digests, chain.sha256
        for text, fields, salt, results, done, at, _, _ in batch.steps.values():
            # `chain.step_digest` of `chain.values_digest`, without calling them.
            values = chain.EMPTY
            if salt is not None:
                values = sha256(f"{salt}\t{fields}".encode()).digest()
            told = "" if done is None else f"{done}\t{results}"
            digests[at] = sha256(f"{text}\t{told}".encode() + values).digest()
        return batch

    def step_rows(self, batch: Batch, segment: Segment) -> list[Any]:
        """Return the rows of the steps, now that their results are known."""
        if self.lines:
            return [
                f"{text}\t{escaped(fields)}\t{NULL if salt is None else salt}"
                f"\t{escaped(results)}\t{NULL if done is None else done}\n"
                for text, fields, salt, results, done, _, _, _ in batch.steps.values()
            ]
        return [_step_tuple(each, segment) for each in batch.steps.values()]

    # -- one record ----------------------------------------------------------------------------

    def _step(
        self, batch: Batch, node: str, epoch: int, record: PackedStepRecord, salt: int | None
    ) -> None:
        step = record.step
        raw = bytes(step.decision)
        known = self._known.get(raw) or self._learn_decision(raw)
        session = step.session
        row = batch.sessions.get(session)
        if row is None:
            row = batch.sessions[session] = self._session_row(node, epoch, step, known.decision)
        row[_STATE] = known.state
        row[_STEPS] += 1
        if not known.plain or row[_DIGEST] != known.decision.version:
            self._turn(row, step, known.decision)
        digests = batch.digests
        at = len(digests)
        digests.append(chain.NOT_KEPT)
        level = EVERYTHING
        if self._levels and (level := self._level(session)) < STEPS:
            return
        event = self._words.get(step.event)
        if event is None:
            event = escaped(clean(step.event))
            _remember(self._words, step.event, event)
        raw = bytes(step.fields)
        fields = "{}"
        if raw != _NOTHING and level >= EVERYTHING:
            fields = self._small.get(raw) or self._learn_fields(raw)
        # `chain.step_text`, without calling it.
        text = (
            f"{session if session.isalnum() else escaped(session)}\t{step.sequence}"
            f"\t{step.time!r}\t{event}\t{known.text}\t{node}\t{epoch}\t{record.number}"
        )
        if fields == "{}":
            salt = None
        batch.steps[session, step.sequence] = [text, fields, salt, "[]", None, at, record, known]

    def _learn_fields(self, raw: bytes) -> str:
        text = json_text(msgspec.msgpack.decode(raw))
        if len(raw) <= _SMALL:
            _remember(self._small, raw, text)
        return text

    def _learn_decision(self, raw: bytes) -> Known:
        decision = msgspec.msgpack.decode(raw, type=Decision)
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
        plain = not (decision.ended or decision.outcome or decision.kind == "unhandled")
        known = Known(decision, columns, chain.decision_text(columns), columns[3], plain)
        _remember(self._known, raw, known)
        return known

    def _done(self, batch: Batch, node: str, epoch: int, record: DoneRecord) -> bytes:
        key = (record.session, record.sequence)
        results = json_text(record.results)
        step = batch.steps.get(key)
        if step is not None:
            step[_RESULTS], step[_DONE] = results, record.number
            return chain.WITH_STEP
        if key in self.refused or self._level(record.session) < STEPS:
            return chain.NOT_KEPT
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

    def _turn(self, row: list[Any], step: PackedStep, decision: Decision) -> None:
        """Note what not every step does: an end, an event without a row, another version."""
        if row[_DIGEST] != decision.version:
            # Somebody took the call to another version.
            row[_DIGEST], row[_NUMBER] = decision.version, self._flow_of(decision.version)[1]
        if decision.ended:
            row[_ENDED] = step.time
        if decision.outcome:
            row[_OUTCOME] = decision.outcome
        if decision.kind == "unhandled":
            row[_UNHANDLED] += 1

    def _session_row(
        self, node: str, epoch: int, step: PackedStep, decision: Decision
    ) -> list[Any]:
        flow, number = self._flow_of(decision.version)
        caller = callee = ""
        if step.sequence == 1:
            caller, callee = parties(msgspec.msgpack.decode(step.fields))
            if self._levels:
                _remember(self._flow_of_session, step.session, flow)
        call_id = self._call_ids.get(step.session, "")
        if call_id:
            self._call_ids[step.session] = ""
        return [
            step.session, node, epoch, flow, decision.version, number, decision.role, caller,
            callee, step.time, None, "", "", 0, 0, False, key_of(caller), key_of(callee), call_id,
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

    def _learn_flows(self, records: Sequence[Shipped]) -> None:
        """Find out whose the sessions are: the message before a call's first step has no flow."""
        for record in records:
            if not isinstance(record, PackedStepRecord):
                continue
            step = record.step
            if step.session not in self._flow_of_session:
                raw = bytes(step.decision)
                known = self._known.get(raw) or self._learn_decision(raw)
                flow, _ = self._flow_of(known.decision.version)
                _remember(self._flow_of_session, step.session, flow)
        wanted = {
            record.session
            for record in records
            if not isinstance(record, PackedStepRecord)
            and record.session
            and record.session not in self._flow_of_session
        }
        if wanted:
            self._flow_of_session.update(self._flows_of(sorted(wanted)))


def parties(fields: dict[str, Any]) -> tuple[str, str]:
    """Return caller and callee as a session's first event names them."""
    caller = fields.get("from") or ""
    callee = fields.get("to") or fields.get("target") or fields.get("registrar") or ""
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


def _step_tuple(row: list[Any], segment: Segment) -> tuple[Any, ...]:
    _, fields, salt, results, done, _, record, known = row
    step = record.step
    return (
        step.session, step.sequence, step.time, clean(step.event), *known.columns, segment.node,
        segment.epoch, record.number, fields, salt, results, done,
    )  # fmt: skip


def _packed(record: StepRecord) -> PackedStepRecord:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=PackedStepRecord)


def _remember(memory: dict[Any, Any], key: Any, value: Any) -> None:
    if len(memory) >= _MOST_KNOWN:
        for old in list(memory)[: _MOST_KNOWN // 2]:
            del memory[old]
    memory[key] = value
