"""What happened on the wire, as the events of the language: each under its most specific name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runtime.adapters.answers import NO_ANSWER, NOT_SENT, READINGS, Answer, seconds_of
from runtime.adapters.dtmf import key_of
from runtime.adapters.media import direction_of
from runtime.adapters.redirection import addresses
from runtime.adapters.requests import MAX_BODY_FIELD, text_of
from runtime.executor.step import Event
from runtime.sip.events import (
    AckReceived,
    AckTimedOut,
    CancelReceived,
    ConnectionLost,
    Happening,
    InviteReceived,
    PrackReceived,
    PrackTimedOut,
    RefreshDue,
    ReliableProvisional,
    RequestReceived,
    ResponseReceived,
    SessionExpired,
    SubscriptionEnded,
    TransactionTimedOut,
    TransportFailed,
)
from runtime.sip.message import Response
from runtime.sip.transaction import ServerTransaction

Cause = Callable[[ServerTransaction], int]
"""Gives a request of the peer the number by which its event names it."""

REQUESTS = {
    "INVITE": "ReinviteReceived",
    "UPDATE": "UpdateReceived",
    "INFO": "InfoReceived",
    "MESSAGE": "MessageReceived",
    "REFER": "TransferRequested",
    "BYE": "DialogBYE",
}
"""Event of each request inside a dialog; others are answered 501 without asking the table."""
_EXACT = {
    180: "Dialog180Ringing",
    401: "AuthRequired",
    407: "AuthRequired",
    422: "SessionIntervalTooSmall",
    487: "Dialog487RequestTerminated",
}
_CLASSES = {
    1: "Dialog183SessionProgress",
    2: "Dialog200OK",
    3: "Dialog3xxRedirect",
    4: "Dialog4xxFailure",
    5: "Dialog5xxFailure",
    6: "Dialog6xxFailure",
}
CHALLENGES = (401, 407)


def response_event(method: str, code: int, *, reinvite: bool) -> str | None:
    """Return the most specific event of a response; None for one that says nothing to a table."""
    if method == "CANCEL" or (code < 200 and method != "INVITE"):
        return None
    if code == 491 and reinvite:
        return "ReinviteGlare"
    return _EXACT.get(code) or _CLASSES.get(code // 100)


def told(happening: Happening, cause: Cause) -> Event | None:
    """Return the event of a happening; None if it says nothing to a table."""
    match happening:
        case InviteReceived():
            fields = {
                "from": happening.from_uri,
                "to": happening.to_uri,
                "called": happening.request_uri,
                "number": happening.request.uri.user,
            }
            fields |= _sdp(happening.sdp)
            return Event("IncomingCall", fields, cause(happening.transaction))
        case RequestReceived():
            return _request(happening, cause)
        case CancelReceived():
            return Event("DialogCANCEL", {}, cause(happening.transaction))
        case AckReceived():
            return Event("DialogACK", _sdp(happening.sdp))
        case ResponseReceived():
            return _response(happening)
        case ReliableProvisional():
            progress = {"code": happening.code, "reason": happening.reason, **_sdp(happening.sdp)}
            return Event("DialogReliableProgress", progress)
        case PrackReceived():
            return Event("DialogPRACK", _sdp(happening.sdp), cause(happening.transaction))
        case RefreshDue():
            return Event("SessionRefreshDue")
        case SessionExpired():
            return Event("SessionExpired")
    return _trouble(happening)


def _trouble(happening: Happening) -> Event | None:
    match happening:
        case TransactionTimedOut() | TransportFailed() if happening.method in READINGS:
            silent = isinstance(happening, TransactionTimedOut)
            code, reason = NO_ANSWER if silent else NOT_SENT
            return READINGS[happening.method](Answer(happening.method, code, reason))
        case TransactionTimedOut():
            return Event("DialogTimeout", {"method": happening.method})
        case AckTimedOut():
            return Event("DialogTimeout", {"method": "ACK"})
        case PrackTimedOut():
            return Event("DialogTimeout", {"method": "PRACK"})
        case TransportFailed():
            reason = f"{happening.method} could not be sent"
            return Event("DialogError", {"reason": reason, "method": happening.method})
        case ConnectionLost():
            return Event("DialogError", {"reason": "the peer's connection was closed"})
        case SubscriptionEnded():
            return _subscription_ended(happening)
    return None


def _subscription_ended(happening: SubscriptionEnded) -> Event | None:
    """A granted time is over, or no NOTIFY came; what our own NOTIFYs met was told already."""
    if happening.event.package == "refer":
        return None
    if happening.reason == "timeout":
        return Event("SubscriptionExpired")
    if happening.usage.role == "UAS":
        return None
    return Event("SubscriptionFailed", {"code": NO_ANSWER[0], "reason": "No NOTIFY came"})


def _request(happening: RequestReceived, cause_of: Cause) -> Event:
    name, request = REQUESTS[happening.method], happening.request
    if happening.method == "BYE":
        return Event(name)
    cause = cause_of(happening.transaction)
    match happening.method:
        case "INVITE" | "UPDATE":
            fields = _sdp(happening.sdp)
            if fields:
                fields["direction"] = direction_of(fields["sdp"])
            return Event(name, fields, cause)
    told: dict[str, Any] = {
        "content_type": request.content_type,
        "body": text_of(request.body),
    }
    if happening.method == "INFO":
        told["digit"] = key_of(request.content_type, request.body)
    return Event(name, told, cause)


def _response(happening: ResponseReceived) -> Event | None:
    method, code = happening.method, happening.code
    if method in READINGS and code >= 200 and code not in CHALLENGES:
        event = READINGS[method](Answer(method, code, happening.reason, happening.response))
        if event is not None and code < 300:
            event.fields.update(_sdp(happening.sdp))
        return event
    name = response_event(happening.method, happening.code, reinvite=happening.reinvite)
    if name is None:
        return None
    fields: dict[str, Any] = {
        "code": happening.code,
        "reason": happening.reason,
        "method": happening.method,
    }
    fields |= _sdp(happening.sdp)
    if name == "Dialog3xxRedirect":
        fields["contact"] = next(iter(addresses(happening.response)), None)
    elif name == "SessionIntervalTooSmall":
        fields["minimum"] = seconds_of(happening.response, "Min-SE")
    elif name == "AuthRequired":
        fields["realm"] = _realm(happening.response)
    return Event(name, fields)


def _realm(response: Response) -> str:
    """Return the realm of a challenge, found in one pass (its grammar is the stack's matter)."""
    challenge = response.get("WWW-Authenticate") or response.get("Proxy-Authenticate") or ""
    before, found, rest = challenge[:MAX_BODY_FIELD].partition('realm="')
    return rest.partition('"')[0] if found else ""


def _sdp(body: bytes | None) -> dict[str, str]:
    return {"sdp": text_of(body)} if body else {}
