"""What all watching sockets share: the log-in, the way to the browser, acknowledgements."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from designer.access import may
from designer.models import Flow
from designer.origin import own_origin
from runtime import bridge
from runtime.consumers.direct import SEND, Outlet
from runtime.hub import Watcher

NOT_LOGGED_IN = 4401
NOT_FOUND = 4404
MAX_FRAME = 64 << 10

AWAY = {
    "type": "away",
    "message": "The node is not running here. Start the server with `make run`.",
}


class WatchingConsumer(AsyncWebsocketConsumer):
    """One browser that watches; a subclass says what."""

    act = "call.view"

    watcher: Watcher | None = None
    put: Callable[[str], None]
    """Sends a frame; for the hub, which does not wait."""
    busy: Callable[[], bool]
    """Says whether the socket takes no more for now."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket; what a watching browser says is taken where it is heard.

        Channels would make tasks, and look after the database, for each acknowledgement of each
        browser.
        """

        async def others() -> Any:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive" or self.watcher is None:
                    return message
                await self.receive(text_data=message.get("text"))

        self.outlet = Outlet(scope.get(SEND, send))
        self.put, self.busy = self.outlet.put, self.outlet.busy
        await super().__call__(scope, others, send)

    async def connect(self) -> None:
        self.watcher = None
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
        self.outlet.close()

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
