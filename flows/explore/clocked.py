"""Session timers (RFC 4028): a refresh falls due once in each interval, and the interval ends.

Whoever is asked may be the refresher, and the far side may agree on no timer at all: so both may
come, or neither. An interval begins with each 2xx to an INVITE, a re-INVITE or an UPDATE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flows.explore import wire as standing
from flows.explore.doing import Doing
from flows.explore.redirected import call_anew
from flows.explore.stimulus import Stimulus

if TYPE_CHECKING:
    from flows.explore.party import Config

EVENTS = frozenset(("SessionRefreshDue", "SessionExpired"))
ASKED, RUNNING, DUE = "asked", "running", "due"
METHODS = ("UPDATE", "INVITE")


def options(config: Config) -> Iterator[Stimulus]:
    """Yield what the session timer tells."""
    call = config.wire
    # The least interval there is outlasts the waiting for an ACK (64*T1).
    if not call.live:
        return
    if call.timer in (ASKED, RUNNING):
        due = call._replace(timer=DUE)
        for method in METHODS:
            yield Stimulus("SessionRefreshDue", (("method", method),), due, "clock")
    if call.timer:
        yield Stimulus("SessionExpired", (), call._replace(timer=""), "clock")


# -- the actions -----------------------------------------------------------------------------------


def arm(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """ArmSessionRefreshTimer."""
    wire = doing.wire
    if wire.call in (standing.CALLING, standing.PROCEEDING, standing.ANSWERED):
        doing.complain(
            "ACT601", "ArmSessionRefreshTimer comes too late for what begins the session"
        )
    doing.change(timer=ASKED)


def ask_longer(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """SendINVITEWithBumpedSessionExpires."""
    wire = doing.wire
    if doing.event != "SessionIntervalTooSmall" or wire.call != standing.OVER or wire.talked:
        doing.complain(
            "ACT601", "SendINVITEWithBumpedSessionExpires has no INVITE that asked for too little"
        )
        return
    if wire.hangup or wire.cancel:
        doing.complain("ACT608", "The INVITE is sent again after the call was given up")
    doing.change(timer=ASKED)
    call_anew(doing)


ACTS = {
    "ArmSessionRefreshTimer": arm,
    "SendINVITEWithBumpedSessionExpires": ask_longer,
}
