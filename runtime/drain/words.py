"""Who does it, and why: asked of each act in the same way."""

from __future__ import annotations

from typing import Any

from designer.auditing import LONGEST_REASON
from designer.errors import Refused
from designer.naming import person_name


def name_of(user: Any, by_name: str = "") -> str:
    """Return who acts: the person, or a command line."""
    return by_name or (person_name(user) if user is not None else "command line")


def reason_of(reason: str) -> str:
    """Return a reason; Refused without one."""
    why = reason.strip()[:LONGEST_REASON]
    if not why:
        raise Refused("A reason is needed: it stands in the record of the call.")
    return why
