"""Sockets that watch many calls: one flow on its diagram, and the whole fleet."""

from __future__ import annotations

import json
from typing import Any

from channels.db import database_sync_to_async

from designer import notices, selectors
from designer.models import Flow
from runtime import bridge, deployments
from runtime.consumers.watching import AWAY, WatchingConsumer
from runtime.hub import Watcher

Frame = dict[str, Any]


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

    async def without_node(self) -> None:
        empty = {
            "type": "snapshot",
            "seq": 0,
            "states": {},
            "versions": {},
            "sessions": [],
            "total": 0,
            "now": None,
            "deployed": self.drawn["deployed"],
            "digest": self.drawn["digest"],
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

    async def check_progress(self, message: Frame) -> None:
        """Nor does a check."""

    async def tests_progress(self, message: Frame) -> None:
        """Nor do tests."""


class FleetConsumer(WatchingConsumer):
    """How many calls each flow has."""

    async def prepare(self) -> bool:
        self.group = notices.FLEET
        return True

    async def fleet_alarm(self, message: Frame) -> None:
        """What is to be said of a flow's running version may have changed: pages of it look."""
        await self.send(text_data=json.dumps({"type": "alarm", "flow": message["flow"]}))

    def watch(self, hub: Any) -> Watcher:
        watcher: Watcher = hub.watch_fleet(self.put, self.busy)
        return watcher


def drawn_of(flow: Flow) -> Frame:
    """Return which version the live picture shows: the deployed one, else the newest."""
    deployment = deployments.current(flow)
    version = deployment.version if deployment else selectors.newest_version(flow)
    numbers = dict(flow.versions.order_by("number").values_list("digest", "number"))
    return {
        "digest": version.digest if version else "",
        "deployed": (
            {"number": deployment.version.number, "digest": deployment.version.digest}
            if deployment
            else None
        ),
        "numbers": numbers,
    }
