"""What stands behind an action: a function of the leg, found by the action's name.

A function returns None when it is done, or an awaitable; what the world refuses is an ActionError.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from runtime.executor.step import Event

if TYPE_CHECKING:
    from runtime.adapters.leg import CallLeg

Arguments = Mapping[str, Any]
Method = Callable[["CallLeg", Arguments, Event], Awaitable[None] | None]

Hearing = Callable[["CallLeg", Any], "Event | None"]

Mine = Callable[["CallLeg", Any], bool]

HEARD: dict[tuple[str, str], tuple[Hearing, Mine]] = {}
"""What takes note of a happening in the place of the dialog, by its kind and its method, and
whether it does."""

PERFORMED: dict[str, Method] = {}
"""The function behind each action; `binding` imports every module that adds to it."""

_M = TypeVar("_M", bound=Method)


class Call(NamedTuple):
    """One use of an action, ready to be done: found once, when its table is loaded."""

    method: Method
    arguments: Arguments


def performs(name: str) -> Callable[[_M], _M]:
    """Make a function the one behind the action `name`."""

    def register(method: _M) -> _M:
        PERFORMED[name] = method
        return method

    return register


_H = TypeVar("_H", bound=Hearing)


def _always(leg: CallLeg, happening: Any) -> bool:
    return True


def hears(kind: type, *methods: str, mine: Mine = _always) -> Callable[[_H], _H]:
    """Make a function the one that hears happenings of this kind and these methods, if `mine`."""

    def register(hearing: _H) -> _H:
        HEARD.update({(kind.__name__, method): (hearing, mine) for method in methods or ("",)})
        return hearing

    return register


def hearing_of(leg: CallLeg, happening: Any) -> Hearing | None:
    """Return what takes note of a happening; None: the dialog does."""
    found = HEARD.get((type(happening).__name__, getattr(happening, "method", "")))
    return found[0] if found is not None and found[1](leg, happening) else None
