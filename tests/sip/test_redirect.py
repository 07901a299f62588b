"""The table `redirect` against SIPp: calls that are sent elsewhere, and callers that are."""

import pytest

from runtime.sip.events import InviteReceived
from tests.runtime.node import nodes
from tests.runtime.node.nodes import Peer, Watcher, running
from tests.sip.scenario import callee, caller
from tests.sip.sipp import MISSING, SIPP, Sipp
from tests.sip.starters import events, starter, unhandled

needs_sipp = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
REDIRECT = starter("redirect")
ROUTES = (("*", "redirect"),)


@pytest.fixture
async def node(tmp_path):
    async with running(tmp_path, REDIRECT, routes=ROUTES, link=nodes.no_media) as node:
        yield node


@needs_sipp[0]
@needs_sipp[1]
async def test_a_call_goes_where_it_is_sent(node):
    watcher = Watcher(node)
    goal = await Sipp("uas").start()
    contact = f"Contact: <sip:far@127.0.0.1:1>;q=0.1, <sip:carol@127.0.0.1:{goal.port}>"
    first = await Sipp(callee("< INVITE", ("> 302", contact), "< ACK")).start()
    session = node.call("redirect", f"sip:bob@127.0.0.1:{first.port}")
    await watcher.state("Active")
    node.send(session, "HangupCall")
    assert await watcher.ended() == ["completed"]
    for peer in (await first.finish(), await goal.finish()):
        assert peer.successful == 1, peer
    assert events(node)[:3] == ["MakeCall", "Dialog3xxRedirect", "Dialog180Ringing"]
    assert unhandled(node) == []


@needs_sipp[0]
@needs_sipp[1]
async def test_the_next_address_is_tried_when_the_best_one_is_busy(node):
    watcher = Watcher(node)
    goal = await Sipp("uas").start()
    busy = await Sipp(callee("< INVITE", "> 486", "< ACK")).start()
    contact = f"Contact: <sip:a@127.0.0.1:{busy.port}>, <sip:b@127.0.0.1:{goal.port}>"
    first = await Sipp(callee("< INVITE", ("> 300", contact), "< ACK")).start()
    session = node.call("redirect", f"sip:bob@127.0.0.1:{first.port}")
    await watcher.state("Active")
    node.send(session, "HangupCall")
    assert await watcher.ended() == ["completed"]
    for peer in (await first.finish(), await busy.finish(), await goal.finish()):
        assert peer.successful == 1, peer
    assert unhandled(node) == []


@needs_sipp[0]
@needs_sipp[1]
async def test_a_ringing_caller_is_sent_elsewhere(node):
    watcher = Watcher(node)
    contact = r"Contact: <sip:carol@192[.]0[.]2[.]7>;q=1[.]0, <sip:desk@192[.]0[.]2[.]8>"
    steps = ("> INVITE sdp", "< 100?", "< 180", ("< 302", contact), "> ACK")
    ringing = await Sipp(caller(*steps), remote=node.sip_address).start()
    session = await watcher.state("Ringing")
    target = "sip:carol@192.0.2.7, sip:desk@192.0.2.8"
    node.send(session.id, "RedirectCall", {"target": target})
    assert await watcher.ended() == ["failed"]
    result = await ringing.finish()
    assert result.successful == 1, result
    assert unhandled(node) == []


async def test_a_call_is_sent_on_five_times_and_not_a_sixth(node):
    watcher = Watcher(node)
    async with Peer.open() as peer:
        node.call("redirect", f"sip:0@127.0.0.1:{peer.address[1]}")
        for hop in range(6):
            invite = await peer.until(InviteReceived)
            assert invite.request.uri.user == str(hop)
            peer.happened.clear()
            contact = f"<sip:{hop + 1}@127.0.0.1:{peer.address[1]}>"
            invite.usage.respond(
                invite.transaction, 302, headers=[("Contact", contact)], now=peer.shell.now()
            )
            peer.shell.flush()
        assert await watcher.ended() == ["failed"]
    assert unhandled(node) == []


async def test_a_call_that_is_sent_back_ends(node):
    watcher = Watcher(node)
    async with Peer.open() as peer:
        target = f"sip:bob@127.0.0.1:{peer.address[1]}"
        node.call("redirect", target)
        invite = await peer.until(InviteReceived)
        headers = [("Contact", f"<{target}>")]
        invite.usage.respond(invite.transaction, 301, headers=headers, now=peer.shell.now())
        peer.shell.flush()
        assert await watcher.ended() == ["failed"]
    assert unhandled(node) == []
