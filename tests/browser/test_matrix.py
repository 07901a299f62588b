"""The matrix: read, edited and pasted into like a spreadsheet, in step with the other views."""

import re

from playwright.async_api import Locator, Page, expect

from tests.browser.pages import PASTE, Editor, OpenPage, create_flow
from tests.browser.tables import line


async def opened(page: Page, name: str) -> Editor:
    editor = await create_flow(page, name, line(name))
    await editor.id("view-matrix").first.click()
    await expect(editor.id("cell-Active-DialogBYE")).to_be_visible()
    return editor


def cell(editor: Editor, state: str, event: str) -> Locator:
    return editor.id(f"cell-{state}-{event}")


async def test_a_cell_is_read_by_its_mark_and_leads_to_its_row(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await opened(page, "grid_read")
    bye = cell(editor, "Active", "DialogBYE")
    await expect(bye).to_have_class(re.compile("handled"))
    await expect(bye).to_have_attribute("aria-label", re.compile("goes to Terminated"))
    await expect(cell(editor, "Active", "IncomingCall")).to_have_class(re.compile("impossible"))
    missing = cell(editor, "Active", "MediaError")
    await expect(missing).to_have_class(re.compile("missing"))
    await expect(missing).to_contain_text("missing")

    await bye.click()
    await expect(editor.inspector).to_have_text("Row DialogBYE")
    await expect(page).to_have_url(re.compile(r"view=matrix#t/\d+"))
    await page.reload()
    await editor.ready_matrix()
    await expect(cell(editor, "Active", "DialogBYE")).to_have_class(re.compile("active"))
    await editor.id("count-missing").click()
    focused = page.locator("[role=gridcell]:focus")
    await expect(focused).to_have_class(re.compile("missing|part"))


async def test_cells_are_written_and_cleared_with_the_keys_of_a_spreadsheet(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await opened(page, "grid_keys")
    before = await editor.text()
    await cell(editor, "Active", "MediaError").click()
    await page.keyboard.type("terminated")
    await expect(editor.id("cell-editor")).to_be_focused()
    await page.keyboard.press("Enter")
    written = await editor.changes(before)
    assert "event: MediaError, next_state: Terminated" in written
    await expect(cell(editor, "Active", "MediaError")).to_contain_text("Terminated")

    await cell(editor, "Active", "MediaError").click()
    await page.keyboard.press("F2")
    await page.keyboard.type("stay")
    await page.keyboard.press("Enter")
    stays = await editor.changes(written)
    assert "event: MediaError}" in stays

    await cell(editor, "Active", "MediaError").click()
    await page.keyboard.press("Delete")
    await editor.has(before)
    await page.keyboard.press("Control+z")
    await editor.has(stays)
    await page.keyboard.press("Control+z")
    await page.keyboard.press("Control+z")
    await editor.has(before)

    await cell(editor, "Active", "DialogBYE").click()
    await page.keyboard.press("Home")
    await expect(page.locator("[role=gridcell]:focus")).to_have_attribute("data-column", "0")
    await page.keyboard.press("Control+End")
    await expect(page.locator("[role=gridcell]:focus")).not_to_have_attribute("data-column", "0")


async def test_a_block_from_a_spreadsheet_is_shown_first_and_is_one_step(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await opened(page, "grid_paste")
    before = await editor.text()
    await editor.id("paste-open").click()
    block = "State;MediaError;RtpTimeout\nActive;Terminated;Nowhere\nGhost;Active;\nRinging;stay;"
    await editor.id("paste-block").fill(block)
    await expect(editor.id("paste-change")).to_have_count(4)
    await expect(editor.id("paste-refused")).to_contain_text("2 cells stay")
    await expect(editor.dialog).to_contain_text("there is no state Nowhere")
    await editor.id("paste-apply").click()
    pasted = await editor.changes(before)
    assert pasted.count("event: MediaError") == before.count("event: MediaError") + 2
    await page.keyboard.press("Control+z")
    await editor.has(before)

    # What is copied here comes with its guards and actions.
    source = cell(editor, "Active", "DialogBYE")
    await source.click()
    await page.keyboard.press("Shift+ArrowDown")
    await expect(page.locator("[role=gridcell].inside")).to_have_count(2)
    target = cell(editor, "Ringing", "MediaError")
    await target.click()
    await target.evaluate(PASTE, "Terminated")
    await editor.changes(before)
    await expect(target).to_contain_text("Terminated")


async def test_a_person_who_may_only_look_changes_nothing_in_the_matrix(
    open_page: OpenPage,
) -> None:
    page = await open_page(user="carl")
    await page.goto("/flows/echo_test/?view=matrix")
    editor = Editor(page)
    await editor.ready_matrix()
    before = await editor.text()
    await cell(editor, "Active", "DialogBYE").click()
    await page.keyboard.press("Delete")
    await page.keyboard.type("x")
    await expect(editor.id("cell-editor")).to_have_count(0)
    assert await editor.text() == before
    await expect(editor.id("paste-open")).to_be_hidden()


SHARED = """\
callflow: 1
name: shared
states:
  Idle: {initial: true}
  Active: {}
  Ended: {final: true}
transitions:
- {from_state: Idle, role: UAC, event: MakeCall, next_state: Active}
- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Active}
- {from_state: Active, role: Both, event: HangupCall, actions: [SendBYE], next_state: Ended}  # 2
- {from_state: Active, role: Both, event: DialogBYE, next_state: Ended}
"""


async def test_a_row_for_both_roles_is_split_or_changed_for_both_when_one_is_shown(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "shared", SHARED)
    await page.goto("/flows/shared/?view=matrix&role=UAC")
    await editor.ready_matrix()
    await editor.id("matrix-UAC").click()
    hang_up = cell(editor, "Active", "HangupCall")
    await expect(hang_up).to_contain_text("Both")

    await hang_up.click()
    await page.keyboard.type("stay")
    await page.keyboard.press("Enter")
    await expect(editor.id("both-dialog")).to_contain_text("UAS")
    await page.keyboard.press("Escape")
    assert await editor.text() == SHARED

    await hang_up.click()
    await page.keyboard.type("stay")
    await page.keyboard.press("Enter")
    await editor.id("both-split").click()
    apart = await editor.changes(SHARED)
    assert SHARED.splitlines()[8].replace("Both", "UAS") in apart
    new = "- {from_state: Active, role: UAC, event: HangupCall, actions: [SendBYE]}\n"
    assert new in apart and len(apart.splitlines()) == len(SHARED.splitlines()) + 1
    await page.keyboard.press("Control+z")
    await editor.has(SHARED)

    await hang_up.click()
    await page.keyboard.press("Delete")
    await editor.id("both-change").click()
    gone = await editor.changes(SHARED)
    assert "HangupCall" not in gone
