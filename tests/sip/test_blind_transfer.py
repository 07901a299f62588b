"""The shipped blind_transfer with three peers: who is transferred, who transfers, who is called."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.runtime.node.nodes import Watcher, running, steps
from tests.sip import baresip, sipp, transfers
from tests.sip.baresip import BARESIP, Baresip
from tests.sip.sipp import SIPP, Sipp

TABLES = Path(__file__).parents[2] / "state_tables"
TRANSFER = ("blind_transfer", (TABLES / "blind_transfer.yaml").read_text())
OWNER = "sip:boss@example.com"

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=sipp.MISSING)]


@asynccontextmanager
async def answering(folder, **config):
    """A node that takes every call at once, as a person would."""
    async with running(folder, TRANSFER, routes=[("*", TRANSFER[0])], config=config) as node:
        watcher = Watcher(node)

        def accept(session, step, done):
            if step.event == "IncomingCall":
                asyncio.get_running_loop().call_soon(node.send, session.id, "AcceptCall")

        node.listeners.add(accept)
        yield node, watcher


async def test_who_sends_us_away_hears_how_it_goes_and_is_let_go(tmp_path):
    target = await Sipp(transfers.answering(f"Referred-By: .{OWNER}")).start()
    async with answering(tmp_path, refer_anywhere=True) as (node, watcher):
        scenario = transfers.referring(
            f"sip:third@127.0.0.1:{target.port}", (100, 180, 200), hangs_up=False,
            headers=f"Referred-By: <{OWNER}>\n",
        )  # fmt: skip
        caller = await sipp.run_sipp(scenario, remote=node.sip_address)
        assert (caller.successful, caller.failed) == (1, 0), caller
        assert await watcher.ended() == ["completed"]
        # The new call goes on alone.
        (line,) = node.sessions()
        assert (line.role, line.state) == ("UAC", "Active")
        node.send(line.id, "HangupCall")
        assert await watcher.ended(2) == ["completed", "completed"]
        assert (await target.finish()).successful == 1


async def test_a_transfer_that_fails_leads_back_to_the_call(tmp_path):
    target = await Sipp(transfers.refusing()).start()
    async with answering(tmp_path, refer_anywhere=True) as (node, watcher):
        scenario = transfers.referring(
            f"sip:third@127.0.0.1:{target.port}", (100, 486), hangs_up=True
        )
        caller = await sipp.run_sipp(scenario, remote=node.sip_address)
        assert (caller.successful, caller.failed) == (1, 0), caller
        assert sorted(await watcher.ended(2)) == ["completed", "failed"]
        assert [s.to_state for s in steps(node) if s.event == "LinkedFailed"] == ["Active"]
    await target.finish()


async def test_nobody_sends_us_to_a_stranger_unless_a_setting_allows_it(tmp_path):
    async with answering(tmp_path) as (node, watcher):
        scenario = transfers.refused("sip:premium@elsewhere.example", 403)
        caller = await sipp.run_sipp(scenario, remote=node.sip_address)
        assert (caller.successful, caller.failed) == (1, 0), caller
        assert await watcher.ended() == ["completed"]
        assert not [step for step in steps(node) if step.event == "TransferRequested"]


@pytest.mark.skipif(BARESIP is None, reason=baresip.MISSING)
@pytest.mark.parametrize("reached", [True, False])
async def test_a_softphone_is_sent_to_somebody_else(tmp_path, reached):
    scenario = transfers.answering() if reached else transfers.refusing()
    target = await Sipp(scenario).start()
    async with answering(tmp_path) as (node, watcher):
        dial = f"/dial sip:100@127.0.0.1:{node.sip_address[1]}"
        phone = await Baresip(dial).start()
        try:
            session = await watcher.state("Active")
            away = f"sip:third@127.0.0.1:{target.port}"
            node.send(session.id, "BlindTransfer", {"target": away})
            told = "TransferSuccess" if reached else "TransferFailed"
            await watcher.until(lambda s, step, d: step.event == told)
            if not reached:
                assert session.state == "Active"
                node.send(session.id, "HangupCall")
            assert await watcher.ended() == ["completed"]
        finally:
            await phone.stop()
    result = await target.finish()
    assert result.successful == 1, result
