"""So many a second."""

from __future__ import annotations


class Allowance:
    """So many a second, and so many at once after a quiet time."""

    def __init__(self, rate: float, most: float) -> None:
        self._rate = rate
        self._most = self._left = most
        self._since = float("-inf")

    def take(self, now: float) -> bool:
        """Use one; False if none is left."""
        if now > self._since:
            self._left = min(self._most, self._left + (now - self._since) * self._rate)
            self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
