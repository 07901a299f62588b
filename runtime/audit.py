"""The record of calls, read: sessions, their steps, what was on the wire, and in which words.

What still lives is asked of the node, what is over of the database. A step line is the same thing
in both cases, with the line of the YAML that fired.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from designer import selectors
from flows.compile import Compiled
from flows.table import Table
from flows.vocabulary import EVENTS
from runtime import bridge, masking
from runtime.models import MediaRecord, Session, Step, WireMessage
from runtime.node.api import NoSuchSession, Summary
from runtime.search import PAGE_SIZE, CallFilter

MAX_STEPS = 5000
MAX_WIRE = 2000


def session_of(session_id: str) -> Session | None:
    return Session.objects.filter(pk=session_id[:128]).first()


def flow_of(session_id: str) -> str | None:
    """Return the name of the flow that drives a session, from the node or else the record."""
    live = live_session(session_id)
    if live is not None:
        return live.flow
    found = Session.objects.filter(pk=session_id[:128]).values_list("flow_name", flat=True)
    name: str | None = found.first()
    return name


def steps_of(session_id: str) -> list[dict[str, Any]]:
    """Return the step lines of a session, oldest first."""
    found = Step.objects.filter(session_id=session_id).order_by("sequence")[:MAX_STEPS]
    return [step_line(step) for step in found]


def wire_of(session_id: str, *, masked: bool = False) -> list[dict[str, Any]]:
    """Return the messages of a session as pages show them, oldest first."""
    hide = masking.mask_message if masked else bytes
    found = WireMessage.objects.filter(session=session_id).order_by("time", "pk")[:MAX_WIRE]
    return [
        {
            "time": message.time,
            "direction": message.direction,
            "transport": message.transport,
            "local": message.local,
            "remote": message.remote,
            "summary": masking.mask(message.summary) if masked else message.summary,
            "data": hide(bytes(message.data)).decode(errors="replace"),
        }
        for message in found
    ]


def media_of(session_id: str) -> list[dict[str, Any]]:
    """Return what the media said about a session, oldest first."""
    found = MediaRecord.objects.filter(session=session_id).order_by("time", "pk")[:MAX_WIRE]
    return [{"time": each.time, "kind": each.kind, "detail": each.detail} for each in found]


def step_line(step: Step) -> dict[str, Any]:
    """Return a stored step as pages show it."""
    return {
        "sequence": step.sequence,
        "time": step.time,
        "event": step.event,
        "fields": step.fields,
        "row": step.row,
        "row_id": step.row_id,
        "from_state": step.from_state,
        "to_state": step.to_state,
        "role": step.role,
        "actions": step.actions,
        "results": step.results,
        "published": step.published,
        "kind": step.kind,
        "digest": step.digest,
        "answer": step.answer,
        **_of_row(table_of(step.digest), step.row),
    }


def live_step_line(step: Any, done: Any, table: Table) -> dict[str, Any]:
    """Return a step as the node tells it (runtime.executor.step.Step) in the same shape."""
    results = [list(result_of(each)) for each in done.results] if done is not None else []
    return {
        "sequence": step.sequence,
        "time": step.time,
        "event": step.event,
        "fields": step.fields,
        "row": step.row,
        "row_id": step.row_id,
        "from_state": step.from_state,
        "to_state": step.to_state,
        "role": step.role,
        "actions": list(step.actions),
        "results": results,
        "published": list(step.published),
        "kind": step.kind,
        "digest": step.version,
        "answer": step.answer,
        **_of_row(table, step.row),
    }


def result_of(result: Any) -> tuple[bool, int, str | None]:
    """Return one action's result as (ok, microseconds, error)."""
    if isinstance(result, tuple | list):
        return (result[0], result[1], result[2])
    return (result.ok, result.microseconds, result.error)


def _of_row(table: Table | None, index: int) -> dict[str, Any]:
    """Return where a row stands in the text and the guards it asked for."""
    if table is None or not 0 <= index < len(table.rows):
        return {"line": None, "guards": []}
    row = table.rows[index]
    return {"line": row.place.line, "guards": [guard.text for guard in row.guards]}


def table_of(digest: str) -> Table | None:
    """Return the table with this hash, None if the database has no such text or it is broken."""
    compiled = compiled_of(digest)
    return compiled.table if compiled else None


def compiled_of(digest: str) -> Compiled | None:
    """Return the compiled text with this hash; asked again while the database knows none."""
    try:
        return _compiled_of(digest)
    except LookupError:
        return None


@lru_cache(maxsize=32)
def _compiled_of(digest: str) -> Compiled:
    version = selectors.version_by_digest(digest)
    if version is None:
        raise LookupError(digest)
    return selectors.compiled_version(version)


def text_of(digest: str) -> str:
    """Return the exact text with this hash, empty if there is none."""
    version = selectors.version_by_digest(digest)
    return version.text if version else ""


def possible_events(table: Table | None, state: str, role: str) -> list[dict[str, Any]]:
    """Return what a person may send to a session in this state: its rows that wait for people."""
    if table is None:
        return []
    names = {
        row.event: None
        for row in table.rows
        if row.from_state in (state, "*") and row.role in (role, "Both") and row.ignore is None
    }
    return [_offered(name) for name in names if name in EVENTS and EVENTS[name].user]


def _offered(name: str) -> dict[str, Any]:
    word = EVENTS[name]
    return {"event": word.name, "meaning": word.meaning, "fields": dict(word.fields)}


def live_session(session_id: str) -> Summary | None:
    """Return the line of a session that lives in this process, else None."""
    node = bridge.current_node()
    if node is None:
        return None
    try:
        found: Summary = node.session(session_id)
    except NoSuchSession:
        return None
    return found


def live_possible(session_id: str) -> list[dict[str, Any]]:
    """Return what a person may send to a living session now."""
    node = bridge.current_node()
    try:
        names = node.possible(session_id) if node is not None else []
    except NoSuchSession:
        names = []
    return [_offered(name) for name in names]


def live_summary(session: Summary, number: int | None = None) -> dict[str, Any]:
    """Return a living session as pages show it."""
    return {**session.as_dict(), "outcome": session.outcome or "", "number": number}


def stored_summary(session: Session) -> dict[str, Any]:
    """Return a session of the database in the same shape."""
    return {
        "id": session.id,
        "flow": session.flow_name,
        "digest": session.digest,
        "number": session.number,
        "role": session.role,
        "caller": session.caller,
        "callee": session.callee,
        "state": session.state,
        "since": session.ended_at or session.started_at,
        "started": session.started_at,
        "ended": session.ended_at,
        "steps": session.steps,
        "unhandled": session.unhandled,
        "outcome": session.outcome,
        "unjournalled": session.unjournalled,
    }


def close_lost(*, node: str, epoch: int) -> int:
    """Mark sessions that died with an earlier run of this node; return how many there were.

    A session that ended well but whose last records are still on their way gets its own outcome
    when they arrive.
    """
    lost = Session.objects.filter(node=node, epoch__lt=epoch, ended_at=None)
    count = 0
    for session in lost:
        last = Step.objects.filter(session_id=session.pk).order_by("-sequence").first()
        at = last.time if last else session.started_at
        count += Session.objects.filter(pk=session.pk, ended_at=None).update(
            ended_at=at, outcome="lost"
        )
    return count


def mark_unrecorded(session_ids: set[str]) -> None:
    """Say of sessions that something of them could not be journalled."""
    Session.objects.filter(pk__in=session_ids).update(unjournalled=True)


def lines_of(
    stored: Sequence[Session],
    wanted: CallFilter,
    hidden: Collection[str] = (),
    *,
    first: bool = True,
) -> list[dict[str, Any]]:
    """Return the lines of some sessions; what lives is shown as it stands in the node.

    Sessions so young that the record does not know them yet stand on top of the first page.
    """
    node = bridge.current_node()
    living = {line.id: line for line in node.sessions()} if node is not None else {}
    lines = []
    for session in stored:
        line = living.pop(session.pk, None)
        lines.append(
            {**stored_summary(session), "live": False}
            if line is None
            else {**live_summary(line, session.number), "ended": None, "live": True}
        )
    young = wanted == CallFilter(flow=wanted.flow) or wanted == CallFilter(wanted.flow, show="live")
    if not first or not young:
        return lines
    known = set(
        Session.objects.filter(pk__in=list(living)[-PAGE_SIZE:]).values_list("pk", flat=True)
    )
    fresh = [
        {**live_summary(line), "ended": None, "live": True}
        for line in list(living.values())[-PAGE_SIZE:]
        if line.id not in known and wanted.flow in ("", line.flow) and line.flow not in hidden
    ]
    return [*reversed(fresh), *lines]
