"""The stack against baresip, a softphone that keeps its own dialogs."""

from __future__ import annotations

import pytest

from runtime.sip.events import AckReceived, InviteReceived, ResponseReceived
from tests.runtime.sip.useragent import Ua, user_agent
from tests.sip.baresip import BARESIP, MISSING, Baresip

pytestmark = pytest.mark.skipif(BARESIP is None, reason=MISSING)


async def hang_up(ua: Ua) -> None:
    """End the one call there is, after it was held and taken back by a re-INVITE."""
    (usage,) = ua.shell.agent.usages.values()
    usage.reinvite(now=ua.shell.now(), sdp=ua.sdp(direction="sendonly"))
    ua.shell.flush()
    await ua.until(
        lambda: any(isinstance(h, ResponseReceived) and h.reinvite for h in ua.happenings)
    )
    assert usage.established and not usage.ack_wanted
    usage.bye(now=ua.shell.now())
    ua.shell.flush()
    await ua.until(lambda: not ua.shell.agent.usages)
    codes = {h.method: h.code for h in ua.happenings if isinstance(h, ResponseReceived)}
    assert codes["BYE"] == 200


async def test_a_softphone_calls_and_we_hang_up() -> None:
    async with user_agent() as (ua, (_, port)):
        phone = await Baresip(f"/dial sip:service@127.0.0.1:{port}").start()
        try:
            await ua.until(lambda: ua.count(AckReceived) == 1)
            assert ua.count(InviteReceived) == 1
            await hang_up(ua)
        finally:
            await phone.stop()


async def test_a_softphone_answers_our_call() -> None:
    async with user_agent() as (ua, _):
        phone = await Baresip(answers=True).start()
        try:
            usage = await ua.call("phone", phone.port)
            await ua.until(lambda: usage.established and not usage.ack_wanted)
            await hang_up(ua)
        finally:
            await phone.stop()
