"""How people are named."""

from __future__ import annotations

from typing import Any


def person_name(user: Any) -> str:
    """Return how a person is called in lists."""
    return str(user.get_full_name() or user.get_username())
