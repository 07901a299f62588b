"""What a leg keeps of an event before its table hears of it, module by module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runtime.executor.step import Event

if TYPE_CHECKING:
    from runtime.adapters.leg import CallLeg

Noting = Callable[["CallLeg", Event], Event | None]

NOTED: dict[str, Noting] = {}
"""Event to what is done with it: what comes back is told, None is not."""


def notes(*names: str) -> Callable[[Noting], Noting]:
    """Make a function the one that looks at these events first."""

    def register(noting: Noting) -> Noting:
        NOTED.update(dict.fromkeys(names, noting))
        return noting

    return register
