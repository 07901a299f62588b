"""Messages between a runtime and its media process: length, then msgpack of a tagged array.

A frame is four octets of length (big-endian) and one Request, Reply or MediaEvent.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from runtime.media.port import LegInfo, MediaEvent

MAX_FRAME = 1 << 20


class Request(msgspec.Struct, array_like=True, tag="request"):
    """One call of the port; `op` is one of OPERATIONS, `args` its keyword arguments."""

    id: int
    op: str
    args: dict[str, Any] = {}


class Reply(msgspec.Struct, array_like=True, tag="reply"):
    """The result of a Request, or its error code; `info` is the leg as it is afterwards."""

    id: int
    value: Any = None
    code: str = ""
    reason: str = ""
    info: LegInfo | None = None


Message = Request | Reply | MediaEvent

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """Write one frame."""
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body


async def receive(reader: asyncio.StreamReader) -> Message | None:
    """Read one frame; None when the other side is gone or does not speak this language."""
    try:
        length = int.from_bytes(await reader.readexactly(4), "big")
        if length > MAX_FRAME:
            return None
        message: Message = _decoder.decode(await reader.readexactly(length))
        return message
    except (asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError):
        return None
