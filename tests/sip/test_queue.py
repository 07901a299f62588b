"""The shipped queue: a softphone waits with a tone until an agent, who was busy, takes its call."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.runtime.media.sides import strongest
from tests.runtime.node.nodes import Watcher, running, steps
from tests.sip import baresip, sipp, transfers
from tests.sip.baresip import BARESIP, Baresip
from tests.sip.sipp import SIPP, Sipp

TABLES = Path(__file__).parents[2] / "state_tables"
OUTGOING = ("call_with_hold", (TABLES / "call_with_hold.yaml").read_text())
PATIENCE = 15.0

pytestmark = [
    pytest.mark.sipp,
    pytest.mark.skipif(SIPP is None, reason=sipp.MISSING),
    pytest.mark.skipif(BARESIP is None, reason=baresip.MISSING),
]


def queue(port: int) -> tuple[str, str]:
    """The table with an agent at a port, who is called again after half a second."""
    text = (TABLES / "queue.yaml").read_text()
    agents = text.replace("target: agents", f'target: "sip:agents@127.0.0.1:{port}"')
    return "queue", agents.replace("{after: 5s}", "{after: 500ms}")


async def hears(phone: Baresip, frequency: float) -> None:
    async with asyncio.timeout(PATIENCE):
        while strongest(phone.heard[-4000:]) != pytest.approx(frequency, abs=15):
            await asyncio.sleep(0.05)


async def test_a_caller_hears_a_tone_until_an_agent_is_free_and_then_the_agent(tmp_path):
    busy = await Sipp(transfers.refusing()).start()
    async with running(tmp_path, queue(busy.port), OUTGOING, routes=[("*", "queue")]) as node:
        watcher = Watcher(node)
        caller = await Baresip(f"/dial sip:100@127.0.0.1:{node.sip_address[1]}").start()
        try:
            await hears(caller, 440)
            await watcher.until(lambda s, step, d: step.event == "LinkedFailed")
            assert (await busy.finish()).successful == 1
            agent = await Baresip(answers=True, tone=1000.0, port=busy.port, user="agents").start()
            try:
                await watcher.until(lambda s, step, d: step.row_id == "bridged")
                await hears(caller, 1000)
                (owner,) = [each for each in node.sessions() if each.role == "UAS"]
                node.send(owner.id, "HangupCall")
                outcomes = await watcher.until(lambda s, step, d: s.id == owner.id and step.ended)
                assert outcomes[1].outcome == "completed"
            finally:
                await agent.stop()
        finally:
            await caller.stop()
        told = [step.event for step in steps(node, owner.id) if step.event.startswith("Linked")]
        assert told[0] == "LinkedFailed" and told[-1] == "LinkedAnswered"
