"""What the node tells and refuses to those who use it: plain data, one exception a refusal."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.node.session import Session


class Refused(Exception):
    """The node does not do what was asked; `reason` is one sentence for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CallRefused(Refused):
    """No call was placed."""


class NoSuchSession(Refused):
    """No living session has this id."""


class EventRefused(Refused):
    """The event was not given to the session."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One living session in a line. Times are seconds since the epoch."""

    id: str
    flow: str
    digest: str
    role: str
    caller: str
    callee: str
    state: str
    since: float
    """When the state was entered."""
    started: float
    steps: int
    unhandled: int
    outcome: str | None
    unjournalled: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the line as plain data."""
        return dataclasses.asdict(self)


def summary(session: Session) -> Summary:
    """Return the line of a session as it stands now."""
    return Summary(
        id=session.id,
        flow=session.flow,
        digest=session.digest,
        role=session.role,
        caller=session.caller,
        callee=session.callee,
        state=session.state,
        since=session.since,
        started=session.started,
        steps=session.machine.sequence,
        unhandled=session.unhandled,
        outcome=session.outcome,
        unjournalled=session.unjournalled,
    )
