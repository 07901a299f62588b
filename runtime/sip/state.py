"""How far a usage is, and how it says that an act is not possible."""

from __future__ import annotations

import enum


class UsageError(ValueError):
    """An act that is not possible now, or whose arguments cannot be sent; nothing was changed."""


class UsageState(enum.Enum):
    """How far the call leg is."""

    NEW = "new"
    CALLING = "calling"
    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"
