"""The one outgoing track of a webrtc leg: 20 ms frames on an own clock, always the same format.

The sender of aiortc takes its format from the first frame and its RTP time from the time stamps, so
prompts, tones and the other leg never bring tracks of their own: they speak through the Voice.
"""

from __future__ import annotations

import asyncio
import fractions

import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame

from runtime.media.g711 import Samples
from runtime.media.voice import Voice

RATE = 48000
FRAME = 960
INTERVAL = 0.02
LATE = 0.2
"""Seconds behind the clock after which the lost time is skipped instead of hurried after."""


class VoiceTrack(MediaStreamTrack):
    """Frames of 48 kHz, 16 bits, two channels; silence before `voice` is given and after it."""

    kind = "audio"

    def __init__(self, voice: Voice | None) -> None:
        super().__init__()
        self.voice = voice
        self._time = 0
        self._due: float | None = None

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        await self._wait()
        samples = self.voice.next() if self.voice is not None else None
        frame = _frame(samples)
        frame.pts = self._time
        self._time += FRAME
        return frame

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._due is None:
            self._due = now
        elif now - self._due > LATE:
            skipped = int((now - self._due) / INTERVAL)
            self._due += skipped * INTERVAL
            self._time += skipped * FRAME
        if self._due > now:
            await asyncio.sleep(self._due - now)
        self._due += INTERVAL


def _frame(samples: Samples | None) -> AudioFrame:
    stereo = np.zeros(2 * FRAME, dtype=np.int16)
    if samples is not None:
        stereo[0::2] = samples
        stereo[1::2] = samples
    frame = AudioFrame.from_ndarray(stereo.reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate = RATE
    frame.time_base = fractions.Fraction(1, RATE)
    return frame
