"""The hand-written loop that the goals are measured against: a dict, two loops, no duties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import timing, workload

SESSIONS = 1000


class Session:
    """What a hand-written engine keeps of a call."""

    __slots__ = ("role", "state", "conditions")

    def __init__(self, role: str, conditions: dict[str, Any]) -> None:
        self.role = role
        self.state = "Idle"
        self.conditions = conditions


def open_now(session: Session) -> bool:
    return bool(session.conditions["open_now"])


def not_blocked(session: Session) -> bool:
    return not session.conditions["blocked"]


def nothing(session: Session) -> None:
    """The action of every engine here."""


def transitions() -> timing.Round:
    conditions = {"open_now": True, "blocked": False}
    guards = (open_now, not_blocked)
    actions = (nothing, nothing, nothing)
    table = {
        ("UAC", row.state, row.event): (guards, actions, row.target) for row in workload.lines(60)
    }

    def fire(session: Session, event: str) -> bool:
        row = table.get((session.role, session.state, event))
        if row is None:
            return False
        guards, actions, target = row
        for guard in guards:
            if not guard(session):
                return False
        for action in actions:
            action(session)
        session.state = target
        return True

    def run(sessions: list[Session]) -> None:
        for session in sessions:
            for event in workload.CALL:
                fire(session, event)

    def prepare() -> list[Session]:
        return [Session("UAC", conditions) for _ in range(SESSIONS)]

    trial = prepare()
    run(trial)
    assert all(session.state == "Terminated" for session in trial)
    return timing.cpu(prepare, run, SESSIONS * len(workload.CALL))


CASES: dict[str, Callable[[], timing.Round]] = {"hand-written dict loop": transitions}
