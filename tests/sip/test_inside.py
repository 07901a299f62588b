"""Requests inside a call against SIPp: keys in INFO, a hold by UPDATE, a question, a text."""

import pytest

from tests.runtime.node import nodes
from tests.runtime.node.nodes import Watcher, running
from tests.sip.scenario import callee
from tests.sip.sipp import MISSING, SIPP, Sipp
from tests.sip.starters import starter, unhandled

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
ROWS = """
- {from_state: Active, role: UAC, event: SendDTMF, actions: [SendINFO]}
- {from_state: Active, role: UAC, event: HoldCall, actions: [{SendUPDATE: {direction: sendonly}}]}
- {from_state: Active, role: UAC, event: UpdateAccepted, actions: [NegotiateSDPAsUAC]}
- {from_state: Active, role: UAC, event: ResumeCall, actions: [SendOPTIONS]}
- {from_state: Active, role: UAC, event: SendMessage, actions: [SendMESSAGE]}
- {from_state: Active, role: UAC, event: RequestAnswered}
- {from_state: Active, role: UAC, event: MessageDelivered}
- {from_state: Active, role: UAC, event: InfoReceived, guards: ['event.digit == "#"'],
   actions: [{SendSIPResponse: {code: 200}}, SendBYE, StopMediaSession], next_state: Terminating}
"""


@pytest.fixture
async def node(tmp_path):
    name, text = starter("basic_call")
    keys = "event: SendDTMF, actions: [SendDTMFTone]}\n"
    before, after = text.split("- {from_state: Active, role: Both, " + keys)
    async with running(tmp_path, (name, before + ROWS + after), link=nodes.no_media) as node:
        yield node


async def placed(node, *steps):
    watcher = Watcher(node)
    peer = await Sipp(callee("< INVITE", "> 200 sdp", "< ACK", *steps)).start()
    session = node.call("basic_call", f"sip:bob@127.0.0.1:{peer.port}")
    await watcher.state("Active")
    return watcher, session, peer


async def done(node, watcher, peer):
    assert await watcher.ended() == ["completed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert unhandled(node) == []


async def test_keys_go_out_and_come_in_as_info(node):
    relay = "Content-Type: application/dtmf-relay"
    watcher, session, peer = await placed(
        node,
        ("< INFO", relay, "Signal=4"), "> 200", ("< INFO", "Signal=2"), "> 200",
        ("> INFO hash", relay), "< 200", "< BYE", "> 200",
    )  # fmt: skip
    node.send(session, "SendDTMF", {"digits": "42"})
    await done(node, watcher, peer)
    answered = [step for _, step, _ in watcher.heard if step.event == "RequestAnswered"]
    assert [step.fields["code"] for step in answered] == [200]


async def test_a_hold_by_update_a_question_and_a_text(node):
    watcher, session, peer = await placed(
        node,
        ("< UPDATE", "our offer 2"), "> 200 recvonly",
        "< OPTIONS", "> 200",
        ("< MESSAGE", "Content-Type: text/plain", "Are you there"), "> 202",
        "< BYE", "> 200",
    )  # fmt: skip
    for act, fields, told in (
        ("HoldCall", {}, "UpdateAccepted"),
        ("ResumeCall", {}, "RequestAnswered"),
        ("SendMessage", {"body": "Are you there?"}, "MessageDelivered"),
    ):
        node.send(session, act, fields)
        await watcher.until(lambda s, step, _, told=told: step.event == told)
    node.send(session, "HangupCall")
    await done(node, watcher, peer)
