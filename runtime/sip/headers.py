"""Typed headers beyond those of every message: transfer, session timers, PRACK, events.

Each function takes a message and gives the value, None where the header is absent, ValueError (and
nothing else) where it is malformed or stands there twice. All are linear; each reads its header
once, the value stays with the message. Seconds are whole numbers below 2**32 (RFC 3261 20.19).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Final, TypeVar, cast
from urllib.parse import quote, unquote

from sipmessage import grammar

from runtime.sip.message import Message
from runtime.sip.uri import NameAddr, Uri, parse_name_addr, parse_params, parse_uri

T = TypeVar("T")

_TOKEN = re.compile(grammar.TOKEN)
_NUMBER = re.compile(r"[0-9]{1,10}")
_CALL_ID = re.compile(r"[!-:<-~]+")
_RACK = re.compile(rf"([0-9]{{1,10}})[ \t]+([0-9]{{1,10}})[ \t]+({grammar.TOKEN})")
_RETRY = re.compile(r"([0-9]{1,10})[ \t]*(?:[;(].*)?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_EMBEDDED: Final = 32
"Headers that a URI may carry."


@dataclass(frozen=True, slots=True)
class Replaces:
    """The dialog that an INVITE takes the place of (RFC 3891), tags as its receiver sees them."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


@dataclass(frozen=True, slots=True)
class ReferTo:
    """Where a REFER sends its receiver (RFC 3515 2.1): a request to be made of a URI."""

    uri: Uri
    "Without the method parameter and without headers: the Request-URI to use (RFC 3261 19.1.5)."

    method: str = "INVITE"
    headers: tuple[tuple[str, str], ...] = ()
    "Those the URI carries, unescaped, in its order; untrusted text of the peer."

    @property
    def replaces(self) -> Replaces | None:
        """The embedded Replaces of an attended transfer; ValueError if it is malformed."""
        values = [value for name, value in self.headers if name.lower() == "replaces"]
        if len(values) > 1:
            raise ValueError("Replaces is there twice")
        return parse_replaces(values[0]) if values else None

    def __str__(self) -> str:
        """The header value, everything escaped that RFC 3261 25.1 wants escaped."""
        text = self.uri.text
        if self.method != "INVITE":
            text += f";method={quote(self.method)}"
        if self.headers:
            safe = "-_.!~*'()[]/?:+$"
            text += "?" + "&".join(
                f"{quote(name, safe=safe)}={quote(value, safe=safe)}"
                for name, value in self.headers
            )
        return f"<{text}>"


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """The session interval and who refreshes: "uac", "uas" or, undecided, "" (RFC 4028 4)."""

    seconds: int
    refresher: str = ""

    def __str__(self) -> str:
        return f"{self.seconds};refresher={self.refresher}" if self.refresher else f"{self.seconds}"


@dataclass(frozen=True, slots=True)
class RAck:
    """Which provisional response a PRACK acknowledges (RFC 3262 7.2)."""

    rseq: int
    cseq: int
    method: str

    def __str__(self) -> str:
        return f"{self.rseq} {self.cseq} {self.method}"


@dataclass(frozen=True, slots=True)
class Event:
    """What a subscription is about (RFC 6665 8.2.1): package in lower case with its templates."""

    package: str
    id: str = ""

    def __str__(self) -> str:
        return f"{self.package};id={self.id}" if self.id else self.package


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """How a subscription stands (RFC 6665 4.1.3): "active", "pending", "terminated" or another."""

    state: str
    reason: str = ""
    expires: int | None = None
    retry_after: int | None = None

    @property
    def terminated(self) -> bool:
        return self.state == "terminated"

    def __str__(self) -> str:
        text = self.state
        text += f";reason={self.reason}" if self.reason else ""
        text += f";expires={self.expires}" if self.expires is not None else ""
        return text + (f";retry-after={self.retry_after}" if self.retry_after is not None else "")


def _once(read: Callable[[Message], T]) -> Callable[[Message], T]:
    """Keep with the message what was read of it."""
    name = read.__name__

    @wraps(read)
    def kept(message: Message) -> T:
        if name not in message.kept:
            message.kept[name] = read(message)
        return cast(T, message.kept[name])

    return kept


def _single(message: Message, name: str) -> str | None:
    lines = message.lines(name)
    if len(lines) > 1:
        raise ValueError(f"{name} is there twice")
    return lines[0] if lines else None


@_once
def replaces(message: Message) -> Replaces | None:
    """Replaces of an INVITE. RFC 3891 3 wants 400 for a malformed or a second one."""
    value = _single(message, "Replaces")
    return None if value is None else parse_replaces(value)


def parse_replaces(value: str) -> Replaces:
    """Read a Replaces value (RFC 3891 6.1); ValueError unless it has both tags."""
    call_id, semicolon, rest = value.strip().partition(";")
    params = parse_params(semicolon + rest)
    to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
    if not _CALL_ID.fullmatch(call_id.strip()) or not to_tag or not from_tag:
        raise ValueError("Replaces is not valid")
    return Replaces(call_id.strip(), to_tag, from_tag, "early-only" in params)


@_once
def refer_to(message: Message) -> ReferTo | None:
    """Refer-To of a REFER, which has exactly one (RFC 3515 2.4.1)."""
    value = _single(message, "Refer-To")
    return None if value is None else parse_refer_to(value)


def parse_refer_to(value: str) -> ReferTo:
    """Read a Refer-To value; ValueError if it is no address or its headers are not valid."""
    uri = parse_name_addr(value).uri
    method = uri.param("method") or "INVITE"
    if not _TOKEN.fullmatch(method):
        raise ValueError("Refer-To names a method that is not valid")
    return ReferTo(parse_uri(_bare(uri)), method.upper(), embedded(uri))


def _bare(uri: Uri) -> str:
    """The text without method parameter and headers."""
    if not uri.is_sip:
        return uri.text
    # What stands before the host may hold semicolons and question marks of its own.
    user, at, tail = uri.text.partition("@")
    if not at:
        user, tail = "", uri.text
    first, *params = tail.partition("?")[0].split(";")
    kept = [param for param in params if not param.lower().startswith("method=")]
    return user + at + ";".join((first, *kept))


def embedded(uri: Uri) -> tuple[tuple[str, str], ...]:
    """The headers a SIP URI carries, unescaped (RFC 3261 19.1.1); ValueError if malformed.

    Which of them may be used is for the caller to say (19.1.5): never those that route or identify.
    """
    if not uri.headers:
        return ()
    pieces = uri.headers.split("&")
    if len(pieces) > _EMBEDDED:
        raise ValueError("the URI carries too many headers")
    found = []
    for piece in pieces:
        name, equal, value = piece.partition("=")
        name, value = unquote(name, errors="strict"), unquote(value, errors="strict")
        if not equal or not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise ValueError("the URI carries a header that is not valid")
        found.append((name, value))
    return tuple(found)


@_once
def referred_by(message: Message) -> NameAddr | None:
    """Referred-By (RFC 3892 3); `params` may hold the cid of a signed token."""
    value = _single(message, "Referred-By")
    if value is None:
        return None
    address = parse_name_addr(value)
    _ = address.uri
    return address


@_once
def session_expires(message: Message) -> SessionExpires | None:
    """Session-Expires (RFC 4028 4)."""
    value = _single(message, "Session-Expires")
    if value is None:
        return None
    text, semicolon, rest = value.partition(";")
    refresher = (parse_params(semicolon + rest).get("refresher") or "").lower()
    if refresher not in ("", "uac", "uas"):
        raise ValueError("Session-Expires names a refresher that is not known")
    return SessionExpires(_number(text.strip()), refresher)


@_once
def min_se(message: Message) -> int | None:
    """Min-SE, the least session interval that all on the way take (RFC 4028 5), seconds."""
    return _seconds_of(message, "Min-SE")


@_once
def rack(message: Message) -> RAck | None:
    """RAck of a PRACK (RFC 3262 7.2)."""
    value = _single(message, "RAck")
    if value is None:
        return None
    match = _RACK.fullmatch(value)
    if match is None:
        raise ValueError("RAck is not valid")
    return RAck(_number(match.group(1)), _number(match.group(2)), match.group(3))


@_once
def rseq(message: Message) -> int | None:
    """RSeq of a reliable provisional response (RFC 3262 7.1), 1 to 2**32 - 1."""
    value = _single(message, "RSeq")
    if value is None:
        return None
    if (number := _number(value)) == 0:
        raise ValueError("RSeq is not valid")
    return number


@_once
def event(message: Message) -> Event | None:
    """Event of SUBSCRIBE, NOTIFY and PUBLISH (RFC 6665 8.2.1)."""
    value = _single(message, "Event")
    return None if value is None else parse_event(value)


def parse_event(value: str) -> Event:
    """Read an Event value; ValueError if it names no package."""
    package, semicolon, rest = value.partition(";")
    package = package.strip().lower()
    if not _TOKEN.fullmatch(package):
        raise ValueError("Event is not valid")
    return Event(package, parse_params(semicolon + rest).get("id") or "")


@_once
def subscription_state(message: Message) -> SubscriptionState | None:
    """Subscription-State of a NOTIFY (RFC 6665 8.2.3)."""
    value = _single(message, "Subscription-State")
    if value is None:
        return None
    state, semicolon, rest = value.partition(";")
    state = state.strip().lower()
    if not _TOKEN.fullmatch(state):
        raise ValueError("Subscription-State is not valid")
    params = parse_params(semicolon + rest)
    expires_in, retry = params.get("expires"), params.get("retry-after")
    return SubscriptionState(
        state,
        (params.get("reason") or "").lower(),
        None if expires_in is None else _number(expires_in),
        None if retry is None else _number(retry),
    )


@_once
def expires(message: Message) -> int | None:
    """Expires (RFC 3261 20.19), seconds."""
    return _seconds_of(message, "Expires")


@_once
def min_expires(message: Message) -> int | None:
    """Min-Expires of a 423 (RFC 3261 20.23), seconds."""
    return _seconds_of(message, "Min-Expires")


@_once
def retry_after(message: Message) -> int | None:
    """Retry-After (RFC 3261 20.33), seconds, without its comment and parameters."""
    value = _single(message, "Retry-After")
    if value is None:
        return None
    match = _RETRY.fullmatch(value)
    if match is None:
        raise ValueError("Retry-After is not valid")
    return _number(match.group(1))


@_once
def allow_events(message: Message) -> tuple[str, ...]:
    """The event packages of Allow-Events (RFC 6665 8.2.2) in lower case, () if absent."""
    return _tokens(message, "Allow-Events")


@_once
def allow(message: Message) -> tuple[str, ...]:
    """The methods of Allow (RFC 3261 20.5) as written, () if absent."""
    found = tuple(part for part in message.get_all("Allow") if part)
    if not all(_TOKEN.fullmatch(part) for part in found):
        raise ValueError("Allow is not valid")
    return found


def contact_expires(contact: NameAddr) -> int | None:
    """The expires parameter of a Contact (RFC 3261 10.2.1.1), seconds; None if it has none."""
    value = contact.params.get("expires")
    return None if value is None else _number(value)


def contact_q(contact: NameAddr) -> float:
    """The preference of a Contact (RFC 3261 20.10), 0 to 1; 1 if it names none."""
    value = contact.params.get("q")
    if value is None:
        return 1.0
    if not re.fullmatch(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?", value, re.ASCII):
        raise ValueError("the q of a Contact is not valid")
    return float(value)


def _tokens(message: Message, name: str) -> tuple[str, ...]:
    found = tuple(message.tokens(name))
    if not all(_TOKEN.fullmatch(part) for part in found):
        raise ValueError(f"{name} is not valid")
    return found


def _seconds_of(message: Message, name: str) -> int | None:
    value = _single(message, name)
    # Parameters are allowed by Min-SE and harmless elsewhere.
    return None if value is None else _number(value.partition(";")[0].strip())


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) >= 2**32:
        raise ValueError(f"{text[:20]!r} is not a number below 2**32")
    return int(text)
