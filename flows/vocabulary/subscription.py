"""The words of subscriptions (RFC 6665) and publications (RFC 3903), both roles."""

from __future__ import annotations

from collections.abc import Mapping

from flows.vocabulary.words import ActionWord, EventWord, Kind, Literals, Parameter

_GROUP = "Subscription"
_BODY: Mapping[str, str] = {"content_type": "text", "body": "text"}
_ASKED: Mapping[str, str] = {
    "from": "text",
    "to": "text",
    "event": "text",
    "expires": "integer",
    **_BODY,
}
_GONE: Literals = {"IsSubscribed": False, "HasActiveSubscription": False}
_LIVES: Literals = {"IsSubscribed": True, "HasActiveSubscription": True}
_REFUSED: Mapping[str, str] = {"code": "integer", "reason": "text", "minimum": "integer"}

EVENTS: tuple[EventWord, ...] = (
    EventWord(
        "StartSubscription",
        Kind.USER,
        "Somebody asks this session to subscribe to the `event` (presence, dialog, "
        "message-summary ...) of `target`.",
        _GROUP,
        {"target": "text", "event": "text", "expires": "integer"},
        ("UAC",),
    ),
    EventWord(
        "UnsubscribeRequest",
        Kind.USER,
        "A person ends the subscription.",
        _GROUP,
        roles=("UAC",),
    ),
    EventWord(
        "SubscriptionAccepted",
        Kind.MESSAGE,
        "The far side accepted our SUBSCRIBE for `expires` seconds; a NOTIFY follows it, or came "
        "before it.",
        _GROUP,
        {"code": "integer", "reason": "text", "expires": "integer"},
        ("UAC",),
        {"IsSubscribed": True},
        rfc="RFC 6665 4.1.2.1",
    ),
    EventWord(
        "SubscriptionFailed",
        Kind.MESSAGE,
        "Our SUBSCRIBE was refused: the subscription counts as over. 423 says that we asked for "
        "too short a time (`minimum` seconds are taken), 489 that the far side knows no such "
        "event, 408 that no answer or no NOTIFY came. As the notifier: our NOTIFY was refused.",
        _GROUP,
        _REFUSED,
        effect=_GONE,
        rfc="RFC 6665 4.1.2.3, 4.2.2",
    ),
    EventWord(
        "RefreshSubscription",
        Kind.INTERNAL,
        "Most of the granted time has passed: now is the time to subscribe anew.",
        _GROUP,
        roles=("UAC",),
        rfc="RFC 6665 4.1.2.2",
    ),
    EventWord(
        "SubscriptionExpired",
        Kind.INTERNAL,
        "The granted time has passed and the subscription was not renewed. The notifier owes a "
        "last NOTIFY.",
        _GROUP,
        effect=_GONE,
        rfc="RFC 6665 4.1.2.2, 4.2.2",
    ),
    EventWord(
        "ReceiveNOTIFY",
        Kind.MESSAGE,
        "A NOTIFY of our subscription came: its `body` is the state. `state` is active, or pending "
        "while nobody has decided about us. ProcessNOTIFY answers it.",
        _GROUP,
        {"event": "text", "state": "text", "expires": "integer", **_BODY},
        ("UAC",),
        _LIVES,
        owes="NOTIFY",
        rfc="RFC 6665 4.1.3",
    ),
    EventWord(
        "SubscriptionTerminated",
        Kind.MESSAGE,
        "The last NOTIFY of our subscription came, because we ended it or because of `reason`: "
        "deactivated, probation, rejected, timeout, giveup, noresource. ProcessNOTIFY answers it.",
        _GROUP,
        {"event": "text", "reason": "text", "retry_after": "integer", **_BODY},
        ("UAC",),
        _GONE,
        owes="NOTIFY",
        rfc="RFC 6665 4.1.3",
    ),
    EventWord(
        "SubscriptionRequested",
        Kind.MESSAGE,
        "A SUBSCRIBE came: the first one of this session, or one that renews it, or, with "
        "`expires` 0, one that ends it. An answer 200 is followed by SendNOTIFY.",
        _GROUP,
        _ASKED,
        ("UAS",),
        owes="SUBSCRIBE",
        rfc="RFC 6665 4.2.1",
    ),
    EventWord(
        "SendNOTIFY",
        Kind.USER,
        "A person or a program says our new state, for the subscriber to be told.",
        _GROUP,
        {"state": "text", "reason": "text", **_BODY},
        ("UAS",),
    ),
    EventWord(
        "PublishState",
        Kind.USER,
        "Somebody asks this session to publish a state of `event` with `target`, or another one.",
        _GROUP,
        {"target": "text", "event": "text", **_BODY},
        ("UAC",),
    ),
    EventWord(
        "UnpublishState",
        Kind.USER,
        "A person takes the published state back.",
        _GROUP,
        roles=("UAC",),
    ),
    EventWord(
        "PublicationAccepted",
        Kind.MESSAGE,
        "The server keeps what we published for `expires` seconds; 0 says that it was removed.",
        _GROUP,
        {"code": "integer", "reason": "text", "expires": "integer"},
        ("UAC",),
        rfc="RFC 3903 4.1",
    ),
    EventWord(
        "PublicationFailed",
        Kind.MESSAGE,
        "Our PUBLISH was refused. 412 says that the server has forgotten the state: the next "
        "PUBLISH sends it whole. 423 says that we asked for too short a time (`minimum`), 408 that "
        "no answer came.",
        _GROUP,
        _REFUSED,
        ("UAC",),
        rfc="RFC 3903 4.1",
    ),
    EventWord(
        "RefreshPublication",
        Kind.INTERNAL,
        "Most of the time has passed for which the server keeps what we published.",
        _GROUP,
        roles=("UAC",),
        rfc="RFC 3903 4.1",
    ),
    EventWord(
        "PublicationReceived",
        Kind.MESSAGE,
        "A PUBLISH came: somebody tells a state. The answer 200 carries its entity tag.",
        _GROUP,
        _ASKED,
        ("UAS",),
        owes="PUBLISH",
        rfc="RFC 3903 6",
    ),
)

_EXPIRES = Parameter("integer", "For how long.", default=3600, unit="s", low=0, high=86400)

ACTIONS: tuple[ActionWord, ...] = (
    ActionWord(
        "SendSUBSCRIBE",
        "Subscribes, renews the subscription, or, with `expires` 0, ends it. What it does not say "
        "the event may, else it is as it was asked for last. The answer comes as "
        "SubscriptionAccepted or SubscriptionFailed, the state as ReceiveNOTIFY.",
        _GROUP,
        parameters={
            "event": Parameter("text", "The event package; presence if nothing says another."),
            "expires": Parameter(
                "integer", "For how long; 3600 if nothing says else.", unit="s", low=0, high=86400
            ),
            "accept": Parameter("text", "Media types of the state that are understood."),
        },
        uses=("dialog",),
        sends="SUBSCRIBE",
        roles=("UAC",),
        rfc="RFC 6665 4.1.2",
    ),
    ActionWord(
        "ProcessNOTIFY",
        "Takes over a NOTIFY and answers it with 200. The time that is left is watched from now on "
        "(RefreshSubscription, SubscriptionExpired).",
        _GROUP,
        uses=("dialog",),
        sends="response",
        clears=("NOTIFY",),
        may_fail=False,
        roles=("UAC",),
        rfc="RFC 6665 4.1.3",
    ),
    ActionWord(
        "SendNOTIFY",
        "Tells the subscriber our state. What it does not say the event may; a body that nobody "
        "gives is the one told last. It says terminated by itself when the subscriber has ended "
        "the subscription or its time is over.",
        _GROUP,
        parameters={
            "state": Parameter(
                "choice",
                "How the subscription stands; active if nothing says else.",
                choices=("active", "pending", "terminated"),
            ),
            "reason": Parameter(
                "choice",
                "Why it is terminated.",
                choices=(
                    "deactivated", "probation", "rejected", "timeout", "giveup", "noresource",
                ),
            ),
            "content_type": Parameter("text", "Media type of the body."),
            "body": Parameter("source", "The state."),
        },
        uses=("dialog",),
        sends="NOTIFY",
        roles=("UAS",),
        rfc="RFC 6665 4.2.2",
    ),
    ActionWord(
        "SendPUBLISH",
        "Publishes a state, refreshes it if no body is new, or, with `expires` 0, removes it. What "
        "it does not say the event may; what nobody says is as it was published last. The answer "
        "comes as PublicationAccepted or PublicationFailed.",
        _GROUP,
        parameters={
            "event": Parameter("text", "The event package; presence if nothing says another."),
            "expires": _EXPIRES,
            "content_type": Parameter("text", "Media type of the body."),
            "body": Parameter("source", "The state."),
        },
        uses=("dialog",),
        sends="PUBLISH",
        roles=("UAC",),
        rfc="RFC 3903 4",
    ),
)  # fmt: skip
