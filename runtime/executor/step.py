"""The two records the executor deals in: what happened (`Event`) and what it decided (`Step`)."""

from __future__ import annotations

from typing import Any

import msgspec

from flows.semantics import Decision


class Event(msgspec.Struct, gc=False):
    """Something that happened to a session: its name as the table writes it, and its fields."""

    name: str
    fields: dict[str, Any] = {}
    cause: int | None = None
    """The token of the open request that brought the event, for the shell's answers."""


class Step(msgspec.Struct, array_like=True, gc=False):
    """One decision of the executor. The journal keeps it, the database stores it, pages show it.

    What is the same each time a row fires stands in `decision`, made once when the table loads;
    its fields are read as if they were the step's own.
    """

    session: str
    sequence: int
    """From 1, without gap, one numbering per session."""
    time: float
    """Seconds since the epoch, from a clock that never jumps."""
    event: str
    fields: dict[str, Any]
    decision: Decision

    @property
    def row(self) -> int:
        return self.decision.row

    @property
    def row_id(self) -> str:
        return self.decision.row_id

    @property
    def from_state(self) -> str:
        return self.decision.from_state

    @property
    def to_state(self) -> str:
        return self.decision.to_state

    @property
    def role(self) -> str:
        return self.decision.role

    @property
    def actions(self) -> tuple[str, ...]:
        return self.decision.actions

    @property
    def published(self) -> tuple[str, ...]:
        return self.decision.published

    @property
    def kind(self) -> str:
        return self.decision.kind

    @property
    def version(self) -> str:
        return self.decision.version

    @property
    def answer(self) -> int | None:
        return self.decision.answer

    @property
    def ended(self) -> bool:
        return self.decision.ended

    @property
    def outcome(self) -> str | None:
        return self.decision.outcome
