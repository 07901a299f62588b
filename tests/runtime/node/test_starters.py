"""The starter flows on real nodes: what each of them promises, with nothing left unhandled."""

import asyncio
import socket
import struct
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.sip.events import (
    AckReceived,
    CancelReceived,
    InviteReceived,
    RequestReceived,
    ResponseReceived,
)
from tests.runtime.node import nodes
from tests.runtime.node.nodes import Peer, Watcher, running
from tests.sip.sipp import MISSING, SIPP, Sipp, run_sipp

STARTERS = Path(__file__).parents[3] / "state_tables"
needs_sipp = pytest.mark.skipif(SIPP is None, reason=MISSING)


def starter(name):
    return name, (STARTERS / f"{name}.yaml").read_text()


def everywhere(flow):
    return (("*", flow),)


def unhandled(node):
    return [(step.from_state, step.event) for step in nodes.steps(node) if step.kind == "unhandled"]


@pytest.fixture
async def peer():
    async with Peer.open() as peer:
        yield peer


@needs_sipp
async def test_echo_test_answers_sipps_stock_caller(tmp_path):
    async with running(tmp_path, starter("echo_test")) as node:
        watcher = Watcher(node)
        result = await run_sipp("uac", remote=node.sip_address, calls=20, rate=50)
        assert result.successful == 20, result
        assert await watcher.ended(20) == ["completed"] * 20
        assert unhandled(node) == []


@needs_sipp
async def test_basic_call_rings_until_a_person_accepts(tmp_path):
    async with running(tmp_path, starter("basic_call"), routes=everywhere("basic_call")) as node:
        watcher = Watcher(node)
        caller = await Sipp("uac", remote=node.sip_address).start()
        session = await watcher.state("Ringing")
        assert node.possible(session.id) == ["AcceptCall", "RejectCall", "HangupCall"]
        node.send(session.id, "AcceptCall")
        assert await watcher.ended() == ["completed"]
        assert (await caller.finish()).successful == 1
        assert unhandled(node) == []


@needs_sipp
async def test_basic_call_is_rejected_by_a_person(tmp_path):
    async with running(tmp_path, starter("basic_call"), routes=everywhere("basic_call")) as node:
        watcher = Watcher(node)
        caller = await Sipp("uac", remote=node.sip_address).start()
        session = await watcher.state("Ringing")
        node.send(session.id, "RejectCall", {"reason": "busy"})
        assert await watcher.ended() == ["rejected"]
        assert "486" in (await caller.finish()).errors


@needs_sipp
async def test_basic_call_places_a_call_to_a_sipp_that_answers(tmp_path):
    async with running(tmp_path, starter("basic_call")) as node:
        watcher = Watcher(node)
        callee = await Sipp("uas").start()
        session = node.call("basic_call", f"sip:bob@127.0.0.1:{callee.port}")
        await watcher.state("Active")
        node.send(session, "HangupCall")
        assert await watcher.ended() == ["completed"]
        assert (await callee.finish()).successful == 1
        assert unhandled(node) == []


async def test_a_caller_who_gives_up_is_answered_487(tmp_path, peer):
    flow = starter("basic_call")
    async with running(
        tmp_path, flow, routes=everywhere("basic_call"), link=nodes.no_media
    ) as node:
        watcher = Watcher(node)
        target = f"sip:bob@127.0.0.1:{node.sip_address[1]}"
        hop = await peer.shell.resolve(target)
        agent, now = peer.shell.agent, peer.shell.now
        usage = agent.invite(target, caller="sip:a@127.0.0.1", sdp=Peer.OFFER, hop=hop, now=now())
        peer.shell.flush()
        await watcher.state("Ringing")
        await peer.until(ResponseReceived, usage)
        usage.cancel(now=now())
        peer.shell.flush()
        assert (await peer.until(ResponseReceived, usage, final=True)).code == 487
        assert await watcher.ended() == ["cancelled"]
        assert unhandled(node) == []


async def test_a_call_we_give_up_is_cancelled(tmp_path, peer):
    async with running(tmp_path, starter("basic_call"), link=nodes.no_media) as node:
        watcher = Watcher(node)
        session = node.call("basic_call", f"sip:bob@127.0.0.1:{peer.address[1]}")
        invite = await peer.until(InviteReceived)
        invite.usage.respond(invite.transaction, 180, now=peer.shell.now())
        peer.shell.flush()
        await watcher.state("Ringing")
        node.send(session, "HangupCall")
        await peer.until(CancelReceived)
        invite.usage.respond(invite.transaction, 487, now=peer.shell.now())
        peer.shell.flush()
        assert await watcher.ended() == ["cancelled"]
        assert unhandled(node) == []


@pytest.mark.parametrize(("code", "outcome"), [(486, "failed"), (404, "failed"), (503, "failed")])
async def test_a_callee_who_refuses_ends_the_call(tmp_path, peer, code, outcome):
    async with running(tmp_path, starter("basic_call"), link=nodes.no_media) as node:
        watcher = Watcher(node)
        node.call("basic_call", f"sip:bob@127.0.0.1:{peer.address[1]}")
        invite = await peer.until(InviteReceived)
        invite.usage.respond(invite.transaction, code, now=peer.shell.now())
        peer.shell.flush()
        assert await watcher.ended() == [outcome]
        assert unhandled(node) == []


async def test_a_callee_who_never_answers_is_a_timeout(tmp_path, peer):
    async with running(
        tmp_path, starter("basic_call"), link=nodes.no_media, settings=nodes.quick
    ) as node:
        watcher = Watcher(node)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            node.call("basic_call", f"sip:bob@127.0.0.1:{silent.getsockname()[1]}")
            assert await watcher.ended() == ["failed"]
        assert "DialogTimeout" in [step.event for step in nodes.steps(node)]
        assert unhandled(node) == []


async def test_either_side_holds_and_resumes(tmp_path, peer):
    flow = starter("call_with_hold")
    async with running(
        tmp_path, flow, routes=everywhere("call_with_hold"), link=nodes.no_media
    ) as node:
        watcher = Watcher(node)
        now = peer.shell.now
        calling = asyncio.create_task(peer.call(node))
        session = await watcher.state("Ringing")
        node.send(session.id, "AcceptCall")
        usage = await calling
        await watcher.state("Active")

        for act, state in (("HoldCall", "OnHold"), ("ResumeCall", "Active")):
            peer.happened.clear()
            node.send(session.id, act)
            asked = await peer.until(RequestReceived, usage)
            usage.respond(asked.transaction, 200, sdp=Peer.OFFER, now=now())
            peer.shell.flush()
            await peer.until(AckReceived, usage)
            await watcher.until(lambda s, step, _, state=state: s.state == state)

        for sdp, state in ((b"a=sendonly\r\n", "HeldByPeer"), (b"a=sendrecv\r\n", "Active")):
            peer.happened.clear()
            usage.reinvite(sdp=Peer.OFFER + sdp, now=now())
            peer.shell.flush()
            answer = await peer.until(ResponseReceived, usage, final=True)
            assert answer.code == 200 and answer.sdp
            usage.ack(now=now())
            peer.shell.flush()
            await watcher.until(lambda s, step, _, state=state: s.state == state)

        usage.bye(now=now())
        peer.shell.flush()
        assert await watcher.ended() == ["completed"]
        assert unhandled(node) == []


async def test_the_attendant_answers_plays_and_hangs_up(tmp_path, peer):
    flow = starter("auto_attendant_stub")
    routes = everywhere("auto_attendant_stub")
    async with running(tmp_path, flow, routes=routes) as node:
        watcher = Watcher(node)
        with phone() as voice:
            usage = await peer.call(node, sdp=voice.offer)
            await voice.hear(node)
            await peer.hung_up(usage)
        assert await watcher.ended() == ["completed"]
        assert "PlayFinished" in [step.event for step in nodes.steps(node)]
        assert unhandled(node) == []


# -- media -----------------------------------------------------------------------------------------


class Voice:
    """An RTP socket that speaks G.711."""

    def __init__(self, sock):
        self.sock = sock
        host, port = sock.getsockname()
        self.offer = (
            f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        ).encode()
        self._number = 0

    async def hear(self, node, timeout=20):
        """Return the first packet that arrives."""
        async with asyncio.timeout(timeout):
            return await asyncio.get_running_loop().sock_recv(self.sock, 2048)

    async def echo(self, port, timeout=20):
        """Speak until the own voice comes back."""
        loop = asyncio.get_running_loop()
        payload = bytes(range(160))
        async with asyncio.timeout(timeout):
            while True:
                header = struct.pack("!BBHII", 0x80, 0, self._number, self._number * 160, 99)
                self._number += 1
                await loop.sock_sendto(self.sock, header + payload, ("127.0.0.1", port))
                try:
                    async with asyncio.timeout(0.02):
                        heard = await loop.sock_recv(self.sock, 2048)
                except TimeoutError:
                    continue
                if heard[12:] == payload:
                    return


@contextmanager
def phone():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield Voice(sock)


def port_of(response):
    line = next(one for one in response.sdp.decode().splitlines() if one.startswith("m=audio"))
    return int(line.split()[1])


async def test_the_caller_hears_himself(tmp_path, peer):
    async with running(tmp_path, starter("echo_test")) as node:
        watcher = Watcher(node)
        with phone() as voice:
            usage = await peer.call(node, sdp=voice.offer)
            await voice.echo(port_of(await peer.until(ResponseReceived, usage, final=True)))
            usage.bye(now=peer.shell.now())
            peer.shell.flush()
            assert await watcher.ended() == ["completed"]
        records = [record for record in nodes.journal(node) if hasattr(record, "detail")]
        assert {"flowing", "stats"} <= {record.kind for record in records}
        assert unhandled(node) == []


async def test_an_offer_without_a_common_codec_is_refused_with_488(tmp_path, peer):
    async with running(tmp_path, starter("echo_test")) as node:
        watcher = Watcher(node)
        offer = Peer.OFFER.replace(b"RTP/AVP 0", b"RTP/AVP 18")
        assert (await peer.refused(node, sdp=offer)).code == 488
        assert await watcher.ended() == ["failed"]
        failed = [step for step in nodes.steps(node) if step.event == "ActionFailed"]
        assert "no_common_codec" in failed[0].fields["reason"]
        assert unhandled(node) == []


async def test_junk_on_the_port_ends_no_call(tmp_path, peer):
    async with running(tmp_path, starter("echo_test")) as node:
        watcher = Watcher(node)
        usage = await peer.call(node)
        await watcher.state("Active")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for junk in (b"", b"\0" * 60_000, b"INVITE sip:x SIP/2.0\r\n\r\n", b"\xff" * 1000):
                sock.sendto(junk, node.sip_address)
        await peer.call(node)
        usage.bye(now=peer.shell.now())
        peer.shell.flush()
        assert await watcher.ended() == ["completed"]
        assert len(node.sessions()) == 1
        assert all(len(wire.data) <= 4096 for wire in nodes.wires(node) if wire.session is None)


async def test_killing_the_media_process_ends_no_call(tmp_path, peer):
    config = {"media": "child"}
    async with running(tmp_path, starter("echo_test"), config=config) as node:
        watcher = Watcher(node)
        with phone() as voice:
            usage = await peer.call(node, sdp=voice.offer)
            port = port_of(await peer.until(ResponseReceived, usage, final=True))
            await voice.echo(port)
            node._child.kill()
            _, step, done = await watcher.until(lambda _, step, __: step.event == "MediaLost")
            assert [result.error for result in done.results] == [None, None]
            await voice.echo(port)
            node.send(node.sessions()[0].id, "HangupCall")
            await peer.hung_up(usage)
            assert await watcher.ended() == ["completed"]
        assert unhandled(node) == []
        assert node.health()["media"] == {"mode": "child", "attached": True}
