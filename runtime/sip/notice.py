"""What Event, Subscription-State, Expires and Refer-Sub say (RFC 6665 8.2, RFC 4488): pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from sipmessage import grammar

from runtime.sip.message import Message
from runtime.sip.uri import parse_params

DEFAULT_EXPIRES: Final = 3600
"Seconds of a subscription whose package and messages name no other time."

MAX_SECONDS: Final = 2**32 - 1
"Highest number of delta-seconds (RFC 3261 20.19)."

_PACKAGE = re.compile(grammar.TOKEN)
_DIGITS = re.compile(r"[0-9]{1,10}")


class EventId(NamedTuple):
    """Which state is meant: a package, and an id where one dialog has several of it."""

    package: str
    "In lower case, with its templates: `presence`, `presence.winfo`, `refer`."

    id: str = ""

    def __str__(self) -> str:
        return f"{self.package};id={self.id}" if self.id else self.package


@dataclass(frozen=True, slots=True)
class Notice:
    """The Subscription-State of a NOTIFY."""

    state: str
    '"active", "pending", "terminated", or a word of an extension, in lower case.'

    expires: int | None = None
    "Seconds that are left."

    reason: str = ""
    "Why it was terminated: deactivated, probation, rejected, timeout, giveup, noresource ..."

    retry_after: int | None = None
    "Seconds after which it may be tried again."

    @property
    def terminated(self) -> bool:
        return self.state == "terminated"


def parse_event(text: str) -> EventId:
    """Parse an Event value; ValueError if it is none."""
    package, semicolon, rest = text.partition(";")
    package = package.strip().lower()
    if not _PACKAGE.fullmatch(package):
        raise ValueError("Event is not valid")
    return EventId(package, parse_params(semicolon + rest).get("id") or "")


def event_of(message: Message) -> EventId:
    """The Event of a message; ValueError if it is absent or not valid."""
    return parse_event(message.get("Event") or "")


def notice_of(message: Message) -> Notice:
    """The Subscription-State of a NOTIFY; ValueError if it is absent or not valid."""
    state, semicolon, rest = (message.get("Subscription-State") or "").partition(";")
    state = state.strip().lower()
    if not _PACKAGE.fullmatch(state):
        raise ValueError("Subscription-State is not valid")
    params = parse_params(semicolon + rest)
    return Notice(
        state,
        _seconds(params.get("expires")),
        (params.get("reason") or "").lower(),
        _seconds(params.get("retry-after")),
    )


def expires_of(message: Message) -> int | None:
    """The seconds of Expires, None if it is absent; ValueError if it is not valid."""
    text = message.get("Expires")
    if text is None:
        return None
    seconds = _seconds(text.strip())
    if seconds is None:
        raise ValueError("Expires is not valid")
    return seconds


def wants_no_subscription(message: Message) -> bool:
    """Whether `Refer-Sub: false` asks for a REFER without a subscription (RFC 4488 4)."""
    return (message.get("Refer-Sub") or "").partition(";")[0].strip().lower() == "false"


def _seconds(text: str | None) -> int | None:
    if text is None or not _DIGITS.fullmatch(text) or int(text) > MAX_SECONDS:
        return None
    return int(text)
