"""Calls that are refused, sent elsewhere, or follow where they were sent."""

from __future__ import annotations

from flows.carried import tellable
from runtime.adapters.leg import CallLeg
from runtime.adapters.performing import Arguments, performs
from runtime.adapters.port import ActionError
from runtime.adapters.redirection import contact_value
from runtime.executor.step import Event
from runtime.sip.uri import split_list

CANCELLED = 487


@performs("SendRejectResponse")
def send_reject_response(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Refuse the first INVITE with the event's code, else the action's."""
    told = event.fields.get("code")
    code: int = arguments.get("code", 486)
    if isinstance(told, int) and tellable(told):
        code = told
    transaction = leg.dialog.first_invite()
    if transaction.cancelled:
        code = CANCELLED
    leg.refuse(transaction, code, arguments.get("reason"))


@performs("SendRedirectResponse")
def send_redirect_response(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Answer the first INVITE with where else to call."""
    target = str(event.fields.get("target") or arguments.get("target") or "")
    try:
        contact = contact_value(split_list(target) if target else ())
    except ValueError as wrong:
        raise ActionError(f"the caller cannot be sent elsewhere: {wrong}") from wrong
    headers = [("Contact", contact)]
    code = arguments.get("code", 302)
    leg.refuse(leg.dialog.first_invite(), code, arguments.get("reason"), headers)


@performs("RetryWithContact")
async def retry_with_contact(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Call the best address that was not called yet, with our description."""
    target = leg.redirection.take() if leg.redirection is not None else None
    if target is None:
        raise ActionError("no redirection left an address that was not called yet")
    await leg.call_again(target)
