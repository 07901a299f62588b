"""Which pages may open a WebSocket: those that this very host and port served.

A browser sends its cookies to every port of a host, so a page of another port, or of another
site, could otherwise speak in the name of whoever is logged in. Channels looks at the host name
alone; a request without an Origin comes from no page and is refused too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from channels.security.websocket import WebsocketDenier

from designer.origin import own_origin

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]


class OwnOrigin:
    """Middleware for WebSockets: refuse the handshake (403) of every other page."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if own_origin(scope):
            await self.application(scope, receive, send)
        else:
            await WebsocketDenier()(scope, receive, send)
