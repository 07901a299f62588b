"""What all watching sockets share: the log-in, the way to the browser, acknowledgements."""

from __future__ import annotations

import asyncio
import json
import types
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from designer.access import may
from designer.models import Flow
from designer.origin import own_origin
from runtime import bridge
from runtime.hub import Watcher

NOT_LOGGED_IN = 4401
NOT_FOUND = 4404
MAX_FRAME = 64 << 10
MAX_PENDING = 40
"""Frames that may wait in the socket before the watcher counts as stale."""

AWAY = {
    "type": "away",
    "message": "The node is not running here. Start the server with `make run`.",
}


class WatchingConsumer(AsyncWebsocketConsumer):
    """One browser that watches; a subclass says what."""

    act = "call.view"

    async def connect(self) -> None:
        self.watcher: Watcher | None = None
        self.pending: set[asyncio.Task[None]] = set()
        self.group = ""
        if not (own_origin(self.scope) and may(self.scope.get("user"), self.act)):
            await self.close(NOT_LOGGED_IN)
            return
        if not await self.prepare():
            await self.close(NOT_FOUND)
            return
        await self.accept()
        if bridge.current_hub() is None:
            await self.without_node()
        else:
            self.watcher = self.watch(bridge.current_hub())
        if self.group:
            await self.channel_layer.group_add(self.group, self.channel_name)

    async def disconnect(self, code: int) -> None:
        hub = bridge.current_hub()
        if self.watcher is not None and hub is not None:
            hub.leave(self.watcher)
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)
        for task in list(self.pending):
            task.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take an acknowledgement, or what else a watcher may say."""
        if self.watcher is None or text_data is None or len(text_data) > MAX_FRAME:
            return
        try:
            frame = json.loads(text_data)
        except (ValueError, RecursionError):
            return
        if not isinstance(frame, dict):
            return
        if frame.get("type") == "ack":
            self.watcher.acknowledge(frame.get("seq"))
        else:
            self.asked(frame)

    # For the hub: it is called on the loop and does not wait.

    def put(self, frame: str) -> None:
        """Send a frame: at once where the socket takes it, else in the background.

        Most sockets take it at once, and a task for each frame of each browser would cost more
        than the frame.
        """
        sending = self.base_send({"type": "websocket.send", "text": frame})
        if not self.pending:
            # Whatever is pending was said before and has to go before.
            try:
                waits_for = sending.send(None)
            except StopIteration:
                return
            except Exception:  # whatever the server raises where nobody listens any more
                # A browser that is gone meanwhile is no error: its disconnect follows.
                return
            sending = _rest(sending, waits_for)
        task = asyncio.ensure_future(sending)
        self.pending.add(task)
        task.add_done_callback(self._sent)

    def busy(self) -> bool:
        """Say whether the socket takes no more for now."""
        return len(self.pending) >= MAX_PENDING

    def _sent(self, task: asyncio.Task[None]) -> None:
        self.pending.discard(task)
        if not task.cancelled():
            # A browser that is gone meanwhile is no error: its disconnect follows.
            task.exception()

    # For subclasses.

    async def sees(self, flow: Flow | str) -> bool:
        """Say whether the person may look at this flow and its calls."""
        return bool(await database_sync_to_async(may)(self.scope.get("user"), self.act, flow))

    async def prepare(self) -> bool:
        """Fetch what is needed; False if there is no such thing."""
        return True

    def asked(self, frame: dict[str, Any]) -> None:
        """Take what a browser says beside acknowledgements; most have nothing else to say."""

    def watch(self, hub: Any) -> Watcher:
        """Join the hub."""
        raise NotImplementedError

    async def without_node(self) -> None:
        """Show what can be shown where no node runs."""
        await self.send(text_data=json.dumps(AWAY))


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
