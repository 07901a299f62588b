"""What a session that nobody called begins with: an event of people, checked before it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flows.semantics import Program
from flows.vocabulary import EVENTS
from runtime.sip.uri import parse_uri

ROLE: Final = "UAC"
_ADDRESSES: Final = ("target", "registrar")
"""Fields that say whom a session is about; the first that is there is its far side."""


def trouble(program: Program, flow: str, event: str, fields: Mapping[str, Any]) -> str | None:
    """Say why a session cannot begin with this event; None if it can."""
    word = EVENTS.get(event)
    if word is None or not word.user or ROLE not in word.roles:
        return f"{event} is no event that a session begins with"
    unknown = sorted(set(fields) - set(word.fields))
    if unknown:
        return f"{event} has no field {unknown[0]}"
    # A session whose first event meets no row would wait for ever.
    if event not in program.position(program.table.initial, ROLE).candidates:
        what = "places a call" if event == "MakeCall" else f"begins with {event}"
        return f"{flow} has no row that {what} (role {ROLE}, event {event})"
    return None


def beginnings(program: Program) -> list[str]:
    """Return the events of people with which a session of the role UAC can begin."""
    taken = program.position(program.table.initial, ROLE).candidates
    return [
        name for name, word in EVENTS.items() if word.user and ROLE in word.roles and name in taken
    ]


def whole(fields: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return the fields with addresses written out.

    A target that is a name alone is a user of this node; a registrar may be the name of a trunk.
    """
    given = dict(fields)
    target = given.get("target")
    if isinstance(target, str) and target and ":" not in target:
        given["target"] = f"sip:{target}@{host}"
    registrar = given.get("registrar")
    if isinstance(registrar, str) and registrar and ":" not in registrar:
        given["registrar"] = f"sip:{registrar}"
    return given


def far_side(fields: Mapping[str, Any]) -> str:
    """Return the address a session is about; empty if its event names none."""
    return next((str(fields[name]) for name in _ADDRESSES if fields.get(name)), "")


def unreadable(address: str) -> str | None:
    """Say why something is no SIP address; None if it is one."""
    try:
        return None if parse_uri(address).is_sip else f"{address} is no SIP address"
    except ValueError as error:
        return f"{address} is no SIP address: {error}"
