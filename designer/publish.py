"""`publish()`: one message to a channel-layer group, from whichever process one is in.

Inside the server the layer is at hand on its loop (`set_loop`). Outside it (worker,
commands) a Redis layer reaches the server by itself; the in-memory layer does not, so
the message takes the control socket. Whoever publishes need not know which it is.
"""

import asyncio
import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

from designer import control

log = logging.getLogger(__name__)

_loop: asyncio.AbstractEventLoop | None = None


def set_loop(loop: asyncio.AbstractEventLoop | None) -> None:
    """Say on which loop this process serves; None when it no longer does."""
    global _loop
    _loop = loop


async def apublish(group: str, message: dict[str, Any]) -> None:
    """Publish from the server's own event loop. `message` carries Channels' `type` key."""
    await get_channel_layer().group_send(group, message)


def publish(group: str, message: dict[str, Any]) -> bool:
    """Publish from a synchronous place; False when no server was there to hear it.

    What is published is a hint that something stored has changed: a page that
    missed it reads the truth from the database when it opens.
    """
    if _loop is not None and _loop.is_running():
        # Nobody waits: with Redis each would first make a connection of its own otherwise.
        asyncio.run_coroutine_threadsafe(_sent(group, message), _loop)
        return True
    if settings.CALLSMITH.redis_url:
        async_to_sync(get_channel_layer().group_send)(group, message)
        return True
    try:
        control.request(
            settings.CONTROL_SOCKET, "publish", {"group": group, "message": message}, timeout=5
        )
    except control.ServerAway:
        return False
    return True


async def _sent(group: str, message: dict[str, Any]) -> None:
    try:
        await apublish(group, message)
    except Exception as away:  # the layer's own library raises what it likes
        log.warning("a message to %s is lost: %s", group, away)
