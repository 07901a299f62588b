"""Ready parts, and the outline that carries everything."""

import re

from playwright.async_api import expect

from tests.browser.pages import OpenPage, create_flow
from tests.browser.tables import line
from tests.instance import BASE


async def test_a_ready_part_is_asked_for_shown_and_inserted_as_one_step(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    text = (BASE / "state_tables/basic_call.yaml").read_text().replace("basic_call", "ready", 1)
    editor = await create_flow(page, "ready", text)
    before = await editor.text()
    await editor.id("outline-state-Active").click()
    await editor.id("snippets").locator("summary").click()
    await editor.id("snippet-hold").click()
    await expect(editor.id("snippet-state")).to_have_value("Active")
    await expect(editor.id("fix-diff")).to_contain_text("OnHold")
    await editor.id("snippet-patience").fill("soon")
    await editor.id("snippet-patience").blur()
    await expect(editor.id("snippet-refused")).to_contain_text("is no time")
    await editor.id("snippet-patience").fill("20s")
    await editor.id("snippet-patience").blur()
    await expect(editor.id("fix-diff")).to_be_visible()
    await editor.id("snippet-confirm").click()
    held = await editor.changes(before)
    assert "event: HoldCall" in held and "{after: 20s}" in held
    await expect(editor.id("outline-state-OnHold")).to_be_visible()
    await expect(editor.id("count-errors")).to_have_count(0)
    await editor.undo()
    await editor.has(before)

    await page.keyboard.press("Control+k")
    await page.keyboard.type("insert voicemail")
    await page.keyboard.press("Enter")
    await expect(editor.id("snippet-later")).to_contain_text("META996")
    await page.keyboard.press("Escape")
    await editor.has(before)


async def test_the_outline_says_everything_and_is_walked_by_keys(open_page: OpenPage) -> None:
    page = await open_page()
    text = line("tree").replace("next_state: Terminated}", "next_state: Terminate}", 1)
    editor = await create_flow(page, "tree", text)
    active = editor.id("outline-state-Active")
    await expect(active).to_have_accessible_name(re.compile(r"Active .*, \d+ rows"))
    bad = editor.outline.get_by_role("treeitem", name=re.compile(" error")).first
    await expect(bad).to_be_visible()

    await active.focus()
    await page.keyboard.press("ArrowRight")
    await expect(active).to_have_attribute("aria-expanded", "true")
    await page.keyboard.press("ArrowRight")
    row = page.locator("[role=treeitem]:focus")
    await expect(row).to_have_attribute("data-testid", re.compile("outline-row-"))
    await page.keyboard.press("Enter")
    await expect(editor.inspector).to_have_text(re.compile("^Row "))
    await page.keyboard.press("ArrowLeft")
    await expect(active).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await expect(active).to_have_attribute("aria-expanded", "false")
    await page.keyboard.type("ri")
    await expect(editor.id("outline-state-Ringing")).to_be_focused()

    await editor.id("find").fill("bye")
    await expect(editor.outline.locator("[data-testid^=outline-row-]").first).to_be_visible()
    await expect(editor.id("outline-state-Idle")).to_have_count(0)
