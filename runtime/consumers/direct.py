"""The short way to the socket, for frames that go to very many browsers.

What the session middleware adds to `send` matters for the answers of HTTP only, and costs more than
a frame. So the way past it is kept in the scope before anything is wrapped around it. And a task
for each frame of each browser would cost more than both: most sockets take a frame at once.
"""

from __future__ import annotations

import asyncio
import types
from collections import deque
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any

SEND = "callsmith.send"
"""The key in the scope."""
MAX_PENDING = 40
"""Frames that may wait in front of a socket before its watcher counts as stale."""


class DirectSend:
    """ASGI middleware around all others of the sockets."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app({**scope, SEND: send}, receive, send)


class Outlet:
    """Sends frames in order: at once where the socket takes them, else in the background."""

    def __init__(self, send: Any) -> None:
        self._send = send
        self.waiting: deque[str] = deque()
        self.task: asyncio.Task[None] | None = None
        """What brings the frames that wait, and the one before them, to the socket."""

    def put(self, frame: str) -> None:
        """Send a frame without waiting. A browser that is gone is no error: it is let go soon."""
        if self.task is not None:
            self.waiting.append(frame)
            return
        sending = self._send({"type": "websocket.send", "text": frame})
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return
        except Exception:  # whatever the server raises where nobody listens any more
            return
        self.task = asyncio.ensure_future(self._drain(sending, waits_for))
        self.task.add_done_callback(self._drained)

    def busy(self) -> bool:
        """Say whether the socket takes no more for now."""
        return len(self.waiting) >= MAX_PENDING

    def close(self) -> None:
        """Send no more."""
        self.waiting.clear()
        if self.task is not None:
            self.task.cancel()

    async def _drain(self, begun: Coroutine[Any, Any, None], waits_for: Any) -> None:
        await _rest(begun, waits_for)
        while self.waiting:
            await self._send({"type": "websocket.send", "text": self.waiting.popleft()})

    def _drained(self, task: asyncio.Task[None]) -> None:
        self.task = None
        if task.cancelled() or task.exception() is not None:
            self.waiting.clear()


async def _rest(begun: Coroutine[Any, Any, None], waits_for: Any) -> None:
    """Run a coroutine to its end that has begun and waits for something."""
    while True:
        try:
            go_on = partial(begun.send, await _handed_on(waits_for))
        except BaseException as error:
            go_on = partial(begun.throw, error)
        try:
            waits_for = go_on()
        except StopIteration:
            return


@types.coroutine
def _handed_on(waits_for: Any) -> Generator[Any, Any, Any]:
    return (yield waits_for)
