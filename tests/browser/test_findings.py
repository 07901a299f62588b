"""Findings in the editor: the way to each, and those of the deeper check beside them."""

import re

from playwright.async_api import expect

from tests.browser.pages import OpenPage, create_flow, picture
from tests.browser.tables import line


async def test_the_deeper_check_shows_how_a_finding_comes_about_while_its_text_stands(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "deeper", line("deeper"))
    await editor.save("First version")
    deeper = editor.id("deeper")
    await expect(deeper).to_contain_text("deeper check", timeout=60_000)

    # Counted at their states; rows are not tinted for what lies on a way through them.
    await expect(editor.canvas.locator(".overlay .badge").first).to_be_visible()
    await expect(editor.canvas.locator(".f-error")).to_have_count(0)

    found = page.locator('[data-testid="deep-problem"][data-code="COV407"]').filter(
        has_text="UpdateReceived"
    )
    await found.click()
    steps = editor.id("trace-step")
    await expect(steps).to_have_count(4)
    await expect(steps.first).to_contain_text("IncomingCall")
    await expect(steps.last).to_contain_text("UpdateReceived: no row")
    for row in (0, 1, 6):
        traced = editor.canvas.locator(f'.trow.traced[data-row="{row}"]')
        await expect(traced).to_have_count(1)
    await expect(editor.canvas.locator(".edge.traced")).to_have_count(2)
    await expect(editor.canvas.locator(".overlay .badge text")).to_have_text(["1", "2", "3", "4"])
    await expect(editor.canvas.locator(".node.trace-end")).to_have_attribute("data-state", "Active")
    await picture(page, "editor-trace", keep=False)

    await editor.put_cursor("# both talk")
    await page.keyboard.type("!")
    # The version's check speaks of this text no more; a walk over the draft takes its place.
    await expect(deeper).to_contain_text("Draft, deeper look")
    await expect(editor.canvas.locator(".traced")).to_have_count(0)
    await editor.undo()
    await editor.has(line("deeper"))
    await expect(deeper).to_contain_text("v1, deeper check")

    await found.click()
    await page.get_by_test_id("rule-link").click()
    await page.wait_for_url("**/rules/COV407/")
    await expect(page.get_by_test_id("rule-code")).to_have_text("COV407")


async def test_the_way_to_a_finding_is_stepped_in_every_view_and_families_are_looked_at_alone(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "stepped", line("stepped"))
    await editor.save("First version")
    await expect(editor.id("deeper")).to_contain_text("deeper check", timeout=60_000)
    found = page.locator('[data-testid="deep-problem"][data-code="COV407"]').filter(
        has_text="UpdateReceived"
    )
    await found.click()
    at = editor.id("trace-at")
    await expect(at).to_have_text("4 steps")
    await editor.id("trace-on").click()
    await expect(at).to_have_text("Step 1 of 4")
    await expect(editor.inspector).to_have_text("Row ring")
    await expect(editor.row(0)).to_have_class(re.compile("selected"))
    await page.keyboard.press(".")
    await expect(at).to_have_text("Step 2 of 4")
    await page.keyboard.press(",")
    await expect(at).to_have_text("Step 1 of 4")
    await editor.id("trace-step").last.get_by_role("button").click()
    await expect(at).to_have_text("Step 4 of 4")
    await expect(editor.inspector).to_have_text("State Active")
    await expect(editor.id("trace-chip")).to_be_visible()

    await editor.id("family-COV").click()
    codes = await editor.id("deep-problem").evaluate_all("all => all.map(p => p.dataset.code)")
    assert codes and all(code.startswith("COV") for code in codes)
    await page.keyboard.press("F8")
    await expect(page.locator(".problem[aria-selected=true]")).to_have_attribute(
        "data-code", re.compile("^COV")
    )
