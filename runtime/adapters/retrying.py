"""Re-INVITEs that met one of the peer's, tried again after a while (RFC 3261 14.1)."""

from __future__ import annotations

from typing import Final

from runtime.adapters.leg import CallLeg
from runtime.adapters.offering import RETRY
from runtime.adapters.performing import Arguments, performs
from runtime.adapters.port import ActionError
from runtime.executor.step import Event

MOST_TRIES: Final = 3

STEP: Final = 0.01
"""Seconds between the waiting times there are."""
OWNER: Final = (210, 400)
OTHER: Final = (0, 200)
"""Shortest and longest waiting time, in steps: of whoever made the Call-ID, and of the other."""


@performs("ScheduleReinviteRetry")
def schedule_reinvite_retry(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Arm the event that says when the re-INVITE may go out again."""
    usage = leg.dialog.usage
    if usage is None or not usage.established:
        raise ActionError("there is no call in which a re-INVITE could be sent again")
    if leg.retries >= MOST_TRIES:
        raise ActionError(f"the re-INVITE met one of the far side {MOST_TRIES + 1} times in a row")
    leg.retries += 1
    low, high = OWNER if usage.role == "UAC" else OTHER
    steps = low + leg.draw(high - low + 1)
    leg.alarms.set(Event(RETRY), steps * STEP)


@performs("ClearPendingReinvite")
def clear_pending_reinvite(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Let the re-INVITE be."""
    leg.alarms.clear(RETRY)
    leg.retries = 0
