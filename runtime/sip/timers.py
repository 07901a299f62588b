"""One heap of named timers for the whole stack: asks no clock, only remembers and tells."""

from __future__ import annotations

import heapq
from itertools import count
from typing import Protocol


class TimerOwner(Protocol):
    """Whoever may have timers: keeps them by name and is told when one is due."""

    timers: dict[str, Entry]

    def on_timer(self, name: str, now: float) -> None: ...


class Entry:
    """One armed timer; `owner` is None once it was stopped."""

    __slots__ = ("at", "name", "owner")

    def __init__(self, at: float, owner: TimerOwner, name: str) -> None:
        self.at = at
        self.owner: TimerOwner | None = owner
        self.name = name


class Timers:
    """Start, stop, expire. A stopped entry stays in the heap, empty, until its time or a sweep."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Entry]] = []
        self._order = count()
        self._stopped = 0

    def start(self, owner: TimerOwner, name: str, at: float) -> None:
        """Arm `name` of `owner` for the time `at`, replacing a running one of that name."""
        self.stop(owner, name)
        entry = owner.timers[name] = Entry(at, owner, name)
        heapq.heappush(self._heap, (at, next(self._order), entry))

    def stop(self, owner: TimerOwner, name: str) -> None:
        """Disarm `name`; harmless if it is not running."""
        entry = owner.timers.pop(name, None)
        if entry is not None:
            entry.owner = None
            self._stopped += 1
            if self._stopped > 512 and self._stopped * 2 > len(self._heap):
                self._sweep()

    def stop_all(self, owner: TimerOwner) -> None:
        """Disarm all timers of `owner`."""
        for name in tuple(owner.timers):
            self.stop(owner, name)

    def deadline(self) -> float | None:
        """When the next timer is due, None if none is armed."""
        while self._heap and self._heap[0][2].owner is None:
            heapq.heappop(self._heap)
            self._stopped -= 1
        return self._heap[0][0] if self._heap else None

    def expire(self, now: float) -> None:
        """Tell the owners of all timers due at `now`, in the order of their times."""
        while (at := self.deadline()) is not None and at <= now:
            entry = heapq.heappop(self._heap)[2]
            owner = entry.owner
            assert owner is not None
            del owner.timers[entry.name]
            owner.on_timer(entry.name, now)

    def __len__(self) -> int:
        return len(self._heap) - self._stopped

    def _sweep(self) -> None:
        self._heap = [item for item in self._heap if item[2].owner is not None]
        heapq.heapify(self._heap)
        self._stopped = 0
