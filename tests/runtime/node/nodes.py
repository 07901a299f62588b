"""Nodes for tests: real sockets of the loopback address, short names, texts by flow."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import socket
from contextlib import asynccontextmanager
from textwrap import dedent

from runtime.node.config import NodeConfig
from runtime.node.journal import DoneRecord, StepRecord, WireRecord, read
from runtime.node.node import Node
from runtime.node.routes import Route
from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.events import RequestReceived, ResponseReceived
from runtime.sip.hop import Hop
from runtime.sip.transaction import Periods
from runtime.sip.transport.shell import Shell
from tests.runtime.adapters.fakes import FakeLink

ECHO = dedent(
    """\
    callflow: 1
    name: echo_test
    description: Answers every call at once and lets the caller hear himself.
    states:
      Idle: {initial: true}
      Answering: {group: setup}
      Active: {group: talk}
      Terminating: {group: end}
      Terminated: {final: true}
      Failed: {final: true}
    transitions:
    - from_state: Idle
      role: UAS
      event: IncomingCall
      actions: [CreateDialog, StoreRemoteSDP, CreateMediaSession, GenerateLocalSDP,
                {SendSIPResponse: {code: 200}}]
      next_state: Answering
      publish_events: [SessionCreated]
    - {from_state: Answering, role: UAS, event: DialogACK, actions: [StartMediaSession, StartEcho],
       next_state: Active, publish_events: [CallEstablished]}
    - {from_state: Answering, role: UAS, event: ActionFailed,
       actions: [{SendSIPResponse: {code: 488}}, CleanupMedia, CleanupDialog],
       next_state: Failed, publish_events: [CallFailed]}
    - {from_state: Active, role: UAS, event: MediaFlowEstablished, actions: []}
    - {from_state: Active, role: UAS, event: MediaLost, actions: [RestoreMedia]}
    - {from_state: Active, role: UAS, event: HangupCall, actions: [SendBYE, StopMediaSession],
       next_state: Terminating}
    - {from_state: Active, role: UAS, event: {after: 60s}, actions: [SendBYE, StopMediaSession],
       next_state: Terminating}
    - {from_state: Any, role: UAS, event: DialogBYE, actions: [CleanupMedia, CleanupDialog],
       next_state: Terminated, publish_events: [CallTerminated]}
    - {from_state: Terminating, role: UAS, event: Dialog200OK,
       actions: [CleanupMedia, CleanupDialog],
       next_state: Terminated, publish_events: [CallTerminated]}
    """
)
BUSY = dedent(
    """\
    - {from_state: Idle, role: UAS, event: IncomingCall,
       actions: [CreateDialog, {SendSIPResponse: {code: 486}}, CleanupDialog],
       next_state: Terminated, publish_events: [CallTerminated]}
    """
)
CALLER = dedent(
    """\
    - {from_state: Idle, role: UAC, event: MakeCall,
       actions: [CreateDialog, GenerateLocalSDP, CreateMediaSession, SendINVITE],
       next_state: Initiating, publish_events: [SessionCreated]}
    - {from_state: Initiating, role: UAC, event: Dialog180Ringing, next_state: Ringing}
    - {from_state: Ringing, role: UAC, event: Dialog180Ringing, actions: []}
    - {from_state: Any, role: UAC, event: Dialog200OK,
       actions: [NegotiateSDPAsUAC, SendACK, StartMediaSession], next_state: Active,
       publish_events: [CallEstablished]}
    - {from_state: Active, role: UAC, event: HangupCall, actions: [SendBYE, StopMediaSession],
       next_state: Terminating}
    - {from_state: Terminating, role: UAC, event: Dialog200OK, actions: [CleanupMedia],
       next_state: Terminated, publish_events: [CallTerminated]}
    - {from_state: Active, role: UAC, event: DialogBYE, actions: [CleanupMedia],
       next_state: Terminated, publish_events: [CallTerminated]}
    - {from_state: Any, role: UAC, event: Dialog4xxFailure, actions: [CleanupMedia],
       next_state: Failed, publish_events: [CallFailed]}
    - {from_state: Any, role: UAC, event: DialogError, actions: [CleanupMedia],
       next_state: Failed, publish_events: [CallFailed]}
    - {from_state: Any, role: UAC, event: ActionFailed, actions: [CleanupMedia],
       next_state: Failed, publish_events: [CallFailed]}
    """
)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def deploy(node: Node, flow: str, text: str):
    return await node.deploy(flow, digest(text), text, force=True)


class Watcher:
    """Hears of every step, and waits for what it has not heard yet."""

    def __init__(self, node: Node) -> None:
        self.heard = []
        self._changed = asyncio.Event()
        node.listeners.add(self)

    def __call__(self, session, step, done) -> None:
        self.heard.append((session, step, done))
        self._changed.set()

    async def until(self, condition, timeout: float = 20):
        """Return what the condition finds among (session, step, done); it waits for it."""
        async with asyncio.timeout(timeout):
            while True:
                for session, step, done in self.heard:
                    if condition(session, step, done):
                        return session, step, done
                self._changed.clear()
                await self._changed.wait()

    async def state(self, name: str):
        return (await self.until(lambda session, step, done: step.to_state == name))[0]

    async def ended(self, count: int = 1, timeout: float = 20) -> list[str]:
        async with asyncio.timeout(timeout):
            while (n := sum(step.ended for _, step, _ in self.heard)) < count:
                self._changed.clear()
                await self._changed.wait()
        assert n == count
        return [step.outcome for _, step, _ in self.heard if step.ended]


@asynccontextmanager
async def running(folder, *flows, routes=(("*", "echo_test"),), config=None, **more):
    """A node that listens on a free port, with `flows` (name, text) deployed."""
    given = NodeConfig(folder=folder, sip_port=0, **(config or {}))
    node = Node(given, **more)
    await node.start()
    try:
        for flow, text in flows:
            await deploy(node, flow, text)
        node.set_routes(Route(pattern, flow) for pattern, flow in routes)
        yield node
    finally:
        await node.stop()


def no_media(sink):
    """A media port that only says yes."""
    return FakeLink()


def quick(settings):
    """SIP timers ten times as fast, for tests that wait for them."""
    return dataclasses.replace(settings, periods=Periods(0.05, 0.4, 0.5, 3.2))


def journal(node: Node):
    return [record for _, record in read(node.journal.segment.path)]


def steps(node: Node, session: str | None = None):
    return [
        record.step
        for record in journal(node)
        if isinstance(record, StepRecord) and session in (None, record.step.session)
    ]


def dones(node: Node):
    return [record for record in journal(node) if isinstance(record, DoneRecord)]


def wires(node: Node, session: str | None = None):
    return [
        record
        for record in journal(node)
        if isinstance(record, WireRecord) and session in (None, record.session)
    ]


class Peer:
    """Somebody else's SIP stack, over UDP or over a WebSocket of the node."""

    OFFER = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" + (
        b"m=audio 4000 RTP/AVP 0\r\n"
    )

    def __init__(self) -> None:
        self.happened = []
        self.raw = []
        self._changed = asyncio.Event()
        self.shell = Shell(Agent(AgentSettings(token="peer")), on_happening=self._happened)
        self._connection = None
        self.address = ("127.0.0.1", 0)

    @classmethod
    @asynccontextmanager
    async def open(cls):
        peer = cls()
        peer.address = await peer.shell.listen_udp("127.0.0.1", 0)
        try:
            yield peer
        finally:
            await peer.shell.close()

    @classmethod
    @asynccontextmanager
    async def browser(cls, node: Node, connection: str, user: str | None = None):
        peer = cls()
        loop = asyncio.get_running_loop()

        def to_peer(data: bytes) -> None:
            loop.call_soon(peer._websocket, data)

        def to_node(data: bytes) -> None:
            loop.call_soon(node.websocket_received, connection, data)

        node.websocket_connected(connection, to_peer, local="127.0.0.1:8000", user=user)
        peer.shell.open_connection("node", to_node, local="browser.invalid")
        peer._connection, peer._to_node = "node", to_node
        try:
            yield peer
        finally:
            node.websocket_lost(connection)
            await peer.shell.close()

    @staticmethod
    def hop(node: Node) -> Hop:
        return Hop("UDP", node.sip_address, "127.0.0.1:5060")

    def _websocket(self, data: bytes) -> None:
        self.raw.append(data)
        self._changed.set()
        self.shell.receive("node", data)

    def _happened(self, happening) -> None:
        self.happened.append(happening)
        self._changed.set()

    async def wait(self, condition, timeout: float = 20):
        async with asyncio.timeout(timeout):
            while (found := condition()) is None:
                self._changed.clear()
                await self._changed.wait()
        return found

    async def until(self, kind, usage=None, final: bool = False):
        def found():
            for happening in self.happened:
                if isinstance(happening, kind) and usage in (None, happening.usage):
                    if not final or happening.code >= 200:
                        return happening
            return None

        return await self.wait(found)

    async def _invite(self, node: Node, sdp):
        target = f"sip:echo@127.0.0.1:{node.sip_address[1]}"
        hop = (
            Hop("WS", self._connection, "browser.invalid")
            if self._connection
            else await self.shell.resolve(target)
        )
        offer = sdp.encode() if isinstance(sdp, str) else sdp
        usage = self.shell.agent.invite(
            target, caller="sip:peer@127.0.0.1", sdp=offer, hop=hop, now=self.shell.now()
        )
        self.shell.flush()
        return usage, await self.until(ResponseReceived, usage, final=True)

    async def call(self, node: Node, sdp=OFFER):
        """Call until the 200 and acknowledge it."""
        usage, response = await self._invite(node, sdp)
        assert response.code == 200, response
        usage.ack(now=self.shell.now())
        self.shell.flush()
        return usage

    async def refused(self, node: Node, sdp=OFFER):
        """Call and return the response that refuses."""
        _, response = await self._invite(node, sdp)
        assert response.code >= 300
        return response

    async def hung_up(self, usage):
        """Wait until the other side sent BYE."""
        await self.wait(
            lambda: next(
                (
                    happening
                    for happening in self.happened
                    if isinstance(happening, RequestReceived)
                    and happening.usage is usage
                    and happening.method == "BYE"
                ),
                None,
            )
        )

    async def register(self, user: str, address=None) -> int:
        """Register a contact, and return the code of the answer."""
        text = (
            "REGISTER sip:127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/{'WS browser.invalid' if self._connection else 'UDP 127.0.0.1'}"
            f";branch=z9hG4bK{user}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@127.0.0.1>;tag=1\r\n"
            f"To: <sip:{user}@127.0.0.1>\r\nCall-ID: {user}\r\nCSeq: 1 REGISTER\r\n"
            "Contact: <sip:browser@browser.invalid;transport=ws>\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        if self._connection is None:
            return await _ask_udp(text, address)
        seen = len(self.raw)
        self._to_node(text)
        answer = await self.wait(lambda: self.raw[seen] if len(self.raw) > seen else None)
        return int(answer.split(b" ")[1])


async def _ask_udp(data: bytes, address) -> int:
    """Send one datagram and return the code of the answer."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(address)
        port = str(sock.getsockname()[1]).encode()
        await loop.sock_sendall(sock, data.replace(b"UDP 127.0.0.1", b"UDP 127.0.0.1:" + port))
        async with asyncio.timeout(10):
            return int((await loop.sock_recv(sock, 65536)).split(b" ")[1])
