"""Recorded calls played against another version: what would have become of them.

tried = try_call(program, session)
tried.changes      # sentences; empty if the call would have gone as it went
tried.why          # why nothing can be said, or empty
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flows.semantics import Decision, Program
from runtime import audit
from runtime.executor import step as executor
from runtime.executor.replay import replay
from runtime.models import Session, Step

LOST = "lost"


@dataclass(slots=True)
class Tried:
    """One call: how it went, and how it would have gone."""

    session: str
    steps: int = 0
    recorded: str = ""
    """Its outcome."""
    replayed: str = ""
    """Its outcome on the other version; empty if it would go on."""
    changes: list[str] = field(default_factory=list)
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "session": self.session,
            "steps": self.steps,
            "recorded": self.recorded,
            "replayed": self.replayed,
            "changes": self.changes,
            "why": self.why,
        }


def newest(program: Program, flow: str, limit: int) -> Iterable[Tried]:
    """Play the newest calls of a flow that are over, the newest first."""
    found = Session.objects.exclude(ended_at=None).filter(flow_name=flow)
    for session in found.order_by("-started_at", "-id")[:limit]:
        yield try_call(program, session)


def try_call(program: Program, session: Session) -> Tried:
    """Play the recorded events of a call against a program and compare what became of it."""
    tried = Tried(session.pk, recorded=session.outcome)
    found = Step.objects.filter(session_id=session.pk).order_by("sequence")
    rows = list(found[: audit.MAX_STEPS + 1])
    tried.steps = len(rows)
    tried.why = _unusable(session, rows)
    if tried.why:
        return tried
    recorded = [_recorded(row, session, last=row is rows[-1]) for row in rows]
    played = replay(program, session.role, recorded)
    tried.replayed = next((str(step.decision.outcome) for step in played if step.ended), "")
    tried.changes = list(_changes(recorded, played, tried))
    return tried


def _unusable(session: Session, rows: list[Step]) -> str:
    if session.ended_at is None:
        return "it still goes on"
    if session.outcome == LOST or session.unjournalled:
        return "it was not recorded in full"
    if not rows:
        return "no step of it was recorded"
    if len(rows) > audit.MAX_STEPS:
        return f"it has more than {audit.MAX_STEPS} steps"
    return ""


def _recorded(row: Step, session: Session, *, last: bool) -> executor.Step:
    """Return a stored step as the executor made it; that it ended the call stands with the call."""
    decision = Decision(
        row=row.row,
        row_id=row.row_id,
        from_state=row.from_state,
        to_state=row.to_state,
        role=row.role,
        actions=tuple(row.actions),
        published=tuple(row.published),
        kind=row.kind,
        version=row.digest,
        answer=row.answer,
        ended=last,
        outcome=session.outcome if last else None,
    )
    return executor.Step(session.pk, row.sequence, row.time, row.event, dict(row.fields), decision)


def _changes(
    recorded: list[executor.Step], played: list[executor.Step], tried: Tried
) -> Iterable[str]:
    if tried.recorded != tried.replayed:
        yield f"outcome: {tried.recorded or 'none'} -> {tried.replayed or 'still going on'}"
    was, would = _published(recorded), _published(played)
    if was != would:
        yield f"published: {', '.join(was) or 'nothing'} -> {', '.join(would) or 'nothing'}"
    was, would = _unhandled(recorded), _unhandled(played)
    if was != would:
        yield f"unhandled: {', '.join(was) or 'nothing'} -> {', '.join(would) or 'nothing'}"


def _published(steps: Iterable[executor.Step]) -> list[str]:
    return [name for step in steps for name in step.published]


def _unhandled(steps: Iterable[executor.Step]) -> list[str]:
    return [step.event for step in steps if step.kind == "unhandled"]
