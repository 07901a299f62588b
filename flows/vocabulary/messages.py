"""The words of text messages (RFC 3428), inside a call and outside."""

from __future__ import annotations

from flows.vocabulary.words import ActionWord, EventWord, Kind, Parameter

_GROUP = "Messages"

EVENTS: tuple[EventWord, ...] = (
    EventWord(
        "SendMessage",
        Kind.USER,
        "A person sends the far side a text message. A session that begins with it sends it to "
        "`target`.",
        _GROUP,
        {"target": "text", "body": "text", "content_type": "text"},
        rfc="RFC 3428 4",
    ),
    EventWord(
        "MessageDelivered",
        Kind.MESSAGE,
        "The far side, or a server that keeps it for later (202), accepted our MESSAGE.",
        _GROUP,
        {"code": "integer", "reason": "text"},
        rfc="RFC 3428 5",
    ),
    EventWord(
        "MessageFailed",
        Kind.MESSAGE,
        "Our MESSAGE was refused. 408 says that no answer came, 503 that it could not be sent.",
        _GROUP,
        {"code": "integer", "reason": "text"},
        rfc="RFC 3428 5",
    ),
    EventWord(
        "StartKeepAlive",
        Kind.USER,
        "Somebody asks this session to find out again and again whether `target` is there.",
        _GROUP,
        {"target": "text"},
        ("UAC",),
    ),
    EventWord("StopKeepAlive", Kind.USER, "A person ends that.", _GROUP, roles=("UAC",)),
    EventWord(
        "ReceiveMESSAGE",
        Kind.MESSAGE,
        "A MESSAGE outside a call came and began this session. ProcessMESSAGE answers it.",
        _GROUP,
        {"from": "text", "to": "text", "content_type": "text", "body": "text"},
        ("UAS",),
        owes="MESSAGE",
        rfc="RFC 3428 7",
    ),
)

ACTIONS: tuple[ActionWord, ...] = (
    ActionWord(
        "ProcessMESSAGE",
        "Takes over a text message, and says so: 200, or 202 if it is only kept for somebody.",
        _GROUP,
        parameters={
            "code": Parameter("integer", "The answer.", default=200, low=200, high=202),
        },
        uses=("dialog",),
        sends="response",
        clears=("MESSAGE",),
        roles=("UAS",),
        rfc="RFC 3428 7",
    ),
)
