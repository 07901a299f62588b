"""Sockets that watch many calls: one flow on its diagram, and the whole fleet."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from channels.db import database_sync_to_async

from designer import notices, selectors
from designer.access import hidden_names
from designer.models import Flow
from flows.semantics import Program
from runtime import audit, bridge, deployments, fires
from runtime.consumers.watching import AWAY, WatchingConsumer
from runtime.hub import Watcher
from runtime.lists import Wanted

Frame = dict[str, Any]

LATELY = 8
"""Versions, from the newest, whose rows are found in the picture of another."""


class LiveConsumer(WatchingConsumer):
    """All sessions of one flow."""

    async def prepare(self) -> bool:
        name = self.scope["url_route"]["kwargs"]["name"]
        flow = await database_sync_to_async(selectors.flow_named)(name)
        if flow is None or not await self.sees(flow):
            return False
        self.flow = flow
        self.group = notices.flow_group(flow.name)
        self.drawn = await database_sync_to_async(drawn_of)(flow)
        return True

    def watch(self, hub: Any) -> Watcher:
        watcher: Watcher = hub.watch_flow(self.flow.name, self.put, self.drawn, self.busy)
        return watcher

    def asked(self, frame: Frame) -> None:
        """Show another list of calls, or follow one of them."""
        hub = bridge.current_hub()
        if hub is None:
            return
        if frame.get("type") == "list":
            hub.want(self.watcher, Wanted.of(frame))
        elif frame.get("type") == "follow":
            id = frame.get("id")
            hub.follow(self.watcher, id if isinstance(id, str) else "", self.flow.name)

    async def without_node(self) -> None:
        empty = {
            "type": "snapshot",
            "seq": 0,
            "now": None,
            "cells": {},
            "fired": {},
            "failed": {},
            "begun": {},
            "total": 0,
            "unusual": 0,
            "counting": None,
            "deployed": self.drawn["deployed"],
            "digest": self.drawn["digest"],
            "numbers": self.drawn["numbers"],
        }
        await self.send(text_data=json.dumps(empty))
        await self.send(text_data=json.dumps(AWAY))

    async def flow_deployment(self, message: Frame) -> None:
        """Another version is deployed: say so, and begin again with it."""
        await self.send(text_data=json.dumps(message["deployment"]))
        hub = bridge.current_hub()
        drawn = await database_sync_to_async(drawn_of)(self.flow)
        if hub is not None and drawn["digest"] != self.drawn["digest"]:
            self.drawn = drawn
            hub.redrawn(self.flow.name, drawn)

    async def version_saved(self, message: Frame) -> None:
        """A saved version changes nothing for calls."""

    async def review_changed(self, message: Frame) -> None:
        """What is said in a review changes nothing for calls."""

    async def check_progress(self, message: Frame) -> None:
        """Nor does a check."""

    async def tests_progress(self, message: Frame) -> None:
        """Nor do tests."""


class FleetConsumer(WatchingConsumer):
    """How many calls each flow has, of the flows that the person may look at."""

    async def prepare(self) -> bool:
        self.group = notices.FLEET
        self.hidden = frozenset(await database_sync_to_async(hidden_names)(self.scope["user"]))
        return True

    async def fleet_alarm(self, message: Frame) -> None:
        """What is to be said of a flow's running version may have changed: pages of it look."""
        if message["flow"] not in self.hidden:
            await self.send(text_data=json.dumps({"type": "alarm", "flow": message["flow"]}))

    async def fleet_nodes(self, message: Frame) -> None:
        """A node came, went, or is drained: the page of nodes looks."""
        await self.send(text_data=json.dumps({"type": "nodes"}))

    def watch(self, hub: Any) -> Watcher:
        watcher: Watcher = hub.watch_fleet(self.put, self.busy, self.hidden)
        return watcher


class AllConsumer(FleetConsumer):
    """All flows on one page, with the calls that need a look."""

    async def fleet_alarm(self, message: Frame) -> None:
        """The page's other socket says it."""

    def watch(self, hub: Any) -> Watcher:
        watcher: Watcher = hub.watch_all(self.put, self.busy, self.hidden)
        return watcher


def drawn_of(flow: Flow) -> Frame:
    """Return which version the live picture shows, the deployed one or else the newest, and how
    the rows of the other versions are numbered in it."""
    deployment = deployments.current(flow)
    version = deployment.version if deployment else selectors.newest_version(flow)
    numbers = dict(flow.versions.order_by("number").values_list("digest", "number"))
    digest = version.digest if version else ""
    table = audit.table_of(digest)
    lately = list(flow.versions.order_by("-number").values_list("digest", flat=True)[:LATELY])
    return {
        "digest": digest,
        "deployed": (
            {"number": deployment.version.number, "digest": deployment.version.digest}
            if deployment
            else None
        ),
        "numbers": numbers,
        "rows": {other: same_rows(other, digest) for other in lately if other != digest},
        "program": program_of(digest) if table is not None else None,
    }


@lru_cache(maxsize=8)
def program_of(digest: str) -> Program:
    """Return the program of a version that compiles, to ask what it has rows for."""
    table = audit.table_of(digest)
    assert table is not None, digest
    return Program(table)


@lru_cache(maxsize=64)
def same_rows(old: str, new: str) -> dict[int, int]:
    """Return for each row of one version where the other has a row that says the same."""
    before, after = audit.table_of(old), audit.table_of(new)
    if before is None or after is None:
        return {}
    places = {fires.key_of(row): row.index for row in reversed(after.rows)}
    return {row.index: places[key] for row in before.rows if (key := fires.key_of(row)) in places}
