"""The phone of the page: it calls and is called, hears and is heard, and every end is a row."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.browser.pages import OpenPage, ask, create_flow, deploy_newest
from tests.browser.tables import echo
from tests.conftest import eventually
from tests.instance import Instance

# What the page plays, measured beside it: loudness (0 to 1) and the strongest frequency.
LISTEN = """
audio => {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, {fftSize: 8192, smoothingTimeConstant: 0});
  let heard = null;
  window.heard = () => {
    if (audio.srcObject !== heard && audio.srcObject) {
      heard = audio.srcObject;
      context.createMediaStreamSource(heard).connect(analyser);
    }
    const wave = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(wave);
    const loud = Math.sqrt(wave.reduce((sum, value) => sum + value * value, 0) / wave.length);
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const at = bins.indexOf(Math.max(...bins));
    return [loud, at * context.sampleRate / analyser.fftSize];
  };
}
"""
LOUD = 0.005


class Phone:
    """The phone of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.state = page.get_by_test_id("phone-state")
        self.note = page.get_by_test_id("phone-note")

    @classmethod
    async def of(cls, page: Page) -> "Phone":
        """Open the phone and wait until it can be called."""
        await page.get_by_test_id("phone-toggle").click()
        phone = cls(page)
        await expect(page.get_by_test_id("phone").get_by_text("Reachable")).to_be_visible()
        await page.get_by_test_id("phone-audio").evaluate(LISTEN)
        return phone

    def id(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    async def call(self, number: str) -> None:
        await self.id("phone-number").fill(number)
        await self.id("phone-call").click()
        await self.is_now("talking")

    async def is_now(self, state: str) -> None:
        await expect(self.state).to_have_attribute("data-state", state, timeout=15_000)

    async def heard(self) -> tuple[float, float]:
        loud, hertz = await self.page.evaluate("window.heard()")
        return loud, hertz

    async def hears(self, what: str, wanted: Callable[[float, float], bool]) -> None:
        """Wait until what is heard now (loudness, strongest frequency) is as wanted."""

        async def heard() -> bool:
            return wanted(*await self.heard())

        await eventually(heard, 15, what)

    async def hears_sound(self) -> None:
        await self.hears("a sound is heard", lambda loud, hertz: loud > LOUD)

    async def hears_only_silence(self, seconds: float = 1.5) -> None:
        """Wait until nothing is heard for longer than the fake microphone ever pauses."""
        quiet_since: float | None = None

        async def quiet() -> bool:
            nonlocal quiet_since
            now = asyncio.get_running_loop().time()
            loud, _ = await self.heard()
            if loud > LOUD:
                quiet_since = None
            elif quiet_since is None:
                quiet_since = now
            return quiet_since is not None and now - quiet_since > seconds

        await eventually(quiet, 15, "nothing is heard")


@pytest_asyncio.fixture(loop_scope="session")
async def phone(open_page: OpenPage) -> AsyncIterator[Phone]:
    """The phone of admin; no call of it outlives the test."""
    page = await open_page()
    phone = await Phone.of(page)
    yield phone
    if await phone.id("phone-hangup").is_visible():
        await phone.id("phone-hangup").click()


async def session_of(page: Page, flow: str) -> dict[str, Any]:
    """The newest session of a flow."""
    found = await ask(page, "GET", f"/api/sessions?flow={flow}")
    return dict(found[0])


async def steps_when(page: Page, session: str, event: str) -> list[dict[str, Any]]:
    """The steps of a session, once one of them took this event."""
    steps: list[dict[str, Any]] = []

    async def there() -> bool:
        nonlocal steps
        steps = await ask(page, "GET", f"/api/sessions/{session}/steps?numbers=what+was+typed")
        return event in [step["event"] for step in steps]

    await eventually(there, 15, f"{session} took {event}")
    return steps


async def test_a_call_hears_its_own_echo_and_hanging_up_is_a_row(phone: Phone) -> None:
    await phone.call("100")
    session = await session_of(phone.page, "echo_test")
    await phone.hears_sound()
    await phone.id("phone-mute").click()
    await expect(phone.id("phone-mute")).to_have_text("Muted")
    await phone.hears_only_silence()
    await phone.id("phone-mute").click()
    await phone.hears_sound()

    await phone.id("phone-keypad").click()
    await phone.id("key-5").click()
    steps = await steps_when(phone.page, session["id"], "DtmfDetected")
    assert [s["fields"]["digit"] for s in steps if s["event"] == "DtmfDetected"] == ["5"]

    await phone.id("phone-hangup").click()
    await phone.is_now("ended")
    await expect(phone.note).to_have_text("You hung up.")
    steps = await steps_when(phone.page, session["id"], "DialogBYE")
    assert (steps[-1]["kind"], steps[-1]["to_state"]) == ("fired", "Terminated")
    assert steps[-1]["row"] >= 0


async def test_the_table_hangs_up_on_the_phone(phone: Phone, open_page: OpenPage) -> None:
    author = await open_page()
    text = echo("short_echo").replace("{after: 60s}", "{after: 2s}")
    await create_flow(author, "short_echo", text, deploy=True, route="711")
    await phone.call("711")
    await phone.is_now("ended")
    await expect(phone.note).to_have_text("The other side hung up.")
    session = await session_of(phone.page, "short_echo")
    steps = await steps_when(phone.page, session["id"], "Dialog200OK")
    assert "minute-is-over" in [step["row_id"] for step in steps]

    await phone.call("100")
    session = await session_of(phone.page, "echo_test")
    path = f"/api/sessions/{session['id']}/events"
    await ask(phone.page, "POST", path, event="HangupCall", fields={})
    await phone.is_now("ended")


async def test_the_phone_hears_the_tone_that_a_row_plays(phone: Phone, open_page: OpenPage) -> None:
    author = await open_page()
    text = echo("tone").replace("StartMediaSession, StartEcho]", "StartMediaSession, PLAY]", 1)
    text = text.replace("PLAY", "{PlayTone: {frequency: 880}}")
    await create_flow(author, "tone", text, deploy=True, route="712")
    await phone.call("712")
    await phone.hears("880 Hz", lambda loud, hertz: loud > LOUD and abs(hertz - 880) < 15)


async def test_the_server_calls_the_phone_and_a_person_answers(phone: Phone) -> None:
    page = phone.page
    await deploy_newest(page, "basic_call")
    host = page.url.split("/")[2].split(":")[0]
    placed = await ask(page, "POST", "/api/calls", flow="basic_call", target=f"sip:admin@{host}")
    await phone.is_now("incoming")
    await phone.id("phone-answer").click()
    await phone.is_now("talking")
    session = placed["session"] if "session" in placed else placed["id"]
    steps = await steps_when(page, session, "MediaFlowEstablished")
    assert "Active" in [step["to_state"] for step in steps]
    await phone.id("phone-hangup").click()
    steps = await steps_when(page, session, "DialogBYE")
    assert steps[-1]["to_state"] == "Terminated"

    placed = await ask(page, "POST", "/api/calls", flow="basic_call", target=f"sip:admin@{host}")
    await phone.is_now("incoming")
    await phone.id("phone-hangup").click()
    session = placed["session"] if "session" in placed else placed["id"]
    steps = await steps_when(page, session, "Dialog4xxFailure")
    assert steps[-1]["fields"]["code"] == 486


async def test_a_kill_of_the_media_process_leaves_the_call_and_sound_comes_back(
    phone: Phone, instance: Instance
) -> None:
    await phone.call("100")
    session = await session_of(phone.page, "echo_test")
    await phone.hears_sound()
    os.kill(instance.pids()["media"], signal.SIGKILL)
    steps = await steps_when(phone.page, session["id"], "MediaLost")
    lost = next(step for step in steps if step["event"] == "MediaLost")
    assert "RestoreMedia" in lost["actions"]
    meter = phone.id("phone-meter")
    before = int(await meter.get_attribute("data-packets") or 0)

    async def flowing() -> bool:
        return int(await meter.get_attribute("data-packets") or 0) > before + 100

    await eventually(flowing, 20, "packets come again")
    await phone.hears_sound()
    await phone.is_now("talking")
    assert (await session_of(phone.page, "echo_test"))["state"] == "Active"
