"""`publish()`: one message to a channel-layer group, from whichever process one is in.

Inside the server the layer is at hand. Outside it (worker, commands) a Redis
layer reaches the server by itself; the in-memory layer does not, so the message
takes the control socket. Whoever publishes need not know which it is.
"""

from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

from designer import control


async def apublish(group: str, message: dict[str, Any]) -> None:
    """Publish from the server's own event loop. `message` carries Channels' `type` key."""
    await get_channel_layer().group_send(group, message)


def publish(group: str, message: dict[str, Any]) -> bool:
    """Publish from a synchronous place; False when no server was there to hear it.

    What is published is a hint that something stored has changed: a page that
    missed it reads the truth from the database when it opens.
    """
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
