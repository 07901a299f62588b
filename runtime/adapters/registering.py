"""Registering with a provider, renewing in time, removing (RFC 3261 10.2)."""

from __future__ import annotations

from typing import Final

from runtime.adapters.authorizing import take_stored
from runtime.adapters.leg import CallLeg
from runtime.adapters.performing import Arguments, performs
from runtime.adapters.port import ActionError
from runtime.adapters.registration import EXPIRED, REFRESH, UNSAID, Registration, refresh_after
from runtime.executor.step import Event

SHORTEST: Final = 10
"""Seconds a grant is watched at least: one of none would have us register without end."""


@performs("SendREGISTER")
def send_register(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Register the address, or renew it; for as long as the registrar demands, if it did."""
    registration = _registration(leg)
    seconds = max(arguments.get("expires", UNSAID), registration.least)
    _send(leg, registration, seconds)


@performs("SendUnREGISTER")
def send_unregister(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Remove the address; with credentials if a challenge is stored."""
    registration = _registration(leg)
    if leg.stored is not None:
        take_stored(leg)
    leg.alarms.clear(REFRESH, EXPIRED)
    _send(leg, registration, 0)


@performs("SendREGISTERWithAuth")
def send_register_with_auth(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Send the challenged REGISTER again, with credentials."""
    _registration(leg)
    challenged = take_stored(leg)
    if challenged.method != "REGISTER":
        raise ActionError(f"it was the {challenged.method} that wants credentials")
    leg.dialog.repeat("REGISTER")


@performs("ProcessRegistrationResponse")
def process_registration_response(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Watch the time that was granted, or keep the one that is demanded.

    Sessions that registered at the same moment renew at different ones.
    """
    registration = leg.dialog.registration
    granted = registration.take_over() if registration is not None else None
    if granted is None:
        return
    granted = max(granted, SHORTEST)
    due = refresh_after(granted)
    due -= leg.draw(101) / 100 * min(due, granted) / 20
    leg.alarms.set(Event(REFRESH), due)
    leg.alarms.set(Event(EXPIRED), granted)


def _registration(leg: CallLeg) -> Registration:
    if leg.dialog.registration is None:
        raise ActionError("the session does not register: it began with no StartRegistration")
    return leg.dialog.registration


def _send(leg: CallLeg, registration: Registration, seconds: int) -> None:
    before = registration.removing, registration.asked
    registration.removing, registration.asked = seconds == 0, seconds
    try:
        leg.dialog.register(registration, seconds)
    except ActionError:
        registration.removing, registration.asked = before
        raise
