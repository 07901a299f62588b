"""The media half of a leg: one media leg behind the media port, and the offer/answer it is in.

Each side of a negotiation is kept until it is used: a peer's offer *waits* for our answer, a peer's
answer waits until an action takes it. Every failure of the media layer is an ActionError.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from runtime.adapters.port import ActionError
from runtime.media.port import Direction, Kind, MediaError, MediaLink
from runtime.media.sound import PROMPTS

Report = Callable[[str, dict[str, Any]], None]
"""Takes a fact of the media for the audit: its kind and its detail."""


class MediaHalf:
    """The media of one session; `name` is the leg's id at the port (the session's own id)."""

    def __init__(
        self,
        link: MediaLink,
        name: str,
        *,
        sounds: Path | None = None,
        report: Report | None = None,
        peer: Callable[[], str] = str,
    ) -> None:
        """Make an empty half; `sounds` is the one folder whose files may be played.

        `peer` says the address at which the other side signals; empty where it has none.
        """
        self._link = link
        self._name = name
        self._sounds = sounds
        self._report = report
        self._peer = peer
        self.kind: Kind = "rtp"
        """What `create` makes; the leg learns it from the peer's offer or the peer's connection."""
        self.held = False
        self.local_sdp: str | None = None
        self.offered = False
        """Our offer is out and no answer to it was taken."""
        self._remote_offer: str | None = None
        self._remote_answer: str | None = None
        self._rollback = False
        """A refused offer of ours has still to be forgotten by the media layer."""
        self._wanted: Direction = "sendrecv"
        self._silenced = False
        self._bridged = ""
        """The leg that ours was joined with last."""

    # -- what the peer said ------------------------------------------------------------------------

    @property
    def offer_waits(self) -> bool:
        """Whether the peer's offer has no answer of ours yet."""
        return self._remote_offer is not None

    def unsettled(self) -> str | None:
        """Say which side of a negotiation is open; None if none is."""
        if self._remote_offer is not None:
            return "the peer's offer waits for our answer"
        if self._remote_answer is not None:
            return "the peer's answer was not taken yet"
        return "our offer waits for its answer" if self.offered else None

    def heard_offer(self, sdp: str) -> None:
        """Keep the peer's offer until it is answered."""
        self._remote_offer = sdp
        if not self.held:
            self.kind = kind_of(sdp)

    def heard_answer(self, sdp: str) -> None:
        """Keep the peer's answer until it is taken; one to an offer that is settled says nothing.

        A 200 repeats the answer of an earlier 183 (RFC 3261 13.2.1).
        """
        if self.offered:
            self._remote_answer = sdp

    def offer_refused(self) -> None:
        """Forget our offer, because the peer refused it; what was agreed before it holds."""
        if self.offered:
            self.offered = False
            self._remote_answer = None
            self._rollback = self.held

    def offer_declined(self) -> None:
        """Forget the peer's offer, because we refused it."""
        self._remote_offer = None

    # -- negotiation -------------------------------------------------------------------------------

    async def create(self) -> None:
        """Acquire the media; a leg that is held already is enough."""
        if self.held:
            return
        # Held from the moment it is asked for: whoever gives up waiting must still close it.
        self.held = True
        try:
            async with refusals():
                await self._link.create(self._name, self.kind, towards=self._peer())
        except ActionError:
            self.held = False
            raise

    async def describe(self) -> str:
        """Return our SDP: the answer if the peer's offer waits, else an offer of ours."""
        await self.create()
        await self._catch_up()
        async with refusals():
            if self._remote_offer is not None:
                self.local_sdp = await self._link.answer(self._name, self._remote_offer)
                self._remote_offer = None
            else:
                self.local_sdp = await self._link.offer(self._name)
                self.offered = True
        return self.local_sdp

    async def offer(self) -> str:
        """Return a new offer of ours, for a re-INVITE."""
        self._require()
        if self._remote_offer is not None:
            raise ActionError("the peer's own offer waits for its answer")
        return await self.describe()

    async def offer_again(self) -> str:
        """Return the offer that was refused, for another peer; a new one if it was answered."""
        self._require()
        if self._silenced:
            async with refusals():
                await self._link.direction(self._name, self._wanted)
            self._silenced = False
        if self._rollback and self.local_sdp is not None:
            self._rollback, self.offered = False, True
            return self.local_sdp
        return await self.describe()

    def offer_repeated(self) -> None:
        """Take note that the refused offer went out again as it was."""
        if self._rollback:
            self._rollback, self.offered = False, True

    async def settle(self) -> None:
        """Take the peer's answer to our offer, if one waits."""
        if self._remote_answer is None:
            return
        answer, self._remote_answer = self._remote_answer, None
        self.offered = False
        async with refusals():
            await self._link.accept(self._name, answer)

    async def recover(self) -> bool:
        """Build the media again after it was lost; whether the peer must be sent a new offer."""
        self._require()
        async with refusals():
            info = await self._link.recover(self._name)
        self.offered = self._rollback = False
        return info.needs_offer

    # -- what is heard -----------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to send, after taking an answer that waits."""
        self._require()
        await self.settle()
        async with refusals():
            if self._silenced:
                await self._link.direction(self._name, self._wanted)
                self._silenced = False
            await self._link.start(self._name)

    async def silence(self) -> None:
        """End playback, tone and echo, neither send nor take in; without media it is harmless."""
        if not self.held:
            return
        self._silenced = True
        async with refusals():
            await self._link.stop(self._name)
            await self._link.echo(self._name, False)
            await self._link.direction(self._name, "inactive")

    async def direction(self, direction: Direction) -> None:
        """Set what this side wants: obeyed at once, written into the next offer or answer."""
        self._require()
        await self._catch_up()
        await self.settle()
        async with refusals():
            await self._link.direction(self._name, direction)
        self._wanted, self._silenced = direction, False

    async def echo(self, on: bool) -> None:
        """Send back what is heard, or stop doing so."""
        if not self.held and not on:
            return
        self._require()
        async with refusals():
            await self._link.echo(self._name, on)

    async def tone(self, frequency: float) -> None:
        """Send a steady tone of `frequency` hertz."""
        self._require()
        async with refusals():
            await self._link.tone(self._name, frequency)

    async def play(self, source: str, *, repeat: bool) -> None:
        """Start a prompt; its end is the event PlayFinished."""
        self._require()
        playable = self._playable(source)
        async with refusals():
            await self._link.play(self._name, playable, repeat=repeat)

    async def stop(self) -> None:
        """End a prompt or a tone; none is harmless."""
        if self.held:
            async with refusals():
                await self._link.stop(self._name)

    async def dtmf(self, digits: str) -> None:
        """Start to send digits as RFC 4733 events."""
        self._require()
        async with refusals():
            await self._link.dtmf(self._name, digits)

    async def bridge(self, other: MediaHalf) -> None:
        """Let this side and another leg's hear each other.

        After the media was lost, whichever comes back last joins both again.
        """
        self._require()
        try:
            await self._link.bridge(self._name, other._name)
        except MediaError as refused:
            if refused.code != "unknown_leg" or self._bridged != other._name:
                raise ActionError(str(refused)) from refused
        self._bridged = other._name

    async def unbridge(self) -> None:
        """Part from the other leg; not bridged, or lost media, is harmless."""
        self._bridged = ""
        if self.held:
            with contextlib.suppress(MediaError):
                await self._link.unbridge(self._name)

    async def mute(self, on: bool) -> None:
        """Send silence in place of all else, or stop doing so."""
        self._require()
        async with refusals():
            await self._link.mute(self._name, on)

    async def close(self) -> None:
        """Let go of the media; twice is harmless."""
        if not self.held:
            return
        self.held = self.offered = self._rollback = self._silenced = False
        self.local_sdp = self._remote_offer = self._remote_answer = None
        if self._report is not None:
            with contextlib.suppress(MediaError):  # lost media has nothing more to tell
                self._report("stats", await self._link.stats(self._name))
        async with refusals():
            await self._link.close(self._name)

    async def _catch_up(self) -> None:
        if self._rollback:
            self._rollback = False
            async with refusals():
                await self._link.rollback(self._name)

    def _playable(self, source: str) -> str:
        """Return a prompt's name or the path of a sound file; a table names nothing else."""
        if source in PROMPTS:
            return source
        if self._sounds is None:
            raise ActionError(f"there is no prompt {source!r} and no folder of sounds")
        folder = self._sounds.resolve()
        path = (folder / source.replace("\0", "")).resolve()
        if not path.is_relative_to(folder):
            raise ActionError(f"{source!r} is outside the folder of sounds")
        return str(path)

    def require_held(self) -> None:
        """Refuse what needs media while there is none: ActionError."""
        self._require()

    def _require(self) -> None:
        if not self.held:
            raise ActionError("the session has no media: CreateMediaSession goes before")


@asynccontextmanager
async def refusals() -> AsyncIterator[None]:
    """Turn what the media layer refuses into what a table can answer."""
    try:
        yield
    except MediaError as refused:
        raise ActionError(str(refused)) from refused


def kind_of(sdp: str) -> Kind:
    """Return the kind of media an SDP asks for: DTLS-SRTP with feedback means a browser."""
    for line in sdp.splitlines():
        if line.startswith("m=audio"):
            return "webrtc" if "UDP/TLS/RTP/SAVP" in line else "rtp"
    return "rtp"


_DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")


def direction_of(sdp: str) -> Direction:
    """Return the direction the writer of an SDP wants for its first audio (RFC 4566 6).

    The old way of holding, a connection address of 0.0.0.0 (RFC 2543 B.5), reads as sendonly.
    """
    session: Direction = "sendrecv"
    found: Direction | None = None
    inside = held = False
    for line in sdp.splitlines():
        if line.startswith("m="):
            if inside:
                break
            inside = line.startswith("m=audio")
        elif line.startswith("a=") and line[2:].strip() in _DIRECTIONS:
            direction: Direction = line[2:].strip()  # type: ignore[assignment]
            if inside:
                found = direction
            else:
                session = direction
        elif line.startswith("c=IN IP4 0.0.0.0"):
            held = True
    result = found or session
    return "sendonly" if held and result == "sendrecv" else result
