"""The node's clock and its one timer for all sessions."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol

DRIFT = 1.0
"""Seconds that the clock may differ from the wall before it is set anew."""


class Clock:
    """Seconds since the epoch that never jump: the wall at the start plus monotonic time since."""

    __slots__ = ("_monotonic", "_offset", "_wall")

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset = wall() - monotonic()

    def now(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._offset + self._monotonic()

    def follow_wall(self) -> None:
        """Take the wall's time anew if the two have parted: a suspended machine, a clock set.

        Only while nobody counts on the clock: deadlines do not move with it.
        """
        offset = self._wall() - self._monotonic()
        if abs(offset - self._offset) > DRIFT:
            self._offset = offset


class Timed(Protocol):
    """What can be woken: `armed` is when, and belongs to the timers alone."""

    armed: float | None

    def due(self) -> None:
        """Tell that the time has come."""


class Timers:
    """Deadlines of many sessions on a single timer of the event loop.

    A changed deadline leaves its old entry in the heap, to be skipped when it surfaces; the heap is
    rebuilt when such entries outnumber the living ones.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._heap: list[tuple[float, int, Timed]] = []
        self._numbers = itertools.count()
        self._living = 0
        self._handle: asyncio.TimerHandle | None = None
        self._next = float("inf")

    def __len__(self) -> int:
        return self._living

    def arm(self, timed: Timed, when: float | None) -> None:
        """Wake `timed` at `when`, in place of its earlier time; None disarms."""
        if when == timed.armed:
            return
        self._living += (when is not None) - (timed.armed is not None)
        timed.armed = when
        if when is None:
            return
        heapq.heappush(self._heap, (when, next(self._numbers), timed))
        if len(self._heap) > 2 * self._living + 64:
            self._rebuild()
        if when < self._next:
            self._schedule()

    def close(self) -> None:
        """Wake nobody any more."""
        if self._handle is not None:
            self._handle.cancel()
        self._heap.clear()

    def fire(self) -> None:
        """Wake all whose time has come."""
        now = self._now()
        while self._heap and self._heap[0][0] <= now:
            when, _, timed = heapq.heappop(self._heap)
            if timed.armed != when:
                continue
            timed.armed = None
            self._living -= 1
            timed.due()
        self._schedule()

    def _schedule(self) -> None:
        while self._heap and self._heap[0][2].armed != self._heap[0][0]:
            heapq.heappop(self._heap)
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._next = self._heap[0][0] if self._heap else float("inf")
        if self._heap:
            delay = max(0.0, self._next - self._now())
            self._handle = asyncio.get_running_loop().call_later(delay, self.fire)

    def _rebuild(self) -> None:
        self._heap = [entry for entry in self._heap if entry[2].armed == entry[0]]
        heapq.heapify(self._heap)
