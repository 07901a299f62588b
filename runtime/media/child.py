"""The media process: `python -m runtime.media.child SOCKET [--config JSON]`.

It serves one runtime at a time on a Unix socket. A runtime that goes away costs nothing: the legs
go on, what they say is kept, and the next runtime attaches. When none came for `linger` seconds the
process ends. Only one process serves a socket; a second one waits for the end of the first.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import msgspec
import uvloop

from runtime.media import wire
from runtime.media.engine import Media
from runtime.media.port import LegInfo, MediaConfig, MediaError, MediaEvent

logger = logging.getLogger(__name__)

KEPT_EVENTS = 1000


class Vigil:
    """How long the process may still wait for a runtime. Times are seconds of one clock."""

    def __init__(self, linger: float, now: float) -> None:
        self._linger = linger
        self.deadline: float | None = now + linger

    def attached(self) -> None:
        self.deadline = None

    def detached(self, now: float) -> None:
        self.deadline = now + self._linger

    def over(self, now: float) -> bool:
        return self.deadline is not None and now >= self.deadline


class Server:
    """Joins one Media to the runtime that is attached."""

    def __init__(self, config: MediaConfig) -> None:
        self.media = Media(config, self._say)
        self.ended = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._kept: deque[MediaEvent] = deque(maxlen=KEPT_EVENTS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._vigil = Vigil(config.linger, self._loop.time())
        self._watch()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one runtime; one that attaches later takes its place."""
        task = asyncio.current_task()
        assert task is not None, "a connection is served in a task of its own"
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        if self._writer is not None:
            self._writer.close()
        self._writer = writer
        self._vigil.attached()
        while self._writer is writer:
            message = await wire.receive(reader)
            if not isinstance(message, wire.Request):
                break
            task = asyncio.create_task(self._perform(message, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        writer.close()
        if self._writer is writer:
            self._writer = None
            self._vigil.detached(self._loop.time())
            self._watch()

    async def stop(self) -> None:
        """Let the runtime go, then close all legs."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        if self._serving:
            await asyncio.wait(self._serving, timeout=1.0)
        await self.media.shutdown()

    async def _perform(self, request: wire.Request, writer: asyncio.StreamWriter) -> None:
        try:
            value = await self.media.perform(request.op, request.args)
            leg = value.leg if isinstance(value, LegInfo) else request.args.get("leg")
            reply = wire.Reply(request.id, value, info=self.media.known(leg))
        except MediaError as error:
            reply = wire.Reply(request.id, code=error.code, reason=error.reason)
        writer.write(wire.encode(reply))
        if request.op == "legs":
            self._tell_kept()

    def _say(self, event: MediaEvent) -> None:
        if self._writer is None:
            self._kept.append(event)
        else:
            self._writer.write(wire.encode(event))

    def _tell_kept(self) -> None:
        """What happened while no runtime was there follows its first question."""
        while self._kept and self._writer is not None:
            self._writer.write(wire.encode(self._kept.popleft()))

    def _watch(self) -> None:
        now = self._loop.time()
        if self._vigil.over(now):
            logger.info("no runtime came back; the media process ends")
            self.ended.set()
        elif self._vigil.deadline is not None:
            self._loop.call_at(self._vigil.deadline, self._watch)


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Wait until no other process serves this socket."""
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def _main(path: Path, config: MediaConfig) -> None:
    server = Server(config)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, server.ended.set)
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        listening = await asyncio.start_unix_server(server.serve, path)
    finally:
        os.umask(before)
    await server.ended.wait()
    listening.close()
    path.unlink(missing_ok=True)
    await server.stop()


def main(arguments: list[str]) -> None:
    """Run the media process until nobody needs it."""
    parser = argparse.ArgumentParser(prog="runtime.media.child")
    parser.add_argument("socket", type=Path)
    parser.add_argument("--config", default="{}", help="MediaConfig as JSON")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="media: %(message)s")
    # Each pair of candidates of each call would be a line.
    logging.getLogger("aioice").setLevel(logging.WARNING)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the parent, which stops us
    config = msgspec.json.decode(options.config, type=MediaConfig)
    with _only_one(options.socket):
        uvloop.run(_main(options.socket, config))


if __name__ == "__main__":
    main(sys.argv[1:])
