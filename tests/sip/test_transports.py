"""Calls over TCP, TLS and WebSocket with stacks that are not ours, and through their proxies."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from runtime.node.config import NodeConfig
from runtime.node.node import Node
from runtime.sip.message import Request, Response
from runtime.sip.wire import parse
from tests.runtime.node import nodes
from tests.runtime.node.nodes import CALLER, ECHO, Watcher, running
from tests.runtime.sip.peer import request
from tests.sip.baresip import BARESIP, Baresip
from tests.sip.baresip import MISSING as NO_BARESIP
from tests.sip.certificates import Authority
from tests.sip.kamailio import KAMAILIO, kamailio
from tests.sip.kamailio import MISSING as NO_KAMAILIO
from tests.sip.linphone import LINPHONEC, Linphone
from tests.sip.linphone import MISSING as NO_LINPHONE
from tests.sip.sipp import MISSING, SIPP, Sipp, run_sipp

needs_sipp = pytest.mark.skipif(SIPP is None, reason=MISSING)
needs_baresip = pytest.mark.skipif(BARESIP is None, reason=NO_BARESIP)
needs_linphone = pytest.mark.skipif(LINPHONEC is None, reason=NO_LINPHONE)
needs_kamailio = pytest.mark.skipif(KAMAILIO is None, reason=NO_KAMAILIO)
needs_websocket = pytest.mark.skipif(
    not any(Path("/usr/lib").glob("*/kamailio/modules/websocket.so")),
    reason="the modules are not installed: apt-get install kamailio-websocket-modules",
)

EDGE = """
request_route {{
    if (is_method("OPTIONS") && $rU == "probe") {{ sl_send_reply("200", "OK"); exit; }}
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (has_totag()) {{
        if (!loose_route()) {{ sl_send_reply("404", "Not here"); exit; }}
        {within}
        t_relay();
        exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    record_route();
    {before}
    $du = "sip:{node};transport={transport}";
    t_relay();
}}
"""
WEBSOCKET = """
event_route[xhttp:request] {
    if ($hdr(Upgrade) =~ "websocket" && ws_handle_handshake()) exit;
    xhttp_reply("404", "Not found", "", "");
}
"""

_HEADERS = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
To: <sip:echo@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {cseq}
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
"""
_IN_DIALOG = """<send{again}><![CDATA[
{method} [next_url] SIP/2.0
{headers}[routes]
Content-Length: 0

]]></send>"""


def _in_dialog(method: str, cseq: str, again: str = "") -> str:
    headers = _HEADERS.format(tag="[peer_tag_param]", cseq=cseq)
    return _IN_DIALOG.format(method=method, headers=headers, again=again)


ROUTED = f"""
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="a caller behind a proxy">
<send retrans="500"><![CDATA[
INVITE sip:echo@[remote_ip]:[remote_port] SIP/2.0
{_HEADERS.format(tag="", cseq="1 INVITE")}Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
]]></send>
<recv response="100" optional="true"/>
<recv response="200" rrs="true"/>
{_in_dialog("ACK", "1 ACK")}
<pause milliseconds="100"/>
{_in_dialog("BYE", "2 BYE", ' retrans="500"')}
<recv response="200"/>
</scenario>
"""


def address(node: Node) -> str:
    host, port = node.sip_address
    return f"{host}:{port}"


def transports(node: Node) -> set[str]:
    return {record.transport for record in nodes.wires(node)}


async def completed(watcher: Watcher, calls: int = 1) -> None:
    assert Counter(await watcher.ended(calls)) == {"completed": calls}


@pytest.fixture
async def secure(tmp_path: Path):
    """A node that listens to TLS too, and an authority that it and its peers believe."""
    authority = Authority(tmp_path)
    files = authority.issue("localhost", "127.0.0.1")
    config = {"sip_tls": ("127.0.0.1", 0), "tls": files}
    flows = (("echo_test", ECHO), ("caller", CALLER))
    async with running(tmp_path / "node", *flows, config=config) as node:
        yield node, authority


@needs_sipp
@pytest.mark.parametrize("mode", ["t1", "tn"], ids=["one connection", "one for each call"])
async def test_sipp_calls_over_tcp(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, ("echo_test", ECHO)) as node:
        watcher = Watcher(node)
        result = await run_sipp(
            "uac",
            remote=node.sip_address,
            calls=20,
            rate=50,
            extra=["-t", mode, "-max_socket", "1000"],
        )
        assert (result.successful, result.failed) == (20, 0), result
        await completed(watcher, 20)
        assert transports(node) == {"TCP"}


@needs_sipp
async def test_we_call_sipp_over_tcp(tmp_path: Path) -> None:
    async with running(tmp_path, ("caller", CALLER)) as node:
        watcher = Watcher(node)
        sipp = await Sipp("uas", calls=1, extra=["-t", "t1"]).start()
        session = node.call("caller", f"sip:service@127.0.0.1:{sipp.port};transport=tcp")
        await watcher.state("Active")
        node.send(session, "HangupCall")
        await completed(watcher)
        assert transports(node) == {"TCP"}
        await sipp.finish()


@needs_baresip
@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_baresip_calls_over_a_connection(secure, transport: str) -> None:
    node, authority = secure
    watcher = Watcher(node)
    port = node.tls_address[1] if transport == "tls" else node.sip_address[1]
    phone = Baresip(
        f"/dial sip:echo@127.0.0.1:{port};transport={transport}", settings=tls_of(authority)
    )
    try:
        await phone.start()
        session = (await watcher.state("Active")).id
        node.send(session, "HangupCall")
        await completed(watcher)
        assert transports(node) == {transport.upper()}
    finally:
        await phone.stop()


@needs_baresip
@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_baresip_is_called_over_a_connection(secure, transport: str) -> None:
    node, authority = secure
    watcher = Watcher(node)
    phone = Baresip(answers=True, settings=tls_of(authority))
    try:
        await phone.start()
        port = phone.port + (transport == "tls")
        session = node.call("caller", f"sip:phone@127.0.0.1:{port};transport={transport}")
        await watcher.state("Active")
        node.send(session, "HangupCall")
        await completed(watcher)
        assert transports(node) == {transport.upper()}
    finally:
        await phone.stop()


def tls_of(authority: Authority) -> str:
    """baresip's side of TLS: key and certificate in one file, and whom it believes."""
    files = authority.issue("127.0.0.1")
    assert files.certificate is not None and files.key is not None
    both = files.certificate.with_suffix(".pem")
    both.write_text(files.key.read_text() + files.certificate.read_text())
    return f"sip_certificate {both}\nsip_cafile {authority.file}"


@needs_linphone
async def test_linphone_calls_over_tcp(tmp_path: Path) -> None:
    async with running(tmp_path, ("echo_test", ECHO)) as node:
        watcher = Watcher(node)
        phone = await Linphone().start()
        try:
            await phone.say("ipv6 disable")
            await phone.say(f"call sip:echo@{address(node)};transport=tcp")
            session = (await watcher.state("Active")).id
            node.send(session, "HangupCall")
            await completed(watcher)
            assert "TCP" in transports(node)
        finally:
            await phone.stop()


@needs_kamailio
@needs_sipp
@pytest.mark.parametrize(
    ("before", "behind"), [("udp", "udp"), ("tcp", "tcp"), ("udp", "tcp"), ("tcp", "udp")]
)
async def test_calls_go_through_a_proxy_that_records_its_route(
    tmp_path: Path, before: str, behind: str
) -> None:
    async with running(tmp_path, ("echo_test", ECHO)) as node:
        watcher = Watcher(node)
        routes = EDGE.format(within="", before="", node=address(node), transport=behind)
        async with kamailio(routes, modules=("rr", "maxfwd"), tcp=True) as port:
            result = await run_sipp(
                ROUTED,
                remote=("127.0.0.1", port),
                calls=5,
                extra=["-t", "u1" if before == "udp" else "t1", "-max_socket", "1000"],
            )
            assert (result.successful, result.failed) == (5, 0), result
            await completed(watcher, 5)
        assert transports(node) == {behind.upper()}


@needs_kamailio
@pytest.mark.parametrize("behind", ["udp", "tcp"])
async def test_a_call_that_we_end_goes_back_through_the_proxy(tmp_path: Path, behind: str) -> None:
    async with running(tmp_path, ("echo_test", ECHO)) as node:
        watcher = Watcher(node)
        routes = EDGE.format(within="", before="", node=address(node), transport=behind)
        async with kamailio(routes, modules=("rr", "maxfwd"), tcp=True) as port:
            async with nodes.Peer.open() as peer:
                usage = await called(peer, port)
                session = (await watcher.state("Active")).id
                node.send(session, "HangupCall")
                await peer.hung_up(usage)
                await completed(watcher)
        byes = [r for r in nodes.wires(node) if r.data.startswith(b"BYE ")]
        assert len(byes) == 1 and byes[0].remote == f"127.0.0.1:{port}"
        assert b"\r\nRoute: <sip:127.0.0.1:" in byes[0].data


async def called(peer: nodes.Peer, port: int):
    """Call through the proxy until the 200, and acknowledge it."""
    hop = await peer.shell.resolve(f"sip:127.0.0.1:{port}")
    usage = peer.shell.agent.invite(
        f"sip:echo@127.0.0.1:{port}",
        caller="sip:peer@127.0.0.1",
        sdp=peer.OFFER,
        hop=hop,
        now=peer.shell.now(),
    )
    peer.shell.flush()
    answer = await peer.until(nodes.ResponseReceived, usage, final=True)
    assert answer.code == 200, answer
    usage.ack(now=peer.shell.now())
    peer.shell.flush()
    return usage


@needs_kamailio
@needs_websocket
@pytest.mark.parametrize("behind", ["udp", "tcp"])
async def test_a_browser_calls_through_a_websocket_edge_and_is_hung_up(
    tmp_path: Path, behind: str
) -> None:
    async with running(tmp_path, ("echo_test", ECHO)) as node:
        watcher = Watcher(node)
        routes = EDGE.format(
            within='if (!is_method("ACK")) handle_ruri_alias();',
            before="force_rport(); add_contact_alias();",
            node=address(node),
            transport=behind,
        )
        modules = ("rr", "maxfwd", "nathelper", "xhttp", "websocket")
        async with kamailio(routes + WEBSOCKET, modules=modules, tcp=True) as port:
            async with connect(f"ws://127.0.0.1:{port}", subprotocols=["sip"]) as socket:  # type: ignore[list-item]
                via = "SIP/2.0/WS abc.invalid;branch=z9hG4bK-{}"
                say = {
                    "uri": f"sip:echo@127.0.0.1:{port}",
                    "contact": "<sip:alice@abc.invalid;transport=ws>",
                    "from_": "<sip:alice@abc.invalid>;tag=a",
                }
                await socket.send(request(via=via.format(1), body=nodes.Peer.OFFER, **say).decode())
                answer = await heard(socket, Response, 200)
                route = [f"Route: {each}" for each in answer.get_all("Record-Route")[::-1]]
                say |= {"uri": answer.contacts[0].uri_text, "headers": route}
                ack = request("ACK", via=via.format(2), to_tag=answer.to.tag, **say)
                await socket.send(ack.decode())
                session = (await watcher.state("Active")).id
                node.send(session, "HangupCall")
                bye = await heard(socket, Request)
                assert bye.method == "BYE"
                lines = [f"Via: {each}" for each in bye.get_all("Via")]
                lines += [f"{name}: {bye.get(name)}" for name in ("From", "To", "Call-ID", "CSeq")]
                text = "\r\n".join(["SIP/2.0 200 OK", *lines, "Content-Length: 0", "", ""])
                await socket.send(text)
                await completed(watcher)
        assert transports(node) == {behind.upper()}


async def heard(socket, kind: type, least: int = 0):
    """The next message of a kind that is final."""
    async with asyncio.timeout(10):
        while True:
            said = await socket.recv()
            message = parse(said if isinstance(said, bytes) else said.encode())
            if isinstance(message, kind) and getattr(message, "code", least) >= least:
                return message


def test_nothing_is_listened_to_over_tls_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert NodeConfig(folder=tmp_path).sip_tls is None
