"""The words of reliable provisional answers (RFC 3262), on both sides of a call."""

from __future__ import annotations

from flows.vocabulary.words import ActionWord, EventWord, Kind, Parameter

EVENTS: tuple[EventWord, ...] = (
    EventWord(
        "DialogReliableProgress",
        Kind.MESSAGE,
        "The far side sent a provisional answer (101 to 199) that asks to be confirmed with "
        "SendPRACK. With `sdp` it answers our offer for good. It comes only to a table that has "
        "SendPRACK: our INVITE then says that we understand it (100rel).",
        "Responses",
        {"code": "integer", "reason": "text", "sdp": "sdp"},
        ("UAC",),
        rfc="RFC 3262 4",
    ),
    EventWord(
        "DialogPRACK",
        Kind.MESSAGE,
        "The caller confirmed our reliable provisional answer. It carries `sdp` if that answer "
        "made the offer.",
        "Requests",
        {"sdp": "sdp"},
        ("UAS",),
        owes="PRACK",
        rfc="RFC 3262 3",
    ),
    EventWord(
        "SendEarlyMedia",
        Kind.USER,
        "A person lets the caller hear media before answering.",
        "Responses",
        roles=("UAS",),
    ),
)

ACTIONS: tuple[ActionWord, ...] = (
    ActionWord(
        "SendReliableProgress",
        "Sends a provisional answer that the caller confirms with PRACK, with our description if "
        "one was made for the open offer. The next one, and a 2xx after one with a description, "
        "have to wait for the PRACK; if none comes the event is DialogTimeout (`method` PRACK).",
        "Signalling",
        parameters={
            "code": Parameter("integer", "Status code.", default=183, low=101, high=199),
            "reason": Parameter("text", "Words of the status line; the standard ones if absent."),
        },
        uses=("dialog",),
        sends="response",
        roles=("UAS",),
        rfc="RFC 3262 3",
    ),
    ActionWord(
        "SendPRACK",
        "Confirms the far side's reliable provisional answer.",
        "Signalling",
        uses=("dialog",),
        sends="PRACK",
        roles=("UAC",),
        rfc="RFC 3262 4",
    ),
    ActionWord(
        "PrepareEarlyMediaSDP",
        "Makes the description for early media, as GenerateLocalSDP does. Takes the media if none "
        "is held.",
        "Description",
        sets={"HasLocalSDP": True},
        acquires=("media",),
        roles=("UAS",),
        rfc="RFC 3264 6, RFC 3960",
    ),
)
