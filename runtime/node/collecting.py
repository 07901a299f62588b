"""How often Python's garbage collector looks at what a node holds.

A node's sessions hold thousands of objects that live for minutes and hardly any cycles that must be
found soon. With the interpreter's own thresholds every few calls pay for a walk through all of
them; a third of a call's CPU time was that.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 20_000
"""New objects before the youngest are looked at (the interpreter's own: 700)."""
MIDDLE: Final = 20
OLD: Final = 50
"""Looks at one generation before the next older one has its turn."""


def settle() -> None:
    """Leave alone all that is loaded now, and look less often; call it once a node has started."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
