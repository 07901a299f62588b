"""The compiled table: frozen, plain data, with names resolved and every parameter typed.

A `Table` exists only if its text has no error of syntax or of names, so whoever holds one never
asks whether a state, event, action or guard exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.expressions import Expression
from flows.findings import START, Place

ANY_STATE = "*"
"""`Row.from_state` of a wildcard row (`Any` or `*` in the text)."""
TIMER_EVENT = "after"
"""`Row.event` of a row that fires when its time has passed."""
ROLES = ("UAC", "UAS", "Both")


_EVENT = "event."


class Reference(str):
    """An argument that is read when its row fires: `event.called`, or the name of a variable.

    As text it is what stands in the table. Like a guard it reads the values from before the row.
    """

    __slots__ = ()

    def read(self, values: Mapping[str, Any], fields: Mapping[str, Any]) -> Any:
        """Return what it stands for; None if the event does not carry the field."""
        if self.startswith(_EVENT):
            return fields.get(self[len(_EVENT) :])
        return values.get(self)

    @property
    def field(self) -> str:
        """The event's field that is read, or empty."""
        return self[len(_EVENT) :] if self.startswith(_EVENT) else ""


@dataclass(frozen=True, slots=True)
class Word:
    """One use of an action: its name and its arguments, defaults filled in."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    place: Place = Place(1, 1, 1, 1)

    @property
    def references(self) -> tuple[Reference, ...]:
        """The arguments that are read when the row fires."""
        return tuple(value for value in self.arguments.values() if isinstance(value, Reference))

    def filled(self, values: Mapping[str, Any], fields: Mapping[str, Any]) -> Word:
        """Return the word with what its references stand for in their place."""
        return Word(
            self.name,
            {
                name: value.read(values, fields) if isinstance(value, Reference) else value
                for name, value in self.arguments.items()
            },
            self.place,
        )


@dataclass(frozen=True, slots=True)
class Guard:
    """One condition of a row: its canonical text (`not MediaReady`, `retries < 3`) and meaning."""

    text: str
    expression: Expression
    place: Place


@dataclass(frozen=True, slots=True)
class Waiver:
    """A finding that somebody accepted on this row, with the reason and an optional last day."""

    code: str
    reason: str
    until: str
    """ISO date of the last day the waiver holds, or empty."""
    place: Place


@dataclass(frozen=True, slots=True)
class State:
    """One state of the table; a bare list of rows has states that nobody declared."""

    name: str
    initial: bool
    final: bool
    group: str
    description: str
    ignore: Mapping[str, str]
    """Events swallowed on purpose in this state, each with its reason."""
    place: Place
    declared: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One row: in this state and role, on this event, if the guards hold, do this."""

    index: int
    id: str
    from_state: str
    role: str
    event: str
    after: float | None
    """Seconds, for a row whose event is the timer."""
    guards: tuple[Guard, ...]
    actions: tuple[Word, ...]
    set: tuple[tuple[str, Expression], ...]
    """Variables to change, each with the expression of its new value."""
    next_state: str | None
    """None stays, timers run on; the own state's name leaves and enters it."""
    publish: tuple[str, ...]
    ignore: str | None
    """The reason why the event is swallowed on purpose, else None."""
    description: str
    waive: tuple[Waiver, ...]
    place: Place

    @property
    def label(self) -> str:
        """The event as people read it: its name, or `after 30s`."""
        if self.after is None:
            return self.event
        return f"after {duration_text(self.after)}"


@dataclass(frozen=True, slots=True)
class Table:
    """A whole call flow, ready to run: see the module for what its existence promises."""

    name: str
    description: str
    features: tuple[str, ...]
    states: dict[str, State]
    initial: str
    variables: Mapping[str, Any]
    rows: tuple[Row, ...]
    properties: tuple[Any, ...]
    digest: str
    """SHA-256 of the exact text, in hexadecimal."""
    version: str = ""
    """The version the text gives itself, three numbers such as `1.4.0`; empty if it gives none."""
    version_place: Place = START


def duration_text(seconds: float) -> str:
    """Write a duration as the language does: `250ms`, `1.5s`, `30s`, `2m`, `1h`."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    if seconds % 3600 == 0:
        return f"{seconds / 3600:g}h"
    if seconds % 60 == 0:
        return f"{seconds / 60:g}m"
    return f"{seconds:g}s"
