"""What happened to calls, as an async iterator that may be read slowly and never loses an end."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

ENDED: Final = "Ended"
"""Name of the last event of every call."""
STATE_CHANGED: Final = "StateChanged"
LIMIT: Final = 256
"""Events that wait to be read before the oldest are dropped."""
MOST_ENDS: Final = 100_000
"""Ends that wait to be read before the feed breaks off: `Overrun`."""


class Overrun(Exception):
    """A feed was not read for so long that not even the ends of calls could be kept."""


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One thing that happened to a call, after its actions were done."""

    session: str
    """Id of the session."""
    name: str
    """A fact that the table publishes ("CallRinging", "CallEstablished", "CallOnHold" ...),
    "StateChanged", or "Ended", which comes last and once."""
    state: str
    """State of the table after it."""
    step: int
    """Number of the step in the session's record, from 1."""
    time: float
    """Seconds since the epoch."""
    event: str
    """What the table was told: "Dialog180Ringing", "HangupCall" ..."""
    fields: dict[str, Any] = field(default_factory=dict)
    """The fields of that event: `code`, `digit`, `sdp` ..."""
    outcome: str = ""
    """Only with "Ended": completed, cancelled, failed ..."""

    @property
    def final(self) -> bool:
        """Whether it is the end of its call."""
        return self.name == ENDED


class Feed:
    """Events of one call or of all, read with `async for`.

    Holds at most `limit` unread events. A reader that is slower loses the oldest ones, which
    `dropped` counts; the end of a call is never among them. The feed of one call ends behind its
    "Ended"; `close` ends any.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        if limit < 1:
            raise ValueError("a feed holds at least one event")
        self.limit = limit
        self.dropped = 0
        self._waiting: deque[CallEvent] = deque()
        self._ends = 0
        self._overrun = False
        self._closed = False
        self._news = asyncio.Event()

    def put(self, event: CallEvent) -> None:
        """Add an event; for the coordinator."""
        if self._closed or self._overrun:
            return
        if not event.final and len(self._waiting) - self._ends >= self.limit:
            self._drop()
        self._waiting.append(event)
        self._ends += event.final
        if self._ends > MOST_ENDS:
            self._overrun = True
        self._news.set()

    def close(self) -> None:
        """End the iteration behind what waits; twice is harmless."""
        self._closed = True
        self._news.set()

    @property
    def closed(self) -> bool:
        """Whether nothing more will be added."""
        return self._closed

    def __aiter__(self) -> Feed:
        return self

    async def __anext__(self) -> CallEvent:
        while not self._waiting:
            if self._overrun:
                raise Overrun(f"{MOST_ENDS} calls ended and nobody read of it")
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        event = self._waiting.popleft()
        self._ends -= event.final
        return event

    def _drop(self) -> None:
        """Let go of the oldest event that is no end."""
        kept: list[CallEvent] = []
        while self._waiting:
            event = self._waiting.popleft()
            if not event.final:
                self.dropped += 1
                break
            kept.append(event)
        self._waiting.extendleft(reversed(kept))
