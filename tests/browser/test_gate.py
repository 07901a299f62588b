"""What the deeper looks bring into the editor, and what they keep from going live."""

import re

from playwright.async_api import expect

from tests.browser.pages import OpenPage, ask, create_flow
from tests.browser.tables import echo
from tests.designer import tables

RELEASE = "Active, role: UAS, event: DialogBYE, actions: [CleanupMedia"


def leaking(name: str) -> str:
    """Only the deeper looks find that a dialog is kept for ever."""
    text = echo(name)
    assert f"{RELEASE}, CleanupDialog]" in text
    return text.replace(f"{RELEASE}, CleanupDialog]", f"{RELEASE}]")


def slow(name: str, limit: int = 1_000_000) -> str:
    """A table with errors whose check takes its worker many seconds."""
    return tables.exploding(limit).replace("name: hard", f"name: {name}")


async def test_a_pause_in_typing_shows_the_way_to_what_one_side_does_wrong(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "pause", echo("pause"))
    await expect(editor.id("walk")).to_contain_text("one side holds")
    await editor.write(leaking("pause"))
    await expect(editor.id("walk")).to_contain_text("1 error")
    await expect(editor.id("count-errors")).to_have_text("1")
    await expect(editor.id("count-deeper")).to_have_text("deeper")
    await expect(editor.id("outline-state-Active").locator(".f-error")).to_have_text("1")

    await editor.id("deep-problem").click()
    chip = editor.id("trace-chip")
    await expect(chip).to_contain_text("RES501")
    await expect(editor.id("trace-label")).to_contain_text("nothing gives back dialog")
    await expect(editor.canvas.locator(".badge")).to_have_count(3)
    await editor.id("trace-off").click()
    await expect(chip).to_have_count(0)
    await expect(editor.id("trace-label")).to_have_count(0)

    # One click mends it, one undo brings it back.
    await editor.id("deep-problem").click()
    await editor.id("apply-fix").click()
    await editor.has(echo("pause"))
    await expect(editor.id("no-problems")).to_be_visible()
    await editor.undo()
    await editor.has(leaking("pause"))
    await expect(editor.id("deep-problem")).to_have_attribute("data-code", "RES501")


async def test_errors_of_the_deeper_check_go_live_with_a_reason_only(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await create_flow(page, "reason", leaking("reason"))
    await editor.save("It leaks")
    await expect(editor.id("check-line")).to_have_attribute("data-verdict", "errors")
    await editor.id("deploy-open").click()
    errors = editor.id("deploy-errors")
    await expect(errors).to_contain_text("v1 has 1 error. Line 88:")
    await expect(errors.get_by_role("link")).to_have_attribute("href", "/flows/reason/versions/1/")
    await expect(editor.id("deploy-confirm")).to_have_text("Deploy v1 by force")
    await editor.id("deploy-reason").fill("Only for this evening")
    await editor.id("deploy-confirm").click()
    await expect(editor.id("deploy-done")).to_be_visible()
    await page.goto("/deployments/")
    line = page.get_by_test_id("deployment").filter(has_text="reason v1")
    await expect(line).to_contain_text("By force")
    await expect(line).to_contain_text("Only for this evening")
    await expect(page.get_by_test_id("alarm").filter(has_text="reason")).to_have_count(0)

    # Who may not force is told whom to ask.
    other = await open_page("/flows/reason/versions/", "bea")
    await expect(other.get_by_test_id("versions")).to_contain_text("1")


async def test_a_running_check_is_waited_for_cancelled_and_begun_again(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "endless", slow("endless"))
    line = editor.id("check-line")
    await editor.save("Counts to a million")
    await expect(line).to_contain_text(re.compile(r"Checking v1 · \d+ % · .* states"))
    await editor.id("deploy-open").click()
    await expect(editor.id("deploy-check")).to_contain_text("v1 is still being checked.")
    await expect(editor.id("deploy-confirm")).to_have_text("Deploy v1 unchecked")
    await page.keyboard.press("Escape")
    beside = await open_page("/flows/endless/versions/1/")
    await expect(beside.get_by_test_id("check-panel")).to_contain_text("states searched")

    await editor.id("check-cancel").click()
    await expect(line).to_contain_text("The check of v1 was cancelled by admin")
    # The page beside follows by itself, and offers the same way back.
    panel = beside.get_by_test_id("check-panel")
    await expect(panel).to_have_attribute("data-verdict", "cancelled")
    await panel.get_by_test_id("check-again").click()
    await expect(line).to_contain_text(re.compile("Checking v1|waits to be checked"))
    await beside.get_by_test_id("check-cancel").click()
    await expect(line).to_have_attribute("data-verdict", "cancelled")


async def test_errors_found_after_it_went_live_are_told_loudly_with_the_way_back(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "loud", echo("loud"), deploy=True)
    other = await open_page("/flows/loud/versions/")
    live = await open_page("/flows/loud/live/")
    await editor.write(slow("loud", 1500))
    await editor.save("Counts")
    made = await ask(page, "POST", "/api/flows/loud/deploy", version=2, reason="")
    assert made["unchecked"] and made["before"] == 1
    for each in (page, other, live):
        alarm = each.get_by_test_id("alarm")
        await expect(alarm).to_contain_text(
            re.compile(r"v2 takes new calls and has \d+ errors"), timeout=60_000
        )
    await other.get_by_test_id("roll-back").click()
    await expect(other.get_by_text("New calls of loud take v1.")).to_be_visible()
    for each in (page, other, live):
        await expect(each.get_by_test_id("alarm")).to_have_count(0)
