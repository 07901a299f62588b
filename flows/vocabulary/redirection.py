"""The words that refuse a call, send it elsewhere, and follow where it is sent (RFC 3261 21.3)."""

from __future__ import annotations

from flows.vocabulary.words import ActionWord, EventWord, Kind, Parameter

EVENTS: tuple[EventWord, ...] = (
    EventWord(
        "RedirectCall",
        Kind.USER,
        "A person sends the ringing caller elsewhere: to `target`, one address or several with "
        "commas between them, the best one first.",
        "People",
        {"target": "text"},
        ("UAS",),
        rfc="RFC 3261 8.2.6, 21.3",
    ),
)

ACTIONS: tuple[ActionWord, ...] = (
    ActionWord(
        "SendRejectResponse",
        "Refuses the first INVITE: with the `code` of the event if it brings one that a caller may "
        "be told (a linked session's failure, a person's choice), else with its own. A cancelled "
        "INVITE is answered 487 whatever is said here.",
        "Signalling",
        parameters={
            "code": Parameter("integer", "Status code.", default=486, low=400, high=699),
            "reason": Parameter("text", "Words of the status line; the standard ones if absent."),
        },
        sends="response",
        clears=("INVITE",),
        roles=("UAS",),
        rfc="RFC 3261 13.3.1.3, 21.4",
    ),
    ActionWord(
        "SendRedirectResponse",
        "Answers the first INVITE with where else to call: the `target` of the event, else its "
        "own. Fails if neither says where, or if it is no sip, sips or tel address.",
        "Signalling",
        parameters={
            "target": Parameter(
                "text", "One address, or up to ten with commas between them, the best one first."
            ),
            "code": Parameter("integer", "Status code.", default=302, low=300, high=399),
            "reason": Parameter("text", "Words of the status line; the standard ones if absent."),
        },
        sends="response",
        clears=("INVITE",),
        roles=("UAS",),
        rfc="RFC 3261 8.2.6, 13.3.1.2, 21.3",
    ),
    ActionWord(
        "RetryWithContact",
        "Calls `event.contact`, the best address of the redirections that was not called yet, in "
        "the same session with the next CSeq. Fails if there is none, and after five tries; a "
        "lower limit is the table's.",
        "Signalling",
        requires={"HasLocalSDP": True},
        sets={"HasPendingOfferAnswer": True},
        uses=("dialog",),
        sends="INVITE",
        roles=("UAC",),
        rfc="RFC 3261 8.1.3.4",
    ),
)
