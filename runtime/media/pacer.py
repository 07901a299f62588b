"""One 20 ms timer for all legs of an engine: never a task or timer for each leg."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

logger = logging.getLogger(__name__)

INTERVAL = 0.02
CATCH_UP = 5
"""Ticks made up for after the loop was late; beyond that the time is lost."""


class Paced(Protocol):
    """What the pacer drives."""

    def tick(self, now: float) -> None:
        """Do what one frame of 20 ms asks for; `now` is the loop's time."""

    def broken(self, error: Exception) -> None:
        """Be told that `tick` failed; it is not called again."""


class Pacer:
    """Runs while there is somebody to pace."""

    def __init__(self) -> None:
        self._members: dict[Paced, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0

    def add(self, member: Paced) -> None:
        self._members[member] = None
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._next = loop.time() + INTERVAL
            self._timer = loop.call_at(self._next, self._run, loop)

    def remove(self, member: Paced) -> None:
        self._members.pop(member, None)
        if not self._members and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        due = int((now - self._next) / INTERVAL) + 1
        for _ in range(max(1, min(due, CATCH_UP))):
            self._tick(now)
        self._next += max(due, 1) * INTERVAL
        if self._members:
            self._timer = loop.call_at(self._next, self._run, loop)
        else:
            self._timer = None

    def _tick(self, now: float) -> None:
        for member in list(self._members):
            try:
                member.tick(now)
            except Exception as error:  # one leg's failure must not silence the others
                logger.exception("a leg failed while it was paced")
                self.remove(member)
                member.broken(error)
