"""A browser's leg: SIP over the node's WebSocket, media over ICE, DTLS and SRTP."""

import asyncio

import pytest

from runtime.media.link import InProcess
from runtime.media.port import MediaConfig
from runtime.sip.events import RequestReceived, ResponseReceived
from tests.runtime.node import nodes
from tests.runtime.node.nodes import Peer, Watcher, running
from tests.runtime.node.test_starters import starter, unhandled

LOOPBACK = MediaConfig(loopback=True, ice_addresses=("127.0.0.1",))


class Ear:
    """The page's own media engine."""

    def __init__(self):
        self.link = InProcess(LOOPBACK, self._said)
        self._said_names = []
        self._changed = asyncio.Event()

    def _said(self, event):
        self._said_names.append(event.name)
        self._changed.set()

    async def until(self, name, times=1, timeout=20):
        async with asyncio.timeout(timeout):
            while self._said_names.count(name) < times:
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def ear():
    ear = Ear()
    yield ear
    await ear.link.shutdown()


@pytest.mark.parametrize("mode", ["inprocess", "child"])
async def test_a_browser_hears_its_own_echo(tmp_path, ear, mode):
    config = {"media": mode, "media_config": LOOPBACK}
    async with running(tmp_path, starter("echo_test"), config=config) as node:
        async with Peer.browser(node, "ws1") as browser:
            watcher = Watcher(node)
            await ear.link.create("page", "webrtc")
            usage = await browser.call(node, sdp=await ear.link.offer("page"))
            answer = await browser.until(ResponseReceived, usage, final=True)
            await ear.link.accept("page", answer.sdp.decode())
            await ear.link.start("page")
            await ear.link.tone("page", 440)
            await ear.until("flowing")
            session = await watcher.state("Active")
            await watcher.until(lambda _, step, __: step.event == "MediaFlowEstablished")
            if mode == "child":
                await _survives_a_kill(node, browser, usage, ear, watcher)
            usage.bye(now=browser.shell.now())
            browser.shell.flush()
            assert await watcher.ended() == ["completed"]
            kinds = {r.kind for r in nodes.journal(node) if hasattr(r, "detail")}
            assert {"connected", "flowing", "stats"} <= kinds
            assert session.role == "UAS"
            assert unhandled(node) == []


async def _survives_a_kill(node, browser, usage, ear, watcher):
    """Kill the media; the page gets a re-INVITE, answers with fresh media and hears again."""
    browser.happened.clear()
    heard = len(watcher.heard)
    node._child.kill()
    asked = await browser.until(RequestReceived, usage)
    assert asked.method == "INVITE"
    await ear.link.close("page")
    await ear.link.create("page", "webrtc")
    answer = await ear.link.answer("page", asked.sdp.decode())
    usage.respond(asked.transaction, 200, sdp=answer.encode(), now=browser.shell.now())
    browser.shell.flush()
    await ear.link.start("page")
    await ear.link.tone("page", 440)
    await ear.until("flowing", 2)
    assert "MediaError" not in [step.event for _, step, _ in watcher.heard[heard:]]
