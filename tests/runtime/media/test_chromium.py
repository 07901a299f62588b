"""A WebRTC leg against a real browser: sound both ways, hold, restart and recovery."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from tests.runtime.media.sides import Side, until

pytestmark = pytest.mark.browser

FLAGS = [
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--no-sandbox",
]

PHONE = """
async () => {
  const audio = new AudioContext();
  const tone = new OscillatorNode(audio, {frequency: 1000});
  const out = audio.createMediaStreamDestination();
  tone.connect(out); tone.start();
  const peer = new RTCPeerConnection({iceServers: []});
  const sender = peer.addTrack(out.stream.getTracks()[0], out.stream);
  const analyser = new AnalyserNode(audio, {fftSize: 8192});
  peer.ontrack = ({streams: [stream]}) => {
    const element = new Audio();   // without an element that plays, Chromium gives silence
    element.srcObject = stream; element.muted = true; element.play();
    audio.createMediaStreamSource(stream).connect(analyser);
  };
  const gathered = () => new Promise(resolve => {
    if (peer.iceGatheringState === 'complete') return resolve();
    peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && resolve();
  });
  window.phone = {
    offer: async (options) => {
      await peer.setLocalDescription(await peer.createOffer(options));
      await gathered();
      return peer.localDescription.sdp;
    },
    accept: sdp => peer.setRemoteDescription({type: 'answer', sdp}),
    answer: async (sdp, wait = true) => {
      await peer.setRemoteDescription({type: 'offer', sdp});
      const answer = await peer.createAnswer();
      if (!wait) answer.sdp = answer.sdp.replace(/a=candidate.*\\r\\n/g, '');
      await peer.setLocalDescription(answer);
      if (wait) await gathered();
      return wait ? peer.localDescription.sdp : answer.sdp;
    },
    hold: direction => { peer.getTransceivers()[0].direction = direction; },
    digits: text => sender.dtmf.insertDTMF(text, 100, 50),
    state: () => peer.connectionState,
    strongest: () => {
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      const at = bins.indexOf(Math.max(...bins));
      return bins[at] > -70 ? at * audio.sampleRate / analyser.fftSize : 0;
    },
  };
}
"""


class Browser:
    """The page's phone, by the names of its functions."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def do(self, name: str, *values: Any) -> Any:
        return await self._page.evaluate(
            "([name, values]) => window.phone[name](...values)", [name, list(values)]
        )

    async def hears(self, frequency: float) -> None:
        async def heard() -> bool:
            return bool(abs(await self.do("strongest") - frequency) < 12)

        await until(heard)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed: sudo apt install chromium")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = await running.new_page()
        await page.evaluate(PHONE)
        yield Browser(page)
        await running.close()


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    side = Side(ice_addresses=("127.0.0.1",))
    yield side
    await side.link.shutdown()


async def answered(side: Side, browser: Browser) -> None:
    await side.link.create("a", "webrtc")
    await browser.do("accept", await side.link.answer("a", await browser.do("offer")))
    await side.event("connected")
    await side.link.start("a")


async def test_a_browser_hears_the_tone_and_is_heard(side: Side, browser: Browser) -> None:
    await answered(side, browser)
    await side.link.tone("a", 440)
    await browser.hears(440)
    await side.hears("a").until(1000)
    await side.link.tone("a", None)
    await side.link.echo("a", True)
    await browser.hears(1000)


async def test_digits_go_both_ways(side: Side, browser: Browser) -> None:
    await answered(side, browser)
    await browser.do("digits", "5#")
    await side.event("dtmf", 2)
    assert [event.detail["digit"] for event in side.named("dtmf")] == ["5", "#"]
    await side.link.dtmf("a", "12")
    await side.event("dtmf_sent")
    await side.link.tone("a", 700)
    await browser.hears(700)


async def test_hold_and_resume_by_each_side(side: Side, browser: Browser) -> None:
    await answered(side, browser)
    await side.link.tone("a", 500)
    await browser.hears(500)
    await browser.do("hold", "sendonly")
    answer = await side.link.answer("a", await browser.do("offer"))
    await browser.do("accept", answer)
    assert "a=recvonly" in answer and (await side.link.info("a")).flow == "recvonly"
    await browser.do("hold", "sendrecv")
    await browser.do("accept", await side.link.answer("a", await browser.do("offer")))
    await browser.hears(500)
    await side.link.direction("a", "inactive")
    await side.link.accept("a", await browser.do("answer", await side.link.offer("a")))
    assert (await side.link.info("a")).flow == "inactive"
    await side.link.direction("a", "sendrecv")
    await side.link.accept("a", await browser.do("answer", await side.link.offer("a")))
    await browser.hears(500)


async def test_a_browser_is_called(side: Side, browser: Browser) -> None:
    await side.link.create("a", "webrtc")
    await side.link.accept("a", await browser.do("answer", await side.link.offer("a")))
    await side.event("connected")
    await side.link.start("a")
    await side.link.tone("a", 600)
    await browser.hears(600)
    await side.hears("a").until(1000)


async def test_ice_starts_again_on_the_browsers_wish(side: Side, browser: Browser) -> None:
    await answered(side, browser)
    offer = await browser.do("offer", {"iceRestart": True})
    await browser.do("accept", await side.link.answer("a", offer))
    await side.event("connected", 2)
    await side.link.tone("a", 800)
    await browser.hears(800)
    await side.hears("a").until(1000)


@pytest.mark.parametrize("candidates", [True, False])
async def test_a_lost_leg_is_recovered_by_a_new_offer(
    side: Side, browser: Browser, candidates: bool
) -> None:
    await answered(side, browser)
    await side.link.tone("a", 660)
    await browser.hears(660)
    info = await side.link.info("a")
    second = Side(ice_addresses=("127.0.0.1",))
    try:
        await second.link.recover("a", info)
        offer = await second.link.offer("a")
        await second.link.accept("a", await browser.do("answer", offer, candidates))
        await second.event("connected")
        await second.link.tone("a", 880)
        await browser.hears(880)
        await second.hears("a").until(1000)
    finally:
        await second.link.shutdown()
