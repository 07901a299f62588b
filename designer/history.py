"""One undo history over text and diagram. Every edit is text to text, so a step back is kept as the
difference to the text before it: how much of both ends stays, and what stood in between.

It can be written down (`dump`) and taken up again (`load`) by another process.
"""

from __future__ import annotations

import zlib
from collections import deque
from typing import Any

import msgspec

COALESCE_SECONDS = 0.8
"""Typing that goes on within this time is one step back."""
MAX_STEPS = 500
MAX_CHARACTERS = 8 << 20
"""Characters kept for going back; beyond it the oldest steps are forgotten."""
MAX_KEPT = 256 << 10
"""Characters of steps that are written down, the newest ones."""


class Step(msgspec.Struct, array_like=True, frozen=True):
    """What to put between the first `head` and the last `tail` characters of a text."""

    head: int
    tail: int
    middle: str

    def apply(self, text: str) -> str:
        return text[: self.head] + self.middle + text[len(text) - self.tail :]

    def fits(self, text: str) -> bool:
        return 0 <= self.head and 0 <= self.tail and self.head + self.tail <= len(text)


def step(text: str, target: str) -> Step:
    """Return the step that leads from a text to another one."""
    shorter = min(len(text), len(target))
    head = _common(shorter, lambda n: text[:n] == target[:n])
    rest = shorter - head
    tail = _common(rest, lambda n: n == 0 or text[-n:] == target[-n:])
    return Step(head, tail, target[head : len(target) - tail])


def _common(most: int, equal: Any) -> int:
    """Return the greatest number up to `most` for which the ends are equal, by halving."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if equal(middle):
            low = middle
        else:
            high = middle - 1
    return low


class History:
    """The present text, the way to those before it and to the ones undone. Time comes as `now`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._past: deque[Step] = deque()
        self._future: list[Step] = []
        self._size = 0
        self._typed_at: float | None = None
        self._typed_from = ""
        """The text before what is being typed."""

    @property
    def can_undo(self) -> bool:
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        return bool(self._future)

    def type(self, text: str, now: float) -> bool:
        """Take what was typed, as one step with what was typed just before; False if equal."""
        if text == self.text:
            return False
        goes_on = self._typed_at is not None and now - self._typed_at <= COALESCE_SECONDS
        if goes_on and self._past:
            self._size -= len(self._past.pop().middle)
        else:
            self._typed_from = self.text
        self._push(step(text, self._typed_from))
        self._typed_at = now
        self._future.clear()
        self.text = text
        return True

    def change(self, text: str) -> bool:
        """Take an edit as a step of its own. False if nothing changed."""
        if text == self.text:
            return False
        self._push(step(text, self.text))
        self._typed_at = None
        self._future.clear()
        self.text = text
        return True

    def undo(self) -> bool:
        """Go one step back; False if there is none."""
        if not self._past:
            return False
        back = self._past.pop()
        self._size -= len(back.middle)
        before = back.apply(self.text)
        self._future.append(step(before, self.text))
        self.text = before
        self._typed_at = None
        return True

    def redo(self) -> bool:
        """Take back the last undo; False if there is none."""
        if not self._future:
            return False
        after = self._future.pop().apply(self.text)
        self._push(step(after, self.text))
        self.text = after
        self._typed_at = None
        return True

    def dump(self, limit: int = MAX_KEPT) -> bytes:
        """Return the steps as bytes, the nearest ones within `limit` characters."""
        past = _nearest(list(self._past), limit)
        future = _nearest(self._future, limit - sum(len(each.middle) for each in past))
        return zlib.compress(msgspec.json.encode([past, future]))

    @classmethod
    def load(cls, text: str, data: bytes) -> History:
        """Return the history of a text as it was written down; without steps if they do not fit."""
        history = cls(text)
        try:
            past, future = _decoder.decode(zlib.decompress(data))
        except (zlib.error, msgspec.MsgspecError):
            return history
        if _leads_somewhere(text, past) and _leads_somewhere(text, future):
            history._past, history._future = deque(past), future
            history._size = sum(len(each.middle) for each in past)
        return history

    def _push(self, back: Step) -> None:
        self._past.append(back)
        self._size += len(back.middle)
        while len(self._past) > MAX_STEPS or (self._size > MAX_CHARACTERS and len(self._past) > 1):
            self._size -= len(self._past.popleft().middle)


_decoder = msgspec.json.Decoder(tuple[list[Step], list[Step]])


def _nearest(steps: list[Step], limit: int) -> list[Step]:
    """Return the last steps that fit; they are the ones taken first."""
    kept: list[Step] = []
    for each in reversed(steps):
        limit -= len(each.middle) + 16
        if limit < 0:
            break
        kept.append(each)
    return kept[::-1]


def _leads_somewhere(text: str, steps: list[Step]) -> bool:
    for each in reversed(steps):
        if not each.fits(text):
            return False
        text = each.apply(text)
    return True
