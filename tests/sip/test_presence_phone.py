"""The tables of presence and messages against a softphone."""

import pytest

from runtime.node.journal import WireRecord
from tests.runtime.node import nodes
from tests.runtime.node.nodes import Watcher, running
from tests.sip.baresip import BARESIP, MISSING, Baresip
from tests.sip.starters import events, open_to_all, starter, unhandled

pytestmark = pytest.mark.skipif(BARESIP is None, reason=MISSING)
NAMES = ("presence_notifier", "presence_watcher", "message_in", "message_out")
PRESENCE = "module_app contact.so\nmodule_app presence.so"
PIDF = "application/pidf+xml"
OPEN = """<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:desk@h">
<tuple id="t1"><status><basic>open</basic></status></tuple></presence>"""


@pytest.fixture
async def node(tmp_path):
    flows = [starter(name) for name in NAMES]
    routes = (("desk", "presence_notifier"), ("*", "message_in"))
    async with running(tmp_path, *flows, routes=routes, link=nodes.no_media) as node:
        open_to_all(node)
        yield node


async def test_a_phone_follows_our_state_until_it_is_switched_off(node):
    watcher = Watcher(node)
    host, port = node.sip_address
    desk = f'"Desk" <sip:desk@{host}:{port}>;presence=p2p\n'
    phone = await Baresip(settings=PRESENCE, contacts=desk).start()
    try:
        session = await watcher.state("Subscribed")
        node.send(session.id, "SendNOTIFY", {"content_type": PIDF, "body": OPEN})
        await watcher.until(lambda s, step, _: step.event == "SendNOTIFY")
    finally:
        await phone.stop()
    assert await watcher.ended() == ["completed"]
    answers = [
        record.data.split(b" ", 2)[1]
        for record in nodes.journal(node)
        if isinstance(record, WireRecord)
        and record.direction == "in"
        and b" NOTIFY\r\n" in record.data
    ]
    assert answers and set(answers) == {b"200"}
    assert unhandled(node) == []


async def test_the_state_of_a_phone_is_followed(node):
    watcher = Watcher(node)
    phone = await Baresip(settings=PRESENCE).start()
    try:
        fields = {"target": f"sip:phone@127.0.0.1:{phone.port}", "event": "presence"}
        session = node.begin("presence_watcher", "StartSubscription", fields)
        told = await watcher.until(lambda s, step, _: step.event == "ReceiveNOTIFY")
        assert told[1].fields["content_type"] == PIDF and "<presence" in told[1].fields["body"]
        await watcher.state("Subscribed")
        node.send(session, "UnsubscribeRequest")
        assert await watcher.ended() == ["completed"]
    finally:
        await phone.stop()
    assert unhandled(node) == []


async def test_texts_go_to_a_phone_and_come_from_it(node):
    watcher = Watcher(node)
    host, port = node.sip_address
    bob = f"sip:bob@{host}:{port}"
    contacts = f'"Bob" <{bob}>\n'
    phone = Baresip(f"/message {bob} Hello", settings="module_app contact.so", contacts=contacts)
    await phone.start()
    try:
        fields = {"target": f"sip:phone@127.0.0.1:{phone.port}", "body": "Lunch?"}
        node.begin("message_out", "SendMessage", fields)
        await watcher.until(lambda s, step, _: step.event == "MessageDelivered")
        taken = await watcher.until(lambda s, step, _: step.event == "ReceiveMESSAGE")
        assert taken[1].fields["body"].endswith("Hello")
    finally:
        await phone.stop()
    assert sorted(events(node)) == ["MessageDelivered", "ReceiveMESSAGE", "SendMessage"]
