"""Text messages that come outside a call (RFC 3428); those that go out stand in `informing`."""

from __future__ import annotations

from runtime.adapters.leg import CallLeg
from runtime.adapters.performing import Arguments, performs
from runtime.adapters.port import ActionError
from runtime.adapters.requests import Told, parties, tells
from runtime.executor.step import Event
from runtime.sip.message import Request


@tells("outside MESSAGE")
def received(request: Request) -> Told:
    """Tell a message and who sent it."""
    return "ReceiveMESSAGE", parties(request)


@performs("ProcessMESSAGE")
def process_message(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Answer the MESSAGE that is told."""
    transaction = leg.dialog.transaction(event.cause)
    if transaction is None or transaction.method != "MESSAGE":
        raise ActionError("no MESSAGE of the far side waits for its answer")
    leg.dialog.respond(transaction, arguments.get("code", 200), None, None)
