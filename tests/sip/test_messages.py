"""The tables of text messages against SIPp, in and out (RFC 3428)."""

import socket

import pytest

from runtime.node.routes import Route
from tests.runtime.node import nodes
from tests.runtime.node.nodes import Watcher, running
from tests.sip.scenario import callee, caller
from tests.sip.sipp import MISSING, SIPP, Sipp
from tests.sip.starters import events, open_to_all, starter, unhandled

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
FLOWS = [starter(name) for name in ("message_in", "message_out", "echo_test", "keep_alive")]
TEXT = "Content-Type: text/plain"


@pytest.fixture
async def node(tmp_path):
    # Calls and messages to one number are answered by different flows.
    routes = (("bob", "echo_test"), ("*", "message_in"))
    async with running(tmp_path, *FLOWS, routes=routes, link=nodes.no_media) as node:
        open_to_all(node)
        yield node


async def sent(node, *steps):
    peer = await Sipp(caller(*steps), remote=node.sip_address, service="bob").start()
    return await peer.finish()


async def test_a_text_is_taken(node):
    watcher = Watcher(node)
    result = await sent(node, ("> MESSAGE text", TEXT), "< 200")
    assert result.successful == 1, result
    assert await watcher.ended() == ["completed"]
    (step,) = nodes.steps(node)
    assert (step.event, step.fields["body"]) == ("ReceiveMESSAGE", "Hello there")
    assert step.published == ("MessageReceived",)


async def test_what_is_no_text_is_refused(node):
    watcher = Watcher(node)
    result = await sent(node, ("> MESSAGE text", "Content-Type: image/png"), "< 415")
    assert result.successful == 1, result
    assert await watcher.ended() == ["rejected"]


@pytest.mark.parametrize(
    ("routes", "code"), [((), "404"), ((("*", "echo_test"),), "405"), ((("*", "gone"),), "480")]
)
async def test_a_text_that_no_flow_takes_is_refused_without_a_session(node, routes, code):
    node.set_routes(Route(pattern, flow) for pattern, flow in routes)
    result = await sent(node, ("> MESSAGE text", TEXT), f"< {code}")
    assert result.successful == 1, result
    assert nodes.steps(node) == []


async def test_a_text_is_delivered(node):
    watcher = Watcher(node)
    peer = await Sipp(callee(("< MESSAGE", "Lunch[?]", TEXT), "> 202")).start()
    fields = {"target": f"sip:carol@127.0.0.1:{peer.port}", "body": "Lunch?"}
    node.begin("message_out", "SendMessage", fields)
    assert await watcher.ended() == ["completed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert events(node) == ["SendMessage", "MessageDelivered"] and unhandled(node) == []


@pytest.mark.parametrize(("code", "told"), [("603", "MessageFailed"), ("407", "AuthRequired")])
async def test_a_text_that_is_refused_has_failed(node, code, told):
    watcher = Watcher(node)
    challenge = ('Proxy-Authenticate: Digest realm="r", nonce="n"',) if code == "407" else ()
    peer = await Sipp(callee("< MESSAGE", (f"> {code}", *challenge))).start()
    fields = {"target": f"sip:carol@127.0.0.1:{peer.port}", "body": "Lunch?"}
    node.begin("message_out", "SendMessage", fields)
    assert await watcher.ended() == ["failed"]
    assert (await peer.finish()).successful == 1
    assert events(node)[:2] == ["SendMessage", told]


async def test_a_far_side_that_answers_is_there(node):
    watcher = Watcher(node)
    peer = await Sipp(callee(("< OPTIONS", "Accept: application/sdp"), "> 404")).start()
    target = {"target": f"sip:pbx@127.0.0.1:{peer.port}"}
    session = node.begin("keep_alive", "StartKeepAlive", target)
    await watcher.state("Reachable")
    assert (await peer.finish()).successful == 1
    node.send(session, "StopKeepAlive")
    assert await watcher.ended() == ["completed"]
    assert unhandled(node) == []


async def test_a_far_side_that_keeps_silent_is_not(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        target = {"target": f"sip:pbx@127.0.0.1:{silent.getsockname()[1]}"}
        flow = starter("keep_alive")
        async with running(tmp_path, flow, link=nodes.no_media, settings=nodes.quick) as node:
            watcher = Watcher(node)
            node.begin("keep_alive", "StartKeepAlive", target)
            await watcher.state("Unreachable")
            assert events(node) == ["StartKeepAlive", "RequestAnswered"]
