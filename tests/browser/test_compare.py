"""Two versions compared in a browser: words, one picture of both, lines, and the way to see it."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.pages import OpenPage, picture
from tests.instance import BASE, Instance

HOLD = (BASE / "state_tables/call_with_hold.yaml").read_text().replace(
    "name: call_with_hold", "name: hold_compared"
)  # fmt: skip
HANGUP = (
    "- {from_state: OnHold, role: Both, event: HangupCall, actions: [SendBYE, StopMediaSession],"
    " next_state: Terminating}\n"
)
ERROR = HANGUP.replace("HangupCall", "MediaError")
WAIT = "- {from_state: Initiating, role: UAC, event: {after: 60s}"
OLD = HOLD.replace(HANGUP, "")
NEW = (
    HOLD.replace(ERROR, ERROR.replace("Terminating", "Active"))
    .replace(WAIT, WAIT.replace("60s", "45s"))
    .replace("event: {after: 60s}, actions: [SendCANCEL]", "event: {after: 60s}, actions: []", 1)
)
BOXES = """
() => [...document.querySelectorAll('.diagram .item, .diagram .edge .line')].map(element => {
  const {x, y, width, height} = element.getBoundingClientRect();
  return [x, y, width, height].map(Math.round).join(' ');
})
"""


@pytest.fixture
async def compared(instance: Instance, tmp_path: Path) -> str:
    for number, text in enumerate((OLD, NEW), 1):
        file = tmp_path / str(number) / "hold_compared.yaml"
        file.parent.mkdir()
        file.write_text(text)
        await asyncio.to_thread(instance.cli, "import", str(file))
    return "/flows/hold_compared/compare/1/2/"


async def drawn(page: Page) -> None:
    await expect(page.get_by_test_id("state-OnHold")).to_be_visible()
    await expect(page.locator(".diffing .trow.d-add").first).to_be_attached()


async def test_a_change_is_read_seen_and_played(open_page: OpenPage, compared: str) -> None:
    page = await open_page(compared)
    await drawn(page)
    changes = page.get_by_test_id("changes").get_by_test_id("change")
    hangup = changes.filter(has_text="OnHold, on HangupCall")
    await expect(hangup).to_contain_text("Before, no row took this event there.")

    # A click on the words marks the row in the picture and its lines.
    await hangup.get_by_role("link").click()
    await expect(page.locator(".trow.selected.d-add")).to_have_count(1)
    await expect(page.locator(".diff tr.chosen")).to_contain_text("event: HangupCall")
    address = page.url
    assert "#t/" in address

    # A row that leads elsewhere stands twice: as it was and as it is.
    await changes.filter(has_text="OnHold, on MediaError").get_by_role("link").click()
    await expect(page.locator(".diff tr.chosen")).to_have_count(2)
    await page.goto(compared + "#old/0")
    await page.goto(address)
    await expect(hangup).to_have_class("change added chosen")

    await page.keyboard.press("F8")
    await expect(page.locator(".change.chosen")).to_have_count(1)
    await expect(hangup).not_to_have_class("change added chosen")

    await page.get_by_test_id("play").click()
    await expect(page.locator('#main[data-mode="simulate"]')).to_be_visible()
    await expect(page.locator(".sim-log")).to_be_visible()


async def test_before_and_after_move_nothing(open_page: OpenPage, compared: str) -> None:
    # Without motion, so that what is measured is not still gliding to the changes.
    page = await open_page(compared, reduced_motion="reduce")
    await drawn(page)
    both = await page.evaluate(BOXES)
    added = page.locator(".trow.d-add").first
    for time, opacity in [("before", "0.1"), ("after", "1")]:
        await page.get_by_test_id(f"show-{time}").click()
        await expect(added).to_have_css("opacity", opacity)
        assert await page.evaluate(BOXES) == both
    await page.keyboard.press("ArrowLeft")
    await expect(page.get_by_test_id("show-both")).to_have_attribute("aria-checked", "true")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
async def test_the_comparison_fits(
    open_page: OpenPage, compared: str, width: int, scheme: str
) -> None:
    page = await open_page(compared, viewport={"width": width, "height": 1500}, color_scheme=scheme)
    await drawn(page)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wide) <= 0
    await picture(page, f"compare-{width}-{scheme}")
