"""How long calls usually stay in a state, learned from the record of those that are over."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

from runtime.models import Session, Step

MOST_CALLS = 500
"""The newest calls that are over are learned from."""
LEAST = 20
"""Stays from which on a figure is told."""
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
    over = Session.objects.exclude(ended_at=None).filter(flow_name=flow).order_by("-started_at")
    newest = list(over.values_list("pk", flat=True)[:MOST_CALLS])
    steps = Step.objects.filter(session_id__in=newest).order_by("session_id", "sequence")
    return of_steps(steps.values_list("session_id", "time", "from_state", "to_state").iterator())


def of_steps(steps: Iterable[tuple[str, float, str, str]]) -> dict[str, Dwell]:
    """Return the dwell of each state from (session, time, from, to), in the order of the calls."""
    stays: dict[str, list[float]] = {}
    call, entered = "", 0.0
    for session, at, before, after in steps:
        if session != call:
            call, entered = session, at
            continue
        if before != after:
            stays.setdefault(before, []).append(at - entered)
            entered = at
    return {state: _dwell(each) for state, each in stays.items() if len(each) >= LEAST}


def _dwell(stays: list[float]) -> Dwell:
    stays.sort()
    return Dwell(len(stays), stays[math.ceil(0.9 * len(stays)) - 1])
