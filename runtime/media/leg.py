"""What both kinds of leg have in common: voice, digits, direction, the watch over silence."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from runtime.media import dtmf, sdp, sound
from runtime.media.g711 import Samples
from runtime.media.port import DIRECTIONS, Direction, Kind, LegInfo, MediaConfig, MediaError
from runtime.media.sound import RateChanger
from runtime.media.voice import Voice

Say = Callable[[str, dict[str, Any]], None]

DIGIT_GAP = 60
"""Milliseconds of silence after a digit that is sent as tones."""


class Leg(ABC):
    """One leg; `say(name, detail)` hands an event to the engine. Subclasses move the packets."""

    kind: Kind
    rate: int

    def __init__(self, name: str, config: MediaConfig, say: Say) -> None:
        self.name = name
        self.config = config
        self.say = say
        self.voice = Voice(self.rate, self._play_finished)
        self.wanted: Direction = "sendrecv"
        self.agreed_direction: Direction = "inactive"
        self.started = False
        self.flowing = False
        self.bridged: Leg | None = None
        self.local_sdp = ""
        self.remote_sdp = ""
        self.digits_in = dtmf.Receiver(self._digit_received)
        self.digits_out = dtmf.Sender(self._digits_sent)
        self._changer: RateChanger | None = None
        self._last_heard: float | None = None
        self._timed_out = False

    # what a subclass gives

    @abstractmethod
    async def offer(self, restart: bool) -> str:
        """Write an offer; `restart` asks for new transport."""

    @abstractmethod
    async def answer(self, remote_sdp: str) -> str:
        """Take an offer of the other side and write the answer."""

    @abstractmethod
    async def accept(self, remote_sdp: str) -> None:
        """Take the answer to this leg's offer."""

    @abstractmethod
    async def rollback(self) -> None:
        """Forget an offer that was refused."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of all that is held; twice is harmless."""

    @abstractmethod
    async def restore(self, info: LegInfo) -> None:
        """Come back in the negotiated state of `info`, as far as the kind allows."""

    @abstractmethod
    async def stats(self) -> dict[str, Any]:
        """Answer the counters of the leg."""

    @abstractmethod
    def tick(self, now: float) -> None:
        """Do what one frame of 20 ms asks for."""

    @property
    @abstractmethod
    def codec(self) -> str:
        """Answer the name of the agreed codec."""

    @property
    @abstractmethod
    def remote(self) -> str:
        """Answer where packets go, "host:port"."""

    @property
    def port(self) -> int:
        return 0

    @property
    def needs_offer(self) -> bool:
        return False

    @property
    @abstractmethod
    def sends_events(self) -> bool:
        """Answer whether the other side knows telephone events."""

    # what both kinds do alike

    @property
    def flow(self) -> Direction:
        """What may flow now, seen from this side."""
        return sdp.common(self.wanted, self.agreed_direction)

    def start(self) -> None:
        self.started = True

    async def set_direction(self, direction: Direction) -> None:
        if direction not in DIRECTIONS:
            raise MediaError("bad_argument", f"{direction} is not a direction")
        self.wanted = direction

    def send_digits(self, digits: str, milliseconds: int) -> None:
        """Send digits as telephone events, or as tones to a side that does not know those."""
        if not dtmf.valid(digits) or not 40 <= milliseconds <= 5000:
            raise MediaError("bad_argument", "digits are 0-9 * # A-D and comma, 40 to 5000 ms each")
        if not self.started or not sdp.sends(self.flow):
            raise MediaError("wrong_state", "the leg does not send now")
        if self.sends_events:
            self.digits_out.add(digits, milliseconds)
        else:
            self.voice.insert_digits(digits, milliseconds, lambda: self._digits_sent(digits))

    def join(self, other: Leg) -> None:
        self.bridged = other
        self._changer = RateChanger(self.rate, other.rate)
        self.voice.set_bridged(True)

    def part(self) -> None:
        self.bridged = self._changer = None
        self.voice.set_bridged(False)

    def heard(self, samples: Samples) -> None:
        """Hand on audio of the other side: into the echo, or to the bridged leg."""
        self.voice.hear(samples)
        if self.bridged is not None and self._changer is not None:
            self.bridged.voice.relay(self._changer.change(samples))

    def alive(self, now: float) -> None:
        """Note that something believable was received."""
        self._last_heard = now
        self._timed_out = False
        if not self.flowing and sdp.receives(self.flow):
            self.flowing = True
            self.say("flowing", {"codec": self.codec, "remote": self.remote})

    def watch(self, now: float) -> None:
        """Say "timeout" once when nothing came for too long although the leg receives."""
        self.digits_in.tick()
        limit = self.config.timeout
        if not (limit and self.started and sdp.receives(self.flow)) or self._last_heard is None:
            self._last_heard = now
        elif now - self._last_heard > limit and not self._timed_out:
            self._timed_out = True
            self.say("timeout", {"seconds": limit})

    def broken(self, error: Exception) -> None:
        self.say("error", {"code": "internal", "reason": f"{type(error).__name__}: {error}"})

    def info(self) -> LegInfo:
        return LegInfo(
            leg=self.name,
            kind=self.kind,
            port=self.port,
            codec=self.codec,
            remote=self.remote,
            direction=self.wanted,
            flow=self.flow,
            started=self.started,
            muted=self.voice.muted,
            echo=self.voice.echo,
            tone=self.voice.tone,
            playing=self.voice.playing,
            repeat=self.voice.repeat,
            bridged=self.bridged.name if self.bridged else "",
            flowing=self.flowing,
            needs_offer=self.needs_offer,
            local_sdp=self.local_sdp,
            remote_sdp=self.remote_sdp,
        )

    async def play(self, source: str, repeat: bool) -> None:
        """Begin a source once it is read; raises MediaError("unknown_source")."""
        samples = await asyncio.to_thread(sound.load, source, self.voice.rate, self.config.prompts)
        self.voice.play(source, samples, repeat)

    async def resume(self, info: LegInfo) -> None:
        """Do again what the leg of `info` did: the part of a recovery both kinds share."""
        self.wanted = info.direction
        self.started = info.started
        self.voice.muted = info.muted
        self.voice.set_echo(info.echo)
        self.voice.set_tone(info.tone)
        if info.playing:
            await self.play(info.playing, info.repeat)

    def _play_finished(self, source: str, stopped: bool) -> None:
        self.say("play_finished", {"source": source, "stopped": stopped})

    def _digit_received(self, digit: str, milliseconds: int) -> None:
        self.say("dtmf", {"digit": digit, "duration": milliseconds})
        if self.bridged is not None:
            # Keys come beside the sound (RFC 4733), so that joining the sound is not enough.
            with contextlib.suppress(MediaError):  # a side that does not send now hears none
                self.bridged.send_digits(digit, min(5000, max(40, milliseconds)))

    def _digits_sent(self, digits: str) -> None:
        self.say("dtmf_sent", {"digits": digits})
