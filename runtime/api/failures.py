"""How often an address may show tokens that open nothing, before it has to wait.

Kept in this process only: each node counts for itself. An address that fails too often is refused
before the database is asked; a token that was good in this process is still heard, so that nobody
behind the same proxy is locked out by a stranger.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_FAILURES = 20
WINDOW_SECONDS = 60.0
MOST_ADDRESSES = 10_000
MOST_KNOWN = 1_000


class Failures:
    """Failed attempts by address, within a window that begins with the first of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()

    def wait(self, address: str, digest: str) -> int:
        """Return how many seconds this address has to wait, 0 if it may try this token."""
        began, count = self._windows.get(address, (0.0, 0))
        left = began + WINDOW_SECONDS - self._clock()
        if count < MOST_FAILURES or left <= 0 or digest in self._known:
            return 0
        return math.ceil(left)

    def failed(self, address: str, digest: str) -> None:
        """Count an attempt that opened nothing."""
        self._known.pop(digest, None)
        now = self._clock()
        began, count = self._windows.pop(address, (now, 0))
        if began + WINDOW_SECONDS <= now:
            began, count = now, 0
        self._windows[address] = (began, count + 1)
        while len(self._windows) > MOST_ADDRESSES:
            self._windows.popitem(last=False)

    def succeeded(self, digest: str) -> None:
        """Remember a token that is good; whether it still is, is asked each time."""
        self._known[digest] = None
        self._known.move_to_end(digest)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)


failures = Failures()
