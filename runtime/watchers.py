"""Watchers, and the feeds they join: one frame made ready once for all who are sent it.

A frame is encoded once; what differs between browsers is its number, which stands at its end. A
watcher that does not keep up is *stale*: it is sent nothing more, and when it acknowledges again it
gets one snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

ACK_WINDOW = 30
"""Unacknowledged frames from which a watcher is stale."""

Frame = dict[str, Any]
Later = Callable[[float, Callable[[], None]], Any]

_encode = msgspec.json.Encoder(enc_hook=str).encode


class Packet:
    """A frame as text, ready for every watcher but for its number."""

    __slots__ = ("head",)

    def __init__(self, frame: Frame) -> None:
        self.head = f'{encoded(frame)[:-1]},"seq":'
        """All of it up to the number; a closing brace follows that."""

    def numbered(self, sequence: int) -> str:
        """Return the whole text for the watcher to whom it is frame number `sequence`."""
        return f"{self.head}{sequence}}}"


def encoded(frame: Frame) -> str:
    """Return a frame as JSON; what JSON does not know is written as its text."""
    try:
        return _encode(frame).decode()
    except UnicodeEncodeError:
        # Half a character of a peer's: only escapes can carry it.
        return json.dumps(frame, separators=(",", ":"), default=str)


class Watcher:
    """One browser's window: what it was sent and what it said it got."""

    def __init__(
        self,
        send: Callable[[str], None],
        snapshot: Callable[[], Frame],
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._send = send
        self._busy = busy
        self._snapshot = snapshot
        self.more: Callable[[], Iterable[Frame]] = tuple
        """Frames that belong to this watcher alone and follow each of its snapshots."""
        self.sequence = 0
        self.acknowledged = 0
        self.skipped = 0
        """Frames it was spared because it was behind."""
        self.stale = False

    def begin(self) -> None:
        """Send the first snapshot."""
        self._anew()

    def offer(self, packet: Packet) -> None:
        """Send a frame, unless too many are on their way already."""
        sequence = self.sequence
        if self.stale or sequence - self.acknowledged >= ACK_WINDOW or self._busy():
            self.stale = True
            self.skipped += 1
            return
        # As in `_put`, without a call: this is done for each frame and each browser.
        self.sequence = sequence = sequence + 1
        self._send(f"{packet.head}{sequence}}}")

    def acknowledge(self, sequence: Any) -> None:
        """Take note of what arrived; a stale watcher that caught up gets a snapshot."""
        if not isinstance(sequence, int) or not self.acknowledged < sequence <= self.sequence:
            return
        self.acknowledged = sequence
        if self.stale and not self._busy() and self.sequence - self.acknowledged < ACK_WINDOW:
            self.stale = False
            self._anew()

    def refresh(self) -> None:
        """Send a snapshot again, unless the watcher is behind and gets one anyway."""
        if not self.stale:
            self._anew()

    def _anew(self) -> None:
        self._put(Packet(self._snapshot()))
        for frame in self.more():
            self._put(Packet(frame))

    def _put(self, packet: Packet) -> None:
        self.sequence += 1
        self._send(packet.numbered(self.sequence))


class Feed:
    """What one set of watchers is shown; a subclass says what a frame is made of."""

    interval = 0.25

    def __init__(self, later: Later) -> None:
        self._later = later
        self._due = False
        self.watchers: set[Watcher] = set()

    def changed(self) -> None:
        """Ask for a frame at the next tick."""
        if not self._due:
            self._due = True
            self._later(self.interval, self._flush)

    def _flush(self) -> None:
        self._due = False
        if not self.watchers:
            return
        for frame in self.frames():
            packet = Packet(frame)
            for watcher in list(self.watchers):
                watcher.offer(packet)

    def frames(self) -> list[Frame]:
        """Return what happened since the last frames and forget it."""
        raise NotImplementedError
