"""The simulator in a browser: a run played, stepped back, linked, kept as a test; both sides."""

import re
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.browser.pages import OpenPage, create_flow, picture
from tests.instance import BASE

HOLD = (BASE / "state_tables" / "call_with_hold.yaml").read_text("utf-8")
UNANSWERED = (BASE / "state_tables" / "basic_call.yaml").read_text("utf-8")


class Simulator:
    """The panel beside the diagram."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.steps = page.get_by_test_id("sim-step")
        self.state = page.get_by_test_id("sim-state")
        self.wires = page.get_by_test_id("sim-ladder").get_by_test_id("sim-wire")

    async def open(self) -> "Simulator":
        await self.page.get_by_test_id("mode-simulate").click()
        await expect(self.state.first).to_be_visible()
        return self

    def choice(self, event: str) -> Locator:
        return self.page.locator(f'[data-testid="happen"][data-event="{event}"]').first

    async def happens(self, event: str) -> None:
        before = await self.steps.count()
        await self.choice(event).locator("button.do").click()
        await expect(self.steps).not_to_have_count(before)

    async def call(self, *events: str) -> None:
        for event in events:
            await self.happens(event)


async def test_a_call_is_played_step_by_step_and_back_on_a_diagram_that_stays_put(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "sim_walk", HOLD)
    before = await editor.state("Idle").bounding_box()
    drawn = await editor.canvas.get_attribute("data-drawn")
    simulator = await Simulator(page).open()
    await expect(editor.canvas.locator(".node.here")).to_have_count(1)
    assert await editor.state("Idle").bounding_box() == before
    await simulator.call("MakeCall", "Dialog180Ringing", "Dialog200OK")
    await expect(simulator.state).to_have_text("Active")
    await expect(simulator.wires).to_have_count(4)
    await expect(editor.canvas.locator(".trow.went")).to_have_count(3)
    await expect(editor.canvas.locator(".badge.step")).to_have_count(3)
    await page.keyboard.press("Escape")
    await simulator.steps.last.click()
    await page.keyboard.press(",")
    await expect(simulator.state).to_have_text("Ringing")
    await expect(page.get_by_test_id("ahead")).to_contain_text("1 step ahead")
    await page.keyboard.press(".")
    await expect(simulator.state).to_have_text("Active")
    assert await editor.canvas.get_attribute("data-drawn") == drawn
    await picture(page, "simulate")
    await page.get_by_test_id("sim-close").click()
    await expect(editor.canvas.locator(".went, .here")).to_have_count(0)
    await expect(page.get_by_test_id("inspector")).to_be_attached()


async def test_a_link_leads_to_the_same_run(open_page: OpenPage) -> None:
    page = await open_page()
    await create_flow(page, "sim_link", HOLD)
    simulator = await Simulator(page).open()
    await simulator.call("MakeCall", "Dialog180Ringing")
    await expect(page).to_have_url(re.compile(r"run=[\w-]+"))
    address = page.url
    other = await open_page(address)
    again = Simulator(other)
    await expect(again.state).to_have_text("Ringing")
    await expect(again.steps).to_have_count(2)


async def test_time_a_failing_action_and_an_event_without_a_row(open_page: OpenPage) -> None:
    page = await open_page()
    text = re.sub(r"(?m)^- \{from_state: Ringing.*DialogError.*\n", "", UNANSWERED)
    await create_flow(page, "sim_fail", text)
    simulator = await Simulator(page).open()
    first = simulator.choice("MakeCall")
    await first.get_by_role("button", name="Fields and failures").click()
    await page.get_by_test_id("happen-field-target").fill("sip:bob@example.org")
    await page.get_by_test_id("happen-fails").select_option("GenerateLocalSDP")
    await page.get_by_test_id("happen-do").click()
    await expect(simulator.steps).to_have_count(2)
    await expect(simulator.steps.last).to_contain_text("ActionFailed")
    await page.get_by_test_id("sim-reset").click()
    await expect(simulator.steps).to_have_count(0)
    await simulator.call("MakeCall")
    await page.get_by_test_id("sim-due").click()
    await expect(page.get_by_test_id("sim-clock")).to_contain_text("1:00.000")
    await expect(simulator.steps.last).to_contain_text("after 60 s")


async def test_run_to_a_state_and_stop_there_while_playing(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await create_flow(page, "sim_reach", HOLD)
    simulator = await Simulator(page).open()
    await page.get_by_test_id("outline-state-OnHold").click()
    await page.get_by_test_id("sim-reach").click()
    await expect(simulator.state).to_have_text("OnHold")
    await page.get_by_test_id("outline-state-Active").click()
    await page.get_by_test_id("sim-stop").click()
    await expect(editor.canvas.locator(".badge.stop")).to_have_count(1)
    await page.get_by_test_id("sim-reset").click()
    await expect(simulator.state).to_have_text("Idle")
    await page.get_by_test_id("sim-play").click()
    await expect(simulator.state).to_have_text("Active")
    await expect(page.get_by_test_id("sim-play")).to_have_attribute("aria-pressed", "false")


async def test_both_sides_meet_over_messages_that_are_delivered_and_lost(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    await create_flow(page, "sim_both", HOLD)
    simulator = await Simulator(page).open()
    await page.get_by_test_id("sim-Both").click()
    await expect(simulator.state).to_have_count(2)
    await simulator.call("MakeCall")
    await simulator.wires.get_by_test_id("deliver").click()
    await expect(simulator.state.last).to_have_text("Ringing")
    await simulator.wires.get_by_test_id("lose").click()
    await expect(simulator.wires.last).to_have_attribute("data-fate", "lost")
    await page.get_by_test_id("side-UAS").click()
    await simulator.happens("AcceptCall")
    await page.get_by_test_id("panel-deliver").click()
    await expect(simulator.state.first).to_have_text("Active")
    await picture(page, "simulate-both")


async def test_a_run_is_kept_as_a_test_and_says_what_a_change_breaks(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await create_flow(page, "sim_tests", HOLD)
    simulator = await Simulator(page).open()
    await simulator.call("MakeCall", "Dialog180Ringing", "Dialog200OK")
    await page.get_by_test_id("sim-tab-tests").click()
    await page.get_by_test_id("test-name").fill("Answered")
    await page.get_by_test_id("test-keep").click()
    test = page.get_by_test_id("test")
    await expect(test).to_have_attribute("data-holds", "true")
    text = await editor.text()
    await editor.write(text.replace("publish_events: [CallRinging]", "publish_events: []"))
    await page.get_by_test_id("sim-tab-try").click()
    await page.get_by_test_id("sim-tab-tests").click()
    await expect(test).to_have_attribute("data-holds", "false")
    await expect(test).to_contain_text("published is nothing, expected was CallRinging")


async def test_a_phone_has_the_simulator_at_its_foot(open_page: OpenPage) -> None:
    options: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    page = await open_page("/flows/echo_test/?mode=simulate", **options)
    simulator = Simulator(page)
    await page.get_by_test_id("sim-UAS").click()
    await simulator.call("IncomingCall", "DialogACK")
    await expect(simulator.state).to_have_text("Active")
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    await page.get_by_test_id("sim-tab-ladder").click()
    await expect(page.get_by_test_id("panel-ladder").get_by_test_id("sim-wire")).to_have_count(3)
    await picture(page, "simulate-phone", keep=False)


async def test_the_way_to_a_problem_is_tried(open_page: OpenPage) -> None:
    page = await open_page()
    broken = UNANSWERED.replace("[SendBYE, StopMediaSession]", "[SendBYE, SendBYE]", 1)
    editor = await create_flow(page, "sim_trace", broken)
    await editor.save("With a mistake")
    deeper = page.get_by_test_id("deep-problem").first
    await expect(deeper).to_be_visible(timeout=60_000)
    await deeper.click()
    await page.get_by_test_id("try-trace").click()
    simulator = Simulator(page)
    await expect(simulator.steps.first).to_be_visible()
    await expect(page.get_by_test_id("sim-log")).to_contain_text("a second time")
