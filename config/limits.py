"""How large a request may be: said at the door, before anything of it is written to the disk.

Django spools a body as a whole before it looks at it; without a limit a stranger could fill the
disk without logging in. A file that is too large for a flow, but not for the door, is told so by
the form it was sent with.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

LARGEST_BODY = 16 << 20

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class TooLarge(Exception):
    """More came than may come."""


class BodyLimit:
    """ASGI middleware for HTTP: 413 for a body of more than `most` bytes, announced or not."""

    def __init__(self, application: Application, most: int = LARGEST_BODY) -> None:
        self.application = application
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _announced(scope) > self.most:
            await self._refuse(send)
            return
        came = 0

        async def counted() -> dict[str, Any]:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self.most:
                raise TooLarge
            return message

        try:
            await self.application(scope, counted, send)
        except TooLarge:
            await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        said = f"A request has at most {self.most >> 20} MiB; nothing was changed.\n".encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(said)).encode()),
            (b"content-security-policy", b"default-src 'none'"),
            (b"x-content-type-options", b"nosniff"),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": said})


def _announced(scope: Scope) -> int:
    for name, value in scope.get("headers", []):
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0
