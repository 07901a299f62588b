"""What the media of a session says of itself, as plain data."""

from __future__ import annotations

from typing import Any

import msgspec

from runtime.media.port import MediaError, MediaLink
from runtime.node.api.data import Refused


async def info(link: MediaLink, leg: str) -> dict[str, Any]:
    """Return a leg as it is now (see `LegInfo`); Refused if there is none."""
    try:
        found = await link.info(leg)
    except MediaError as missing:
        raise Refused(missing.reason) from missing
    whole: dict[str, Any] = {name: getattr(found, name) for name in found.__struct_fields__}
    return dict(msgspec.to_builtins(whole))


async def statistics(link: MediaLink, leg: str) -> dict[str, Any]:
    """Return packets and bytes both ways, loss and jitter; Refused if there is no leg."""
    try:
        return await link.stats(leg)
    except MediaError as missing:
        raise Refused(missing.reason) from missing
