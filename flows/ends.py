"""How sessions end, and what happens to an event that meets no row."""

from __future__ import annotations

from typing import NamedTuple

from flows.table import Row
from flows.vocabulary import EVENTS, OUTCOMES


class Unanswered(NamedTuple):
    """What is done about an event that met no row, beside showing it."""

    answer: int | None = None
    """The SIP code that the open request of the event gets."""
    ends: bool = False
    outcome: str | None = None


MAXIMUM_LIFE = "MaximumLife"
"""The event by which a session that outlives its limit ends; it is no word of the language."""

_LEFT_ALONE = Unanswered()
_BY_EVENT = {
    "IncomingCall": Unanswered(480, True, "unhandled"),
    "SubscriptionRequested": Unanswered(480, True, "unhandled"),
    "PublicationReceived": Unanswered(480, True, "unhandled"),
    "ReceiveMESSAGE": Unanswered(480, True, "unhandled"),
    # Another answer than 200 would end the subscription (RFC 6665 section 4.2.2).
    "ReceiveNOTIFY": Unanswered(200),
    "SubscriptionTerminated": Unanswered(200),
    "ReinviteReceived": Unanswered(488),
    "UpdateReceived": Unanswered(488),
    "InfoReceived": Unanswered(469),
    # The open request of a CANCEL is the INVITE it cancels (RFC 3261 section 9.2).
    "DialogCANCEL": Unanswered(487, True, "unhandled"),
    "DialogBYE": Unanswered(None, True, "completed"),
    "DialogTimeout": Unanswered(None, True, "unhandled"),
    "ActionFailed": Unanswered(None, True, "unhandled"),
    "SessionExpired": Unanswered(None, True, "expired"),
    MAXIMUM_LIFE: Unanswered(None, True, "expired"),
}


def unanswered(event: str) -> Unanswered:
    """Return what the session does about an event that no row answers."""
    known = _BY_EVENT.get(event)
    if known is not None:
        return known
    return Unanswered(501) if _owes(event) else _LEFT_ALONE


def swallowed(event: str) -> Unanswered:
    """Return what the session does about an event that the table ignores on purpose.

    Nothing, except that a request which came with it is answered as if no row had met it.
    """
    return unanswered(event) if _owes(event) else _LEFT_ALONE


def _owes(event: str) -> bool:
    word = EVENTS.get(event)
    return word is not None and bool(word.owes)


_BY_PUBLISHED = {
    name: "completed" if outcome == "terminated" else outcome for name, outcome in OUTCOMES.items()
}
_BY_STATE = {"Cancelled": "cancelled", "Failed": "failed"}
_CANCELLED = 487
_ASKING = ("IncomingCall", "SubscriptionRequested", "PublicationReceived", "ReceiveMESSAGE")
"""The events by which a far side begins a session."""
_ANSWERS = ("SendSIPResponse", "SendRejectResponse", "SendRedirectResponse")


def outcome(row: Row, final_state: str) -> str:
    """Name how a session ended by the row that ended it.

    `rejected` if a person rejected the call or the row refuses an incoming one with a final
    code; else by what the row publishes; else by the name of the final state; else `completed`.
    """
    if row.event == "RejectCall" or (row.event in _ASKING and _refuses(row)):
        return "rejected"
    for published in row.publish:
        if published in _BY_PUBLISHED:
            return _BY_PUBLISHED[published]
    return _BY_STATE.get(final_state, "completed")


def _refuses(row: Row) -> bool:
    codes = (w.arguments.get("code") for w in row.actions if w.name in _ANSWERS)
    return any(isinstance(code, int) and code >= 300 and code != _CANCELLED for code in codes)
