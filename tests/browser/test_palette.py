"""The command palette and the sheet of keys: one list of acts behind both."""

import re

from playwright.async_api import expect

from tests.browser.pages import Editor, OpenPage, create_flow
from tests.browser.tables import line


async def test_the_palette_finds_acts_states_rows_flows_and_rules(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await create_flow(page, "find_me", line("find_me"))
    field, options = editor.id("palette"), editor.id("palette-option")

    await page.keyboard.press("Control+k")
    await expect(field).to_be_focused()
    await page.keyboard.type("Active")
    await expect(options.first).to_have_attribute("data-kind", "state")
    await page.keyboard.press("Enter")
    await expect(editor.inspector).to_have_text("State Active")

    await editor.put_cursor("callflow: 1")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("active bye")
    await page.keyboard.press("Enter")
    await expect(editor.inspector).to_have_text("Row DialogBYE")

    await page.keyboard.press("Control+k")
    await page.keyboard.type("matrix")
    await page.keyboard.press("Enter")
    await expect(editor.id("matrix")).to_be_visible()
    await expect(page).to_have_url(re.compile("view=matrix"))

    await page.keyboard.press("Control+k")
    await page.keyboard.type("no such thing at all")
    await expect(options).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(editor.dialog).to_have_count(0)

    await editor.id("palette-open").click()
    await page.keyboard.type("COV401")
    await expect(options.first).to_have_attribute("data-kind", "rule")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/rules/COV401/")
    await Editor.open(page, "find_me")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("echo_test")
    await expect(options.first).to_have_attribute("data-kind", "flow")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/flows/echo_test/")


async def test_single_letters_can_be_switched_off_and_stay_so(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await Editor.open(page, "echo_test")
    await editor.state("Active").focus()
    await page.keyboard.press("?")
    await expect(editor.id("keys-dialog")).to_contain_text("Undo")
    await editor.id("letters").uncheck()
    await page.keyboard.press("Escape")
    await page.reload()
    await editor.ready()
    await editor.state("Active").focus()
    await page.keyboard.press("n")
    await page.keyboard.press("?")
    await expect(editor.dialog).to_have_count(0)
    await page.keyboard.press("Control+k")
    await page.keyboard.type("keys of this")
    await page.keyboard.press("Enter")
    await editor.id("letters").check()
    await page.keyboard.press("Escape")
    await editor.state("Active").focus()
    await page.keyboard.press("n")
    await expect(editor.id("new-state-name")).to_be_focused()


async def test_views_and_panels_are_remembered(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await Editor.open(page, "echo_test")
    main = editor.id("editor")
    await expect(main).to_have_attribute("data-dock", "below")
    await page.keyboard.press("Control+\\")
    await expect(main).to_have_attribute("data-dock", "only")
    await expect(editor.canvas).to_be_hidden()
    await page.keyboard.press("Control+\\")
    await expect(main).to_have_attribute("data-dock", "none")
    await expect(editor.yaml).to_be_hidden()
    await page.keyboard.press("Alt+3")
    await expect(editor.id("matrix")).to_be_visible()
    await expect(editor.canvas).to_be_visible()
    await page.goto("/flows/basic_call/")
    await expect(main).to_have_attribute("data-dock", "none")
    await expect(main).to_have_attribute("data-view", "split")
    await page.keyboard.press("Control+\\")
    await page.keyboard.press("Alt+1")
    await page.keyboard.press("Control+.")
    await expect(editor.outline).to_be_hidden()
    await page.keyboard.press("Control+.")
    await expect(editor.outline).to_be_visible()


async def test_the_palette_is_reached_with_a_thumb(open_page: OpenPage) -> None:
    page = await open_page(viewport={"width": 390, "height": 844}, has_touch=True)
    await page.goto("/flows/echo_test/")
    await page.get_by_test_id("palette-narrow").first.tap()
    await expect(page.get_by_test_id("palette")).to_be_focused()
    box = await page.get_by_test_id("palette-dialog").bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
    await page.keyboard.type("Active")
    await page.get_by_test_id("palette-option").first.tap()
    await expect(page.get_by_test_id("inspector-title")).to_have_text("State Active")
