"""A phone that registers with digest again and again, as the driver of `make bench-sip`."""

from __future__ import annotations

import asyncio

from benchmarks.sip_driver import Counted
from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.auth import Credentials, DigestClient
from runtime.sip.events import Happening, ResponseReceived
from runtime.sip.transport.shell import Shell

REALM, PASSWORD, USERS = "callsmith", "sesame-street-7", 100


class Phones:
    """Registers users in turn: REGISTER, 401, REGISTER with credentials, 200."""

    def __init__(self) -> None:
        self.shell = Shell(Agent(AgentSettings("phones-1")), on_happening=self._happened)
        self.successful = 0
        self._left = 0
        self._done = asyncio.Event()

    async def run(self, port: int, count: int, rate: int) -> Counted:
        """Register `count` times, `rate` a second."""
        await self.shell.listen_udp("127.0.0.1", 0)
        hop = await self.shell.resolve(f"sip:127.0.0.1:{port}")
        loop = asyncio.get_running_loop()
        start, self._left = loop.time(), count
        for number in range(count):
            delay = start + number / rate - loop.time()
            if delay > 0:
                await asyncio.sleep(delay)
            address = f"sip:user{number % USERS}@127.0.0.1"
            usage = self.shell.agent.prepare(address, caller=address, hop=hop, now=self.shell.now())
            usage.context = Credentials(f"user{number % USERS}", PASSWORD)
            usage.register(now=self.shell.now(), expires=600)
            self.shell.flush()
        async with asyncio.timeout(40):
            await self._done.wait()
        await self.shell.close()
        return Counted(count, self.successful, self.shell.agent.counters["repeated_out"])

    def _happened(self, happening: Happening) -> None:
        usage = happening.usage if isinstance(happening, ResponseReceived) else None
        if usage is None or not isinstance(happening, ResponseReceived) or happening.code < 200:
            return
        if happening.code == 401 and usage.context is not None:
            client, usage.context = DigestClient(usage.context), None
            usage.authorize(happening.response, client)
            usage.repeat("REGISTER", now=self.shell.now())
            return
        self.successful += happening.code == 200
        usage.close(now=self.shell.now())
        self._left -= 1
        if not self._left:
            self._done.set()


def register(port: int, count: int, rate: int) -> Counted:
    """Register at a port so many times, so many a second."""
    return asyncio.run(Phones().run(port, count, rate))
