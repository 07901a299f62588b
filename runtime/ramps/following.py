"""How a node follows the ramps: it takes candidate and rule from the rows and answers for them.

The rows are read anew at each bell and every few seconds, like deployments. A node answers once for
each revision: which hash its share runs, or that all new calls run the stable one again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from channels.db import database_sync_to_async
from django.db.models import F

from runtime import deployments
from runtime.models import Acknowledgement, Ramp
from runtime.node.loader import LoadRefused
from runtime.ramps import services


class Follower:
    """Keeps one node at what the ramps say."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self._said: dict[int, int] = {}
        """By ramp: the revision last answered for."""
        self._deployments: dict[str, tuple[int, int]] = {}
        """By flow: ramp and deployment whose candidate this node runs."""
        self._caught_up = False

    async def read(self) -> list[Ramp]:
        """Return the ramps that are on; to be read before the deployments, so that a candidate
        that becomes the stable version in between is never missing from both."""
        found: list[Ramp] = await database_sync_to_async(services.all_active)()
        return found

    async def release(self, ramps: list[Ramp], stable: Mapping[str, str]) -> None:
        """Withdraw candidates whose ramp is over, before anything is compiled: it is urgent.

        `stable` is the digest wanted of each flow: a candidate that has become it stays until the
        node runs it as such, so that no call in between takes the old version.
        """
        on = {ramp.flow.name for ramp in ramps}
        for flow, (digest, _) in self.node.candidates().items():
            if flow not in on and digest != stable.get(flow):
                await self._withdraw(flow)

    async def follow(self, ramps: list[Ramp]) -> None:
        """Bring the node to these ramps; to be called after the stable versions are loaded."""
        on = {ramp.flow.name for ramp in ramps}
        for flow in set(self._deployments) - on:
            # It has become the stable version, for which the node has answered just now.
            self._forget(flow)
        for flow in set(self.node.candidates()) - on:
            await self.node.withdraw_ramp(flow)
        for ramp in ramps:
            if self._said.get(ramp.pk) != ramp.revision:
                await self._take(ramp)
        if not self._caught_up:
            await self._catch_up()

    async def _catch_up(self) -> None:
        """Answer for what was taken back while this node was not running."""

        def read() -> list[tuple[int, str]]:
            last = Acknowledgement.objects.filter(
                node=self.node.name,
                deployment__ramp__state=Ramp.State.BACK,
                digest=F("deployment__version__digest"),
            )
            return list(last.values_list("deployment", "deployment__flow__name"))

        for deployment, flow in await database_sync_to_async(read)():
            await self._answer(deployment, {"digest": self.node.deployed().get(flow, "")})
        self._caught_up = True

    async def _take(self, ramp: Ramp) -> None:
        flow, version = ramp.flow.name, ramp.deployment.version
        answer: dict[str, Any] = {"digest": version.digest}
        try:
            loaded = await self.node.ramp(
                flow,
                version.digest,
                version.text,
                services.rule_of(ramp),
                ramp.deployment.forced,
            )
            answer["milliseconds"] = loaded.milliseconds
        except LoadRefused as refused:
            answer["digest"] = self.node.deployed().get(flow, "")
            answer["error"] = refused.reason
        await self._answer(ramp.deployment_id, answer)
        self._said[ramp.pk] = ramp.revision
        self._deployments[flow] = ramp.pk, ramp.deployment_id

    async def _withdraw(self, flow: str) -> None:
        began = time.perf_counter()
        await self.node.withdraw_ramp(flow)
        milliseconds = (time.perf_counter() - began) * 1000
        known = self._deployments.get(flow)
        if known is not None:
            digest = self.node.deployed().get(flow, "")
            await self._answer(known[1], {"digest": digest, "milliseconds": milliseconds})
            self._forget(flow)

    def _forget(self, flow: str) -> None:
        ramp, _ = self._deployments.pop(flow)
        self._said.pop(ramp, None)

    async def _answer(self, deployment: int, answer: dict[str, Any]) -> None:
        await database_sync_to_async(deployments.acknowledge)(
            deployment_id=deployment, node=self.node.name, **answer
        )
