"""The table `basic_call` against baresip: muted and unmuted, keys pressed on both sides."""

import pytest

from tests.runtime.node.nodes import Watcher, running
from tests.sip.baresip import BARESIP, MISSING, Baresip
from tests.sip.starters import starter, unhandled

pytestmark = pytest.mark.skipif(BARESIP is None, reason=MISSING)


@pytest.fixture
async def node(tmp_path):
    async with running(tmp_path, starter("basic_call")) as node:
        yield node


async def test_a_person_mutes_and_unmutes_and_both_sides_press_keys(node):
    watcher = Watcher(node)
    phone = await Baresip(answers=True, tone=440).start()
    try:
        session = node.call("basic_call", f"sip:phone@127.0.0.1:{phone.port}")
        await watcher.state("Active")
        await watcher.until(lambda s, step, _: step.event == "MediaFlowEstablished")
        for act, told in (("MuteCall", "CallMuted"), ("UnmuteCall", "CallUnmuted")):
            node.send(session, act)
            _, _, done = await watcher.until(lambda s, step, _, t=told: t in step.published)
            assert [result.ok for result in done.results] == [True]
        node.send(session, "SendDTMF", {"digits": "5#"})
        await phone.says("'5'")
        await phone.says("'#'")
        for key in "7*":
            phone.press(key)
            await watcher.until(
                lambda s, step, _, key=key: (
                    step.event == "DtmfDetected" and step.fields["digit"] == key
                )
            )
        node.send(session, "HangupCall")
        assert await watcher.ended() == ["completed"]
    finally:
        await phone.stop()
    assert unhandled(node) == []
