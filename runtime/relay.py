"""Following a call that lives on another node.

The node it lives on watches it like a browser would, and sends what it sees to the process that
asked, some frames in one message. Who asks says so again every few seconds; who no longer does is
sent nothing more.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from runtime.hub import Hub, Watcher

log = logging.getLogger(__name__)

LEASE_SECONDS = 15.0
"""How long a session is followed for somebody who does not ask again."""
RENEW_SECONDS = 5.0
"""How often who follows asks again."""
FLUSH_SECONDS = 0.03

Later = Callable[[float, Callable[[], None]], Any]


class Relay:
    """One session of this node, told to other processes."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.leases: dict[str, float] = {}
        """By channel: until when it wants to hear."""
        self.waiting: list[str] = []
        self.watcher: Watcher | None = None


class Relays:
    """What this node tells of its sessions, and what it hears of those of others."""

    def __init__(self, hub: Hub, layer: Any, *, later: Later, clock: Callable[[], float]) -> None:
        self._hub = hub
        self._layer = layer
        self._later = later
        self._clock = clock
        self._relays: dict[str, Relay] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, session: str, reply: str) -> None:
        """Tell the channel `reply` what happens in a session of this node, for a while."""
        relay = self._relays.get(session)
        if relay is None:
            relay = self._relays[session] = Relay(session)
            relay.watcher = self._hub.watch_call(
                session, lambda frame: self._seen(relay, frame), lambda: {"type": "followed"}
            )
        relay.leases[reply] = self._clock() + LEASE_SECONDS

    def heard(self, session: str, frames: list[str]) -> None:
        """Give those who look here at a session of another node what it told."""
        for text in frames:
            frame = json.loads(text)
            for each in frame["frames"] if frame["type"] == "batch" else [frame]:
                each.pop("seq", None)
                if each["type"] in ("step", "ended"):
                    self._hub.relayed(session, each)

    def _seen(self, relay: Relay, frame: str) -> None:
        if not relay.waiting:
            self._later(FLUSH_SECONDS, lambda: self._flush(relay))
        relay.waiting.append(frame)
        watcher = relay.watcher
        if watcher is not None:
            # The layer holds what is on its way; a frame that it drops is in the record.
            self._later(0, lambda: watcher.acknowledge(watcher.sequence))

    def _flush(self, relay: Relay) -> None:
        frames, relay.waiting = relay.waiting, []
        now = self._clock()
        relay.leases = {reply: until for reply, until in relay.leases.items() if until > now}
        if not relay.leases:
            self._relays.pop(relay.session, None)
            if relay.watcher is not None:
                self._hub.leave(relay.watcher)
            return
        for reply in relay.leases:
            message = {"type": "node.frames", "session": relay.session, "frames": frames}
            self._hold(self._layer.send(reply, message))

    def _hold(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.info("what happens in a call does not reach another node: %s", task.exception())
