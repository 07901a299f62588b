"""The table `authenticated_call` against SIPp, which asks for credentials and checks them."""

import pytest

from runtime.node.trunks import Trunk
from tests.runtime.node import nodes
from tests.runtime.node.nodes import Watcher, running
from tests.sip.scenario import callee
from tests.sip.sipp import MISSING, SIPP, Sipp
from tests.sip.starters import events, starter, unhandled

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
PROOF = {401: "verify we secret", 407: 'Proxy-Authorization: Digest .*response="[0-9a-f]{32}"'}
"""SIPp computes the digest itself for a 401; of a 407 it looks at the header alone."""


def asks(code: int, nonce: str) -> tuple[str, str]:
    header = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[code]
    return f"> {code}", f'{header}: Digest realm="trunk", nonce="{nonce}", algorithm=MD5'


@pytest.fixture
async def node(tmp_path):
    flow = starter("authenticated_call")
    async with running(tmp_path, flow, link=nodes.no_media) as node:
        node._signalling.trunks._unseal = lambda sealed: sealed
        yield node


async def placed(node, *steps, secret="secret"):
    """Call through a trunk behind which SIPp plays the steps."""
    watcher = Watcher(node)
    peer = await Sipp(callee(*steps)).start()
    trunk = Trunk(name="carrier", host="127.0.0.1", port=peer.port, user="we", secret=secret)
    node._signalling.trunks.replace([trunk])
    return watcher, node.call("authenticated_call", "sip:bob@carrier"), peer


@pytest.mark.parametrize("code", [401, 407])
async def test_the_invite_a_hold_and_the_bye_are_challenged_and_sent_again(node, code):
    watcher, session, peer = await placed(
        node,
        "< INVITE", asks(code, "one"), "< ACK",
        ("< INVITE", PROOF[code]), "> 180", "> 200 sdp", "< ACK",
        "< INVITE", asks(code, "two"), "< ACK",
        ("< INVITE", PROOF[code], "a=sendonly|our offer"), "> 200 recvonly", "< ACK",
        "< BYE", asks(code, "three"), ("< BYE", PROOF[code]), "> 200",
    )  # fmt: skip
    await watcher.state("Active")
    node.send(session, "HoldCall")
    await watcher.state("OnHold")
    node.send(session, "HangupCall")
    assert await watcher.ended() == ["completed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert events(node).count("AuthRequired") == 3
    assert unhandled(node) == []


async def test_wrong_credentials_are_not_tried_for_ever(node):
    rounds = [step for n in range(3) for step in ("< INVITE", asks(401, f"no{n}"), "< ACK")]
    watcher, _, peer = await placed(node, *rounds, secret="wrong")
    assert await watcher.ended() == ["failed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert unhandled(node) == []


async def test_whoever_is_no_trunk_gets_no_credentials(node):
    watcher = Watcher(node)
    peer = await Sipp(callee("< INVITE", asks(401, "one"), "< ACK")).start()
    carrier = Trunk(name="carrier", host="192.0.2.1", user="we", secret="secret")
    node._signalling.trunks.replace([carrier])
    node.call("authenticated_call", f"sip:bob@127.0.0.1:{peer.port}")
    assert await watcher.ended() == ["failed"]
    result = await peer.finish()
    assert result.successful == 1, result
    failed = next(step for step in nodes.steps(node) if step.event == "ActionFailed")
    assert failed.fields["action"] == "SendINVITEWithAuth"
    sent = [w.data for w in nodes.wires(node) if w.direction == "out"]
    assert not any(b"Authorization" in data for data in sent)


async def test_a_hold_that_meets_one_of_the_far_side_is_tried_again_in_its_time(node):
    watcher, session, peer = await placed(
        node,
        "< INVITE", "> 200 sdp", "< ACK",
        "< INVITE", "> 491", "< ACK", ("< INVITE", "m=audio|our offer"), "> 200 recvonly", "< ACK",
        "< BYE", "> 200",
    )  # fmt: skip
    call = await watcher.state("Active")
    call.leg.draw = lambda below: 0
    node.send(session, "HoldCall")
    await watcher.state("OnHold")
    glare, due = (
        next(step for step in nodes.steps(node) if step.event == name)
        for name in ("ReinviteGlare", "ReinviteRetryDue")
    )
    assert 2.1 <= due.time - glare.time < 4
    node.send(session, "HangupCall")
    assert await watcher.ended() == ["completed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert unhandled(node) == []
