"""A row being performed: what it has changed so far, what it sends, what is wrong about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.explore import wire as standing
from flows.explore.wire import Wire


class Complaint(NamedTuple):
    """Something a rule has to say about one step."""

    code: str
    detail: str
    """The sentence for people, without the place."""
    action: int = -1
    """Index of the action in its row; -1 for the row as a whole."""
    mild: bool = False
    """A warning: the runtime sees to it that the call goes on well."""


class Message(NamedTuple):
    """What goes over the wire in this model."""

    kind: str
    """A method, or `RESP` with the method it answers."""
    method: str = ""
    code: int = 0
    direction: str = ""
    """Of the description it carries; empty if it carries none."""

    def __str__(self) -> str:
        what = f"{self.code} to {self.method}" if self.kind == "RESP" else self.kind
        return f"{what} ({self.direction})" if self.direction else what


class Refused(Exception):
    """The stack refuses the act in this moment, through no fault of the table."""


@dataclass(slots=True)
class Doing:
    """A row being performed: what it has changed so far."""

    wire: Wire
    held: tuple[str, ...]
    gone: tuple[str, ...]
    """Legs that were held and given back."""
    values: dict[str, Any]
    event: str
    role: str
    method: str = ""
    """What the answer that the event brought answers."""
    cause: str = ""
    """The request that the row's event came with."""
    troubled: bool = False
    """An action failed before in this session: what it should have taken may be missing."""
    code: int = 0
    """The code that the event brought, 0 if none."""
    sends: list[Message] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    fresh: set[str] = field(default_factory=set)
    """Resources taken by this row."""
    dropped: set[str] = field(default_factory=set)
    """Resources given back by this row."""
    at: int = 0

    def complain(self, code: str, detail: str, mild: bool = False) -> None:
        self.complaints.append(Complaint(code, detail, self.at, mild))

    def change(self, **changes: Any) -> None:
        self.wire = self.wire._replace(**changes)

    def send(self, kind: str, method: str = "", code: int = 0, direction: str = "") -> None:
        self.sends.append(Message(kind, method, code, direction))


def open_request(doing: Doing) -> str:
    """Return the request that a response answers now: that of the event, else the oldest."""
    wire = doing.wire
    waiting = {
        "INVITE": wire.call in standing.OPEN_INVITE,
        "re-INVITE": bool(wire.asked),
        "UPDATE": bool(wire.update),
        **dict.fromkeys(wire.others, True),
    }
    if waiting.get(doing.cause):
        return doing.cause
    return next((name for name, open_ in waiting.items() if open_), "")
