"""The shipped b2bua between two phones that are not ours: baresip with sound, SIPp for the rest."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.runtime.media.sides import strongest
from tests.runtime.node.nodes import Watcher, running, steps
from tests.sip import baresip, sipp
from tests.sip.baresip import BARESIP, Baresip
from tests.sip.sipp import SIPP, Sipp

TABLES = Path(__file__).parents[2] / "state_tables"
OUTGOING = ("attended_transfer", (TABLES / "attended_transfer.yaml").read_text())
CALLER_TONE, CALLEE_TONE = 440.0, 1000.0
PATIENCE = 15.0
BUSY = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="busy">
  <recv request="INVITE"/>
  <send><![CDATA[
SIP/2.0 486 Busy Here
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <recv request="ACK"/>
</scenario>"""


def towards(port: int) -> tuple[str, str]:
    """The table, calling a peer on a port in the place of whom the caller dialled."""
    text = (TABLES / "b2bua.yaml").read_text()
    return "b2bua", text.replace("target: event.called", f'target: "sip:desk@127.0.0.1:{port}"')


async def hears(phone: Baresip, frequency: float) -> None:
    """Wait until a phone heard a frequency for half a second."""
    async with asyncio.timeout(PATIENCE):
        while strongest(phone.heard[-4000:]) != pytest.approx(frequency, abs=15):
            await asyncio.sleep(0.05)


@pytest.mark.skipif(BARESIP is None, reason=baresip.MISSING)
async def test_two_softphones_hear_each_other_and_both_legs_end(tmp_path):
    callee = await Baresip(answers=True, tone=CALLEE_TONE, user="desk").start()
    try:
        async with running(
            tmp_path, towards(callee.port), OUTGOING, routes=[("*", "b2bua")]
        ) as node:
            watcher = Watcher(node)
            dial = f"/dial sip:100@127.0.0.1:{node.sip_address[1]}"
            caller = await Baresip(dial, tone=CALLER_TONE).start()
            try:
                await watcher.state("Bridged")
                await asyncio.gather(hears(callee, CALLER_TONE), hears(caller, CALLEE_TONE))
                (owner,) = [each for each in node.sessions() if each.role == "UAS"]
                node.send(owner.id, "HangupCall")
                assert await watcher.ended(2) == ["completed", "completed"]
            finally:
                await caller.stop()
    finally:
        await callee.stop()


@pytest.mark.skipif(SIPP is None, reason=sipp.MISSING)
async def test_twenty_calls_go_through_to_an_answerer(tmp_path):
    callee = await Sipp("uas", calls=20).start()
    async with running(tmp_path, towards(callee.port), OUTGOING, routes=[("*", "b2bua")]) as node:
        watcher = Watcher(node)
        caller = await Sipp("uac", remote=node.sip_address, calls=20, rate=20).start()
        answered, called = await asyncio.gather(caller.finish(), callee.finish())
        assert (answered.successful, answered.failed) == (20, 0), answered
        assert (called.successful, called.failed) == (20, 0), called
        assert await watcher.ended(40) == ["completed"] * 40
        assert node.session_count == 0 and not node._signalling.agent.usages


@pytest.mark.skipif(SIPP is None, reason=sipp.MISSING)
async def test_a_busy_callee_makes_the_caller_hear_busy(tmp_path):
    callee = await Sipp(BUSY, calls=1).start()
    async with running(tmp_path, towards(callee.port), OUTGOING, routes=[("*", "b2bua")]) as node:
        caller = await sipp.run_sipp("uac", remote=node.sip_address, calls=1)
        assert caller.failed == 1 and "486" in caller.errors, caller
        (failed,) = [step for step in steps(node) if step.event == "LinkedFailed"]
        assert failed.fields["code"] == 486
    await callee.finish()
