"""SIP over WebSocket (RFC 7118): hands messages to the node and back, knows nothing of calls."""

from __future__ import annotations

import asyncio
import secrets

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from designer.access import may_somewhere
from designer.origin import header, own_origin
from runtime import bridge
from runtime.node.allowance import Allowance

SUBPROTOCOL = "sip"
MAX_MESSAGE = 64 << 10
MAX_WAITING = 256
"""Messages that may wait in a socket that nobody reads."""
PER_SECOND = 50.0
AT_ONCE = 500.0
"""Messages, keep-alives among them, that one browser may send."""
TOO_MANY = 1008
REFUSED = 4403
GONE = 1011
TOO_BIG = 1009


class PhoneConsumer(AsyncWebsocketConsumer):
    """One browser's phone. Answers in kind: text for text, binary for binary."""

    connection: str | None = None
    text = True

    async def connect(self) -> None:
        node = bridge.current_node()
        asked = SUBPROTOCOL in self.scope.get("subprotocols", [])
        if not (asked and own_origin(self.scope) and await self.may_phone()):
            await self.close(REFUSED)
            return
        if node is None:
            await self.close(GONE)
            return
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        self.allowance = Allowance(PER_SECOND, AT_ONCE)
        self.connection = secrets.token_hex(8)
        await self.accept(SUBPROTOCOL)
        self.sender = asyncio.create_task(self.send_waiting())
        node.websocket_connected(
            self.connection,
            self.put,
            local=header(self.scope, b"host") or "localhost",
            user=self.scope["user"].get_username(),
            secure=self.scope.get("scheme") == "wss",
        )

    async def may_phone(self) -> bool:
        """Say whether the person may use a phone, for the calls of any flow."""
        user = self.scope.get("user")
        return bool(await database_sync_to_async(may_somewhere)(user, "phone.use"))

    async def disconnect(self, code: int) -> None:
        if self.connection is None:
            return
        self.sender.cancel()
        node = bridge.current_node()
        if node is not None:
            node.websocket_lost(self.connection)
        self.connection = None

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        node = bridge.current_node()
        if self.connection is None or node is None:
            return
        if not self.allowance.take(asyncio.get_running_loop().time()):
            await self.close(TOO_MANY)
            return
        self.text = text_data is not None
        data = text_data.encode() if text_data is not None else bytes_data or b""
        if len(data) > MAX_MESSAGE:
            await self.close(TOO_BIG)
            return
        # A pair of line ends is a keep-alive and is answered by one (RFC 5626 3.5.1).
        if data == b"\r\n\r\n":
            self.put(b"\r\n")
        elif data.strip():
            node.websocket_received(self.connection, data)

    def put(self, data: bytes) -> None:
        """Send a message in order; a browser that reads nothing loses its connection."""
        try:
            self.waiting.put_nowait(data)
        except asyncio.QueueFull:
            self.sender.cancel()
            self.closing = asyncio.ensure_future(self.close(GONE))

    async def send_waiting(self) -> None:
        while True:
            data = await self.waiting.get()
            if self.text:
                await self.send(text_data=data.decode(errors="replace"))
            else:
                await self.send(bytes_data=data)
