"""The media port: what a call may ask of a media leg, and what a leg may say by itself.

This module is only shapes: requests are plain values so that the same port is served by the
media engine in this process or by one in a sibling process (see `runtime.media.link`).
A *leg* is the media of one party, named by an id the caller chooses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import msgspec

Kind = Literal["rtp", "webrtc"]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")

EVENTS = (
    "connected",
    "flowing",
    "play_finished",
    "dtmf",
    "dtmf_sent",
    "timeout",
    "error",
    "lost",
)
"""Names of media events, with their `detail`:

- connected: a webrtc leg has ICE and DTLS up. {}
- flowing: the first packet of audio was taken in. {codec, remote}
- play_finished: a source was played to its end or stopped. {source, stopped}
- dtmf: a digit was received. {digit, duration (milliseconds)}
- dtmf_sent: all digits of one request were sent. {digits}
- timeout: nothing was received for the configured time, although the leg receives. {seconds}
- error: the leg cannot go on. {code, reason}; code is transport_failed (ICE or DTLS did not come
  up, or broke), transport_closed (the other side ended it) or internal
- lost: the process that carried the leg is gone; `recover` brings the leg back. {reason}
"""

ERRORS = {
    "no_common_codec": "the offer has no codec this leg can use (answer 488)",
    "malformed_sdp": "the session description cannot be read (answer 400 or 488)",
    "unsupported_sdp": "the session description asks for what this leg cannot do (answer 488)",
    "unknown_leg": "no leg of this name exists",
    "leg_exists": "a leg of this name exists already",
    "wrong_state": "the leg cannot do this now",
    "no_port": "no free RTP port is left in the configured range",
    "unknown_source": "there is no such prompt or readable audio file",
    "bad_argument": "a value of the request is outside its range",
    "media_lost": "the media process is gone or does not answer",
    "internal": "the media engine failed",
}
"""Every code a MediaError can carry, and what it means."""


class MediaError(Exception):
    """The one exception that leaves the media layer; `code` is a key of ERRORS."""

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(f"{code}: {reason or ERRORS[code]}")
        self.code = code
        self.reason = reason or ERRORS[code]


class MediaEvent(msgspec.Struct, frozen=True, array_like=True, tag="event"):
    """Something a leg says by itself; `name` is one of EVENTS."""

    leg: str
    name: str
    detail: dict[str, Any] = {}


EventSink = Callable[[MediaEvent], None]


class LegInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is needed to show a leg, and to build it again after its process died."""

    leg: str
    kind: Kind
    port: int = 0
    """Local RTP port (0: not known, a webrtc leg)."""
    codec: str = ""
    """Negotiated codec, e.g. "PCMU", "PCMA", "opus"; empty before negotiation."""
    remote: str = ""
    """Where packets are sent, "host:port"; empty before negotiation."""
    direction: Direction = "sendrecv"
    """What this side wants."""
    flow: Direction = "inactive"
    """What negotiation left of it, seen from this side."""
    started: bool = False
    muted: bool = False
    echo: bool = False
    tone: float = 0.0
    playing: str = ""
    repeat: bool = False
    bridged: str = ""
    flowing: bool = False
    needs_offer: bool = False
    """The leg was built again and the other side must be sent a new offer first."""
    local_sdp: str = ""
    remote_sdp: str = ""


class MediaConfig(msgspec.Struct, frozen=True, omit_defaults=True):
    """Settings of a media engine; its parent gives them."""

    bind: str = "127.0.0.1"
    """Address the RTP sockets are bound to."""
    advertised: str = ""
    """Address written into SDP; empty: the bound one."""
    port_low: int = 0
    port_high: int = 0
    """Range of RTP ports, both ends included, even ports are used; 0: any free port."""
    timeout: float = 30.0
    """Seconds without a packet, while the leg receives, until "timeout" is said; 0: never."""
    loopback: bool = False
    """Offer the loopback address as ICE candidate beside the host's own addresses."""
    ice_addresses: tuple[str, ...] = ()
    """Addresses for ICE candidates instead of those of the host's interfaces."""
    prompts: str = ""
    """Folder of the WAV files that may be played, by their names in it; empty: none may."""
    linger: float = 30.0
    """Seconds a media process goes on without a runtime attached."""


class MediaLink(Protocol):
    """The port. Every call raises MediaError only; events arrive at the sink given at creation.

    An action of unlimited length (play, dtmf) is done when it has started.
    """

    async def create(self, leg: str, kind: Kind, *, port: int = 0, towards: str = "") -> LegInfo:
        """Make a leg; `port` asks for that local RTP port (kind "rtp" only).

        `towards` is the address of the peer, where it is known: an engine that is bound to every
        address offers the one that faces it.
        """

    async def offer(self, leg: str, *, restart: bool = False) -> str:
        """Answer a new SDP offer carrying the leg's direction; `restart` asks for new ICE."""

    async def answer(self, leg: str, remote_sdp: str) -> str:
        """Take the other side's offer and answer the SDP answer to it."""

    async def accept(self, leg: str, remote_sdp: str) -> None:
        """Take the other side's answer to this leg's offer."""

    async def rollback(self, leg: str) -> None:
        """Forget an offer of this leg that was refused (488, 491); the state before it holds."""

    async def start(self, leg: str) -> None:
        """Begin to send (silence until there is something to say). Twice is harmless."""

    async def direction(self, leg: str, direction: Direction) -> None:
        """Set what this side wants; obeyed at once and written in the next offer or answer."""

    async def echo(self, leg: str, on: bool) -> None:
        """Send back what is heard, or stop doing so."""

    async def tone(self, leg: str, frequency: float | None) -> None:
        """Send a steady tone of `frequency` hertz; None ends it."""

    async def play(self, leg: str, source: str, *, repeat: bool = False) -> None:
        """Play a built-in prompt or a WAV file of the prompts folder, then say "play_finished"."""

    async def stop(self, leg: str) -> None:
        """End what `play` and `tone` began; nothing playing is harmless."""

    async def dtmf(self, leg: str, digits: str, *, duration: int = 160) -> None:
        """Send digits (0-9 * # A-D, comma = pause of 500 ms), each `duration` milliseconds."""

    async def mute(self, leg: str, on: bool) -> None:
        """Replace all that is sent by silence, or stop doing so."""

    async def bridge(self, leg: str, other: str) -> None:
        """Let two legs hear each other, keys too, instead of echo and playback."""

    async def unbridge(self, leg: str) -> None:
        """Part two bridged legs; not bridged is harmless."""

    async def stats(self, leg: str) -> dict[str, Any]:
        """Answer codec, remote, packets_in/out, bytes_in/out, lost, jitter_ms of a leg.

        Before anything flowed a webrtc leg has only codec and remote.
        """

    async def info(self, leg: str) -> LegInfo:
        """Answer what a leg is now."""

    async def legs(self) -> list[LegInfo]:
        """Answer all legs of the engine (after attaching to a living media process)."""

    async def recover(self, leg: str, info: LegInfo | None = None) -> LegInfo:
        """Build a lost leg again from the last known (or given) state.

        An rtp leg binds the same port and goes on without any signalling. A webrtc leg comes
        back with `needs_offer`: send the other side `offer()` in a re-INVITE.
        """

    async def close(self, leg: str) -> None:
        """End a leg; an unknown one is harmless."""

    async def shutdown(self) -> None:
        """Let go of the engine: in-process legs are closed, a media process goes on."""
