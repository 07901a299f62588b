"""What a leg wants to be told later: one alarm for each event, rung as the event itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from runtime.executor.step import Event


class Handle(Protocol):
    """A call that was put off."""

    def cancel(self) -> None:
        """Let it not come any more."""


Later = Callable[[float, Callable[[], None]], Handle]
"""Calls back after so many seconds, unless the handle is cancelled before."""


def on_the_loop(seconds: float, call: Callable[[], None]) -> Handle:
    """Call back on the event loop that runs now."""
    return asyncio.get_running_loop().call_later(seconds, call)


class Alarms:
    """The alarms of one leg, by the name of the event they ring."""

    __slots__ = ("_handles", "_later", "_post")

    def __init__(self, post: Callable[[Event], None], later: Later = on_the_loop) -> None:
        self._post = post
        self._later = later
        self._handles: dict[str, Handle] = {}

    def set(self, event: Event, seconds: float) -> None:
        """Ring the event after so many seconds, in place of an earlier alarm of its name."""
        self.clear(event.name)
        self._handles[event.name] = self._later(seconds, lambda: self._ring(event))

    def waits(self, name: str) -> bool:
        """Whether an alarm of this name is set and has not rung."""
        return name in self._handles

    def clear(self, *names: str) -> None:
        """Take alarms back; one that is not set is harmless."""
        for name in names:
            handle = self._handles.pop(name, None)
            if handle is not None:
                handle.cancel()

    def clear_all(self) -> None:
        """Take every alarm back."""
        self.clear(*tuple(self._handles))

    def _ring(self, event: Event) -> None:
        del self._handles[event.name]
        self._post(event)
