"""The shapes of a declaration: what the language, the checker, the palette and the adapter read.

Every word is declared once, here in this package; a word without a declaration does not exist.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Literals = Mapping[str, bool]
"""Conditions with the value they must have or get."""


class Kind(enum.StrEnum):
    """Where an event comes from."""

    USER = "user"
    MESSAGE = "message"
    TIMER = "timer"
    MEDIA = "media"
    INTERNAL = "internal"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an action, or the type of one field of an event."""

    type: str
    """`integer`, `number`, `text`, `boolean`, `choice`, `condition`, `event` (one people send),
    `name`, `headers` (a list of names), `address` or `source` (a text, or the variable or
    the field of the event that holds it)."""
    meaning: str
    required: bool = False
    default: Any = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventWord:
    """Something that happened: what it means, what it carries, whom it reaches."""

    name: str
    kind: Kind
    meaning: str
    group: str
    """The heading it stands under in the palette."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Field name to type: `text`, `integer`, `number`, `sdp`. An absent field is None."""
    roles: tuple[str, ...] = ("UAC", "UAS")
    effect: Literals = field(default_factory=dict)
    """Conditions it changes when a row takes it."""
    owes: str = ""
    """The request that waits for an answer of ours: `INVITE`, `UPDATE` ..."""
    rfc: str = ""
    performed: bool = True
    """Whether this runtime ever gives the event."""

    @property
    def user(self) -> bool:
        """Whether people and programs may send it to a session."""
        return self.kind is Kind.USER


@dataclass(frozen=True, slots=True)
class ActionWord:
    """Something to do: its contract, from which the deep rules are derived."""

    name: str
    meaning: str
    group: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    requires: Literals = field(default_factory=dict)
    sets: Literals = field(default_factory=dict)
    acquires: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    sends: str = ""
    """The message it puts on the wire."""
    clears: tuple[str, ...] = ()
    """The answers it gives, of what events owe."""
    offers: str = ""
    """The parameter with which it carries an offer, where it may go without one."""
    inert: bool = False
    """It changes nothing a rule could look at, such as writing a line of a log. An action of a
    plug-in that says neither this nor anything above has no contract (META994)."""
    may_fail: bool = True
    roles: tuple[str, ...] = ("UAC", "UAS")
    rfc: str = ""
    performed: bool = True
    """Whether this runtime does it; if not, using it is the error META996."""

    def needs(self, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what of `uses` must be held when it is performed with these arguments.

        A refusal is the transaction's own and makes no dialog (RFC 3261 12.1, 17.2.1).
        """
        if self.name == "SendSIPResponse" and arguments.get("code", 200) >= 300:
            return ()
        return self.uses

    @property
    def contracted(self) -> bool:
        """Whether the declaration says anything from which a rule can be derived."""
        said = (self.requires, self.sets, self.acquires, self.releases, self.uses, self.clears)
        return self.inert or bool(self.sends) or any(said)

    def changes(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the conditions it changes when it is performed with these arguments."""
        if self.name == "SetCondition":
            return {arguments["condition"]: arguments["value"]}
        if self.offers and arguments.get(self.offers) is not None:
            return {**self.sets, "HasPendingOfferAnswer": True}
        return self.sets


@dataclass(frozen=True, slots=True)
class GuardWord:
    """A name that may stand in a guard."""

    name: str
    meaning: str
    kind: str
    """`condition` lives in the session; `state` looks at the current state; `derived` is written
    with others."""
    expands_to: str = ""
    """For a derived word: the expression it stands for."""
    initially: bool = False
    rfc: str = ""
    performed: bool = True


@dataclass(frozen=True, slots=True)
class PublishedWord:
    """An event for applications and watchers, published by a row that fired."""

    name: str
    meaning: str
    outcome: str = ""
    """For the one event that tells how a call ended: `terminated`, `failed`, `cancelled`."""


@dataclass(frozen=True, slots=True)
class ResourceWord:
    """Something a session holds and must give back before it ends."""

    name: str
    meaning: str
    capacity: int = 1
