"""The words of transfers: REFER, its NOTIFYs, Replaces (RFC 3515, 3891, 5589)."""

from __future__ import annotations

from collections.abc import Mapping

from flows.vocabulary.links import FLOW, LINK
from flows.vocabulary.words import ActionWord, EventWord, Kind, Parameter

_GROUP = "Transfer"
_TARGET = Parameter(
    "address", "Address to call; that of the event, else the one that was kept, if absent."
)
_REPORT: Mapping[str, str] = {"code": "integer", "reason": "text"}


def _user(name: str, meaning: str, **fields: str) -> EventWord:
    return EventWord(name, Kind.USER, meaning, _GROUP, fields, rfc="RFC 5589")


def _told(name: str, meaning: str, rfc: str = "RFC 3515 2.4.5") -> EventWord:
    return EventWord(name, Kind.MESSAGE, meaning, _GROUP, _REPORT, rfc=rfc)


EVENTS: tuple[EventWord, ...] = (
    _user("BlindTransfer", "A person sends the far side to another target.", target="text"),
    _user(
        "AttendedTransfer", "A person joins the far side with a consulted target.", target="text"
    ),
    _user("StartAttendedTransfer", "A person begins a consultation call.", target="text"),
    _user("CompleteAttendedTransfer", "A person completes the attended transfer."),
    _told("TransferAccepted", "The far side accepted our REFER with a 2xx.", "RFC 3515 2.4.2"),
    _told(
        "TransferProgress",
        "A NOTIFY told how the transfer goes (`code` 100 to 199). It may come before "
        "TransferAccepted, which then does not come any more.",
    ),
    _told("TransferSuccess", "A NOTIFY told that the transfer succeeded; no other follows."),
    _told(
        "TransferFailed",
        "The far side refused our REFER, did not answer it, or told in a NOTIFY that the transfer "
        "failed; nothing more follows.",
    ),
    _told(
        "TransferComplete",
        "The far side reports no more on the transfer, and did not tell how it ended.",
        "RFC 6665 4.1.3",
    ),
)


def _refers(name: str, meaning: str) -> ActionWord:
    return ActionWord(
        name,
        meaning,
        _GROUP,
        parameters={"target": _TARGET},
        requires={"DialogEstablished": True},
        uses=("dialog",),
        sends="REFER",
        rfc="RFC 3515 2.4.1",
    )


def _replaces(name: str, meaning: str) -> ActionWord:
    return ActionWord(
        name,
        meaning,
        _GROUP,
        requires={"DialogEstablished": True},
        uses=("dialog", "link"),
        sends="REFER",
        rfc="RFC 3515 2.4.1, RFC 3891 3",
    )


def _accepts(name: str, meaning: str) -> ActionWord:
    return ActionWord(
        name,
        meaning,
        _GROUP,
        uses=("dialog",),
        sends="response",
        clears=("REFER",),
        rfc="RFC 3515 2.4.2",
    )


def _reports(name: str, meaning: str, **parameters: Parameter) -> ActionWord:
    return ActionWord(
        name,
        meaning,
        _GROUP,
        parameters=parameters,
        uses=("dialog",),
        sends="NOTIFY",
        rfc="RFC 3515 2.4.4",
    )


ACTIONS: tuple[ActionWord, ...] = (
    _refers("TransferCall", "Sends the far side to another target; as SendREFER."),
    _refers(
        "SendREFER",
        "Asks the far side to call a target. One REFER at a time; the answer and the reports are "
        "events.",
    ),
    _refers("InitiateBlindTransfer", "Begins a blind transfer; as SendREFER."),
    _replaces(
        "SendREFERWithReplaces",
        "Asks the far side to take over the answered consultation call.",
    ),
    _replaces("InitiateAttendedTransfer", "Begins an attended transfer; as SendREFERWithReplaces."),
    ActionWord(
        "HoldCurrentCall",
        "Puts this call on hold for a consultation; as HoldCall.",
        _GROUP,
        requires={"DialogEstablished": True, "HasPendingReinvite": False},
        sets={"HasPendingReinvite": True, "HasPendingOfferAnswer": True},
        uses=("dialog", "media"),
        sends="re-INVITE",
        rfc="RFC 3264 8.4",
    ),
    ActionWord(
        "CreateConsultationCall",
        "Calls another target beside this call, to consult it or because the far side asked for it "
        "with REFER: a linked session named `consultation`. What the REFER asked for (Replaces, "
        "Referred-By) goes into its INVITE.",
        _GROUP,
        parameters={"target": _TARGET, "flow": FLOW},
        acquires=("link",),
        rfc="RFC 5589 7",
    ),
    ActionWord(
        "TerminateConsultationCall",
        "Tells the consultation call to hang up and lets it go: no event of it comes any more.",
        _GROUP,
        releases=("link",),
        may_fail=False,
        rfc="RFC 5589 7",
    ),
    _accepts(
        "AcceptTransferREFER",
        "Accepts the far side's REFER with 202 and reports at once that it is being tried.",
    ),
    _accepts(
        "SendReferAccepted",
        "Accepts the far side's REFER with 202. The first report has to follow at once.",
    ),
    _reports("SendRefer100Trying", "Reports that the transfer is being tried."),
    _reports(
        "SendTransferNOTIFY",
        "Reports how the transfer goes; a code from 200 on ends the reports.",
        code=Parameter("integer", "Status code.", default=100, low=100, high=699),
    ),
    _reports("SendTransferNOTIFYRinging", "Reports that the target rings (180)."),
    _reports("SendTransferNOTIFYSuccess", "Reports that the transfer succeeded; the last report."),
    _reports("SendTransferNOTIFYFailure", "Reports that the transfer failed; the last report."),
    ActionWord(
        "StoreTransferTarget",
        "Keeps the target of the transfer: that of the event.",
        _GROUP,
        inert=True,
        may_fail=False,
        rfc="RFC 3515 2.1",
    ),
    ActionWord(
        "TerminateCurrentCall",
        "Ends the transferred call with BYE; the answered consultation call takes its place: it is "
        "joined with whom this call was joined with, another linked session or the one that "
        "started this session, or goes on alone.",
        _GROUP,
        releases=("link", "bridge"),
        uses=("dialog",),
        sends="BYE",
        rfc="RFC 5589 6",
    ),
    ActionWord(
        "ReplaceSession",
        "Takes the place of the session that the INVITE names in Replaces: whom it was linked with "
        "is linked with this one and hears it, under the name `link`, and it is ended with BYE. "
        "Fails if it was linked with nobody. Our media must flow.",
        _GROUP,
        parameters={"link": LINK},
        acquires=("link", "bridge"),
        uses=("dialog", "media"),
        rfc="RFC 3891 3",
    ),
)
