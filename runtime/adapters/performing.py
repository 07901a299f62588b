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
