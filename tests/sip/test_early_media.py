"""The table `early_media` against SIPp: a tone before the answer, on both sides of a call."""

import pytest

from tests.runtime.node import nodes
from tests.runtime.node.nodes import Watcher, running
from tests.sip.scenario import callee, caller
from tests.sip.sipp import MISSING, SIPP, Sipp
from tests.sip.starters import events, starter, unhandled

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
ROUTES = (("*", "early_media"),)
RELIABLE = "Supported: 100rel"
HEARD = (RELIABLE.replace("Supported", "Require"), "RSeq: [0-9]", "a=sendrecv|m=audio")
PRACK = "RAck: [$rseq] 1 INVITE"


@pytest.fixture
async def node(tmp_path):
    async with running(tmp_path, starter("early_media"), routes=ROUTES) as node:
        yield node


async def begun(node, *steps):
    """Let SIPp call and be asked to wait; the session that rings."""
    watcher = Watcher(node)
    peer = await Sipp(caller(*steps), remote=node.sip_address).start()
    return watcher, await watcher.state("Ringing"), peer


async def test_a_caller_hears_a_tone_reliably_and_is_then_answered(node):
    watcher, session, peer = await begun(
        node,
        ("> INVITE sdp", RELIABLE), "< 100?", "< 180?", ("< 183 rseq", *HEARD),
        ("> PRACK", PRACK), "< 200", "< 200", "> ACK", "> BYE", "< 200",
    )  # fmt: skip
    node.send(session.id, "SendEarlyMedia")
    await watcher.state("Announcing")
    node.send(session.id, "AcceptCall")
    assert await watcher.ended() == ["completed"]
    result = await peer.finish()
    assert result.successful == 1, result
    finals = [w.data for w in nodes.wires(node) if w.data.startswith(b"SIP/2.0 200")]
    assert b"m=audio" not in finals[1] and b"1 INVITE" in finals[1]
    assert unhandled(node) == []


async def test_a_caller_that_hears_a_tone_is_sent_elsewhere(node):
    watcher, session, peer = await begun(
        node,
        ("> INVITE sdp", RELIABLE), "< 100?", "< 180?", "< 183 rseq", ("> PRACK", PRACK), "< 200",
        ("< 302", "Contact: <sip:desk@192[.]0[.]2[.]8>"), "> ACK",
    )  # fmt: skip
    node.send(session.id, "SendEarlyMedia")
    await watcher.state("Announcing")
    node.send(session.id, "RedirectCall", {"target": "sip:desk@192.0.2.8"})
    assert await watcher.ended() == ["failed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert unhandled(node) == []


async def test_a_caller_that_can_confirm_nothing_hears_the_tone_all_the_same(node):
    watcher, session, peer = await begun(
        node,
        "> INVITE sdp", "< 100?", "< 180?", ("< 183", "m=audio"), ("< 200", "m=audio"), "> ACK",
        "> BYE", "< 200",
    )  # fmt: skip
    node.send(session.id, "SendEarlyMedia")
    await watcher.state("Announcing")
    node.send(session.id, "AcceptCall")
    assert await watcher.ended() == ["completed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert unhandled(node) == []


async def test_we_confirm_each_reliable_answer_of_the_far_side(node):
    watcher = Watcher(node)
    reliable = "Require: 100rel"
    peer = await Sipp(
        callee(
            ("< INVITE", "Supported:.*100rel"),
            ("> 183 sdp", reliable, "RSeq: 7"),
            ("< PRACK", "RAck: 7 1 INVITE"),
            "> 200",
            ("> 180 invite", reliable, "RSeq: 8"),
            ("< PRACK", "RAck: 8 1 INVITE"),
            "> 200",
            "> 200 invite",
            "< ACK",
            "< BYE",
            "> 200",
        )
    ).start()
    session = node.call("early_media", f"sip:bob@127.0.0.1:{peer.port}")
    await watcher.state("Active")
    node.send(session, "HangupCall")
    assert await watcher.ended() == ["completed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert events(node).count("DialogReliableProgress") == 2
    assert unhandled(node) == []
