"""Session descriptions of telephones: reading, writing, offer and answer for G.711 over RTP/AVP.

Reading keeps every line (RFC 8866), also those this runtime has no use for. Offer and answer follow
RFC 3264; payload types without rtpmap follow RFC 3551 section 6; hold by direction and by the old
connection address 0.0.0.0 (RFC 3264 section 8.4). Only MediaError leaves this module.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace

from runtime.media.port import DIRECTIONS, Direction, MediaError

MAX_CHARACTERS = 64 * 1024
MAX_MEDIA = 32

STATIC = {0: "PCMU", 8: "PCMA"}
CODECS = ("PCMU", "PCMA")
EVENTS = "telephone-event"
EVENTS_TYPE = 101
"""Payload type this side gives to telephone-event in its own offers."""

_HOST = re.compile(r"[A-Za-z0-9.:\-_%]{1,255}")
_REVERSED: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


def reverse(direction: Direction) -> Direction:
    """Answer the same direction as the other side sees it."""
    return _REVERSED[direction]


def common(one: Direction, other: Direction) -> Direction:
    """Answer what is left where both limit the same stream, seen from the same side."""
    return direction_of(sends(one) and sends(other), receives(one) and receives(other))


def sends(direction: Direction) -> bool:
    return direction in ("sendrecv", "sendonly")


def receives(direction: Direction) -> bool:
    return direction in ("sendrecv", "recvonly")


def direction_of(sending: bool, receiving: bool) -> Direction:
    if sending:
        return "sendrecv" if receiving else "sendonly"
    return "recvonly" if receiving else "inactive"


@dataclass(slots=True)
class Section:
    """Lines in their order, each (type letter, value): the session part or one media."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def value(self, letter: str) -> str | None:
        return next((value for name, value in self.lines if name == letter), None)

    def attributes(self, name: str) -> list[str]:
        """Answer the values of all `a=name:value` lines; a flag has the value ""."""
        found = []
        for letter, value in self.lines:
            key, _, rest = value.partition(":")
            if letter == "a" and key == name:
                found.append(rest.strip())
        return found

    @property
    def direction(self) -> Direction | None:
        for letter, value in self.lines:
            if letter == "a" and value in DIRECTIONS:
                return value
        return None


@dataclass(slots=True)
class Media(Section):
    """One m= section."""

    kind: str = ""
    port: int = 0
    protocol: str = ""
    formats: list[str] = field(default_factory=list)

    def codecs(self) -> dict[int, tuple[str, int]]:
        """Answer payload type -> (name, clock), in the order of preference."""
        mapped: dict[int, tuple[str, int]] = {}
        for value in self.attributes("rtpmap"):
            number, name, clock, channels = _read_rtpmap(value)
            if channels == 1:
                mapped[number] = (name, clock)
        found = {}
        for text in self.formats:
            number = _number(text, 127, "payload type")
            if number in mapped:
                found[number] = mapped[number]
            elif number in STATIC:
                found[number] = (STATIC[number], 8000)
        return found


@dataclass(slots=True)
class Description(Section):
    """A whole session description."""

    media: list[Media] = field(default_factory=list)

    def __str__(self) -> str:
        sections: list[Section] = [self, *self.media]
        return "".join(f"{name}={value}\r\n" for part in sections for name, value in part.lines)

    def host_of(self, media: Media) -> str:
        """Answer the connection address of a media, its own or that of the session."""
        connection = media.value("c") or self.value("c")
        if connection is None:
            raise MediaError("malformed_sdp", "the description names no connection address")
        parts = connection.split()
        if len(parts) != 3 or parts[0] != "IN" or parts[1] not in ("IP4", "IP6"):
            raise MediaError("malformed_sdp", "the connection line is not of the form IN IP4 HOST")
        host = parts[2].split("/")[0]
        if not _HOST.fullmatch(host):
            raise MediaError("malformed_sdp", "the connection address is not a host")
        return host

    def direction_of(self, media: Media) -> Direction:
        """Answer a media's direction: its own, that of the session, else sendrecv."""
        direction = media.direction or self.direction or "sendrecv"
        if self.host_of(media) in ("0.0.0.0", "::"):
            return common(direction, "sendonly")
        return direction


def parse(text: str) -> Description:
    """Read a session description; raises MediaError("malformed_sdp")."""
    if len(text) > MAX_CHARACTERS:
        raise MediaError("malformed_sdp", "the session description is too long")
    description = Description()
    section: Section = description
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line.strip():
            continue
        if len(line) < 2 or line[1] != "=" or not line[0].isalpha() or not line[0].isascii():
            raise MediaError("malformed_sdp", "a line is not of the form letter=value")
        name, value = line[0], line[2:]
        if name == "m":
            section = _read_media(value)
            description.media.append(section)
        section.lines.append((name, value))
    _check(description)
    return description


def _check(description: Description) -> None:
    if description.value("v") != "0":
        raise MediaError("malformed_sdp", "the version line v=0 is missing")
    if len((description.value("o") or "").split()) != 6:
        raise MediaError("malformed_sdp", "the origin line has not six fields")
    if len(description.media) > MAX_MEDIA:
        raise MediaError("malformed_sdp", "there are too many media")


def _read_media(value: str) -> Media:
    parts = value.split()
    if len(parts) < 4:
        raise MediaError("malformed_sdp", "a media line has fewer than four fields")
    kind, port, protocol, *formats = parts
    return Media(
        kind=kind.lower(),
        port=_number(port.split("/")[0], 65535, "port"),
        protocol=protocol.upper(),
        formats=formats,
    )


def _read_rtpmap(value: str) -> tuple[int, str, int, int]:
    number, _, encoding = value.partition(" ")
    name, _, rest = encoding.strip().partition("/")
    clock, _, channels = rest.partition("/")
    return (
        _number(number, 127, "payload type"),
        EVENTS if name.lower() == EVENTS else name.upper(),
        _number(clock, 10_000_000, "clock rate"),
        _number(channels or "1", 255, "number of channels"),
    )


def _number(text: str, highest: int, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) > highest:
        raise MediaError("malformed_sdp", f"{what} is not a number up to {highest}")
    return int(text)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What offer and answer left: how this side sends to the other, and what it takes in."""

    codec: str
    send_type: int
    receive_types: frozenset[int]
    events_type: int | None
    """Payload type for digits to the other side, None if it knows none."""
    receive_events: frozenset[int]
    host: str
    port: int
    direction: Direction
    """What flows, seen from this side."""


@dataclass(frozen=True, slots=True)
class Local:
    """What this side writes about itself."""

    host: str
    port: int
    direction: Direction
    session: int
    version: int


def _head(local: Local, timing: str = "0 0") -> list[str]:
    family = _family(local.host)
    return [
        "v=0",
        f"o=- {local.session} {local.version} IN {family} {local.host}",
        "s=-",
        f"c=IN {family} {local.host}",
        f"t={timing}",
    ]


def _family(host: str) -> str:
    try:
        return f"IP{ipaddress.ip_address(host).version}"
    except ValueError:
        return "IP4"


def _audio(local: Local, types: dict[int, str], protocol: str, direction: Direction) -> list[str]:
    lines = [f"m=audio {local.port} {protocol} {' '.join(map(str, types))}"]
    for number, name in types.items():
        lines.append(f"a=rtpmap:{number} {name}/8000")
        if name == EVENTS:
            lines.append(f"a=fmtp:{number} 0-16")
    return [*lines, "a=ptime:20", f"a={direction}"]


def _text(lines: list[str]) -> str:
    return "".join(line + "\r\n" for line in lines)


def offer(local: Local, previous: Description | None = None, agreed: Agreed | None = None) -> str:
    """Write an offer, the first one or one after `previous` (the last description of either side).

    RFC 3264 section 8: the number and order of media never shrink, and a payload type that was
    `agreed` keeps its meaning.
    """
    types = _own_types(agreed)
    lines = _head(local)
    place = _place(previous) if previous else 0
    for index, media in enumerate(previous.media if previous else [None]):
        if index == place:
            lines += _audio(local, types, "RTP/AVP", local.direction)
        elif media is not None:
            lines.append(f"m={media.kind} 0 {media.protocol} {' '.join(media.formats)}")
    return _text(lines)


def _own_types(agreed: Agreed | None) -> dict[int, str]:
    if agreed is None:
        return {**STATIC, EVENTS_TYPE: EVENTS}
    types = {agreed.send_type: agreed.codec}
    types |= {n: name for n, name in STATIC.items() if name != agreed.codec and n not in types}
    events = agreed.events_type or EVENTS_TYPE
    return types if events in types else types | {events: EVENTS}


def _place(description: Description) -> int:
    usable = [i for i, media in enumerate(description.media) if _usable(media)]
    audio = [i for i, media in enumerate(description.media) if media.kind == "audio"]
    return (usable or audio or [0])[0]


def _usable(media: Media) -> bool:
    return media.kind == "audio" and media.port > 0 and media.protocol in ("RTP/AVP", "RTP/AVPF")


def answer(remote: Description, local: Local) -> tuple[str, Agreed]:
    """Answer an offer: the first usable audio with the other side's preferred common codec.

    Every other media is refused with port 0. Raises "no_common_codec" or "unsupported_sdp".
    """
    agreed, index = _choose(remote, local)
    types = {agreed.send_type: agreed.codec}
    if agreed.events_type is not None:
        types[agreed.events_type] = EVENTS
    lines = _head(local, remote.value("t") or "0 0")
    for position, media in enumerate(remote.media):
        if position == index:
            lines += _audio(local, types, media.protocol, agreed.direction)
        else:
            lines.append(f"m={media.kind} 0 {media.protocol} {' '.join(media.formats)}")
    return _text(lines), agreed


def accept(remote: Description, local: Local, own: Description) -> Agreed:
    """Join the other side's description with the `own` one that went before or after it."""
    agreed, _ = _choose(remote, local)
    offered = own.media[_place(own)].codecs() if own.media else {}
    voices = {number for number, found in offered.items() if found == (agreed.codec, 8000)}
    events = {number for number, found in offered.items() if found == (EVENTS, 8000)}
    return replace(
        agreed,
        receive_types=agreed.receive_types | voices,
        receive_events=agreed.receive_events | events,
    )


def _choose(remote: Description, local: Local) -> tuple[Agreed, int]:
    usable = [(i, media) for i, media in enumerate(remote.media) if _usable(media)]
    if not usable:
        raise MediaError("unsupported_sdp", "the description has no audio over plain RTP")
    for index, media in usable:
        agreed = _agree(remote, media, local)
        if agreed is not None:
            return agreed, index
    raise MediaError("no_common_codec", "neither PCMU nor PCMA is in the description")


def _agree(remote: Description, media: Media, local: Local) -> Agreed | None:
    codecs = media.codecs()
    voices = [(number, name) for number, (name, clock) in codecs.items() if _speaks(name, clock)]
    if not voices:
        return None
    number, name = voices[0]
    events = [number for number, found in codecs.items() if found == (EVENTS, 8000)]
    direction = common(local.direction, reverse(remote.direction_of(media)))
    return Agreed(
        codec=name,
        send_type=number,
        receive_types=frozenset(n for n, found in voices if found == name),
        events_type=events[0] if events else None,
        receive_events=frozenset(events),
        host=remote.host_of(media),
        port=media.port,
        direction=direction,
    )


def _speaks(name: str, clock: int) -> bool:
    return name in CODECS and clock == 8000


def origin(text: str) -> tuple[int, int]:
    """Answer session id and version of a description this side wrote; (0, 0) if it is empty."""
    if not text:
        return 0, 0
    fields = (parse(text).value("o") or "").split()
    return _number_of_origin(fields[1]), _number_of_origin(fields[2])


def _number_of_origin(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
