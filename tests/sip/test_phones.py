"""Phones that are not ours register with digest and are called where they registered."""

from __future__ import annotations

import asyncio

import pytest

from runtime.node.accounts import Account
from runtime.node.location import Binding
from runtime.node.peers import Peers
from runtime.sip.auth import ha1
from runtime.sip.events import InviteReceived
from tests.runtime.node.nodes import CALLER, Peer, Watcher, no_media, quick, running
from tests.sip.baresip import BARESIP, Baresip
from tests.sip.baresip import MISSING as NO_BARESIP
from tests.sip.linphone import LINPHONEC, Linphone
from tests.sip.linphone import MISSING as NO_LINPHONE
from tests.sip.sipp import MISSING as NO_SIPP
from tests.sip.sipp import SIPP, run_sipp

REALM, PASSWORD = "callsmith", "sesame-street-7"
ACCOUNT = Account(
    "alice", REALM, ha1("alice", REALM, PASSWORD, "MD5"), ha1("alice", REALM, PASSWORD, "SHA-256")
)

REGISTER = """
<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="register">
<send retrans="500"><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:alice@[remote_ip]>;tag=[call_number]
To: <sip:alice@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:alice@[local_ip]:[local_port]>
Expires: 120
Content-Length: 0

]]></send>
<recv response="401" auth="true"/>
<send retrans="500"><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:alice@[remote_ip]>;tag=[call_number]
To: <sip:alice@[remote_ip]>
Call-ID: [call_id]
CSeq: 2 REGISTER
[authentication username=alice password=PASSWORD]
Contact: <sip:alice@[local_ip]:[local_port]>
Expires: 120
Content-Length: 0

]]></send>
<recv response="CODE"/>
</scenario>
"""


async def registered(node, count: int = 1):
    """Return the binding of alice once she is registered."""
    location = node.signalling.location
    async with asyncio.timeout(15):
        while len(location) < count:
            await asyncio.sleep(0.02)
    return next(iter(location))


@pytest.mark.skipif(not BARESIP, reason=NO_BARESIP)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_baresip_registers_with_digest_and_is_called(tmp_path, transport):
    async with running(tmp_path, ("caller", CALLER)) as node:
        node.set_peers(Peers(accounts=[ACCOUNT]))
        host, port = node.sip_address
        phone = Baresip(
            answers=True,
            account=f"<sip:alice@{host}:{port};transport={transport}>;auth_user=alice"
            f";auth_pass={PASSWORD};regint=600",
        )
        try:
            await phone.start()
            binding = await registered(node)
            assert binding.transport == transport.upper() and "baresip" in binding.agent
            assert bool(binding.connection) == (transport == "tcp")
            watcher = Watcher(node)
            session = node.call("caller", "alice")
            await watcher.state("Active")
            node.send(session, "HangupCall")
            assert await watcher.ended() == ["completed"]
        finally:
            await phone.stop()


@pytest.mark.skipif(not LINPHONEC, reason=NO_LINPHONE)
async def test_linphone_registers_with_digest(tmp_path):
    async with running(tmp_path) as node:
        node.set_peers(Peers(accounts=[ACCOUNT]))
        host, port = node.sip_address
        phone = await Linphone().start()
        try:
            await phone.say(f"register sip:alice@{host}:{port} sip:{host}:{port} {PASSWORD}")
            binding = await registered(node)
            assert (binding.user, binding.transport) == ("alice", "UDP")
            assert "inphone" in binding.agent
        finally:
            await phone.stop()


@pytest.mark.skipif(not SIPP, reason=NO_SIPP)
@pytest.mark.parametrize(("password", "code"), [(PASSWORD, 200), ("a guess", 401)])
async def test_sipp_registers_with_the_right_password_alone(tmp_path, password, code):
    async with running(tmp_path) as node:
        # SIPp knows MD5 only and reads the first challenge.
        node.set_peers(Peers(accounts=[ACCOUNT]))
        node.signalling.screening._asked["127.0.0.1", "alice"] = ""
        text = REGISTER.replace("PASSWORD", password).replace("CODE", str(code))
        result = await run_sipp(text, remote=node.sip_address, calls=1)
        assert result.code == 0, result
        assert len(node.signalling.location) == (code == 200)


async def test_a_call_tried_again_reaches_the_phone_that_is_there(tmp_path):
    async with Peer.open() as phone, running(tmp_path, ("caller", CALLER), link=no_media,
                                             settings=quick) as node:  # fmt: skip
        now = node.signalling._supervisor.now()
        gone = Binding("alice", REALM, "sip:alice@127.0.0.1:9", "TCP", "127.0.0.1", 9,
                       expires=now + 60, q=1.0)  # fmt: skip
        port = phone.address[1]
        there = Binding("alice", REALM, f"sip:alice@127.0.0.1:{port}", "UDP", "127.0.0.1", port,
                        expires=now + 60, q=0.5)  # fmt: skip
        node.signalling.location.put([gone, there])
        watcher = Watcher(node)
        node.call("caller", "alice")
        await watcher.ended()
        node.call("caller", "alice")
        invite = await phone.until(InviteReceived)
        assert invite.request_uri == there.contact
