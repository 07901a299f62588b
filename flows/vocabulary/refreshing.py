"""The words of session timers (RFC 4028): how long a call may go on without a sign of life.

The reference system has one event each for a refresh by UPDATE and by re-INVITE, for their success
and their failure. Here one event says that a refresh is due and by what it can be done; its answer
is that of any UPDATE or re-INVITE.
"""

from __future__ import annotations

from flows.vocabulary.words import ActionWord, EventWord, Kind, Parameter

EVENTS: tuple[EventWord, ...] = (
    EventWord(
        "SessionRefreshDue",
        Kind.INTERNAL,
        "Half of the agreed session interval has passed, and it is for us to refresh: by `method`, "
        "UPDATE where the far side takes it, else INVITE (a re-INVITE). The refresh that is "
        "accepted begins the interval anew. A table without this event refreshes by UPDATE alone.",
        "Internal",
        {"method": "text"},
        rfc="RFC 4028 10",
    ),
    EventWord(
        "SessionExpired",
        Kind.INTERNAL,
        "The agreed session interval is nearly over and nobody refreshed the session: it is to be "
        "ended with BYE.",
        "Internal",
        rfc="RFC 4028 10",
    ),
)

ACTIONS: tuple[ActionWord, ...] = (
    ActionWord(
        "ArmSessionRefreshTimer",
        "Asks for a session timer in the INVITE, or in the 2xx, that comes next. The far side may "
        "shorten the interval; when it is agreed, SessionRefreshDue comes to whoever refreshes, "
        "and SessionExpired if nobody did.",
        "Signalling",
        parameters={
            "interval": Parameter(
                "integer", "How long the call may be silent.", default=1800, unit="s",
                low=90, high=86400,
            ),
            "refresher": Parameter(
                "choice",
                "Who refreshes, as far as we may say: we, the far side, or whoever it chooses.",
                default="either",
                choices=("either", "ours", "theirs"),
            ),
        },
        uses=("dialog",),
        rfc="RFC 4028 7.1, 9",
    ),
    ActionWord(
        "SendINVITEWithBumpedSessionExpires",
        "Repeats the INVITE that was refused as too short (422) with the least interval the far "
        "side takes. Fails the third time in a call.",
        "Signalling",
        requires={"HasLocalSDP": True},
        sets={"HasPendingOfferAnswer": True},
        uses=("dialog",),
        sends="INVITE",
        roles=("UAC",),
        rfc="RFC 4028 7.3",
    ),
)  # fmt: skip
