"""An engineer's day in the text: completion, help, where things are, fixes and order."""

import re

from playwright.async_api import expect

from tests.browser.pages import OpenPage, create_flow
from tests.browser.tables import line


async def test_completion_knows_words_parameters_and_their_values(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await create_flow(page, "complete", line("complete"))
    options = page.locator(".cm-tooltip-autocomplete li")

    await editor.put_cursor("transitions:")
    await page.keyboard.type("\n- {from_state: Rin")
    await expect(options.first).to_contain_text("Ringing")
    await page.keyboard.press("Enter")
    await page.keyboard.type(", role: UAS, event: InfoRec")
    await expect(options.first).to_contain_text("InfoReceived")
    await expect(page.locator(".cm-completionInfo")).to_contain_text("RFC 6086")
    await page.keyboard.press("Enter")
    await page.keyboard.type(", actions: [{SendSIPResponse: {co")
    await expect(options.first).to_contain_text("code")
    await expect(options.first).to_contain_text("101 to 699")
    await page.keyboard.press("Enter")
    await expect(page.locator(".cm-line", has_text="code: ").first).to_be_visible()
    text = await editor.text()
    assert "- {from_state: Ringing, role: UAS, event: InfoReceived, actions:" in text
    assert "SendSIPResponse: {code: " in text


async def test_help_definition_and_uses(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await create_flow(page, "reading", line("reading"))
    word = page.locator(".cm-line", has_text="DialogBYE").first
    await word.scroll_into_view_if_needed()
    await editor.put_cursor("event: DialogBY")
    await page.keyboard.press("Shift+F12")
    uses = editor.id("use")
    await expect(uses.first).to_contain_text("DialogBYE")
    assert await uses.count() == (await editor.text()).count("DialogBYE")
    await page.keyboard.press("Escape")
    await expect(editor.id("uses")).to_have_count(0)

    await editor.put_cursor("next_state: Acti")
    await page.keyboard.press("F12")
    await expect(page.locator(".cm-activeLine")).to_contain_text(re.compile(r"^\s*Active:"))
    await expect(editor.inspector).to_have_text("State Active")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Tab")
    await expect(editor.yaml).not_to_be_focused()


async def test_a_fix_is_shown_as_a_difference_before_it_is_one_step(open_page: OpenPage) -> None:
    page = await open_page()
    text = line("mend").replace("event: DialogBYE", "event: DialogBY", 1)
    editor = await create_flow(page, "mend", text)
    await expect(editor.problems.first).to_contain_text("DialogBY")
    await editor.problems.first.click()
    await editor.id("preview-fix").click()
    await expect(editor.id("fix-diff")).to_contain_text("DialogBYE")
    await expect(editor.id("fix-diff").locator(".old")).to_have_count(1)
    await expect(page.locator(".consequences li.ok").first).to_be_visible()
    assert await editor.text() == text
    await editor.id("fix-confirm").click()
    mended = await editor.changes(text)
    assert mended == line("mend")
    await editor.undo()
    await editor.has(text)


async def test_the_text_is_put_in_order_and_back(open_page: OpenPage) -> None:
    page = await open_page()
    text = line("order").replace("role: UAS, ", "role:   UAS , ", 1) + "\n\n\n"
    editor = await create_flow(page, "order", text)
    await editor.put_cursor("callflow: 1")
    await page.keyboard.press("Shift+Alt+F")
    tidy = await editor.changes(text)
    assert "role:   UAS" not in tidy and tidy.endswith("}\n")
    await editor.undo()
    await editor.has(text)
