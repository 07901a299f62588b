"""A small user agent over real sockets: answers what comes in, remembers what happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.events import (
    CancelReceived,
    Happening,
    InviteReceived,
    RequestReceived,
    ResponseReceived,
)
from runtime.sip.transport.shell import Shell
from runtime.sip.usage import Usage

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
    b"t=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
)


class Ua:
    """A small user agent: answers what comes in, remembers what happened."""

    def __init__(self, shell_of: Callable[[Ua], Shell]) -> None:
        self.happenings: list[Happening] = []
        self.answers = True
        self.changed = asyncio.Event()
        self.shell = shell_of(self)

    def on_happening(self, happening: Happening) -> None:
        self.happenings.append(happening)
        self.changed.set()
        now = self.shell.now()
        match happening:
            case InviteReceived(usage=usage, transaction=transaction):
                usage.respond(transaction, 180, now=now)
                if self.answers:
                    usage.respond(transaction, 200, now=now, sdp=SDP)
            case CancelReceived(usage=usage, transaction=transaction):
                usage.respond(transaction, 487, now=now)
            case RequestReceived(usage=usage, transaction=transaction, method="INVITE" | "UPDATE"):
                usage.respond(transaction, 200, now=now, sdp=SDP)
            case RequestReceived(usage=usage, transaction=transaction, method="INFO" | "MESSAGE"):
                usage.respond(transaction, 200, now=now)
            case ResponseReceived(usage=usage, method="INVITE", code=200):
                usage.ack(now=now)

    @staticmethod
    def sdp(direction: str = "sendrecv") -> bytes:
        return SDP + f"a={direction}\r\n".encode()

    async def call(self, user: str, port: int) -> Usage:
        hop = await self.shell.resolve(f"sip:{user}@localhost:{port}")
        usage = self.shell.agent.invite(
            f"sip:{user}@127.0.0.1:{port}",
            caller="sip:tester@127.0.0.1",
            hop=hop,
            sdp=SDP,
            now=self.shell.now(),
        )
        self.shell.flush()
        return usage

    def count(self, kind: type) -> int:
        return sum(isinstance(happening, kind) for happening in self.happenings)

    async def until(self, condition: Callable[[], bool], timeout: float = 20) -> None:
        async with asyncio.timeout(timeout):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def user_agent(**settings: object) -> AsyncIterator[tuple[Ua, tuple[str, int]]]:
    agent = Agent(AgentSettings("n1-1", **settings))  # type: ignore[arg-type]
    ua = Ua(lambda ua: Shell(agent, on_happening=lambda happening: ua.on_happening(happening)))
    address = await ua.shell.listen_udp("127.0.0.1", 0)
    try:
        yield ua, address
    finally:
        await ua.shell.close()
