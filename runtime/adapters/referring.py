"""Transfers: REFER in both directions, what is reported of them, and consultation calls.

Our own REFER: the answer and the reports (NOTIFY with a status line) become Transfer... events.
The peer's: TransferRequested, unless it sends us where nobody may be sent (`Links.may_refer`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable
from typing import Final

from runtime.adapters.leg import CallLeg
from runtime.adapters.linked import Wanted
from runtime.adapters.linking import address_in
from runtime.adapters.performing import Arguments, hears, performs
from runtime.adapters.port import ActionError
from runtime.adapters.telling import CHALLENGES
from runtime.adapters.transfer import Asked, Transfer, fragment, status_of
from runtime.executor.step import Event
from runtime.sip import replaces
from runtime.sip.build import REASONS
from runtime.sip.events import (
    RequestReceived,
    ResponseReceived,
    SubscriptionEnded,
    TransactionTimedOut,
    TransportFailed,
)
from runtime.sip.headers import refer_to, referred_by
from runtime.sip.notice import event_of, notice_of, wants_no_subscription
from runtime.sip.usage import Usage

CONSULTATION: Final = "consultation"
"""The name of the linked session that the words of transfers speak of."""
REFER: Final = "refer"
"""The event package of what a REFER is reported with (RFC 3515 3)."""
SIPFRAG: Final = "message/sipfrag;version=2.0"
TRYING, RINGING, SUCCESS, FAILURE = 100, 180, 200, 503
MAX_REFERRED_BY: Final = 512


def transfer_of(leg: CallLeg) -> Transfer:
    """Return what a leg keeps of transfers."""
    if leg.transfer is None:
        leg.transfer = Transfer()
    return leg.transfer


# -- our own REFER ---------------------------------------------------------------------------------


@performs("SendREFER")
@performs("TransferCall")
@performs("InitiateBlindTransfer")
def send_refer(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Ask the peer to call a target."""
    _refer(leg, leg.links.address(_target(leg, arguments, event)), None)


@performs("SendREFERWithReplaces")
@performs("InitiateAttendedTransfer")
def send_refer_with_replaces(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Ask the peer to take over the consultation call (RFC 5589 7)."""
    usage = leg.links.heard(CONSULTATION).dialog.usage
    if usage is None or not usage.established:
        raise ActionError("the consultation call is not up")
    _refer(leg, _reached(usage), usage)


def _reached(usage: Usage) -> str:
    """Return the address of the far side of a consultation: its Contact, if others can reach it.

    A browser's Contact is known to its own connection alone (RFC 7118 5.2).
    """
    return usage.remote_uri if usage.hop.browser else usage.remote_target


def _refer(leg: CallLeg, target: str, replaced: Usage | None) -> None:
    transfer = transfer_of(leg)
    usage = leg.dialog.usage
    if transfer.sent:
        raise ActionError("a REFER of ours is under way")
    if usage is None:
        raise ActionError("the session has no dialog: CreateDialog goes before")
    try:
        value = replaces.refer_to(target, replaced)
    except ValueError as unfit:
        raise ActionError(str(unfit)) from unfit
    headers = [("Refer-To", value), ("Referred-By", f"<{usage.local_uri}>")]
    leg.dialog.request("REFER", headers=headers)
    transfer.sent, transfer.reported, transfer.challenged = True, False, False


@hears(ResponseReceived, "REFER")
def refer_answered(leg: CallLeg, happening: ResponseReceived) -> Event | None:
    """Say whether the peer took our REFER."""
    transfer = transfer_of(leg)
    fields = {"code": happening.code, "reason": happening.reason}
    if happening.code in CHALLENGES:
        transfer.sent, transfer.challenged = False, True
        leg.challenge = happening
        return leg.dialog.event(happening)
    transfer.challenged = False
    if happening.code >= 300:
        transfer.sent = False
        return Event("TransferFailed", fields)
    if transfer.reported:
        return None
    transfer.sent = not wants_no_subscription(happening.response)
    return Event("TransferAccepted", fields)


@hears(TransactionTimedOut, "REFER")
def refer_unanswered(leg: CallLeg, happening: TransactionTimedOut) -> Event:
    """No answer is a refusal (RFC 3261 8.1.3.1)."""
    transfer_of(leg).sent = False
    return Event("TransferFailed", {"code": 408, "reason": REASONS.get(408, "Request Timeout")})


@hears(TransportFailed, "REFER")
def refer_lost(leg: CallLeg, happening: TransportFailed) -> Event:
    """A REFER that could not be sent."""
    transfer_of(leg).sent = False
    return Event("TransferFailed", {"code": 503, "reason": "REFER could not be sent"})


def _reports(leg: CallLeg, happening: RequestReceived) -> bool:
    return event_of(happening.request).package == REFER


def _of_refer(leg: CallLeg, happening: SubscriptionEnded) -> bool:
    return happening.event.package == REFER


def _refers(leg: CallLeg, happening: object) -> bool:
    return leg.transfer is not None


@hears(RequestReceived, "NOTIFY", mine=_reports)
def notified(leg: CallLeg, happening: RequestReceived) -> Event | None:
    """Take a report on our REFER: the stack has found out that we are subscribed to it."""
    request, transfer = happening.request, transfer_of(leg)
    leg.dialog.answer_with(happening.transaction, 200)
    if not (transfer.sent or transfer.challenged):
        return None
    told, ended = status_of(request), notice_of(request).terminated
    if told is not None and told[0] >= 200:
        transfer.sent = transfer.challenged = False
        name = "TransferSuccess" if told[0] < 300 else "TransferFailed"
        return Event(name, {"code": told[0], "reason": told[1]})
    if ended:
        transfer.sent = transfer.challenged = False
        code, reason = told or (0, notice_of(request).reason)
        return Event("TransferComplete", {"code": code, "reason": reason})
    if told is None:
        return None
    transfer.reported = True
    return Event("TransferProgress", {"code": told[0], "reason": told[1]})


@hears(SubscriptionEnded, mine=_of_refer)
def reports_ended(leg: CallLeg, happening: SubscriptionEnded) -> Event | None:
    """No report came any more; where we are the one who reports, a last one says so."""
    transfer = transfer_of(leg)
    if transfer.sent:
        transfer.sent = False
        return Event("TransferComplete", {"code": 0, "reason": happening.reason})
    if transfer.event and happening.reason == "timeout":
        with contextlib.suppress(ActionError):
            _report(leg, FAILURE)
    return None


@hears(ResponseReceived, "NOTIFY", mine=_refers)
def report_answered(leg: CallLeg, happening: ResponseReceived) -> None:
    """What the peer thinks of a report changes nothing; the stack ends what it refused."""


@hears(TransactionTimedOut, "NOTIFY", mine=_refers)
def report_unanswered(leg: CallLeg, happening: TransactionTimedOut) -> None:
    """A report that nobody confirms; the call itself may be well."""


@hears(TransportFailed, "NOTIFY", mine=_refers)
def report_lost(leg: CallLeg, happening: TransportFailed) -> None:
    """A report that could not be sent; the call itself may be well."""


# -- the peer's REFER ------------------------------------------------------------------------------


@hears(RequestReceived, "REFER")
def referred(leg: CallLeg, happening: RequestReceived) -> Event | None:
    """Say where the peer sends us; what cannot be done, or nobody may do, is refused here."""
    code, asked = _read(happening)
    if asked is not None and not leg.links.may_refer(asked.target):
        leg.links.note("refer_refused", target=asked.target)
        code = 403
    if asked is None or code:
        leg.dialog.answer_with(happening.transaction, code)
        return None
    transfer_of(leg).asked = asked
    fields = {"refer_to": asked.target}
    fields |= {"replaces": asked.replaces} if asked.replaces else {}
    fields |= {"referred_by": asked.referred_by} if asked.referred_by else {}
    return Event("TransferRequested", fields, leg.dialog.cause_of(happening.transaction))


def _read(happening: RequestReceived) -> tuple[int, Asked | None]:
    """Return what a REFER asks for, or the code it is refused with."""
    request = happening.request
    try:
        wanted, sender = refer_to(request), referred_by(request)
        taken = wanted.replaces if wanted is not None else None
    except ValueError:
        return 400, None
    if wanted is None:
        return 400, None
    if not wanted.uri.is_sip:
        return 416, None
    if wanted.method != "INVITE":
        return 501, None
    by = f"<{sender.uri_text}>" if sender is not None else ""
    if len(by) > MAX_REFERRED_BY:
        return 400, None
    return 0, Asked(wanted.uri.text, str(taken) if taken is not None else "", by)


@performs("AcceptTransferREFER")
def accept_transfer(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Accept the REFER and report at once that it is tried."""
    send_refer_accepted(leg, arguments, event)
    _report(leg, TRYING)


@performs("SendReferAccepted")
def send_refer_accepted(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Accept the REFER: it is now a subscription to what becomes of it (RFC 3515 2.4.4)."""
    transaction = leg.dialog.open_request("REFER", event.cause)
    if transaction is None:
        raise ActionError("no REFER of the peer waits for its answer")
    leg.dialog.respond(transaction, 202, None, None)
    transfer = transfer_of(leg)
    transfer.event = f"refer;id={transaction.request.cseq.number}"
    transfer.silent = wants_no_subscription(transaction.request)


@performs("SendTransferNOTIFY")
def send_report(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Report a code."""
    _report(leg, int(arguments.get("code", TRYING)))


@performs("SendRefer100Trying")
def report_trying(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Report that the transfer is tried."""
    _report(leg, TRYING)


@performs("SendTransferNOTIFYRinging")
def report_ringing(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Report that the target rings."""
    _report(leg, RINGING)


@performs("SendTransferNOTIFYSuccess")
def report_success(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Report that the target was reached."""
    _report(leg, SUCCESS)


@performs("SendTransferNOTIFYFailure")
def report_failure(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Report that the target was not reached, with the code of the event if it is a refusal."""
    code = event.fields.get("code") if event.name == "LinkedFailed" else None
    _report(leg, code if isinstance(code, int) and 300 <= code < 700 else FAILURE)


def _report(leg: CallLeg, code: int) -> None:
    transfer = transfer_of(leg)
    if transfer.silent:
        return
    if not transfer.event:
        raise ActionError("no transfer waits for a report")
    final = code >= 200
    leg.dialog.notify(
        transfer.event,
        state="terminated" if final else "active",
        reason="noresource" if final else "",
        body=fragment(code, REASONS.get(code, "OK" if code < 300 else "Unknown")),
        content_type=SIPFRAG,
    )
    if final:
        transfer.event = ""


# -- consultation ----------------------------------------------------------------------------------


@performs("StoreTransferTarget")
def store_transfer_target(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Keep the target that the event names, if it names one."""
    named = event.fields.get("target") or event.fields.get("refer_to")
    if named:
        transfer_of(leg).kept = str(named)


@performs("HoldCurrentCall")
def hold_current_call(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None]:
    """Put the peer on hold for a consultation."""
    return leg.propose("sendonly")


@performs("CreateConsultationCall")
def create_consultation_call(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Call another target, with what the peer's REFER asked for if it is that one's."""
    target = _target(leg, arguments, event)
    asked = leg.transfer.asked if leg.transfer is not None else None
    headers = asked.headers() if asked is not None and asked.target == target else ()
    wanted = Wanted(CONSULTATION, target, flow=arguments.get("flow") or "", headers=headers)
    leg.links.create(wanted)


@performs("TerminateConsultationCall")
def terminate_consultation_call(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Tell the consultation call to hang up, and hear of it no more."""
    leg.links.let_go(CONSULTATION)


@performs("TerminateCurrentCall")
async def terminate_current_call(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """End this call with BYE; the answered linked session takes its place."""
    joined = leg.links.hand_over()
    if joined is not None:
        one, other = joined
        with contextlib.suppress(ActionError):  # whose media is gone hangs up by itself
            await one.media.bridge(other.media)
    leg.dialog.bye()


def _target(leg: CallLeg, arguments: Arguments, event: Event) -> str:
    """Return whom to call: what the action says, else the event, else what was kept."""
    kept = leg.transfer.kept if leg.transfer is not None else ""
    named = arguments.get("target") or event.fields.get("target") or event.fields.get("refer_to")
    return address_in(named or kept)


@performs("ReplaceSession")
async def replace_session(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Take the place of the session that the INVITE named (RFC 3891 3)."""
    leg.media.require_held()
    other = leg.links.take_over(arguments["link"])
    if other is not None:
        await leg.media.bridge(other.media)
