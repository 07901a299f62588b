"""What the actions of services beyond a plain call do: reliable progress (RFC 3262) and transfers
(RFC 3515)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flows.explore import linked
from flows.explore import wire as standing
from flows.explore.answers import accept
from flows.explore.doing import Doing, Refused

Act = Callable[[Doing, Mapping[str, Any]], None]
TRYING, RINGING, SUCCESS, FAILURE = 100, 180, 200, 503

# -- reliable provisional answers ------------------------------------------------------------------


def _send_progress(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """A reliable provisional answer: one at a time; with a description it answers the offer."""
    wire = doing.wire
    code = int(arguments.get("code", 183))
    if wire.call != standing.OFFERED:
        if doing.troubled or wire.call == standing.CANCELLED:
            raise Refused
        doing.complain("ACT610", f"Nothing waits for the answer {code}: it was given already")
        return
    if wire.reliable:
        doing.complain("ACT610", f"{code} is sent reliably before the last one was confirmed")
    if wire.made and wire.offer == "theirs" and not wire.taken:
        doing.complain("ACT605", f"{code} answers an offer that was not taken: StoreRemoteSDP")
    answers = wire.offer == "theirs"
    doing.change(
        reliable="described" if wire.made else "plain",
        offer=("" if answers else "ours") if wire.made else wire.offer,
        made=False,
    )
    doing.send("REL", "INVITE", code, "sendrecv" if wire.made else "")


def _send_prack(doing: Doing, arguments: Mapping[str, Any]) -> None:
    if doing.wire.reliable != "theirs":
        if doing.troubled:
            raise Refused
        doing.complain("ACT610", "SendPRACK confirms what did not come, or a second time")
        return
    doing.change(reliable="")
    doing.send("PRACK")


# -- transfers -------------------------------------------------------------------------------------


def _refer(doing: Doing, arguments: Mapping[str, Any]) -> None:
    wire = doing.wire
    if wire.bye or (wire.call == standing.OVER and not wire.broken):
        doing.complain("ACT608", "REFER is sent after the call was ended")
    elif wire.call != standing.UP:
        if doing.troubled:
            raise Refused
        doing.complain("ACT601", "REFER is sent before the call is up")
    elif wire.transfer:
        doing.complain("ACT606", "REFER is sent while another one of ours is not done")
    elif wire.broken:
        raise Refused
    doing.change(transfer="sent")
    doing.send("REFER")


def _accept_refer(doing: Doing, arguments: Mapping[str, Any]) -> None:
    if "REFER" not in doing.wire.others:
        if doing.troubled:
            raise Refused
        doing.complain("ACT604", "No REFER waits for the answer 202: it was given already")
        return
    accept(doing, "REFER", 202)


def _accept_and_report(doing: Doing, arguments: Mapping[str, Any]) -> None:
    _accept_refer(doing, arguments)
    _report(doing, TRYING)


def _notify(code: int | None) -> Act:
    def notify(doing: Doing, arguments: Mapping[str, Any]) -> None:
        _report(doing, int(arguments.get("code", TRYING)) if code is None else code)

    return notify


def _report(doing: Doing, code: int) -> None:
    if not doing.wire.refer:
        if not doing.troubled:
            what = "was not asked for, or its end was told already"
            doing.complain("ACT601", f"NOTIFY ({code}) reports on a transfer that {what}")
        return
    doing.change(refer="told" if code < 200 else "")
    doing.send("NOTIFY", "REFER", code)


def attempted(doing: Doing, name: str, arguments: Mapping[str, Any]) -> None:
    """Take note of an action that failed in the world: what it was to send is owed no more."""
    if name == "SendPRACK":
        doing.change(reliable="")
    elif name in ("AcceptTransferREFER", "SendReferAccepted"):
        doing.change(others=tuple(o for o in doing.wire.others if o != "REFER"))
    elif name in REPORTS and doing.wire.refer:
        code = REPORTS[name] or int(arguments.get("code", TRYING))
        doing.change(refer="told" if code < 200 else "")


CONSULTATION = "consultation"
"""The name of the linked session that the words of transfers speak of."""


def _consult(doing: Doing, arguments: Mapping[str, Any]) -> None:
    linked.create(doing, {"link": CONSULTATION})


def _end_consultation(doing: Doing, arguments: Mapping[str, Any]) -> None:
    doing.change(legs=_without_consultation(doing))


def _without_consultation(doing: Doing) -> tuple[standing.Leg, ...]:
    return tuple(leg for leg in doing.wire.legs if leg.name != CONSULTATION)


def _replace(doing: Doing, arguments: Mapping[str, Any]) -> None:
    """The far side is to take over the consultation call, which must be up (RFC 3891 3)."""
    if not any(leg.stage == linked.ANSWERED and not leg.told for leg in doing.wire.legs):
        if doing.troubled:
            raise Refused
        doing.complain("ACT601", "REFER names a consultation call that is not up")
    _refer(doing, arguments)


def hand_over(doing: Doing) -> None:
    """The linked session takes the place of this one and goes on alone."""
    if not any(leg.stage == linked.ANSWERED and not leg.told for leg in doing.wire.legs):
        doing.complain("ACT601", "TerminateCurrentCall has no answered call to go on with")
    doing.change(legs=())


REPORTS: dict[str, int | None] = {
    "SendTransferNOTIFY": None,
    "SendRefer100Trying": TRYING,
    "SendTransferNOTIFYRinging": RINGING,
    "SendTransferNOTIFYSuccess": SUCCESS,
    "SendTransferNOTIFYFailure": FAILURE,
}
"""Each action that reports on a transfer, with the code it tells; None for that of the row."""
REFERS = ("SendREFER", "TransferCall", "InitiateBlindTransfer")
REPLACES = ("SendREFERWithReplaces", "InitiateAttendedTransfer")

SERVICES: dict[str, Act] = {
    "SendReliableProgress": _send_progress,
    "SendPRACK": _send_prack,
    "SendReferAccepted": _accept_refer,
    "AcceptTransferREFER": _accept_and_report,
    **dict.fromkeys(REFERS, _refer),
    **dict.fromkeys(REPLACES, _replace),
    "CreateConsultationCall": _consult,
    "TerminateConsultationCall": _end_consultation,
    **{name: _notify(code) for name, code in REPORTS.items()},
}
