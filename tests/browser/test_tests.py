"""The tests of a flow in the browser: written, played by the worker, and drawn as coverage."""

import re

from playwright.async_api import Page, expect

from tests.browser.pages import PASTE, OpenPage, ask, create_flow
from tests.browser.tables import echo

FAILING = """\
flow: proved
scenarios:
- name: Talks at once
  roles: [UAS]
  steps:
  - event: IncomingCall
    expect: {state: Active}
"""


async def write(page: Page, text: str) -> None:
    """Put a text into the small editor, in place of the one that is there."""
    content = page.locator(".cm-content")
    await content.click()
    await page.keyboard.press("Control+a")
    await content.evaluate(PASTE, text)


async def test_a_test_is_written_played_by_the_worker_and_drawn(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await create_flow(page, "proved", echo("proved"))
    await editor.save("First")

    await page.goto("/flows/proved/tests/new/")
    await write(page, FAILING.replace("expect", "expct"))
    await expect(page.get_by_test_id("test-problem")).to_contain_text("line 7")
    await expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    await write(page, FAILING)
    await expect(page.get_by_test_id("test-verdict")).to_contain_text("0 of 1 hold on v1")
    await page.get_by_test_id("test-save").click()

    state = page.get_by_test_id("tests-state")
    await expect(state).to_have_attribute("data-state", "failed")
    await expect(page.get_by_test_id("test-line")).to_contain_text("expected was Active")
    await expect(page.get_by_test_id("canvas")).to_have_attribute("data-drawn", "yes")
    await expect(page.locator(".cover-tag:is(.c-on, .c-part)")).to_have_count(1)
    assert await page.locator(".cover-tag.c-off").count() > 3
    await page.get_by_test_id("cover-calls").click()
    await expect(page.locator(".cover-tag:is(.c-on, .c-part)")).to_have_count(0)
    told = await ask(page, "GET", "/api/flows/proved/versions/1/coverage")
    assert told["by_tests"] == 1 and told["by_calls"] == 0

    # The failure leads to the simulator at its step.
    await page.get_by_test_id("test-play").click()
    await expect(page.get_by_test_id("canvas")).to_be_visible()
    await expect(page).to_have_url(re.compile("mode=simulate"))
