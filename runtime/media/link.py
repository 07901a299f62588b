"""Two ways to the media engine behind one port: in this process, or over a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import msgspec

from runtime.media import wire
from runtime.media.port import (
    Direction,
    EventSink,
    Kind,
    LegInfo,
    MediaConfig,
    MediaError,
    MediaEvent,
    MediaLink,
)

logger = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds a request waits for a media process that is being started again."""
REPLY_SECONDS = 10.0
RETRY_SECONDS = 0.02


class _Link(ABC):
    """The requests of the port as calls by name."""

    @abstractmethod
    async def _call(self, op: str, args: dict[str, Any]) -> Any:
        """Perform one operation of the engine; raises MediaError only."""

    async def create(self, leg: str, kind: Kind, *, port: int = 0, towards: str = "") -> LegInfo:
        asked = {"leg": leg, "kind": kind, "port": port, "towards": towards}
        return _info(await self._call("create", asked))

    async def offer(self, leg: str, *, restart: bool = False) -> str:
        return str(await self._call("offer", {"leg": leg, "restart": restart}))

    async def answer(self, leg: str, remote_sdp: str) -> str:
        return str(await self._call("answer", {"leg": leg, "remote_sdp": remote_sdp}))

    async def accept(self, leg: str, remote_sdp: str) -> None:
        await self._call("accept", {"leg": leg, "remote_sdp": remote_sdp})

    async def rollback(self, leg: str) -> None:
        await self._call("rollback", {"leg": leg})

    async def start(self, leg: str) -> None:
        await self._call("start", {"leg": leg})

    async def direction(self, leg: str, direction: Direction) -> None:
        await self._call("direction", {"leg": leg, "direction": direction})

    async def echo(self, leg: str, on: bool) -> None:
        await self._call("echo", {"leg": leg, "on": on})

    async def tone(self, leg: str, frequency: float | None) -> None:
        await self._call("tone", {"leg": leg, "frequency": frequency})

    async def play(self, leg: str, source: str, *, repeat: bool = False) -> None:
        await self._call("play", {"leg": leg, "source": source, "repeat": repeat})

    async def stop(self, leg: str) -> None:
        await self._call("stop", {"leg": leg})

    async def dtmf(self, leg: str, digits: str, *, duration: int = 160) -> None:
        await self._call("dtmf", {"leg": leg, "digits": digits, "duration": duration})

    async def mute(self, leg: str, on: bool) -> None:
        await self._call("mute", {"leg": leg, "on": on})

    async def bridge(self, leg: str, other: str) -> None:
        await self._call("bridge", {"leg": leg, "other": other})

    async def unbridge(self, leg: str) -> None:
        await self._call("unbridge", {"leg": leg})

    async def stats(self, leg: str) -> dict[str, Any]:
        return dict(await self._call("stats", {"leg": leg}))

    async def info(self, leg: str) -> LegInfo:
        return _info(await self._call("info", {"leg": leg}))

    async def legs(self) -> list[LegInfo]:
        return [_info(value) for value in await self._call("legs", {})]

    async def close(self, leg: str) -> None:
        await self._call("close", {"leg": leg})


def _info(value: Any) -> LegInfo:
    return value if isinstance(value, LegInfo) else msgspec.convert(value, LegInfo)


class InProcess(_Link):
    """The engine in this process: for tests, debuggers and a few calls."""

    def __init__(self, config: MediaConfig, on_event: EventSink) -> None:
        # Only here: a runtime with a media process must not carry the codecs itself.
        from runtime.media.engine import Media

        self._media = Media(config, on_event)

    async def _call(self, op: str, args: dict[str, Any]) -> Any:
        return await self._media.perform(op, args)

    async def recover(self, leg: str, info: LegInfo | None = None) -> LegInfo:
        if info is None:
            return await self.info(leg)
        return _info(await self._call("restore", {"info": info}))

    async def shutdown(self) -> None:
        await self._media.shutdown()


class ChildLink(_Link):
    """The engine in a media process. Its end is an event "lost" for each leg, never an exception.

    After `attach` the link looks for a new process by itself; requests made meanwhile wait for it
    up to `patience` seconds, then fail with "media_lost".
    """

    def __init__(self, path: Path, on_event: EventSink, *, patience: float = PATIENCE) -> None:
        self._path = path
        self._on_event = on_event
        self._patience = patience
        self._numbers = itertools.count(1)
        self._pending: dict[int, asyncio.Future[wire.Reply]] = {}
        self._known: dict[str, LegInfo] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def attach(self, timeout: float = 10.0) -> list[LegInfo]:
        """Join the media process and answer the legs it carries; "media_lost" after `timeout`."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="media link")
        try:
            await asyncio.wait_for(self._connected.wait(), timeout)
        except TimeoutError:
            raise MediaError("media_lost", "no media process answers") from None
        return list(self._known.values())

    @property
    def attached(self) -> bool:
        """Answer whether a media process is there now."""
        return self._connected.is_set()

    async def recover(self, leg: str, info: LegInfo | None = None) -> LegInfo:
        known = info or self._known.get(leg)
        if known is None:
            raise MediaError("unknown_leg")
        return _info(await self._call("restore", {"info": known}))

    async def bridge(self, leg: str, other: str) -> None:
        await super().bridge(leg, other)
        await self.info(other)  # known of both, so that a restored pair finds together again

    async def unbridge(self, leg: str) -> None:
        known = self._known.get(leg)
        await super().unbridge(leg)
        if known is not None and known.bridged in self._known:
            with contextlib.suppress(MediaError):  # the other leg may be gone meanwhile
                await self.info(known.bridged)

    async def close(self, leg: str) -> None:
        self._known.pop(leg, None)
        if self.attached:
            with contextlib.suppress(_Lost):  # a leg that went with its process is closed
                await super().close(leg)

    async def shutdown(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._disconnect("the link was closed")

    async def _call(self, op: str, args: dict[str, Any]) -> Any:
        try:
            await asyncio.wait_for(self._connected.wait(), self._patience)
        except TimeoutError:
            raise _Lost("no media process is there") from None
        reply = await self._exchange(op, args)
        if reply.code:
            raise MediaError(reply.code, reply.reason)
        if reply.info is not None:
            self._known[reply.info.leg] = reply.info
        return reply.value

    async def _exchange(self, op: str, args: dict[str, Any]) -> wire.Reply:
        if self._writer is None:
            raise _Lost("the media process ended")
        number = next(self._numbers)
        future: asyncio.Future[wire.Reply] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        try:
            self._writer.write(wire.encode(wire.Request(number, op, args)))
            return await asyncio.wait_for(future, REPLY_SECONDS)
        except TimeoutError:
            raise _Lost("the media process does not answer") from None
        finally:
            self._pending.pop(number, None)

    async def _run(self) -> None:
        """Keep joined to a media process until cancelled."""
        while True:
            try:
                reader, self._writer = await asyncio.open_unix_connection(self._path)
            except OSError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            receiving = asyncio.create_task(self._receive(reader), name="media link receiver")
            try:
                await self._greet()
                await receiving
            except (MediaError, msgspec.ValidationError) as error:
                logger.warning("the media process cannot be joined: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                receiving.cancel()
                self._disconnect("the media process ended")

    async def _greet(self) -> None:
        reply = await self._exchange("legs", {})
        if reply.code:
            raise MediaError(reply.code, reply.reason)
        self._known |= {info.leg: info for info in map(_info, reply.value)}
        self._connected.set()

    async def _receive(self, reader: asyncio.StreamReader) -> None:
        while (message := await wire.receive(reader)) is not None:
            match message:
                case wire.Reply():
                    future = self._pending.get(message.id)
                    if future is not None and not future.done():
                        future.set_result(message)
                case MediaEvent():
                    self._note(message)
                    self._tell(message)
        for future in self._pending.values():
            if not future.done():
                future.set_exception(_Lost("the media process ended"))

    def _note(self, event: MediaEvent) -> None:
        """Keep what an event says about a leg, for its recovery."""
        info = self._known.get(event.leg)
        if info is not None and event.name == "flowing":
            remote = event.detail.get("remote", info.remote)
            self._known[event.leg] = msgspec.structs.replace(info, remote=remote, flowing=True)
        elif info is not None and event.name == "play_finished":
            self._known[event.leg] = msgspec.structs.replace(info, playing="", repeat=False)

    def _disconnect(self, reason: str) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        for future in self._pending.values():
            if not future.done():
                future.set_exception(_Lost(reason))
        if self._connected.is_set():
            self._connected.clear()
            if self._task is not None:
                for leg in list(self._known):
                    self._tell(MediaEvent(leg, "lost", {"reason": reason}))

    def _tell(self, event: MediaEvent) -> None:
        try:
            self._on_event(event)
        except Exception:  # a listener's mistake must not end the link
            logger.exception("the listener of media events failed")


LINKS: tuple[type[MediaLink], ...] = (InProcess, ChildLink)
"""Both serve the whole port: the type checker compares them with it here."""


class _Lost(MediaError):
    def __init__(self, reason: str) -> None:
        super().__init__("media_lost", reason)
