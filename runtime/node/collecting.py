"""How often Python's garbage collector looks at what a node holds.

A node's sessions hold thousands of objects that live for minutes. With the interpreter's own
thresholds every few calls pay for a walk through all of them; a third of a call's CPU time was
that. A session that has ended is a cycle (it and its leg know each other), so the oldest are looked
at as well: at 200 calls a second within a minute, which keeps what waits for it to some 20 MB.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 10_000
"""New objects before the youngest are looked at (the interpreter's own: 700)."""
MIDDLE: Final = 5
OLD: Final = 4
"""Looks at one generation before the next older one has its turn."""


def settle() -> None:
    """Leave alone all that is loaded now, and look less often; call it once a node has started."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
