"""Single recorded calls played against another version: what would have become of them.

tried = try_call(program, session)
tried.changes      # sentences; empty if the call would have gone as it went
tried.why          # why nothing can be said, or empty

The same piece plays thousands of them for the replay gate (`runtime.replay_runs`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from designer.scenarios import row_names
from flows.semantics import Program
from flows.table import Table
from runtime import audit, replay_runs
from runtime.differences import WORDS
from runtime.executor.beside import Beside, Difference, done_by
from runtime.models import Session
from runtime.replaying import Taken


@dataclass(slots=True)
class Tried:
    """One call: how it went, and how it would have gone."""

    session: str
    steps: int = 0
    recorded: str = ""
    """Its outcome."""
    replayed: str = ""
    """The same on the other version; empty where nothing can be said behind a difference."""
    changes: list[str] = field(default_factory=list)
    at: int = 0
    """The recorded step it differs at first, 0 if none."""
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "session": self.session,
            "steps": self.steps,
            "recorded": self.recorded,
            "replayed": self.replayed,
            "changes": self.changes,
            "at": self.at,
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
    rows = replay_runs.steps_of([session.pk]).get(session.pk, [])
    tried.steps = len(rows)
    tried.why = "it still goes on" if session.ended_at is None else ""
    tried.why = tried.why or replay_runs.unusable(session, rows)
    if tried.why:
        return tried
    steps = msgspec.json.decode(msgspec.json.encode(rows), type=list[Taken])
    steps[-1].ended, steps[-1].outcome = True, session.outcome
    ran = audit.table_of(session.digest)
    beside = Beside(program, ran, session.role, session.started_at, session.pk)
    final = False
    for step in steps:
        difference = beside.take(step)
        if difference is not None:
            tried.at = tried.at or step.sequence
            tried.changes.append(_sentence(program.table, ran, difference))
            final = final or difference.final
    if not final:
        tried.replayed = session.outcome
    else:
        left = len(steps) - tried.at
        if left:
            tried.changes.append(f"the {left} recorded steps after it say nothing of this version")
    return tried


def _sentence(table: Table, ran: Table | None, found: Difference) -> str:
    what = ", ".join(WORDS[kind] for kind in found.kinds)
    return (
        f"step {found.sequence}, {found.event}: {what}:"
        f" {_row(ran, found.was_row)} -> {_row(table, found.row)}"
    )


def _row(table: Table | None, row: int) -> str:
    if table is None or not 0 <= row < len(table.rows):
        return "no row"
    return f"{row_names(table)[row]} ({done_by(table.rows[row])})"
