"""The events of a session: every name that may stand behind `event:`."""

from __future__ import annotations

from collections.abc import Mapping

from flows.vocabulary import (
    inside,
    links,
    messages,
    progress,
    redirection,
    refreshing,
    registration,
    subscription,
    transfer,
)
from flows.vocabulary.words import EventWord, Kind, Literals

_BOTH = ("UAC", "UAS")
_RESPONSE: Mapping[str, str] = {"code": "integer", "reason": "text", "method": "text"}
_ANSWERED: Literals = {"HasPendingReinvite": False}
_REFUSED: Literals = {"HasPendingReinvite": False, "HasPendingOfferAnswer": False}
_UNREACHABLE: Literals = {**_REFUSED, "IsRegistered": False}


def _user(name: str, meaning: str, **more: object) -> EventWord:
    return EventWord(name, Kind.USER, meaning, "People", **more)  # type: ignore[arg-type]


def _request(name: str, meaning: str, **more: object) -> EventWord:
    return EventWord(name, Kind.MESSAGE, meaning, "Requests", **more)  # type: ignore[arg-type]


def _response(name: str, meaning: str, **more: object) -> EventWord:
    more.setdefault("fields", _RESPONSE)
    return EventWord(name, Kind.MESSAGE, meaning, "Responses", **more)  # type: ignore[arg-type]


def _media(name: str, meaning: str, **more: object) -> EventWord:
    return EventWord(name, Kind.MEDIA, meaning, "Media", **more)  # type: ignore[arg-type]


def _internal(name: str, meaning: str, **more: object) -> EventWord:
    return EventWord(name, Kind.INTERNAL, meaning, "Internal", **more)  # type: ignore[arg-type]


_USER = (
    _user(
        "MakeCall",
        "Somebody asks this session to place a call to `target`.",
        fields={"target": "text"},
        roles=("UAC",),
    ),
    _user("AcceptCall", "A person answers the ringing call.", roles=("UAS",)),
    _user(
        "RejectCall",
        "A person refuses the ringing call, perhaps with a `code` of their own choice.",
        fields={"reason": "text", "code": "integer"},
        roles=("UAS",),
    ),
    _user("HangupCall", "A person on our side ends the call, whatever state it is in."),
    _user("HoldCall", "A person puts the far side on hold."),
    _user("ResumeCall", "A person takes the far side back from hold."),
    _user("MuteCall", "A person stops sending the own voice."),
    _user("UnmuteCall", "A person sends the own voice again."),
    _user("PlayAudio", "Somebody asks to play `file` to the far side.", fields={"file": "text"}),
    _user("SendDTMF", "A person presses keys for the far side.", fields={"digits": "text"}),
)

_REQUESTS = (
    _request(
        "IncomingCall",
        "The first INVITE of a call reached this flow. It must be answered by a row. `called` is "
        "the address that is called (Request-URI), `number` its user part. `replaces` is the "
        "session whose place the call wants to take (Replaces): such calls come only to a flow "
        "with a row that asks for it, and are refused with 603 else.",
        fields={
            "from": "text",
            "to": "text",
            "sdp": "sdp",
            "called": "text",
            "number": "text",
            "replaces": "text",
        },
        roles=("UAS",),
        owes="INVITE",
        rfc="RFC 3261 13.3, RFC 3891 3",
    ),
    _request(
        "DialogACK",
        "The far side confirmed our 2xx. It carries `sdp` if our 2xx made the offer.",
        fields={"sdp": "sdp"},
        effect={"DialogEstablished": True},
        rfc="RFC 3261 13.3.1.4",
    ),
    _request(
        "DialogBYE",
        "The far side ended the call; the stack has answered 200.",
        effect={"DialogEstablished": False},
        rfc="RFC 3261 15.1.2",
    ),
    _request(
        "DialogCANCEL",
        "The caller gave up before our final answer. The stack has answered the CANCEL, "
        "a row must answer the INVITE with 487.",
        rfc="RFC 3261 9.2",
    ),
    _request(
        "ReinviteReceived",
        "The far side proposes another session description (or asks for ours) in a re-INVITE. "
        "`direction` is the far side's: sendrecv, sendonly, recvonly or inactive.",
        fields={"sdp": "sdp", "direction": "text"},
        effect={"HasPendingOfferAnswer": True},
        owes="INVITE",
        rfc="RFC 3261 14.2",
    ),
    _request(
        "UpdateReceived",
        "The far side sent UPDATE; without `sdp` it only refreshes the session.",
        fields={"sdp": "sdp", "direction": "text"},
        owes="UPDATE",
        rfc="RFC 3311 5.2",
    ),
    _request(
        "InfoReceived",
        "The far side sent INFO inside the call; `digit` is the key it tells of, if it does "
        "(application/dtmf-relay or application/dtmf).",
        fields={"content_type": "text", "body": "text", "digit": "text"},
        owes="INFO",
        rfc="RFC 6086 4.2.2",
    ),
    _request(
        "MessageReceived",
        "The far side sent MESSAGE inside the call.",
        fields={"content_type": "text", "body": "text"},
        owes="MESSAGE",
        rfc="RFC 3428 7",
    ),
    _request(
        "TransferRequested",
        "The far side sent REFER: it asks us to call `refer_to`, in place of the call that "
        "`replaces` names if it does, as `referred_by` says who wants it. To places outside this "
        "node's own domains and trunks nobody may refer, unless a setting allows it: 403.",
        fields={"refer_to": "text", "replaces": "text", "referred_by": "text"},
        owes="REFER",
        rfc="RFC 3515 2.4.2",
    ),
)

_RESPONSES = (
    _response(
        "Dialog180Ringing",
        "The far side rings.",
        roles=("UAC",),
        fields={"code": "integer", "reason": "text", "sdp": "sdp"},
        rfc="RFC 3261 21.1.2",
    ),
    _response(
        "Dialog183SessionProgress",
        "The far side reports progress, with early media if it carries `sdp`; any other "
        "provisional answer than 100 and 180 comes as this too.",
        roles=("UAC",),
        fields={"code": "integer", "reason": "text", "sdp": "sdp"},
        rfc="RFC 3261 21.1.5",
    ),
    _response(
        "Dialog200OK",
        "A 2xx to a request of ours: `method` says which (INVITE for re-INVITE too). "
        "A 2xx to INVITE must be confirmed with SendACK by a row. The 200 to a CANCEL is no "
        "event: it says nothing about the call.",
        fields={**_RESPONSE, "sdp": "sdp"},
        effect={"DialogEstablished": True, **_ANSWERED},
        rfc="RFC 3261 13.2.2.4",
    ),
    _response(
        "Dialog3xxRedirect",
        "The far side knows other addresses; `contact` is the best one that was not called yet. It "
        "is absent if there is none: all were called, none is a SIP address, or five redirections "
        "were followed already.",
        fields={**_RESPONSE, "contact": "text"},
        effect=_REFUSED,
        rfc="RFC 3261 8.1.3.4",
    ),
    _response(
        "AuthRequired",
        "A server asks for credentials (401 or 407).",
        fields={**_RESPONSE, "realm": "text"},
        effect=_REFUSED,
        rfc="RFC 3261 22",
    ),
    _response(
        "SessionIntervalTooSmall",
        "The far side refuses our session timer (422); the least it takes is `minimum` seconds.",
        fields={**_RESPONSE, "minimum": "integer"},
        effect=_REFUSED,
        rfc="RFC 4028 6",
    ),
    _response(
        "ReinviteGlare",
        "491 to our own re-INVITE: both sides sent one. Wait, then try again.",
        effect=_REFUSED,
        rfc="RFC 3261 14.1",
    ),
    _response(
        "Dialog487RequestTerminated",
        "The INVITE ended because it was cancelled; a re-INVITE, because the call was ended.",
        effect=_REFUSED,
        rfc="RFC 3261 15.1.2",
    ),
    _response(
        "Dialog4xxFailure",
        "A 4xx that has no event of its own: busy, not found, not acceptable ... After a "
        "redirection `contact` is the next address that can be tried.",
        fields={**_RESPONSE, "contact": "text"},
        effect=_REFUSED,
        rfc="RFC 3261 21.4",
    ),
    _response(
        "Dialog5xxFailure",
        "A 5xx: the server failed. After a redirection `contact` is the next address that can be "
        "tried.",
        fields={**_RESPONSE, "contact": "text"},
        effect=_REFUSED,
        rfc="RFC 3261 21.5",
    ),
    _response(
        "Dialog6xxFailure",
        "A 6xx: refused everywhere.",
        effect=_REFUSED,
        rfc="RFC 3261 21.6",
    ),
    _response(
        "DialogTimeout",
        "No final answer to a request of ours in 64*T1 (`method`), or no ACK to our 2xx "
        "(`method` ACK).",
        fields={"method": "text"},
        effect=_UNREACHABLE,
        rfc="RFC 3261 17.1.1.2, 13.3.1.4",
    ),
    _response(
        "DialogError",
        "A message could not be sent: the transport failed or the far side's connection is gone.",
        fields={"reason": "text", "method": "text"},
        effect=_UNREACHABLE,
        rfc="RFC 3261 8.1.3.1",
    ),
)

_MEDIA = (
    _media("MediaFlowEstablished", "The first media packet of the far side arrived."),
    _media(
        "MediaError",
        "The media can not go on: no codec, no connection, a broken file.",
        fields={"reason": "text"},
    ),
    _media(
        "MediaLost",
        "The media process died. The call lives; RestoreMedia brings new media.",
        effect={"MediaReady": False},
    ),
    _media("PlayFinished", "What was being played came to its end.", fields={"file": "text"}),
    _media(
        "DtmfDetected",
        "The far side pressed a key: `digit` 0-9, *, #, A-D, `duration` in milliseconds.",
        fields={"digit": "text", "duration": "integer"},
        rfc="RFC 4733 2.5",
    ),
    _media("RtpTimeout", "No media packet arrived for a long time."),
)

_INTERNAL = (
    _internal(
        "ActionFailed",
        "An action of the row that led here failed: `action` and `reason`. The rest of that row "
        "was not done and its events were not published.",
        fields={"action": "text", "reason": "text"},
    ),
    _internal("Reset", "An operator or a supervisor puts the session back to its beginning."),
)

TIMER = EventWord(
    "after",
    Kind.TIMER,
    "The time since the state was entered has passed: `event: {after: 30s}`.",
    "Time",
)


def _later(kind: Kind, group: str, meanings: Mapping[str, str]) -> tuple[EventWord, ...]:
    return tuple(
        EventWord(name, kind, meaning, group, performed=False) for name, meaning in meanings.items()
    )


_LATER = (
    *progress.EVENTS,
    *redirection.EVENTS,
    *inside.EVENTS,
    *refreshing.EVENTS,
    *transfer.EVENTS,
    *_later(
        Kind.USER,
        "Recording",
        {
            "StartRecording": "A person starts recording.",
            "StopRecording": "A person stops recording.",
        },
    ),
    *_later(
        Kind.USER,
        "Conference",
        {
            "CreateConference": "A person makes this session the host of a conference.",
            "AddParticipant": "A person adds a session to the conference.",
            "JoinConference": "A person joins a conference.",
            "LeaveConference": "A person leaves the conference.",
            "MuteInConference": "A person is muted in the conference.",
            "UnmuteInConference": "A person is heard in the conference again.",
            "BridgeSessions": "A person joins two sessions.",
            "UnbridgeSessions": "A person parts two joined sessions.",
            "ModifySession": "A person changes the media of the session.",
        },
    ),
    *registration.EVENTS,
    *subscription.EVENTS,
    *_later(
        Kind.MEDIA,
        "Media",
        {
            "MediaQualityDegraded": "Loss or jitter passed a limit.",
            "PacketLossThresholdExceeded": "Loss passed a limit.",
        },
    ),
    *_later(
        Kind.INTERNAL,
        "Internal",
        {
            "InternalCheckReady": "All conditions of readiness hold. Guards look at them with "
            "every event (AllConditionsMet), so that no event of its own is needed.",
            "InternalACKSent": "The ACK went out: SendACK is done when its row goes on.",
            "InternalUASMedia": "The answering side's media exists: CreateMediaSession is "
            "done when its row goes on.",
            "InternalCleanupComplete": "Everything held was given back, as it is when the row that "
            "gave it back is done.",
            "CleanupComplete": "As InternalCleanupComplete.",
            "CheckConditions": "As InternalCheckReady.",
            "InternalProceedWithTransfer": "The asked transfer may go on, as it does in the "
            "row that takes TransferRequested.",
            "InternalMakeTransferCall": "The call to the transfer target is to be placed: "
            "CreateLinkedSession does it.",
            "InternalTransferCallEstablished": "The call to the transfer target was answered: "
            "LinkedAnswered says it.",
            "MediaSessionCreated": "The media was allocated: CreateMediaSession is done when "
            "its row goes on.",
            "MediaSessionReady": "The media can flow: StartMediaSession is done when its row "
            "goes on.",
            "MediaNegotiated": "The session descriptions were settled, as they are when the "
            "row that settles them is done.",
        },
    ),
)

EVENTS: dict[str, EventWord] = {
    word.name: word
    for word in (
        *_USER,
        *_REQUESTS,
        *_RESPONSES,
        *_MEDIA,
        *_INTERNAL,
        *messages.EVENTS,
        *links.EVENTS,
        *_LATER,
    )
}

FOREIGN: set[str] = set()
"""The events that plug-ins added: nothing is known of when they come, so they may come always."""
