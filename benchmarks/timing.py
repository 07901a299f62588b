"""How one round is measured: CPU time of the process, collector paused; memory by tracemalloc."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

Round = Callable[[], float]
"""Runs once and returns its figure: nanoseconds, or bytes, for one unit of work."""


def cpu(prepare: Callable[[], Any], run: Callable[[Any], object], units: int) -> Round:
    """Return a round that prepares outside the clock and runs `units` of work inside it."""

    def measure() -> float:
        prepared = prepare()
        gc.collect()
        gc.disable()
        try:
            start = time.process_time_ns()
            run(prepared)
            return (time.process_time_ns() - start) / units
        finally:
            gc.enable()

    return measure


def memory(make: Callable[[int], object], count: int) -> Round:
    """Return a round that tells the bytes that each of `count` things keeps."""

    def measure() -> float:
        kept = [make(i) for i in range(10)]
        gc.collect()
        tracemalloc.start()
        kept = [None] * count
        before = tracemalloc.get_traced_memory()[0]
        for i in range(count):
            kept[i] = make(i)
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return (after - before) / count

    return measure
