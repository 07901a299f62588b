"""The table `session_timer` against SIPp: refreshed by either side, ended when nobody does.

No interval is shorter than 90 seconds (RFC 4028 4), so the tests bring the stack's timers forward.
"""

import pytest

from tests.runtime.node import nodes
from tests.runtime.node.nodes import Watcher, running
from tests.sip.scenario import callee, caller
from tests.sip.sipp import MISSING, SIPP, Sipp
from tests.sip.starters import events, starter, unhandled

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
ROUTES = (("*", "session_timer"),)
ALLOW = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"
AGREED = "Session-Expires: 1800;refresher=uac"
ASKED = "Session-Expires: 1800"


@pytest.fixture
async def node(tmp_path):
    flow = starter("session_timer")
    async with running(tmp_path, flow, routes=ROUTES, link=nodes.no_media) as node:
        yield node


def pass_time(node, timer):
    """Let half of the interval ("S") or nearly all of it ("T") pass."""
    shell = node._signalling.shell
    (usage,) = shell.agent.usages.values()
    shell.agent.timers.start(usage.refresh, timer, shell.now())
    shell.flush()


async def placed(node, *steps):
    watcher = Watcher(node)
    peer = await Sipp(callee(*steps)).start()
    session = node.call("session_timer", f"sip:bob@127.0.0.1:{peer.port}")
    await watcher.state("Active")
    return watcher, session, peer


async def done(node, peer):
    result = await peer.finish()
    assert result.successful == 1, result
    assert unhandled(node) == []


async def test_an_interval_that_is_too_short_is_asked_for_anew_and_kept_by_update(node):
    watcher, session, peer = await placed(
        node,
        ("< INVITE", "Session-Expires: 1800"), ("> 422", "Min-SE: 3600"), "< ACK",
        ("< INVITE", "Session-Expires: 3600", "Min-SE: 3600"),
        ("> 200 sdp", ALLOW, "Require: timer", "Session-Expires: 3600;refresher=uac"), "< ACK",
        ("< UPDATE", "Session-Expires: 3600;refresher=uac"),
        ("> 200", "Require: timer", "Session-Expires: 3600;refresher=uac"),
        "< BYE", "> 200",
    )  # fmt: skip
    pass_time(node, "S")
    await watcher.until(lambda s, step, _: step.event == "UpdateAccepted")
    node.send(session, "HangupCall")
    assert await watcher.ended() == ["completed"]
    await done(node, peer)


async def test_a_refresh_that_finds_the_call_gone_ends_it(node):
    watcher, _, peer = await placed(
        node,
        "< INVITE", ("> 200 sdp", ALLOW, "Require: timer", AGREED), "< ACK",
        "< UPDATE", "> 481", "< BYE", "> 481",
    )  # fmt: skip
    pass_time(node, "S")
    assert await watcher.ended() == ["completed"]
    await done(node, peer)


async def test_a_far_side_without_update_is_refreshed_by_a_reinvite_and_expires(node):
    watcher, _, peer = await placed(
        node,
        "< INVITE", ("> 200 sdp", "Require: timer", AGREED, "Allow: INVITE, ACK, BYE"), "< ACK",
        ("< INVITE", "Session-Expires: 1800;refresher=uac"),
        ("> 200 sdp", "Require: timer", AGREED), "< ACK",
        "< BYE", "> 200",
    )  # fmt: skip
    pass_time(node, "S")
    await watcher.until(lambda s, step, _: step.from_state == "Reinviting")
    pass_time(node, "T")
    assert await watcher.ended() == ["completed"]
    assert "SessionExpired" in events(node)
    await done(node, peer)


async def test_called_we_refresh_when_the_caller_asks_us_to(node):
    watcher = Watcher(node)
    peer = await Sipp(
        caller(
            ("> INVITE sdp", ALLOW, "Supported: timer", "Session-Expires: 600;refresher=uas"),
            "< 100?", "< 180?", ("< 200", "Session-Expires: 600;refresher=uas"), "> ACK",
            ("< UPDATE", "Session-Expires: 600;refresher=uac"),
            ("> 200", "Require: timer", "Session-Expires: 600;refresher=uac"),
            ("> UPDATE", "Supported: timer", "Session-Expires: 600;refresher=uac"),
            ("< 200", "Session-Expires: 600;refresher=uac", "Require: timer"),
            "< BYE", "> 200",
        ),
        remote=node.sip_address,
    ).start()  # fmt: skip
    session = await watcher.state("Ringing")
    node.send(session.id, "AcceptCall")
    await watcher.state("Active")
    pass_time(node, "S")
    await watcher.until(lambda s, step, _: step.event == "UpdateReceived")
    pass_time(node, "T")
    assert await watcher.ended() == ["completed"]
    await done(node, peer)


async def test_a_caller_that_asks_for_too_little_is_told_the_least(node):
    asking = ("> INVITE sdp", "Supported: timer", "Session-Expires: 30")
    peer = await Sipp(
        caller(asking, "< 100?", ("< 422", "Min-SE: 90"), "> ACK"), remote=node.sip_address
    ).start()
    result = await peer.finish()
    assert result.successful == 1, result
    assert nodes.steps(node) == []
