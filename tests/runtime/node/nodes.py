"""Nodes for tests: real sockets of the loopback address, short names, texts by flow."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from contextlib import asynccontextmanager
from textwrap import dedent

from runtime.node.config import NodeConfig
from runtime.node.journal import DoneRecord, StepRecord, WireRecord, read
from runtime.node.node import Node
from runtime.node.routes import Route

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


def quick(settings):
    """SIP timers ten times as fast, for tests that wait for them."""
    return dataclasses.replace(settings, t1=0.05, t2=0.4, t4=0.5)


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
