"""Keeps a node's peers at what the rows say, and the rows at what the node knows.

Nothing on the way of a call waits for this: what the node knows is told when it is told, and kept
for the next time where the database is away.
"""

from __future__ import annotations

import asyncio
import time

import msgspec

from runtime import peers
from runtime.node.node import Node
from runtime.node.trunk_watch import Standing
from runtime.node.trunks import INCOMING, OUTGOING
from runtime.rows import Asks

RETELL = 10.0
"""Seconds after which a standing is told again though it is the same: an old one says nothing."""
SWEEP = 3600.0
KEEP = 5.0
"""Seconds between two local copies of the registrations."""


class PeerDesk:
    """Exchanges what is known of peers with the database."""

    def __init__(self, node: Node, rows: Asks) -> None:
        self._node = node
        self._rows = rows
        self._seen: dict[str, int] = {}
        self._told: dict[str, tuple[Standing, int, int]] = {}
        self._told_at = 0.0
        self._swept = time.monotonic()
        self._kept = 0.0
        self._unkept = False
        self._turn = asyncio.Lock()

    async def look(self) -> None:
        """Tell and ask once; raises what Django raises where the database is away."""
        async with self._turn:
            self._ask_trunks()
            said = self._said()
            try:
                news = await self._rows.ask(peers.exchange, self._node.name, said, dict(self._seen))
            except BaseException:
                self._take_back(said)
                raise
            self._take(news)
            await self._sweep()

    def _ask_trunks(self) -> None:
        signalling = self._node.signalling
        signalling.watch.look()
        signalling.location.expire(time.time())

    def _said(self) -> peers.Said:
        signalling = self._node.signalling
        now = time.time()
        calls = [(*each, now) for each in signalling.trunks.begun]
        signalling.trunks.begun.clear()
        marks = list(signalling.watch.marks)
        signalling.watch.marks.clear()
        changes = signalling.location.take_changes()
        self._unkept = self._unkept or bool(changes)
        return peers.Said(
            location=changes,
            notes=signalling.screening.take_notes(),
            standings=self._standings(),
            marks=marks,
            calls=calls,
        )

    def _standings(self) -> dict[str, tuple[Standing, int, int]]:
        """Return how the trunks stand, as far as that was not told lately."""
        signalling = self._node.signalling
        now = {
            trunk.name: (
                msgspec.structs.replace(signalling.watch.standings.get(trunk.name, Standing())),
                signalling.trunks.calls(trunk.name, INCOMING),
                signalling.trunks.calls(trunk.name, OUTGOING),
            )
            for trunk in signalling.trunks
        }
        if time.monotonic() - self._told_at > RETELL:
            self._told.clear()
            self._told_at = time.monotonic()
        fresh = {name: each for name, each in now.items() if self._told.get(name) != each}
        self._told = now
        return fresh

    def _take_back(self, said: peers.Said) -> None:
        signalling = self._node.signalling
        signalling.location.give_back(said.location)
        signalling.screening.give_back(said.notes)
        signalling.watch.marks.extendleft(reversed(list(said.marks)))
        signalling.trunks.begun.extendleft((a, b, c) for a, b, c, _ in reversed(list(said.calls)))  # type: ignore[misc]
        self._told.clear()

    def _take(self, news: peers.News) -> None:
        if news.peers is not None:
            self._node.set_peers(news.peers)
        self._node.signalling.location.learn(news.location)
        self._seen = news.turns
        self._unkept = self._unkept or bool(news.location)
        if self._unkept and time.monotonic() - self._kept > KEEP:
            self._kept, self._unkept = time.monotonic(), False
            self._node.keep_bindings()

    async def _sweep(self) -> None:
        if time.monotonic() - self._swept > SWEEP:
            self._swept = time.monotonic()
            await self._rows.ask(peers.sweep)
