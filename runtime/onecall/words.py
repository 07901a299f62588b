"""Times as people read them, the same words on the page and in every copy of a call."""

from __future__ import annotations

from datetime import UTC, datetime

MINUTE = 60
HOUR = 3600
FOLD = 5.0
"""Seconds without anything from which time is folded into one band."""


def spoken(seconds: float) -> str:
    """Return a duration in words: "0.4 s", "41 s", "2 min 13 s", "1 h 12 min"."""
    if round(seconds, 1) < 10:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min {int(seconds % MINUTE)} s"
    return f"{int(seconds // HOUR)} h {int(seconds % HOUR // MINUTE)} min"


def call_time(seconds: float) -> str:
    """Return seconds since the call began as in the step log: "0.312", "2:18.490"."""
    whole, rest = divmod(max(0.0, round(seconds, 3)), MINUTE)
    return f"{rest:.3f}" if whole == 0 else f"{int(whole)}:{rest:06.3f}"


def read_time(text: str) -> float | None:
    """Return the seconds of a call time as an address writes it, None if it is none."""
    minutes, _, rest = text.rpartition(":")
    try:
        return int(minutes or 0) * MINUTE + float(rest)
    except ValueError:
        return None


def moment(epoch: float) -> str:
    """Return a time with its date, in UTC: "2026-11-22 02:51:06"."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S")
