"""The one-party walk over a draft, a moment after the last key.

Each desk asks for it after a pause in typing; a newer text takes the place of an older one, and the
walk over the older one is stopped. All desks of the process share one child (`designer.apart`), so
that drafts cost one core at most, at low priority, and never the interpreter that calls run in.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from designer.apart import Apart, Bounds, Broken, Exceeded, Stopped

logger = logging.getLogger(__name__)

BOUNDS = Bounds(tier=1, states=20_000, seconds=2.0, memory=512, grace=1.0)
PAUSE = 0.4
"""Seconds without a change before a walk begins."""
REMEMBERED = 32
"""Results that are kept, so that an undo is answered at once."""

Message = dict[str, Any]
Tell = Callable[[Message], Awaitable[None]]
Later = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class Given(Exception):
    """Nobody waits for this walk any more."""


class Walker(Protocol):
    """Whoever walks: `designer.apart.Apart`."""

    def examine(self, text: str, beat: Any = None) -> dict[str, Any]: ...

    def stop(self) -> None: ...


class Walks:
    """The walks over drafts of this process, one at a time."""

    def __init__(self, walker: Walker | None = None) -> None:
        self._walker: Walker = walker or Apart(BOUNDS)
        self._turn = asyncio.Lock()
        self._known: OrderedDict[str, dict[str, Any]] = OrderedDict()

    async def examine(self, text: str) -> dict[str, Any]:
        """Return what a walk found, or which bound cut it short; cancelling it stops the walk."""
        known = self._known.get(text)
        if known is not None:
            return known
        async with self._turn:
            found = await self._walk(text)
        if not found["complete"]:
            return found  # perhaps the machine was busy: another time it may come further
        self._known[text] = found
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    async def _walk(self, text: str) -> dict[str, Any]:
        unwanted = threading.Event()

        def beat(share: float, searched: int) -> None:
            if unwanted.is_set():
                raise Given

        try:
            return await asyncio.to_thread(self._examined, text, beat)
        except asyncio.CancelledError:
            # The thread looks several times a second; the next walk waits for the child's turn.
            unwanted.set()
            raise

    def _examined(self, text: str, beat: Any) -> dict[str, Any]:
        try:
            return self._walker.examine(text, beat)
        except Exceeded as exceeded:
            limit = f"The walk stopped at its limit of {exceeded.limit}: nothing is proved."
            return {"findings": [], "complete": False, "explored": exceeded.searched,
                    "limits": [limit]}  # fmt: skip
        except Given:
            return {"findings": [], "complete": False, "explored": 0, "limits": []}

    async def close(self) -> None:
        """End the child. A walk that is asked for later starts another one."""
        await asyncio.to_thread(self._walker.stop)


class Following:
    """The walks over one desk's text. Made on the loop that its desk lives on."""

    def __init__(self, walks: Callable[[], Walks], tell: Tell, later: Later | None = None) -> None:
        self._walks = walks
        self._tell = tell
        self._later = later or asyncio.get_running_loop().call_later
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._text: str | None = None
        self.last: Message | None = None
        """What was said of the newest text, for a tab that opens later."""

    def changed(self, text: str, revision: int) -> None:
        """Walk over this text after a pause; what was asked for before is given up."""
        if text == self._text and self.last is not None and self.last["revision"] == revision:
            return
        self.leave()
        self._text = text
        self._timer = self._later(PAUSE, lambda: self._begin(text, revision))

    def leave(self) -> None:
        """Nobody looks any more."""
        self.last = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _begin(self, text: str, revision: int) -> None:
        self._timer = None
        self._task = asyncio.create_task(self._walk(text, revision))

    async def _walk(self, text: str, revision: int) -> None:
        await self._say(revision, "running", {})
        try:
            found = await self._walks().examine(text)
        except (Broken, Stopped) as broken:
            logger.warning("the walk over a draft broke off: %s", broken)
            await self._say(revision, "failed", {"error": str(broken)})
            return
        await self._say(revision, "done", found)

    async def _say(self, revision: int, state: str, found: dict[str, Any]) -> None:
        names = ("findings", "complete", "explored", "limits", "verdicts")
        told = {name: found.get(name) for name in names}
        self.last = {"type": "walk", "revision": revision, "state": state, **told}
        if "error" in found:
            self.last["error"] = found["error"]
        await self._tell(self.last)
