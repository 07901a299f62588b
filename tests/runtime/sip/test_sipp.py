"""The stack against SIPp, a real peer, over real sockets of the loopback address."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.sip.events import (
    AckReceived,
    CancelReceived,
    InviteReceived,
    RequestReceived,
    ResponseReceived,
)
from tests.runtime.sip.useragent import user_agent
from tests.sip.sipp import MISSING, SIPP, Sipp, run_sipp

SCENARIOS = Path(__file__).parents[2] / "sip"

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]


async def test_the_stock_caller_makes_a_hundred_calls() -> None:
    async with user_agent() as (ua, address):
        result = await run_sipp("uac", remote=address, calls=100, rate=200, extra=["-d", "20"])
        assert (result.code, result.successful, result.failed) == (0, 100, 0), result
        assert ua.count(AckReceived) == 100
        assert not ua.shell.agent.usages and not ua.shell.agent.dialogs


async def test_calls_survive_the_loss_of_every_tenth_message() -> None:
    async with user_agent() as (ua, address):
        result = await run_sipp(
            "uac",
            remote=address,
            calls=30,
            rate=100,
            extra=["-lost", "10", "-d", "10", "-recv_timeout", "20000"],
        )
        assert (result.code, result.failed) == (0, 0), result
        assert ua.count(InviteReceived) == 30
        assert ua.shell.agent.counters["repeated_in"] + result.retransmissions > 0


async def test_callers_that_give_up_get_487() -> None:
    async with user_agent() as (ua, address):
        ua.answers = False
        result = await run_sipp(SCENARIOS / "cancel.xml", remote=address, calls=20, rate=100)
        assert (result.code, result.successful, result.failed) == (0, 20, 0), result
        assert ua.count(CancelReceived) == 20 and not ua.shell.agent.usages


async def test_callers_hold_and_send_digits_in_the_dialog() -> None:
    async with user_agent() as (ua, address):
        result = await run_sipp(SCENARIOS / "hold.xml", remote=address, calls=20, rate=100)
        assert (result.code, result.successful, result.failed) == (0, 20, 0), result
        assert ua.count(AckReceived) == 40 and ua.count(RequestReceived) == 60


async def test_our_calls_survive_the_loss_of_every_tenth_message() -> None:
    async with user_agent() as (ua, _):
        sipp = await Sipp("uas", calls=20, extra=["-lost", "10"]).start()
        usages = [await ua.call("service", sipp.port) for _ in range(20)]
        await ua.until(lambda: all(usage.established for usage in usages))
        for usage in usages:
            usage.bye(now=ua.shell.now())
        ua.shell.flush()
        await ua.until(lambda: not ua.shell.agent.usages)
        byes = [h for h in ua.happenings if getattr(h, "method", "") == "BYE"]
        assert [h.code for h in byes if isinstance(h, ResponseReceived)] == [200] * 20
        await sipp.stop()


async def test_we_call_the_stock_answerer() -> None:
    async with user_agent() as (ua, _):
        sipp = await Sipp("uas", calls=1).start()
        usage = await ua.call("service", sipp.port)
        await ua.until(lambda: usage.established and not usage.ack_wanted)
        usage.bye(now=ua.shell.now())
        ua.shell.flush()
        await ua.until(lambda: any(getattr(h, "method", "") == "BYE" for h in ua.happenings))
        codes = [h.code for h in ua.happenings if isinstance(h, ResponseReceived)]
        assert codes == [180, 200, 200]
        result = await sipp.finish()
        assert (result.code, result.successful, result.failed) == (0, 1, 0), result
