"""What may happen in services beyond a plain call: reliable progress (RFC 3262) and transfers
(RFC 3515)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flows.explore import stimulus as arriving
from flows.explore import wire as standing
from flows.explore.doing import Message
from flows.explore.party import Config, Party, Stimulus
from flows.explore.wire import Wire

SDP = "v=0"
"""Stands for a description: guards only ask whether there is one."""

REPORTED = ("TransferProgress", "TransferSuccess", "TransferFailed")
"""What a NOTIFY about our REFER may say."""
PEOPLE = (
    "BlindTransfer",
    "AttendedTransfer",
    "StartAttendedTransfer",
    "CompleteAttendedTransfer",
)
GIVEN = frozenset(
    ("DialogReliableProgress", "DialogPRACK", "SendEarlyMedia")
    + (*PEOPLE, *REPORTED, "TransferAccepted", "TransferComplete")
)
"""Events that this runtime does not give, and that the most general peer does all the same."""


def does(party: Party, action: str) -> bool:
    """Whether any row of the table has the action."""
    return any(word.name == action for row in party.program.table.rows for word in row.actions)


# -- reliable provisional answers ------------------------------------------------------------------


def to_invite(party: Party, config: Config) -> Iterator[Stimulus]:
    """Yield reliable answers to our INVITE, which says that we understand them (RFC 3262 4)."""
    if does(party, "SendPRACK") and not config.wire.reliable:
        for code in party.domain.codes("DialogReliableProgress"):
            for direction in ("sendrecv", ""):
                yield progressed(config.wire, code, direction)


def progressed(call: Wire, code: int, direction: str) -> Stimulus:
    """A reliable provisional answer of the far side."""
    after = call._replace(
        call=standing.PROCEEDING, reliable="theirs", taken=call.taken or bool(direction)
    )
    fields: tuple[tuple[str, Any], ...] = (("code", code), ("reason", ""))
    fields += (("sdp", SDP),) if direction else ()
    message = Message("REL", "INVITE", code, direction)
    return Stimulus("DialogReliableProgress", fields, after, "answer", message=message)


def to_caller(config: Config) -> Iterator[Stimulus]:
    """Yield the PRACK to our reliable answer, and that none comes (RFC 3262 3)."""
    call = config.wire
    if call.reliable in ("plain", "described"):
        yield confirmed(call, "sendrecv" if call.offer == "ours" else "")
        fields = (("method", "PRACK"),)
        yield Stimulus("DialogTimeout", fields, call._replace(reliable="lost"), "trouble")


def confirmed(call: Wire, direction: str) -> Stimulus:
    """The PRACK of the caller."""
    after = call._replace(
        reliable="",
        others=tuple(sorted((*call.others, "PRACK"))),
        taken=call.taken or bool(direction),
    )
    fields = (("sdp", SDP), ("direction", direction)) if direction else ()
    message = Message("PRACK", direction=direction)
    return Stimulus("DialogPRACK", fields, after, "peer", message=message)


# -- transfers -------------------------------------------------------------------------------------


def of_transfer(party: Party, config: Config) -> Iterator[Stimulus]:
    """Yield the answers to our REFER, and what the far side reports on it."""
    call = config.wire
    if call.transfer == "sent":
        for event in ("TransferAccepted", "TransferFailed"):
            for code in party.domain.codes(event):
                yield referred(call, event, code)
        for code in party.domain.codes("AuthRequired"):
            yield referred(call, "AuthRequired", code)
    if call.transfer:
        for event in REPORTED:
            for code in party.domain.codes(event):
                yield reported(call, event, code)
        done = call._replace(transfer="")
        yield Stimulus("TransferComplete", (), done, "answer")


def referred(call: Wire, event: str, code: int) -> Stimulus:
    """The answer to our REFER."""
    after = call._replace(transfer="accepted" if event == "TransferAccepted" else "")
    if event == "AuthRequired":
        after = arriving.challenged(after, "REFER")
    return _told(event, code, after, Message("RESP", "REFER", code))


def reported(call: Wire, event: str, code: int) -> Stimulus:
    """A NOTIFY about our REFER; the first one says that it was accepted (RFC 6665 4.1.2.4)."""
    after = call._replace(transfer="accepted" if event == "TransferProgress" else "")
    return _told(event, code, after, Message("NOTIFY", "REFER", code))


def _told(event: str, code: int, after: Wire, message: Message) -> Stimulus:
    fields: tuple[tuple[str, Any], ...] = (("code", code), ("reason", ""))
    fields += (("method", "REFER"),) if event == "AuthRequired" else ()
    return Stimulus(event, fields, after, "answer", message=message)


def arrived(call: Wire, message: Message) -> Stimulus | None:
    """Return what the answer to our REFER, or a report on it, is to our side; None for nothing."""
    if message.kind == "NOTIFY" and call.transfer:
        return reported(call, REPORTED[min(message.code // 100, 3) - 1], message.code)
    if message.kind == "RESP" and call.transfer == "sent" and message.code >= 200:
        event = "TransferAccepted" if message.code < 300 else "TransferFailed"
        event = "AuthRequired" if message.code in (401, 407) else event
        return referred(call, event, message.code)
    return None
