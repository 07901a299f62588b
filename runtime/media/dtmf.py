"""Digits as telephone events (RFC 4733): telling received ones apart, sending own ones."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

DIGITS = "0123456789*#ABCD"
PAUSE = ","
VOLUME = 10
"""Power of a digit, dBm0 with its sign dropped."""
END_TIMES = 3
"""How often the last packet of an event is sent (RFC 4733 section 2.5.1.4)."""
GAP_FRAMES = 3
PAUSE_FRAMES = 25
SILENT_FRAMES = 15
"""An event whose end never came is over after so many frames of 20 ms without its packets."""

_EVENT = struct.Struct("!BBH")


def valid(digits: str) -> bool:
    """Answer whether all characters can be sent."""
    return bool(digits) and all(digit in DIGITS or digit == PAUSE for digit in digits)


class Receiver:
    """Say each digit once: at its end, or when its packets stop coming."""

    def __init__(self, said: Callable[[str, int], None], clock: int = 8000) -> None:
        self._said = said
        self._clock = clock
        self._current: tuple[int, int] | None = None
        self._done: deque[tuple[int, int]] = deque(maxlen=8)
        self._duration = 0
        self._silent = 0

    def take(self, timestamp: int, payload: bytes, clock: int | None = None) -> None:
        """Take one telephone-event payload."""
        if len(payload) < 4:
            return
        event, flags, duration = _EVENT.unpack_from(payload)
        if event >= len(DIGITS):
            return  # flash hook and line events are no digits
        key = (timestamp, event)
        if key in self._done:
            return
        if self._current is not None and self._current != key:
            self._finish()
        self._clock = clock or self._clock
        self._current, self._duration, self._silent = key, max(self._duration, duration), 0
        if flags & 0x80:
            self._finish()

    def tick(self) -> None:
        """Count a frame of 20 ms; a digit whose last packets were lost ends by it.

        Frames are counted, not seconds: a loop that stood still reads its timers before sockets.
        """
        self._silent += 1
        if self._current is not None and self._silent > SILENT_FRAMES:
            self._finish()

    def _finish(self) -> None:
        assert self._current is not None
        digit = DIGITS[self._current[1]]
        milliseconds = self._duration * 1000 // self._clock
        self._done.append(self._current)
        self._current, self._duration = None, 0
        self._said(digit, milliseconds)


@dataclass(frozen=True, slots=True)
class EventFrame:
    """What to send instead of one audio frame."""

    payload: bytes
    timestamp: int
    marker: bool


class Sender:
    """Digits waiting to be sent, one packet for each 20 ms frame."""

    def __init__(self, sent: Callable[[str], None]) -> None:
        self._sent = sent
        self._queue: deque[tuple[str, int]] = deque()
        self._digit = ""
        self._start = 0
        self._frame = 0
        self._frames = 0
        self._quiet = 0
        self._requests: deque[tuple[str, int]] = deque()

    @property
    def busy(self) -> bool:
        return bool(self._queue or self._digit or self._quiet)

    def add(self, digits: str, milliseconds: int) -> None:
        """Queue digits, each held for `milliseconds`."""
        self._requests.append((digits, len(digits)))
        self._queue.extend((digit, max(milliseconds // 20, 2)) for digit in digits)

    def next(self, timestamp: int, step: int) -> EventFrame | None:
        """Answer the event packet of this frame, None for a pause.

        `timestamp` is the RTP time of the frame, `step` the RTP time of 20 ms.
        """
        if self._quiet:
            self._quiet -= 1
            if not self._quiet:
                self._count()
            return None
        if not self._digit and not self._begin(timestamp):
            return None
        self._frame += 1
        ending = self._frame >= self._frames
        frame = EventFrame(
            payload=_EVENT.pack(
                DIGITS.index(self._digit),
                VOLUME | (0x80 if ending else 0),
                min(min(self._frame, self._frames) * step, 0xFFFF),
            ),
            timestamp=self._start,
            marker=self._frame == 1,
        )
        if self._frame >= self._frames + END_TIMES - 1:
            self._digit, self._quiet = "", GAP_FRAMES
        return frame

    def _begin(self, timestamp: int) -> bool:
        digit, frames = self._queue.popleft()
        if digit == PAUSE:
            self._quiet = PAUSE_FRAMES
            return False
        self._digit, self._frames, self._frame, self._start = digit, frames, 0, timestamp
        return True

    def _count(self) -> None:
        """One digit and the gap after it are over; tell when it was the last of its request."""
        digits, left = self._requests.popleft()
        if left > 1:
            self._requests.appendleft((digits, left - 1))
        else:
            self._sent(digits)
