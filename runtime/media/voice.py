"""What a leg says next: the one place where mute, bridge, echo, prompts and tones meet.

A Voice knows no packets and no clock. Its owner takes one 20 ms frame after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from runtime.media import dtmf, sound
from runtime.media.g711 import Samples

PAUSE_MILLISECONDS = 500


class Fifo:
    """Samples waiting to be said: absorbs jitter, never grows beyond its bound.

    It begins to give when two frames are in, so that one late packet is not a gap. When more than
    `limit` frames wait, the oldest are left out down to two: the delay of a call stays small.
    """

    START, LIMIT = 2, 10

    def __init__(self, frame: int) -> None:
        self._frame = frame
        self._parts: deque[Samples] = deque()
        self._count = 0
        self._giving = False
        self.left_out = 0

    def push(self, samples: Samples) -> None:
        self._parts.append(samples)
        self._count += len(samples)
        if self._count > self.LIMIT * self._frame:
            surplus = self._count - self.START * self._frame
            self.left_out += surplus
            self._take(surplus)

    def pull(self) -> Samples | None:
        """Answer one frame, or None while too little is waiting."""
        if not self._giving and self._count < self.START * self._frame:
            return None
        self._giving = self._count >= self._frame
        return self._take(self._frame) if self._giving else None

    def clear(self) -> None:
        self._parts.clear()
        self._count = 0
        self._giving = False

    def _take(self, count: int) -> Samples:
        taken = []
        while count:
            part = self._parts.popleft()
            if len(part) > count:
                self._parts.appendleft(part[count:])
                part = part[:count]
            taken.append(part)
            count -= len(part)
            self._count -= len(part)
        return taken[0] if len(taken) == 1 else np.concatenate(taken)


class Voice:
    """The next frame of a leg, at `rate` samples a second; silence is None."""

    def __init__(self, rate: int, finished: Callable[[str, bool], None]) -> None:
        self.rate = rate
        self.frame = rate // 50
        self.muted = False
        self.echo = False
        self.tone = 0.0
        self.playing = ""
        self.repeat = False
        self.bridged = False
        self._finished = finished
        self._sound: Samples = np.zeros(0, dtype=np.int16)
        self._at = 0
        self._tone_at = 0
        self._heard = Fifo(self.frame)
        self._inserted: deque[Samples] = deque()
        self._inserted_done: Callable[[], None] | None = None

    def hear(self, samples: Samples) -> None:
        """Take in what the other side of this leg said; kept only while it is echoed."""
        if self.echo and not self.bridged:
            self._heard.push(samples)

    def relay(self, samples: Samples) -> None:
        """Take in what the leg at the other end of a bridge heard."""
        if self.bridged:
            self._heard.push(samples)

    def set_echo(self, on: bool) -> None:
        if on != self.echo:
            self._heard.clear()
        self.echo = on

    def set_bridged(self, on: bool) -> None:
        self._heard.clear()
        self.bridged = on

    def set_tone(self, frequency: float) -> None:
        self.tone = frequency
        self._tone_at = 0

    def play(self, source: str, samples: Samples, repeat: bool) -> None:
        """Begin the sound of a source in place of the one that plays."""
        self._end_playing(stopped=True)
        self.playing, self.repeat = source, repeat
        self._sound, self._at = samples, 0

    def stop(self) -> None:
        self.set_tone(0.0)
        self._end_playing(stopped=True)

    def insert_digits(self, digits: str, milliseconds: int, done: Callable[[], None]) -> None:
        """Say digits as tones before all else; `done` is called when the last one was said."""
        for digit in digits:
            pause = digit == dtmf.PAUSE
            tones = sound.dtmf_tones(
                digit, PAUSE_MILLISECONDS if pause else milliseconds, self.rate
            )
            samples = np.concatenate([tones, np.zeros(self.frame * dtmf.GAP_FRAMES, np.int16)])
            for start in range(0, len(samples), self.frame):
                self._inserted.append(self._filled(samples[start : start + self.frame]))
        self._inserted_done = done

    def next(self) -> Samples | None:
        """Answer the next frame of `frame` samples; None is silence."""
        frame = self._choose()
        return None if self.muted else frame

    def _choose(self) -> Samples | None:
        if self._inserted:
            return self._next_inserted()
        if self.bridged:
            return self._heard.pull()
        if self.playing:
            return self._next_of_sound()
        if self.tone:
            return self._next_of_tone()
        return self._heard.pull() if self.echo else None

    def _next_inserted(self) -> Samples:
        frame = self._inserted.popleft()
        if not self._inserted and self._inserted_done is not None:
            self._inserted_done()
        return frame

    def _next_of_sound(self) -> Samples:
        frame = self._sound[self._at : self._at + self.frame]
        self._at += self.frame
        if self._at >= len(self._sound):
            if self.repeat and len(self._sound):
                self._at = 0
            else:
                self._end_playing(stopped=False)
        return self._filled(frame)

    def _next_of_tone(self) -> Samples:
        frame = sound.tone_frame(self.tone, self._tone_at, self.frame, self.rate)
        self._tone_at += self.frame
        return frame

    def _end_playing(self, *, stopped: bool) -> None:
        source, self.playing, self.repeat = self.playing, "", False
        self._sound = np.zeros(0, dtype=np.int16)
        if source:
            self._finished(source, stopped)

    def _filled(self, frame: Samples) -> Samples:
        if len(frame) == self.frame:
            return frame
        return np.concatenate([frame, np.zeros(self.frame - len(frame), dtype=np.int16)])
