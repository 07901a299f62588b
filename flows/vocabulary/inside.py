"""The words of requests inside a call: INFO, OPTIONS, MESSAGE, UPDATE, and re-INVITEs again."""

from __future__ import annotations

from collections.abc import Mapping

from flows.vocabulary.words import ActionWord, EventWord, Kind, Parameter

_ANSWER: Mapping[str, str] = {"code": "integer", "reason": "text", "method": "text"}

EVENTS: tuple[EventWord, ...] = (
    EventWord(
        "UpdateAccepted",
        Kind.MESSAGE,
        "The far side accepted our UPDATE; `sdp` answers the offer it carried, if it carried one.",
        "Responses",
        {"code": "integer", "reason": "text", "sdp": "sdp"},
        rfc="RFC 3311 5.1",
    ),
    EventWord(
        "UpdateRefused",
        Kind.MESSAGE,
        "The far side refused our UPDATE; what was agreed before it holds. 491 says that both "
        "sides sent an offer, 422 that the session timer is too short (`minimum` seconds are "
        "taken), 408 that no answer came, 481 that the far side knows no such call.",
        "Responses",
        {"code": "integer", "reason": "text", "minimum": "integer"},
        effect={"HasPendingOfferAnswer": False},
        rfc="RFC 3311 5.1",
    ),
    EventWord(
        "RequestAnswered",
        Kind.MESSAGE,
        "The far side answered an INFO or OPTIONS of ours (`method`), be it with success or not. "
        "408 says that no answer came, 503 that it could not be sent, 481 that the far side knows "
        "no such call.",
        "Responses",
        _ANSWER,
        rfc="RFC 3261 8.1.3, 12.2.1.2",
    ),
    EventWord(
        "ReinviteRetryDue",
        Kind.INTERNAL,
        "The waiting time that ScheduleReinviteRetry set has passed: now is the time to send the "
        "re-INVITE again.",
        "Internal",
        rfc="RFC 3261 14.1",
    ),
)

ACTIONS: tuple[ActionWord, ...] = (
    ActionWord(
        "ScheduleReinviteRetry",
        "After a glare (491), waits as long as RFC 3261 asks: 2.1 to 4 s if we began the call, "
        "else up to 2 s, by chance in steps of 10 ms. Then comes ReinviteRetryDue. Fails the "
        "fourth time in a row: a re-INVITE is tried again three times.",
        "Signalling",
        requires={"DialogEstablished": True},
        uses=("dialog",),
        rfc="RFC 3261 14.1",
    ),
    ActionWord(
        "ClearPendingReinvite",
        "Gives up trying a re-INVITE again: ReinviteRetryDue does not come, and tries are counted "
        "anew. Without a waiting time it changes nothing.",
        "Signalling",
        sets={"HasPendingReinvite": False},
        may_fail=False,
        rfc="RFC 3261 14.1",
    ),
    ActionWord(
        "SendUPDATE",
        "Sends UPDATE in the call. With `direction` it offers the session anew with this direction "
        "of media, as a re-INVITE does; without, it only refreshes the session. The answer comes "
        "as UpdateAccepted or UpdateRefused.",
        "Signalling",
        parameters={
            "direction": Parameter(
                "choice",
                "Who sends media, seen from our side. Without it no description is sent.",
                choices=("sendrecv", "sendonly", "recvonly", "inactive"),
            )
        },
        requires={"DialogEstablished": True},
        uses=("dialog",),
        sends="UPDATE",
        offers="direction",
        rfc="RFC 3311 5.1",
    ),
    ActionWord(
        "SendINFO",
        "Sends INFO in the call; what it does not say, the event may. Keys (`digits`) go as "
        "application/dtmf-relay, one INFO for each, the next when the last was accepted. The "
        "answer comes as RequestAnswered.",
        "Messages",
        parameters={
            "content_type": Parameter("text", "Media type of the body."),
            "body": Parameter("text", "What it says."),
            "digits": Parameter("text", "Keys instead of a body: 0-9, *, #, A-D."),
            "duration": Parameter(
                "integer", "How long each key is held.", default=160, unit="ms", low=40, high=6000
            ),
        },
        requires={"DialogEstablished": True},
        uses=("dialog",),
        sends="INFO",
        rfc="RFC 6086 4.2.1",
    ),
    ActionWord(
        "SendOPTIONS",
        "Asks the far side, in the call or without one, what it can do, or whether it is there. "
        "The answer comes as RequestAnswered.",
        "Messages",
        uses=("dialog",),
        sends="OPTIONS",
        rfc="RFC 3261 11.2",
    ),
    ActionWord(
        "SendMESSAGE",
        "Sends a text message to the far side; what it does not say, the event may. The answer "
        "comes as MessageDelivered or MessageFailed.",
        "Messages",
        parameters={
            "body": Parameter("source", "What it says."),
            "content_type": Parameter("text", "Media type of the body; text/plain if absent."),
        },
        uses=("dialog",),
        sends="MESSAGE",
        rfc="RFC 3428 4",
    ),
)
