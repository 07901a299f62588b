"""The two records the executor deals in: what happened (`Event`) and what it decided (`Step`)."""

from __future__ import annotations

from typing import Any

import msgspec


class Event(msgspec.Struct, gc=False):
    """Something that happened to a session: its name as the table writes it, and its fields."""

    name: str
    fields: dict[str, Any] = {}
    cause: int | None = None
    """The token of the open request that brought the event, for the shell's answers."""


class Step(msgspec.Struct, array_like=True, gc=False):
    """One decision of the executor. The journal keeps it, the database stores it, pages show it."""

    session: str
    sequence: int
    """From 1, without gap, one numbering per session."""
    time: float
    """Seconds since the epoch, from a clock that never jumps."""
    event: str
    fields: dict[str, Any]
    row: int
    """Index of the row; -1 if no row answered or the state itself ignores the event."""
    row_id: str
    from_state: str
    to_state: str
    role: str
    actions: tuple[str, ...]
    """In the order in which they are performed."""
    published: tuple[str, ...]
    """Withheld by the shell if an action fails."""
    kind: str
    """`fired`, `ignored` or `unhandled`."""
    version: str
    """SHA-256 of the table's text, in hexadecimal."""
    answer: int | None = None
    """SIP code for the open request where no row answered it; None if there is nothing to answer.
    For a CANCEL it is the code of the INVITE that is cancelled."""
    ended: bool = False
    """The session takes no further event."""
    outcome: str | None = None
    """How it ended: completed, failed, cancelled, rejected, unhandled or expired."""
