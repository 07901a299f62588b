"""The record of calls, read: sessions, their steps, what was on the wire, and in which words.

What still lives is asked of the node, what is over of the database. A step line is the same thing
in both cases, with the line of the YAML that fired.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from designer import selectors
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from flows.compile import Compiled
from flows.table import Table
from flows.vocabulary import EVENTS

from runtime import bridge
from runtime.models import MediaRecord, Session, Step, WireMessage

PAGE_SIZE = 50
MAX_STEPS = 5000
MAX_WIRE = 2000

SORTS = {
    "newest": ("-started_at", "-id"),
    "oldest": ("started_at", "id"),
    "steps": ("-steps", "-started_at"),
    "unhandled": ("-unhandled", "-started_at"),
}
"""What a person may sort by. Nothing else reaches `order_by`."""
STATES = ("all", "live", "ended", "unhandled", "failed")


@dataclass(frozen=True, slots=True)
class CallFilter:
    """What somebody looks for in the list of calls; unknown words mean the default."""

    flow: str = ""
    text: str = ""
    show: str = "all"
    sort: str = "newest"

    @classmethod
    def of(cls, query: Any) -> CallFilter:
        """Read a filter from a request's query."""
        show, sort = query.get("show", "all"), query.get("sort", "newest")
        return cls(
            flow=query.get("flow", "")[:64],
            text=query.get("q", "").strip().replace("\x00", "")[:200],
            show=show if show in STATES else "all",
            sort=sort if sort in SORTS else "newest",
        )


def sessions(wanted: CallFilter) -> QuerySet[Session]:
    """Return the sessions that match, in the order asked for."""
    found = Session.objects.all()
    if wanted.flow:
        found = found.filter(flow_name=wanted.flow)
    if wanted.text:
        found = (
            found.filter(caller__icontains=wanted.text)
            | found.filter(callee__icontains=wanted.text)
            | found.filter(id__startswith=wanted.text)
        )
    match wanted.show:
        case "live":
            found = found.filter(ended_at=None)
        case "ended":
            found = found.exclude(ended_at=None)
        case "unhandled":
            found = found.filter(unhandled__gt=0)
        case "failed":
            found = found.filter(outcome__in=["failed", "error", "unhandled", "lost"])
    return found.order_by(*SORTS[wanted.sort])


def page_of(wanted: CallFilter, number: Any) -> Page[Session]:
    """Return one page of sessions; a page that does not exist is the nearest one that does."""
    return Paginator(sessions(wanted), PAGE_SIZE).get_page(number)


def session_of(session_id: str) -> Session | None:
    return Session.objects.filter(pk=session_id[:128]).first()


def steps_of(session_id: str) -> list[dict[str, Any]]:
    """Return the step lines of a session, oldest first."""
    found = Step.objects.filter(session_id=session_id).order_by("sequence")[:MAX_STEPS]
    return [step_line(step) for step in found]


def wire_of(session_id: str) -> list[dict[str, Any]]:
    """Return the messages of a session as pages show them, oldest first."""
    found = WireMessage.objects.filter(session=session_id).order_by("time", "pk")[:MAX_WIRE]
    return [
        {
            "time": message.time,
            "direction": message.direction,
            "transport": message.transport,
            "local": message.local,
            "remote": message.remote,
            "summary": message.summary,
            "data": bytes(message.data).decode(errors="replace"),
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
    offered = [EVENTS[name] for name in names if name in EVENTS and EVENTS[name].user]
    return [
        {"event": word.name, "meaning": word.meaning, "fields": dict(word.fields)}
        for word in offered
    ]


def live_session(session_id: str) -> Any:
    """Return the node's session, None if it does not live in this process."""
    node = bridge.current_node()
    if node is None:
        return None
    return next((each for each in list(node.sessions()) if each.id == session_id), None)


def summary(session: Any, number: int | None = None) -> dict[str, Any]:
    """Return a session of the node as live pages show it."""
    return {
        "id": session.id,
        "flow": session.flow,
        "digest": session.digest,
        "number": number,
        "role": session.role,
        "caller": session.caller,
        "callee": session.callee,
        "state": session.state,
        "since": session.since,
        "started": session.started,
        "steps": session.machine.sequence,
        "unhandled": session.unhandled,
        "outcome": session.outcome or "",
    }


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
