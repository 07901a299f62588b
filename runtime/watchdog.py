"""Says where the event loop hangs: a thread that looks whether it still turns.

A loop that is blocked answers nobody, not even OPTIONS, so whoever spreads calls leaves this node
by itself. What is missing then is the reason: the stack of the loop's thread, while it hangs.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds by which the loop may be late before its stack is written down."""
LOOK_SECONDS = 1.0


class Watchdog:
    """Watches one thread's loop; `late` says by how many seconds it is late, from any thread."""

    def __init__(self, late: Callable[[], float], thread: int, patience: float = PATIENCE) -> None:
        self._late = late
        self._thread = thread
        self._patience = patience
        self._told = False
        self.hangs = 0
        """How often it hung."""

    def look(self) -> None:
        """Write down the stack of a loop that hangs, once for each time that it does."""
        late = self._late()
        if late <= self._patience:
            self._told = False
        elif not self._told:
            self._told = True
            self.hangs += 1
            frame = sys._current_frames().get(self._thread)
            stack = "".join(traceback.format_stack(frame)[-12:]) if frame is not None else "gone"
            log.error("the event loop has not turned for %.1f s; it is here:\n%s", late, stack)


@contextlib.contextmanager
def watching(late: Callable[[], float]) -> Iterator[Watchdog]:
    """Watch the loop of the calling thread meanwhile."""
    watchdog = Watchdog(late, threading.get_ident())
    over = threading.Event()

    def look_again_and_again() -> None:
        while not over.wait(LOOK_SECONDS):
            watchdog.look()

    thread = threading.Thread(target=look_again_and_again, name="watchdog", daemon=True)
    thread.start()
    try:
        yield watchdog
    finally:
        over.set()
        thread.join()
