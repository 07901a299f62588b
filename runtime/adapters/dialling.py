"""The words of a plain call: it is placed, answered, changed and ended."""

from __future__ import annotations

from collections.abc import Awaitable

from runtime.adapters.leg import CallLeg
from runtime.adapters.offering import RETRY
from runtime.adapters.performing import Arguments, performs
from runtime.adapters.port import ActionError
from runtime.executor.step import Event


@performs("CreateDialog")
def create_dialog(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None] | None:
    """Allocate a dialog; one that an INVITE began is there already."""
    leg.claimed = True
    if leg.dialog.usage is not None:
        return None
    leg.redirection, leg.bumps = None, 0
    if event.name == "StartRegistration":
        return leg.dialog.enrol(event.fields.get("registrar") or leg.target, leg.caller)
    target = event.fields.get("target") or leg.target
    reliable = "SendPRACK" in leg.words
    return leg.dialog.create(target, leg.caller, leg.headers, leg.hops, reliable=reliable)


@performs("SendINVITE")
async def send_invite(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Send the INVITE with the local description, if there is one.

    Where the way is blocked (a trunk at its limit) the call fails as if a 503 had come.
    """
    if leg.dialog.blocked:
        leg.media.offer_refused()
        fields = {"code": 503, "reason": leg.dialog.blocked, "method": "INVITE"}
        leg.post(Event("Dialog5xxFailure", fields))
        return
    leg.offered_in_invite = leg.media.offered
    leg.dialog.invite(leg.media.local_sdp if leg.media.offered else None)


@performs("SendACK")
def send_ack(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Confirm a 2xx; the ACK carries our answer where the offer came in the 2xx."""
    leg.dialog.ack(None if leg.offered_in_invite else leg.media.local_sdp)


@performs("SendBYE")
def send_bye(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """End the dialog."""
    leg.alarms.clear(RETRY)
    leg.dialog.bye()


@performs("SendCANCEL")
def send_cancel(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Give up the INVITE; the stack waits for a provisional response where it has to."""
    leg.dialog.cancel()


@performs("SendReINVITE")
def send_reinvite(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Offer the session anew with another direction."""
    return leg.propose(arguments.get("direction", "sendrecv"))


@performs("HoldCall")
def hold_call(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Offer to send only (RFC 3264 8.4)."""
    return leg.propose("sendonly")


@performs("ResumeCall")
def resume_call(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Offer to send and receive again."""
    return leg.propose("sendrecv")


@performs("SendSIPResponse")
def send_sip_response(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None] | None:
    """Answer the request of the event's cause, else the oldest open one."""
    code: int = arguments.get("code", 200)
    transaction = leg.dialog.transaction(event.cause)
    if transaction is None:
        raise ActionError(f"no request of the peer is open that {code} could answer")
    if code < 300 and transaction.method == "INVITE" and not leg.claimed:
        # RFC 3261 12.1: these answers begin a dialog; a refusal is the transaction's own.
        raise ActionError(f"the session has no dialog: CreateDialog goes before {code}")
    positive = 200 <= code < 300
    offers = transaction.method in ("INVITE", "UPDATE")
    if positive and offers and leg.media.held and leg.answer_is_missing(transaction):
        return leg.describe_and_respond(code, arguments.get("reason"), event)
    leg.respond(code, arguments.get("reason"), event)
    return None


@performs("CleanupDialog")
def cleanup_dialog(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Give the usage back, politely."""
    leg.alarms.clear_all()
    leg.dialog.close()


@performs("RestoreMedia")
def restore_media(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Build lost media again, with a re-INVITE where the peer has to know."""
    return leg.restore()
