"""The table `registration` against kamailio's registrar, and SIPp for what that never says."""

from __future__ import annotations

import socket

import pytest

from runtime.adapters import registering
from runtime.node.routes import Route
from runtime.node.trunks import Trunk
from runtime.sip.events import ResponseReceived
from tests.runtime.node import nodes
from tests.runtime.node.nodes import Peer, Watcher, running
from tests.sip.kamailio import KAMAILIO, kamailio
from tests.sip.kamailio import MISSING as NO_KAMAILIO
from tests.sip.scenario import callee
from tests.sip.sipp import MISSING, SIPP, Sipp
from tests.sip.starters import events, starter, unhandled

needs_kamailio = pytest.mark.skipif(KAMAILIO is None, reason=NO_KAMAILIO)
needs_sipp = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
REGISTRAR = """
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 2)
modparam("auth", "algorithm", "{algorithm}")
"""
ROUTES = """
request_route {
    if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("provider", "wonder", "0")) {
            auth_challenge("provider", "1");
            exit;
        }
        save("location");
        exit;
    }
    if (is_method("INVITE") && !lookup("location")) { sl_send_reply("404", "Not here"); exit; }
    t_relay();
}
"""
BUSY = ("busy", nodes.ECHO.partition("transitions:")[0] + "transitions:\n" + nodes.BUSY)


@pytest.fixture
async def node(tmp_path):
    busy = ("busy", BUSY[1].replace("echo_test", "busy"))
    flows = (starter("registration"), busy)
    async with running(tmp_path, *flows, link=nodes.no_media, settings=nodes.quick) as node:
        node._signalling.trunks._unseal = lambda sealed: sealed
        node.set_routes([Route("alice", "busy")])
        yield node


def through(node, port, password="wonder"):
    """Begin to register at a trunk."""
    trunk = Trunk(name="provider", host="127.0.0.1", port=port, user="alice", secret=password)
    node._signalling.trunks.replace([trunk])
    return node.begin("registration", "StartRegistration", {"registrar": "provider"})


async def called(port) -> int:
    """Call the registered address by way of the registrar; returns how it was refused."""
    async with Peer.open() as peer:
        peer.shell.agent.invite(
            f"sip:alice@127.0.0.1:{port}",
            caller="sip:bob@127.0.0.1",
            hop=await peer.shell.resolve(f"sip:127.0.0.1:{port}"),
            sdp=Peer.OFFER,
            now=peer.shell.now(),
        )
        peer.shell.flush()
        return (await peer.until(ResponseReceived)).code


@needs_kamailio
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_an_address_is_registered_renewed_called_and_removed(node, algorithm, monkeypatch):
    monkeypatch.setattr(registering, "SHORTEST", 1)
    watcher = Watcher(node)
    async with kamailio(ROUTES, REGISTRAR.format(algorithm=algorithm)) as port:
        assert await called(port) == 404
        session = through(node, port)
        await watcher.state("Registered")
        assert await called(port) == 486, "the call came to us"
        await watcher.state("Refreshing")
        watcher.heard.clear()
        await watcher.state("Registered")
        node.send(session, "StartUnregistration")
        await watcher.until(lambda at, step, done: at.id == session and step.ended)
        assert await called(port) == 404
    assert unhandled(node) == []
    assert events(node, session)[:3] == ["StartRegistration", "AuthRequired", "Registration200OK"]
    assert events(node, session)[-1] == "Unregistration200OK"
    sent = [record.data for record in nodes.wires(node, session) if record.direction == "out"]
    assert b"nc=00000002" in b"".join(sent), "the nonce is counted, not asked for anew"


@needs_kamailio
async def test_a_wrong_password_is_not_tried_for_ever(node):
    watcher = Watcher(node)
    async with kamailio(ROUTES, REGISTRAR.format(algorithm="MD5")) as port:
        session = through(node, port, "wrong")
        assert await watcher.ended() == ["failed"]
    assert events(node, session).count("AuthRequired") == 3 and unhandled(node) == []


@needs_sipp[0]
@needs_sipp[1]
async def test_too_short_a_time_and_a_failing_registrar_are_tried_again(node):
    watcher = Watcher(node)
    peer = await Sipp(
        callee(
            ("< REGISTER", "Expires:[ ]*3600"), ("> 423", "Min-Expires: 7200"),
            ("< REGISTER", "Expires:[ ]*7200"), ("> 503", "Retry-After: 1"),
            ("< REGISTER", "CSeq:[ ]*3 REGISTER"), ("> 200", "Expires: 7200"),
            ("< REGISTER", "Expires:[ ]*0"), "> 200",
        )
    ).start()  # fmt: skip
    session = through(node, peer.port)
    await watcher.state("Retrying")
    node.send(session, "RetryRegistration")
    await watcher.state("Registered")
    node.send(session, "StartUnregistration")
    assert await watcher.ended() == ["completed"]
    result = await peer.finish()
    assert result.successful == 1, result
    assert unhandled(node) == []


async def test_a_registrar_that_keeps_silent_is_asked_again(node):
    watcher = Watcher(node)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        session = through(node, silent.getsockname()[1])
        await watcher.state("Retrying")
    assert events(node, session) == ["StartRegistration", "DialogTimeout"]
    node.send(session, "StartUnregistration")
    assert await watcher.ended() == ["completed"]
    assert unhandled(node) == []
