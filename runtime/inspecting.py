"""The history of a session, out of the record that the journals fill."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from runtime import audit
from runtime.node.api.history import Entry, History, Limits


def limits() -> Limits:
    """Return when this installation calls a session stale, stuck or prone to errors."""
    held = settings.CALLSMITH
    return Limits(held.stale, held.stuck, held.error_rate)


def history_of(session: str) -> History | None:
    """Return the steps of a session, living or over; None if the record does not know it."""
    if audit.session_of(session) is None:
        return None
    return History(session, (_entry(line) for line in audit.steps_of(session)))


def chosen(history: History, state: str, errors: bool, recent: int | None) -> History:
    """Return the part of a history that was asked for."""
    kept = history.by_state(state) if state else history.entries
    if errors:
        failed = set(history.errors())
        kept = tuple(entry for entry in kept if entry in failed)
    return History(history.session, kept if recent is None else kept[-recent:] if recent else ())


def told(session: str, history: History, now: float) -> dict[str, Any]:
    """Return the figures of a history; of a session that is over, as they were at its end."""
    stored = audit.session_of(session)
    ended = stored is not None and bool(stored.outcome)
    at = history.entries[-1].time if ended and history.entries else now
    return {
        "session": session,
        "ended": ended,
        "steps": len(history),
        "errors": len(history.errors()),
        "error_rate": round(history.error_rate(), 4),
        "average_seconds": round(history.average_duration(), 6),
        "idle_seconds": round(history.idle_time(at), 3),
        "age_seconds": round(history.age(at), 3),
        "health": history.health(at, limits()),
        "counts": history.counts(),
    }


def sentence(figures: dict[str, Any]) -> str:
    """Return the figures as a person reads them."""
    return (
        f"{figures['steps']} steps in {figures['age_seconds']:.1f} s, {figures['errors']} with an"
        f" error ({figures['error_rate']:.0%}); actions took {figures['average_seconds'] * 1e3:.2f}"
        f" ms a step; idle for {figures['idle_seconds']:.1f} s; {figures['health']}"
        f"{', over' if figures['ended'] else ''}."
    )


def _entry(line: dict[str, Any]) -> Entry:
    results = line["results"] or []
    failed = next((each[2] or "failed" for each in results if not each[0]), "")
    if not failed and line["kind"] in ("unhandled", "error"):
        failed = f"{line['kind']}: {line['event']}"
    return Entry(
        line["sequence"],
        line["time"],
        line["from_state"],
        line["event"],
        line["to_state"],
        line["kind"],
        line["row"],
        () if failed else tuple(line["published"]),
        tuple(line["actions"]),
        sum(each[1] for each in results),
        failed,
    )
