"""The table `call_with_hold` against SIPp: held and resumed by either side, refused, crossed."""

import pytest

from tests.runtime.node.nodes import Watcher, running
from tests.sip.scenario import callee, caller
from tests.sip.sipp import MISSING, SIPP, Sipp
from tests.sip.starters import events, starter, unhandled

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
ROUTES = (("*", "call_with_hold"),)
ANSWERED = ("> INVITE sdp", "< 100?", "< 180?", "< 200", "> ACK")
ENDED = ("> BYE", "< 200")


@pytest.fixture
async def node(tmp_path):
    async with running(tmp_path, starter("call_with_hold"), routes=ROUTES) as node:
        yield node


async def taken(node, *steps):
    """Let SIPp call, accept the call, and wait until both talk."""
    watcher = Watcher(node)
    peer = await Sipp(caller(*ANSWERED, *steps), remote=node.sip_address).start()
    session = await watcher.state("Ringing")
    node.send(session.id, "AcceptCall")
    await watcher.state("Active")
    return watcher, session.id, peer


async def done(node, watcher, peer):
    assert await watcher.ended() == ["completed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert unhandled(node) == []


@pytest.mark.parametrize(
    ("asked", "answered"),
    [("sendonly", "a=recvonly"), ("inactive", "a=inactive"), ("hold", "a=(recvonly|inactive)")],
)
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
async def test_the_far_side_holds_and_resumes(node, method, asked, answered):
    ack = ("> ACK",) if method == "INVITE" else ()
    watcher, _, peer = await taken(
        node,
        f"> {method} {asked}", "< 100?", ("< 200", answered), *ack,
        f"> {method} sendrecv", "< 100?", ("< 200", "m=audio"), *ack,
        *ENDED,
    )  # fmt: skip
    await watcher.state("HeldByPeer")
    await done(node, watcher, peer)
    published = [name for _, step, _ in watcher.heard for name in step.published]
    assert published.count("CallOnHold") == published.count("CallResumed") == 1


async def test_the_far_side_asks_for_our_offer(node):
    watcher, _, peer = await taken(
        node, "> INVITE", "< 100?", ("< 200", "m=audio"), "> ACK sdp", *ENDED
    )
    await done(node, watcher, peer)


async def test_a_hold_that_is_refused_leaves_the_call_and_the_next_one_holds(node):
    watcher, session, peer = await taken(
        node,
        ("< INVITE", "a=sendonly"), "> 488", "< ACK",
        ("< INVITE", "a=sendonly"), "> 200 recvonly", "< ACK",
        ("< INVITE", "m=audio"), "> 200 sendrecv", "< ACK",
        "< BYE", "> 200",
    )  # fmt: skip
    node.send(session, "HoldCall")
    await watcher.until(lambda s, step, _: step.event == "Dialog4xxFailure")
    node.send(session, "HoldCall")
    await watcher.state("OnHold")
    node.send(session, "ResumeCall")
    await watcher.until(lambda s, step, _: "CallResumed" in step.published)
    node.send(session, "HangupCall")
    await done(node, watcher, peer)


async def test_two_holds_that_cross_are_both_refused_and_ours_is_tried_again(node):
    watcher, session, peer = await taken(
        node,
        ("< INVITE", "a=sendonly"), "> INVITE sendonly", "< 100?", "< 491", "> ACK",
        "> 491 invite", "< ACK", ("< INVITE", "a=sendonly"), "> 200 recvonly", "< ACK",
        "< BYE", "> 200",
    )  # fmt: skip
    node.send(session, "HoldCall")
    await watcher.state("OnHold")
    assert "ReinviteGlare" in events(node) and "ReinviteReceived" in events(node)
    node.send(session, "HangupCall")
    await done(node, watcher, peer)


async def test_our_call_is_held_by_us_while_the_far_side_refuses_at_first_with_491(node):
    watcher = Watcher(node)
    peer = await Sipp(
        callee(
            "< INVITE", "> 200 sdp", "< ACK",
            "< INVITE", "> 491", "< ACK", ("< INVITE", "a=sendonly"), "> 200 recvonly", "< ACK",
            "< BYE", "> 200",
        )
    ).start()  # fmt: skip
    session = node.call("call_with_hold", f"sip:bob@127.0.0.1:{peer.port}")
    await watcher.state("Active")
    node.send(session, "HoldCall")
    await watcher.state("OnHold")
    node.send(session, "HangupCall")
    await done(node, watcher, peer)
