"""The shipped hunt: a desk, then a mobile phone through two gateways; each of them is SIPp."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime.node.trunks import Trunk
from tests.runtime.node.nodes import Watcher, running, steps
from tests.sip import sipp, transfers
from tests.sip.sipp import SIPP, Sipp

TABLES = Path(__file__).parents[2] / "state_tables"
OUTGOING = ("call_with_hold", (TABLES / "call_with_hold.yaml").read_text())
HUNT = (TABLES / "hunt.yaml").read_text()
BUSY, BROKEN = transfers.refusing(), transfers.refusing("503 Service Unavailable")

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=sipp.MISSING)]


@asynccontextmanager
async def group(folder, desk: str | None, *gateways: str, text: str = HUNT):
    """A node with a hunt group; each place plays a scenario, None for an empty desk."""
    peers = [await Sipp(scenario).start() for scenario in (desk, *gateways) if scenario]
    ports = [peer.port for peer in peers]
    desk_port = ports.pop(0) if desk is not None else 9
    text = text.replace("target: desk", f'target: "sip:desk@127.0.0.1:{desk_port}"')
    flows = (("hunt", text), OUTGOING)
    async with running(folder, *flows, routes=[("*", "hunt")]) as node:
        names = ("gateway-a", "gateway-b")
        node._signalling.trunks.replace(
            Trunk(name=name, host="127.0.0.1", port=port)
            for name, port in zip(names, ports, strict=False)
        )
        yield node, Watcher(node), peers


async def called(node) -> sipp.SippResult:
    return await sipp.run_sipp("uac", remote=node.sip_address)


def failures(node) -> list[int]:
    return [step.fields["code"] for step in steps(node) if step.event == "LinkedFailed"]


async def test_whoever_is_at_the_desk_answers(tmp_path):
    async with group(tmp_path, transfers.answering()) as (node, watcher, peers):
        assert (await called(node)).successful == 1
        assert await watcher.ended(2) == ["completed"] * 2
        assert (await peers[0].finish()).successful == 1


async def test_a_busy_desk_leads_to_the_mobile_phone_and_a_broken_gateway_to_the_next(tmp_path):
    places = (BUSY, BROKEN, transfers.answering("INVITE sip:mobile@"))
    async with group(tmp_path, *places) as (node, watcher, peers):
        caller = await called(node)
        assert caller.successful == 1, caller
        assert failures(node) == [486, 503]
        assert sorted(await watcher.ended(4)) == ["completed", "completed", "failed", "failed"]
        for peer in peers:
            result = await peer.finish()
            assert result.successful == 1, result


async def test_a_desk_that_does_not_answer_is_left_for_the_mobile_phone(tmp_path):
    text = HUNT.replace("{after: 20s}", "{after: 200ms}")
    places = (transfers.ringing(), transfers.answering())
    async with group(tmp_path, *places, text=text) as (node, watcher, peers):
        caller = await called(node)
        assert caller.successful == 1, caller
        assert failures(node) == [487]
        await watcher.ended(3)
        for peer in peers:
            result = await peer.finish()
            assert result.successful == 1, result


async def test_a_busy_mobile_phone_is_the_end_of_it(tmp_path):
    async with group(tmp_path, BUSY, BUSY) as (node, watcher, peers):
        caller = await called(node)
        assert caller.failed == 1 and "486" in caller.errors, caller
        assert await watcher.ended(3) == ["failed"] * 3
        for peer in peers:
            await peer.finish()
