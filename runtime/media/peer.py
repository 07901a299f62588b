"""A WebRTC leg: ICE, DTLS and SRTP by aiortc, Opus or G.711, telephone events both ways.

A leg outlives its transport. Where ICE starts again, asked for by either side or because the media
process was lost, a second Peer takes over with the identifiers that were agreed with the first.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from aiortc import sdp as rtc_sdp

from runtime.media import hardening, sdp
from runtime.media.leg import Leg, Say
from runtime.media.peerconnection import Agreement, Peer
from runtime.media.port import Direction, LegInfo, MediaConfig, MediaError

CONNECT_SECONDS = 20.0


def prepare(config: MediaConfig) -> None:
    """Make this process fit for WebRTC legs; done once by the engine."""
    hardening.install(config)


class PeerLeg(Leg):
    """Joins the Peer that carries the call, and the one that is about to, to what a Leg does."""

    kind = "webrtc"
    rate = 48000

    def __init__(self, name: str, config: MediaConfig, say: Say) -> None:
        super().__init__(name, config, say)
        self._agreement: Agreement | None = None
        self._peer: Peer | None = None
        self._offering: Peer | None = None
        self._offered = ""
        self._old: list[Peer] = []
        self._needs_offer = False
        self._wanted_before = self.wanted
        self._session, self._version = secrets.randbits(48), 0
        self._deadline: asyncio.TimerHandle | None = None

    # negotiation

    async def offer(self, restart: bool) -> str:
        if self._offering is not None and self._offering is not self._peer:
            await self._offering.close()
        peer = self._peer if self._peer is not None and not restart else self._new_peer()
        self._offering = peer
        self._offered = await peer.offer(self.wanted)
        return self._stamped(self._offered)

    async def answer(self, remote_sdp: str) -> str:
        if self._offering is not None:
            raise MediaError("wrong_state", "an offer of this leg waits for its answer")
        remote = _read(remote_sdp)
        peer = self._peer
        if peer is None or peer.restarted_by(remote):
            peer = self._new_peer()
        try:
            text = await peer.answer(_without_waits(remote_sdp), remote, self.wanted)
        except MediaError:
            if peer is not self._peer:
                await peer.close()
            raise
        self._take_over(peer, remote_sdp, self._stamped(text))
        return self.local_sdp

    async def accept(self, remote_sdp: str) -> None:
        peer = self._offering
        if peer is None:
            raise MediaError("wrong_state", "the leg has made no offer")
        await peer.accept(self._offered, _without_waits(remote_sdp), _read(remote_sdp))
        self._offering, offered = None, self._offered
        self._take_over(peer, remote_sdp, self._stamped(offered, again=True))

    async def rollback(self) -> None:
        peer, self._offering = self._offering, None
        self.wanted = self._wanted_before
        if peer is not None and peer is not self._peer:
            await peer.close()
        self._apply()

    async def set_direction(self, direction: Direction) -> None:
        await super().set_direction(direction)
        self._apply()

    def _new_peer(self) -> Peer:
        agreement = self._peer.agreement() if self._peer else self._agreement
        return Peer(self, agreement)

    def _take_over(self, peer: Peer, remote_sdp: str, local_sdp: str) -> None:
        """Let a negotiated peer carry the call from now on; the one before it ends later."""
        if self._peer is not None and self._peer is not peer:
            self._peer.track.voice = None
            self._old.append(self._peer)
        if self._peer is not peer:
            self._expect_connection(peer)
        self._peer = peer
        peer.track.voice = self.voice if self.started else None
        self.remote_sdp, self.local_sdp = remote_sdp, local_sdp
        self.agreed_direction = peer.direction
        self._wanted_before = self.wanted
        self._needs_offer = False
        self._apply()

    def _apply(self) -> None:
        if self._peer is not None:
            self._peer.limit(self.flow)

    def _stamped(self, text: str, *, again: bool = False) -> str:
        """Give a description this leg's origin: one session, a growing version (RFC 3264 8)."""
        self._version += 0 if again else 1
        origin = f"o=- {self._session} {self._version} IN IP4 127.0.0.1"
        lines = text.splitlines()
        return "".join(f"{origin if line[:2] == 'o=' else line}\r\n" for line in lines)

    async def restore(self, info: LegInfo) -> None:
        self._session, self._version = sdp.origin(info.local_sdp)
        self.local_sdp, self.remote_sdp = info.local_sdp, info.remote_sdp
        if info.local_sdp:
            self._agreement = Agreement.read(_read(info.local_sdp))
            self._needs_offer = True

    # the connection

    def _expect_connection(self, peer: Peer) -> None:
        """End the wait for candidates after a time: no set-up stays open for ever."""
        if self._deadline is not None:
            self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(CONNECT_SECONDS, peer.give_up)

    async def connection_changed(self, peer: Peer, state: str) -> None:
        """Be told by a peer that its connection has a new state."""
        if peer is not self._peer:
            return
        if state == "connected":
            self._end_wait()
            self._apply()
            self.say("connected", {})
            await self._close_old()
        elif state == "failed":
            self._end_wait()
            self.say("error", {"code": "transport_failed", "reason": "ICE or DTLS failed"})
        elif state == "closed":
            self.say("error", {"code": "transport_closed", "reason": "the other side closed it"})

    def _end_wait(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    async def _close_old(self) -> None:
        while self._old:
            await self._old.pop().close()

    async def close(self) -> None:
        self._end_wait()
        peers = {*self._old, self._peer, self._offering} - {None}
        self._peer = self._offering = None
        self._old.clear()
        for peer in peers:
            assert peer is not None
            await peer.close()

    # frames and figures

    def tick(self, now: float) -> None:
        self.watch(now)

    def start(self) -> None:
        super().start()
        if self._peer is not None:
            self._peer.track.voice = self.voice

    @property
    def codec(self) -> str:
        return self._peer.codec if self._peer else ""

    @property
    def remote(self) -> str:
        return self._peer.remote if self._peer else ""

    @property
    def needs_offer(self) -> bool:
        return self._needs_offer

    @property
    def sends_events(self) -> bool:
        return self._peer is not None and self._peer.events_type is not None

    async def stats(self) -> dict[str, Any]:
        figures = await self._peer.stats() if self._peer else {}
        return {"codec": self.codec, "remote": self.remote} | figures


def _read(text: str) -> rtc_sdp.SessionDescription:
    """Read a description with aiortc; its parser fails in many ways, all become one."""
    if len(text) > sdp.MAX_CHARACTERS:
        raise MediaError("malformed_sdp", "the session description is too long")
    try:
        description = rtc_sdp.SessionDescription.parse(text)
    except Exception as error:
        raise MediaError("malformed_sdp", f"{type(error).__name__}: {error}") from error
    audio = [media for media in description.media if media.kind == "audio"]
    if not audio:
        raise MediaError("unsupported_sdp", "the description has no audio")
    for media in description.media:
        ice = media.ice and media.ice.usernameFragment
        if not (ice and media.dtls and media.dtls.fingerprints):
            raise MediaError("unsupported_sdp", "a media has no ICE or DTLS parameters")
    return description


def _without_waits(text: str) -> str:
    """Leave out end-of-candidates and the names of mDNS candidates.

    An answer without candidates must not fail the checks, and resolving a name takes a second or
    has no network to ask. The other side's own checks bring the pair; `give_up` ends the wait.
    """
    kept = [line for line in text.splitlines() if not _makes_wait(line)]
    return "".join(line + "\r\n" for line in kept)


def _makes_wait(line: str) -> bool:
    if line.startswith("a=candidate:"):
        return any(word.endswith(".local") for word in line.split())
    return line == "a=end-of-candidates"
