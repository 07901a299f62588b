"""What the events of a message say (RFC 6665 8.2, RFC 3903, RFC 4488), where it has to say it."""

from __future__ import annotations

from typing import Final, TypeAlias

from runtime.sip import headers
from runtime.sip.headers import parse_event as parse_event
from runtime.sip.message import Message

EventId: TypeAlias = headers.Event
"What a subscription is about: a package, and an id where one dialog has several of it."

Notice: TypeAlias = headers.SubscriptionState
"How a NOTIFY says that the subscription stands."

DEFAULT_EXPIRES: Final = 3600
"Seconds of a subscription whose package and messages name no other time."

MAX_SECONDS: Final = 2**32 - 1
"Highest number of delta-seconds (RFC 3261 20.19)."


def event_of(message: Message) -> EventId:
    """The Event of a message; ValueError if it is absent or not valid."""
    event = headers.event(message)
    if event is None:
        raise ValueError("Event is missing")
    return event


def notice_of(message: Message) -> Notice:
    """The Subscription-State of a NOTIFY; ValueError if it is absent or not valid."""
    state = headers.subscription_state(message)
    if state is None:
        raise ValueError("Subscription-State is missing")
    return state


def expires_of(message: Message) -> int | None:
    """The seconds of Expires, None if it is absent; ValueError if it is not valid."""
    return headers.expires(message)


def wants_no_subscription(message: Message) -> bool:
    """Whether `Refer-Sub: false` asks for a REFER without a subscription (RFC 4488 4)."""
    return (message.get("Refer-Sub") or "").partition(";")[0].strip().lower() == "false"
