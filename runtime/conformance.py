"""Recorded calls held against the versions they ran (META995).

verdict = of_session(session)      # a stored session
verdict.conforms                   # True, False, or None where nothing can be said, with why
verdict.finding                    # what contradicts, with its place in the version's text
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flows.findings import START, Finding, Severity
from flows.semantics import Program
from runtime import audit
from runtime.executor.conform import Deviation, Recorded, deviation
from runtime.executor.replay import UnknownVersion
from runtime.models import Session, Step

MOST_STEPS = audit.MAX_STEPS
WHY = "A proof speaks about the table; what a call really did is held against it here."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What there is to say of one call."""

    session: str
    flow: str
    number: int | None
    digest: str
    steps: int
    """How many steps were looked at."""
    conforms: bool | None
    why: str = ""
    """Why nothing can be said, or what contradicts."""
    step: int | None = None
    """The first step that contradicts."""
    finding: Finding | None = None

    @property
    def version(self) -> str:
        return f"v{self.number}" if self.number else self.digest[:12]

    @property
    def text(self) -> str:
        """Say it in a few words."""
        if self.conforms is None:
            return f"not compared: {self.why}"
        if self.conforms:
            return f"conforms to {self.version}"
        return f"differs from {self.version} at step {self.step}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "session": self.session,
            "flow": self.flow,
            "version": self.number,
            "digest": self.digest,
            "steps": self.steps,
            "conforms": self.conforms,
            "why": self.why,
            "step": self.step,
            "finding": self.finding.as_dict() if self.finding is not None else None,
        }


def of_session(session: Session) -> Verdict:
    """Hold the recorded steps of a session against its own version; what lives, as far as it is."""
    steps = list(Step.objects.filter(session_id=session.pk).order_by("sequence")[: MOST_STEPS + 1])
    program = _program(steps[0].digest if steps else session.digest)
    if program is None:
        return _unknown(session, "the text of its version is not in the database, or is broken")
    if session.unjournalled:
        return _unknown(session, "it was not recorded in full")
    if not steps:
        return _unknown(session, "no step of it was recorded yet")
    cut = steps[:MOST_STEPS]
    try:
        found = deviation(program, session.role, [_recorded(step) for step in cut], _program)
    except UnknownVersion:
        return _unknown(session, "a version it went over to is not in the database, or is broken")
    if found is None:
        return Verdict(
            session.pk, session.flow_name, session.number, session.digest, len(cut), True
        )
    return Verdict(
        session.pk,
        session.flow_name,
        session.number,
        session.digest,
        len(cut),
        False,
        f"{found.message}.",
        found.sequence,
        _finding(session, _ran(cut[found.sequence - 1], program), found, cut),
    )


def newest(limit: int, flow: str = "") -> Iterator[Verdict]:
    """Hold the newest calls that are over against their versions, the newest first."""
    found = Session.objects.exclude(ended_at=None).order_by("-started_at")
    if flow:
        found = found.filter(flow_name=flow)
    for session in found[:limit]:
        yield of_session(session)


def _unknown(session: Session, why: str) -> Verdict:
    return Verdict(session.pk, session.flow_name, session.number, session.digest, 0, None, why)


@lru_cache(maxsize=32)
def _made(digest: str) -> Program:
    table = audit.table_of(digest)
    if table is None:
        raise LookupError(digest)
    return Program(table)


def _program(digest: str) -> Program | None:
    """Return the program of a version; asked again while the database does not know it."""
    try:
        return _made(digest)
    except LookupError:
        return None


def _ran(step: Step, first: Program) -> Program:
    """Return the program that a step ran on: that of its own version, if the call was moved."""
    return _program(step.digest) or first


def _recorded(step: Step) -> Recorded:
    return Recorded(
        step.sequence,
        step.time,
        step.event,
        dict(step.fields),
        step.row,
        step.from_state,
        step.to_state,
        tuple(step.actions),
        tuple(step.published),
        step.kind,
        step.answer,
        tuple(audit.result_of(each)[0] for each in step.results),
        step.digest,
    )


def _finding(session: Session, program: Program, found: Deviation, steps: list[Step]) -> Finding:
    rows = program.table.rows
    row = found.row if 0 <= found.row < len(rows) else None
    state = program.table.states.get(steps[found.sequence - 1].from_state)
    place = rows[row].place if row is not None else state.place if state is not None else START
    return Finding(
        "META995",
        Severity.ERROR,
        f"The call {session.pk} contradicts this version. {found.message}.",
        place,
        WHY,
        row=row,
        state=state.name if state is not None else None,
        trace=tuple(_told(step) for step in steps[: found.sequence]),
    )


def _told(step: Step) -> dict[str, Any]:
    return {
        "side": step.role,
        "event": step.event,
        "name": step.event,
        "fields": step.fields,
        "row": step.row,
        "actions": list(step.actions),
        "before": step.from_state,
        "after": step.to_state,
    }
