"""One undo history over text and diagram: a list of texts, since every edit is text to text."""

from __future__ import annotations

from collections import deque

COALESCE_SECONDS = 0.8
"""Typing that goes on within this time is one step back."""
MAX_STEPS = 500
MAX_CHARACTERS = 8 << 20
"""Characters kept for going back; beyond it the oldest steps are forgotten."""


class History:
    """The present text, the texts before it and the ones undone. Time comes in as `now`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._past: deque[str] = deque()
        self._future: list[str] = []
        self._size = 0
        self._typed_at: float | None = None

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
        if not goes_on:
            self._push(self.text)
        self._typed_at = now
        self._future.clear()
        self.text = text
        return True

    def change(self, text: str) -> bool:
        """Take an edit as a step of its own. False if nothing changed."""
        if text == self.text:
            return False
        self._push(self.text)
        self._typed_at = None
        self._future.clear()
        self.text = text
        return True

    def undo(self) -> bool:
        """Go one step back; False if there is none."""
        if not self._past:
            return False
        self._future.append(self.text)
        self.text = self._past.pop()
        self._size -= len(self.text)
        self._typed_at = None
        return True

    def redo(self) -> bool:
        """Take back the last undo; False if there is none."""
        if not self._future:
            return False
        self._push(self.text)
        self.text = self._future.pop()
        self._typed_at = None
        return True

    def _push(self, text: str) -> None:
        self._past.append(text)
        self._size += len(text)
        while len(self._past) > MAX_STEPS or (self._size > MAX_CHARACTERS and len(self._past) > 1):
            self._size -= len(self._past.popleft())
