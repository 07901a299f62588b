"""How long calls usually stay in a state, for whoever waits for them to leave it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from runtime.dwell import percentile, stays_of

MOST_CALLS = 500
"""The newest calls that are over are learned from."""
LEAST = 20
"""Stays from which on a figure is told."""
SHARE = 0.9
KEPT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Dwell:
    """How long calls stayed in one state."""

    stays: int
    ninety: float
    """Seconds within which 90 % of them left it."""


_kept: dict[str, tuple[float, dict[str, Dwell]]] = {}


def learned(flow: str, now: float | None = None) -> dict[str, Dwell]:
    """Return for each state of a flow how long its calls stayed; kept for a minute."""
    now = time.monotonic() if now is None else now
    known = _kept.get(flow)
    if known is None or now - known[0] > KEPT_SECONDS:
        known = _kept[flow] = now, _learned(flow)
    return known[1]


def _learned(flow: str) -> dict[str, Dwell]:
    return {
        state: Dwell(len(stays), percentile(stays, SHARE))
        for (digest, state), stays in stays_of(flow, MOST_CALLS).items()
        if not digest and len(stays) >= LEAST
    }
