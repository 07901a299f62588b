"""Slows down who guesses passwords, and nobody else.

Wrong passwords are counted for a source and an account together, and beside that for each source
alone. The first count stops one phone with a wrong password; the second stops who tries many
accounts. A pair that is stopped already adds nothing to its source, and a pair that once succeeded
is not stopped by what others behind the same address do: one bad phone locks no office out. What
an account is worth guessing at from many sources at once is counted too, with the same exception.
Each further wrong password doubles the pause. All tables are bounded; the oldest entry goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

PAIR_FREE = 5
"""Wrong passwords of one source for one account before it is stopped."""
SOURCE_FREE = 20
ACCOUNT_FREE = 20
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 300.0
FORGET = 900.0
"""Seconds of quiet after which a count begins anew."""
MOST = 4096
"""Entries of each table."""


@dataclass(slots=True)
class Guesses:
    """Wrong passwords of one source, of one account, or of both together."""

    wrong: int = 0
    last: float = 0.0
    until: float = 0.0
    """Stopped until then."""


class Table:
    """A bounded table of guesses."""

    def __init__(self, free: int, most: int = MOST) -> None:
        self._free = free
        self._most = most
        self._guesses: OrderedDict[object, Guesses] = OrderedDict()

    def __len__(self) -> int:
        return len(self._guesses)

    def get(self, key: object, now: float) -> Guesses | None:
        """Return what is counted, None if nothing is or it was long ago."""
        found = self._guesses.get(key)
        if found is not None and now - found.last > FORGET and now >= found.until:
            del self._guesses[key]
            return None
        return found

    def wait(self, key: object, now: float) -> float:
        """Return the seconds for which it is stopped yet, 0 if it is not."""
        found = self._guesses.get(key)
        return max(0.0, found.until - now) if found is not None else 0.0

    def add(self, key: object, now: float) -> None:
        """Count one; past the free ones the pause doubles."""
        found = self.get(key, now) or Guesses()
        found.wrong += 1
        found.last = now
        over = found.wrong - self._free
        if over >= 0:
            found.until = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(over, 20))
        self._guesses[key] = found
        self._guesses.move_to_end(key)
        while len(self._guesses) > self._most:
            self._guesses.popitem(last=False)

    def forget(self, key: object) -> None:
        """Count nothing any more for this one."""
        self._guesses.pop(key, None)


class Damper:
    """Says whom nobody listens to for a while. Times are seconds of any one clock."""

    def __init__(self, most: int = MOST) -> None:
        self.pairs = Table(PAIR_FREE, most)
        self.sources = Table(SOURCE_FREE, most)
        self.accounts = Table(ACCOUNT_FREE, most)
        self._proved: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._most = most

    def wait(self, source: str, account: str, now: float) -> float:
        """Return for how many seconds this source is not listened to for this account."""
        own = self.pairs.wait((source, account), now)
        if (source, account) in self._proved:
            return own
        return max(own, self.sources.wait(source, now), self.accounts.wait(account, now))

    def wrong(self, source: str, account: str, now: float) -> None:
        """A wrong password came."""
        pair = self.pairs.get((source, account), now)
        if pair is None or pair.wrong < PAIR_FREE:
            self.sources.add(source, now)
            self.accounts.add(account, now)
        self.pairs.add((source, account), now)

    def right(self, source: str, account: str) -> None:
        """The right password came."""
        self.pairs.forget((source, account))
        self._proved[source, account] = None
        self._proved.move_to_end((source, account))
        while len(self._proved) > self._most:
            self._proved.popitem(last=False)

    def guesses_at(self, account: str, now: float) -> Guesses | None:
        """Return what is counted for an account over all sources."""
        return self.accounts.get(account, now)
