"""Session timers (RFC 4028): what is asked for, and an INVITE that asked for too little."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from runtime.adapters.leg import CallLeg
from runtime.adapters.performing import Arguments, performs
from runtime.adapters.port import ActionError
from runtime.executor.step import Event
from runtime.sip.refresh import Refresher, SessionTimer

MOST_BUMPS: Final = 2
_REFRESHER: Final[dict[str, Refresher]] = {"ours": "local", "theirs": "remote"}


@performs("ArmSessionRefreshTimer")
def arm_session_refresh_timer(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Ask for a session timer in what begins the session next."""
    usage = leg.dialog.usage
    if usage is None:
        raise ActionError("the session has no dialog: CreateDialog goes before")
    refresher = _REFRESHER.get(arguments.get("refresher", ""), "")
    usage.session = SessionTimer(int(arguments.get("interval", 1800)), refresher=refresher)


@performs("SendINVITEWithBumpedSessionExpires")
async def send_invite_with_bumped_session_expires(
    leg: CallLeg, arguments: Arguments, event: Event
) -> None:
    """Send the first INVITE again, with the interval that its 422 asks for."""
    usage, minimum = leg.dialog.usage, event.fields.get("minimum")
    if usage is None or not isinstance(minimum, int):
        raise ActionError("no answer says which session interval is long enough")
    if leg.bumps >= MOST_BUMPS:
        raise ActionError(f"the session interval was made longer {MOST_BUMPS} times already")
    leg.bumps += 1
    wish = usage.session
    try:
        if wish is None:
            usage.session = SessionTimer(max(minimum, 90), max(minimum, 90))
        elif wish.interval < minimum or wish.min_se < minimum:
            usage.session = replace(wish, interval=max(wish.interval, minimum), min_se=minimum)
    except ValueError as impossible:
        raise ActionError(f"an interval of {minimum} s cannot be asked for") from impossible
    await leg.invite_again()
