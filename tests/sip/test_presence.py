"""The tables of presence against SIPp: watched, told, published (RFC 6665, RFC 3903)."""

import pytest

from runtime.node.journal import WireRecord
from tests.runtime.node import nodes
from tests.runtime.node.nodes import Watcher, running
from tests.sip.scenario import callee, caller
from tests.sip.sipp import MISSING, SIPP, Sipp
from tests.sip.starters import events, open_to_all, starter, unhandled

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
NAMES = ("presence_watcher", "presence_notifier", "presence_publisher", "publication_in")
FLOWS = [starter(name) for name in NAMES]
PIDF = "application/pidf+xml"
ACTIVE = ("Event: presence", "Subscription-State: active;expires=600", f"Content-Type: {PIDF}")
OVER = ("Event: presence", "Subscription-State: terminated;reason=timeout")


@pytest.fixture
async def node(tmp_path):
    # Who subscribes and who publishes are served by different flows.
    routes = (("service", "presence_notifier"), ("*", "publication_in"))
    async with running(tmp_path, *FLOWS, routes=routes, link=nodes.no_media) as node:
        open_to_all(node)
        yield node


async def test_a_state_is_watched_and_let_go(node):
    watcher = Watcher(node)
    steps = (
        ("< SUBSCRIBE", "Event: presence", "Expires: 600"),
        ("> 200", "Expires: 600"),
        ("> NOTIFY text", *ACTIVE),
        "< 200",
        ("< SUBSCRIBE", "Expires: 0", r"To: [^\r\n]*;tag="),
        ("> 200", "Expires: 0"),
        ("> NOTIFY", *OVER),
        "< 200",
    )
    peer = await Sipp(callee(*steps)).start()
    fields = {"target": f"sip:bob@127.0.0.1:{peer.port}", "event": "presence", "expires": 600}
    session = node.begin("presence_watcher", "StartSubscription", fields)
    told = await watcher.until(lambda s, step, _: step.event == "ReceiveNOTIFY")
    assert told[1].fields["body"] == "Hello there" and told[1].fields["content_type"] == PIDF
    await watcher.state("Subscribed")
    node.send(session, "UnsubscribeRequest")
    assert await watcher.ended() == ["completed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert unhandled(node) == []


async def test_a_subscriber_is_told_at_once_and_what_is_new(node):
    watcher = Watcher(node)
    steps = (
        ("> SUBSCRIBE", "Event: presence", "Expires: 600"),
        ("< 200", "Expires: 600", "Contact: <sip:"),
        ("< NOTIFY", "Subscription-State: active;expires=600"),
        "> 200",
        ("< NOTIFY", "Content-Type: application.pidf.xml", "online"),
        "> 200",
        ("> SUBSCRIBE", "Event: presence", "Expires: 0"),
        ("< 200", "Expires: 0"),
        ("< NOTIFY", "Subscription-State: terminated;reason=timeout", "online"),
        "> 200",
    )
    peer = await Sipp(caller(*steps), remote=node.sip_address).start()
    session = await watcher.state("Subscribed")
    node.send(session.id, "SendNOTIFY", {"content_type": PIDF, "body": "<online/>"})
    assert await watcher.ended() == ["completed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert events(node).count("SubscriptionRequested") == 2 and unhandled(node) == []


async def test_a_subscriber_who_is_gone_ends_the_subscription(node):
    watcher = Watcher(node)
    steps = (
        ("> SUBSCRIBE", "Event: presence", "Expires: 600"),
        "< 200",
        "< NOTIFY",
        "> 481",
    )
    peer = await Sipp(caller(*steps), remote=node.sip_address).start()
    assert await watcher.ended() == ["failed"]
    assert (await peer.finish()).successful == 1
    assert events(node) == ["SubscriptionRequested", "SubscriptionFailed"]


@pytest.mark.parametrize("event", ["message-summary", "weather"])
async def test_an_event_that_nobody_tells_is_refused(node, event):
    refused = caller(("> SUBSCRIBE", f"Event: {event}", "Expires: 600"), ("< 489", "Allow-Events:"))
    peer = await Sipp(refused, remote=node.sip_address).start()
    result = await peer.finish()
    assert result.successful == 1, result


async def test_a_state_is_published_changed_and_taken_back(node):
    watcher = Watcher(node)
    steps = (
        ("< PUBLISH", "Event: presence", "<open/>"),
        ("> 423", "Min-Expires: 7200"),
        ("< PUBLISH", "Expires: 7200", "<open/>"),
        ("> 200", "SIP-ETag: one", "Expires: 7200"),
        ("< PUBLISH", "SIP-If-Match: one", "<closed/>"),
        ("> 200", "SIP-ETag: two", "Expires: 7200"),
        ("< PUBLISH", "SIP-If-Match: two", "Expires: 0"),
        ("> 200", "SIP-ETag: two", "Expires: 0"),
    )
    peer = await Sipp(callee(*steps)).start()
    target = {"target": f"sip:bob@127.0.0.1:{peer.port}", "content_type": PIDF}
    session = node.begin("presence_publisher", "PublishState", {**target, "body": "<open/>"})
    await watcher.state("Published")
    node.send(session, "PublishState", {"content_type": PIDF, "body": "<closed/>"})
    accepted = "PublicationAccepted"
    await watcher.until(lambda s, step, _: events(node).count(accepted) == 2)
    node.send(session, "UnpublishState")
    assert await watcher.ended() == ["completed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert unhandled(node) == []


async def test_a_subscription_is_no_call_that_anybody_waits_for(tmp_path):
    routes, life = (("*", "presence_notifier"),), {"max_life": 0.05}
    async with running(tmp_path, *FLOWS, routes=routes, link=nodes.no_media, config=life) as node:
        open_to_all(node)
        watcher = Watcher(node)
        told = ("Subscription-State: terminated;reason=noresource",)
        steps = (
            ("> SUBSCRIBE", "Event: presence", "Expires: 600"),
            "< 200",
            ("< NOTIFY", "Subscription-State: active"),
            "> 200",
            ("< NOTIFY", *told),
            "> 200",
        )
        peer = await Sipp(caller(*steps), remote=node.sip_address).start()
        session = await watcher.state("Subscribed")
        await node.drained()
        assert not session.ended
        await node.stop()
        assert await watcher.ended() == ["shutdown"]
        result = await peer.finish()
        assert result.successful == 1, result


async def test_all_messages_of_a_subscription_stand_in_its_record(node):
    watcher = Watcher(node)
    steps = (("> SUBSCRIBE", "Event: presence", "Expires: 0"), "< 200", "< NOTIFY", "> 200")
    peer = await Sipp(caller(*steps), remote=node.sip_address).start()
    assert await watcher.ended() == ["completed"]
    assert (await peer.finish()).successful == 1
    await node.stop()
    wire = [record for record in nodes.journal(node) if isinstance(record, WireRecord)]
    kinds = [(record.direction, record.data.split(b" ", 2)[0]) for record in wire]
    assert kinds == [
        ("in", b"SUBSCRIBE"),
        ("out", b"SIP/2.0"),
        ("out", b"NOTIFY"),
        ("in", b"SIP/2.0"),
    ]
    assert {record.session for record in wire} == {watcher.heard[0][0].id}


async def test_a_published_state_is_taken(node):
    watcher = Watcher(node)
    headers = ("Event: presence", "Expires: 60", f"Content-Type: {PIDF}")
    tagged = ("< 200", "SIP-ETag: [0-9a-f]", "Expires: 60")
    peer = await Sipp(caller(("> PUBLISH text", *headers), tagged), remote=node.sip_address).start()
    result = await peer.finish()
    assert result.successful == 1, result
    assert await watcher.ended() == ["completed"]
    assert nodes.steps(node)[0].fields["body"] == "Hello there"


@pytest.mark.parametrize(
    ("event", "more", "code"),
    [("presence", "SIP-If-Match: forged", 412), ("dialog", "X-A: b", 489)],
)
async def test_a_state_that_is_not_ours_is_not_taken(node, event, more, code):
    headers = (f"Event: {event}", more, f"Content-Type: {PIDF}")
    steps = (("> PUBLISH text", *headers), f"< {code}")
    result = await (await Sipp(caller(*steps), remote=node.sip_address).start()).finish()
    assert result.successful == 1, result
