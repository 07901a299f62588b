"""The control socket: how commands and the worker reach the running server.

A Unix socket in the data folder; one request and one answer a connection, each a
line of JSON. Only the owner of the data folder can open it, which is the
permission: whoever may write the database may also speak here.
"""

import asyncio
import hashlib
import json
import os
import socket
import stat
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

LIMIT = 4 << 20
"""Longest line, bytes: a table of 1 MiB fits in JSON whatever its characters."""

Handler = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


class ServerAway(Exception):
    """No server listens on the control socket of this data folder."""


def short_path(path: Path) -> Path:
    """Return `path`, or a short stand-in where it exceeds what a Unix socket may be called."""
    if len(os.fsencode(path)) <= 100:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"callsmith-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # Anybody may have made a folder of this name before us: then nothing is trusted to it.
    found = folder.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
        raise PermissionError(
            f"{folder} belongs to somebody else. Choose a shorter CALLSMITH_DATA."
        )
    return folder / path.name


def request(
    path: Path, verb: str, arguments: dict[str, Any], *, timeout: float = 30.0
) -> dict[str, Any]:
    """Send one request and return the answer; raise ServerAway when nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(short_path(path)))
            connection.sendall(_line({"verb": verb, "arguments": arguments}))
            with connection.makefile("rb") as file:
                line = file.readline(LIMIT)
        except (FileNotFoundError, ConnectionError) as error:
            raise ServerAway("The server is not running here: start it with `make run`.") from error
        except TimeoutError as error:
            raise ServerAway(f"The server did not answer within {timeout:.0f} s.") from error
    if not line:
        raise ServerAway("The server closed the connection without an answer.")
    answer: dict[str, Any] = json.loads(line)
    return answer


async def serve(path: Path, handler: Handler) -> asyncio.Server:
    """Listen on `path` (a left-over socket file is replaced) and answer through `handler`."""
    path = short_path(path)
    path.unlink(missing_ok=True)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.readuntil(b"\n"))
            answer = await handler(asked["verb"], asked["arguments"])
            writer.write(_line(answer))
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return
        except (ValueError, KeyError, TypeError) as error:
            writer.write(_line({"error": f"The request could not be read: {error}"}))
        finally:
            writer.close()

    server = await asyncio.start_unix_server(converse, path=str(path), limit=LIMIT)
    os.chmod(path, 0o600)
    return server


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, default=str).encode() + b"\n"
