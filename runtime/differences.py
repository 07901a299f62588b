"""Differences between a candidate and what calls did, in words: of a replay and of a shadow.

lines = lines_of(version, groups)      # [Line], each with its sentence and sample calls
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from designer import selectors
from designer.models import Version
from designer.scenarios import row_names
from flows.table import TIMER_EVENT, Table, duration_text
from runtime import audit
from runtime.executor.beside import ACTION, KINDS, MESSAGE, OUTCOME, PUBLISHED, STATE, done_by

WORDS = {
    OUTCOME: "another end",
    MESSAGE: "another message",
    ACTION: "another action",
    PUBLISHED: "another published event",
    STATE: "another state",
}


class Grouped(Protocol):
    """Calls that differ first in the same way (`runtime.replaying.Group`)."""

    ran: str
    was_row: int
    row: int
    event: str
    kinds: Any
    early: float | None
    final: bool
    count: int
    samples: Any


@dataclass(slots=True)
class Line:
    """One way in which calls differ, for a page."""

    event: str
    row: int
    """Of the candidate, -1 if none takes it."""
    row_name: str
    was_row: int
    was_name: str
    was: str
    """What the calls did."""
    now: str
    """What the candidate would have done."""
    kinds: list[str]
    count: int
    final: bool
    ran: str
    """The version the calls ran: its label, or the beginning of its hash."""
    samples: list[tuple[str, int]] = field(default_factory=list)

    @property
    def said(self) -> list[str]:
        """The kinds in words."""
        return [WORDS[kind] for kind in self.kinds]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "event": self.event,
            "row": self.row,
            "row_name": self.row_name,
            "was_row": self.was_row,
            "was_name": self.was_name,
            "was": self.was,
            "now": self.now,
            "kinds": self.kinds,
            "count": self.count,
            "final": self.final,
            "ran": self.ran,
            "samples": [{"session": session, "step": step} for session, step in self.samples],
        }


def lines_of(version: Version, groups: Iterable[Grouped]) -> list[Line]:
    """Return what the groups say of a version, the most frequent first."""
    table = selectors.compiled_version(version).table
    found = [_line(version, table, group) for group in groups]
    return sorted(found, key=lambda line: -line.count)


def _line(version: Version, table: Table | None, group: Grouped) -> Line:
    ran = audit.table_of(group.ran)
    return Line(
        event=_event(group),
        row=group.row,
        row_name=_name(table, group.row),
        was_row=group.was_row,
        was_name=_name(ran, group.was_row),
        was=_did(ran, group.was_row, early=group.early),
        now=_did(table, group.row),
        kinds=[kind for kind in KINDS if kind in group.kinds],
        count=group.count,
        final=group.final,
        ran=label_of(version, group.ran),
        samples=[(str(session), int(step)) for session, step in group.samples],
    )


def label_of(version: Version, digest: str) -> str:
    """Return what a text of the flow is called."""
    found = version.flow.versions.filter(digest=digest).values_list("number", flat=True).first()
    return f"v{found}" if found else digest[:12]


def _event(group: Grouped) -> str:
    if group.early is not None:
        return f"after {duration_text(group.early)}, before {_said(group.event)}"
    return _said(group.event)


def _said(event: str) -> str:
    return "a timer" if event == TIMER_EVENT else event


def _name(table: Table | None, row: int) -> str:
    if table is None or not 0 <= row < len(table.rows):
        return ""
    return row_names(table)[row]


def _did(table: Table | None, row: int, early: float | None = None) -> str:
    if early is not None:
        return "nothing happened yet"
    if table is None:
        return "its text is not kept here"
    return done_by(table.rows[row] if 0 <= row < len(table.rows) else None)
