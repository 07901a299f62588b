"""The stack against SIPp, a real peer, over real sockets of the loopback address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.events import (
    AckReceived,
    CancelReceived,
    Happening,
    InviteReceived,
    RequestReceived,
    ResponseReceived,
)
from runtime.sip.transport.shell import Shell
from runtime.sip.usage import Usage
from tests.sip.sipp import MISSING, SIPP, Sipp, run_sipp

SCENARIOS = Path(__file__).parents[2] / "sip"

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
    b"t=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
)


class Ua:
    """A small user agent: answers what comes in, remembers what happened."""

    def __init__(self, shell_of: Callable[[Ua], Shell]) -> None:
        self.happenings: list[Happening] = []
        self.answers = True
        self.changed = asyncio.Event()
        self.shell = shell_of(self)

    def on_happening(self, happening: Happening) -> None:
        self.happenings.append(happening)
        self.changed.set()
        now = self.shell.now()
        match happening:
            case InviteReceived(usage=usage, transaction=transaction):
                usage.respond(transaction, 180, now=now)
                if self.answers:
                    usage.respond(transaction, 200, now=now, sdp=SDP)
            case CancelReceived(usage=usage, transaction=transaction):
                usage.respond(transaction, 487, now=now)
            case RequestReceived(usage=usage, transaction=transaction, method="INVITE" | "UPDATE"):
                usage.respond(transaction, 200, now=now, sdp=SDP)
            case RequestReceived(usage=usage, transaction=transaction, method="INFO" | "MESSAGE"):
                usage.respond(transaction, 200, now=now)
            case ResponseReceived(usage=usage, method="INVITE", code=200):
                usage.ack(now=now)

    async def call(self, sipp: Sipp) -> Usage:
        hop = await self.shell.resolve(f"sip:service@localhost:{sipp.port}")
        usage = self.shell.agent.invite(
            f"sip:service@127.0.0.1:{sipp.port}",
            caller="sip:tester@127.0.0.1",
            hop=hop,
            sdp=SDP,
            now=self.shell.now(),
        )
        self.shell.flush()
        return usage

    def count(self, kind: type) -> int:
        return sum(isinstance(happening, kind) for happening in self.happenings)

    async def until(self, condition: Callable[[], bool], timeout: float = 20) -> None:
        async with asyncio.timeout(timeout):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def user_agent(**settings: object) -> AsyncIterator[tuple[Ua, tuple[str, int]]]:
    agent = Agent(AgentSettings("n1-1", **settings))  # type: ignore[arg-type]
    ua = Ua(lambda ua: Shell(agent, on_happening=lambda happening: ua.on_happening(happening)))
    address = await ua.shell.listen_udp("127.0.0.1", 0)
    try:
        yield ua, address
    finally:
        await ua.shell.close()


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
        usages = [await ua.call(sipp) for _ in range(20)]
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
        usage = await ua.call(sipp)
        await ua.until(lambda: usage.established and not usage.ack_wanted)
        usage.bye(now=ua.shell.now())
        ua.shell.flush()
        await ua.until(lambda: any(getattr(h, "method", "") == "BYE" for h in ua.happenings))
        codes = [h.code for h in ua.happenings if isinstance(h, ResponseReceived)]
        assert codes == [180, 200, 200]
        result = await sipp.finish()
        assert (result.code, result.successful, result.failed) == (0, 1, 0), result
