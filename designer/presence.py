"""Who has a flow open, in any process: told by each tab, forgotten when a tab is silent for long.

A tab says `flow.here` to the flow's group when it comes, goes, is asked, and once per BEAT. Whoever
hears it keeps a `Roster`; a process that dies says no goodbye, its tabs expire.
"""

from __future__ import annotations

from typing import Any

BEAT_SECONDS = 20.0
EXPIRES_SECONDS = 60.0

Message = dict[str, Any]


class Roster:
    """The tabs that one tab has heard of. Time comes as `now`, in seconds."""

    def __init__(self) -> None:
        self._tabs: dict[str, tuple[int, str, str, float]] = {}
        self._told: list[Message] | None = None

    def heard(self, message: Message, now: float) -> None:
        """Take what a tab said: {tab, user, name, initials, here}."""
        if message["here"]:
            told = (message["user"], message["name"], message["initials"], now)
            self._tabs[message["tab"]] = told
        else:
            self._tabs.pop(message["tab"], None)

    def people(self, now: float) -> list[Message]:
        """Return who is here, each once, by name."""
        gone = [tab for tab, told in self._tabs.items() if now - told[3] > EXPIRES_SECONDS]
        for tab in gone:
            del self._tabs[tab]
        by_user = {user: (name, short) for user, name, short, _ in self._tabs.values()}
        return [{"name": name, "initials": short} for name, short in sorted(by_user.values())]

    def news(self, now: float) -> list[Message] | None:
        """Return who is here if that is another answer than the last one; None if it is not."""
        people = self.people(now)
        if people == self._told:
            return None
        self._told = people
        return people
