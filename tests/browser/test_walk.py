"""The walk of a newcomer: draw a flow, check it, save it, deploy it, call it, watch the call."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.pages import Editor, OpenPage, create_flow
from tests.browser.tables import line
from tests.instance import BASE
from tests.sip.sipp import MISSING, SIPP

needs_sipp = pytest.mark.skipif(SIPP is None, reason=MISSING)
BUSY = (BASE / "tests/sip/busy.xml").read_text()


async def test_the_list_says_of_each_flow_what_it_is(open_page: OpenPage) -> None:
    page = await open_page()
    starter = page.get_by_test_id("flow-echo_test")
    await expect(starter).to_contain_text("Live")
    await expect(starter).to_contain_text("v1")
    await expect(starter).to_contain_text("runs now")
    await expect(starter).to_contain_text("No problems")
    await expect(page.get_by_test_id("live-echo_test")).to_have_text("0")
    for name in ("basic_call", "call_with_hold", "auto_attendant_stub"):
        await expect(page.get_by_test_id(f"flow-{name}")).to_contain_text("v1")
    await starter.get_by_role("link", name="echo_test", exact=True).click()
    await Editor(page).ready()


async def test_text_picture_outline_and_findings_follow_each_key(open_page: OpenPage) -> None:
    page = await open_page()
    await create_flow(page, "follows", line("follows"))
    editor = Editor(page)
    await editor.ready()
    await expect(editor.id("no-problems")).to_be_visible()

    await editor.put_cursor("{code: 200}}], next_state: Active")
    await page.keyboard.press("Backspace")
    await page.keyboard.type("d")

    await expect(editor.problems.filter(has_text="Activd")).to_contain_text("Active?")
    await expect(editor.id("outline-state-Ringing").locator(".f-error")).to_be_visible()
    await expect(editor.state("Activd")).to_be_visible()
    marked = editor.yaml.locator(".cm-lintRange-error", has_text="Activd")
    await expect(marked).to_have_text("Activd")

    await page.keyboard.press("Backspace")
    await page.keyboard.type("e")
    await expect(editor.id("no-problems")).to_be_visible()
    await expect(editor.state("Activd")).to_have_count(0)
    await editor.has(line("follows"))


async def test_a_selection_is_one_cursor_in_diagram_outline_and_text(open_page: OpenPage) -> None:
    page = await open_page()
    await create_flow(page, "cursor", line("cursor"))
    editor = Editor(page)
    await editor.ready()

    await editor.row(3).click()
    await expect(editor.inspector).to_have_text("Row DialogCANCEL")
    await expect(editor.id("outline-row-3")).to_have_attribute("aria-selected", "true")
    await expect(editor.yaml.locator(".cm-chosen")).to_contain_text("DialogCANCEL")

    await editor.id("outline-state-Active").click()
    await expect(editor.inspector).to_have_text("State Active")
    await expect(editor.canvas.locator(".node.selected")).to_have_attribute("data-state", "Active")
    await expect(editor.yaml.locator(".cm-chosen")).to_contain_text("Active:")

    await editor.put_cursor("event: Incoming")
    await expect(editor.inspector).to_have_text("Row ring")
    await expect(editor.row(0)).to_have_class(re.compile("selected"))
    assert page.url.endswith("#t/0")


async def test_edits_on_the_diagram_touch_their_lines_only_and_undo_leads_back(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    first = line("edits")
    await create_flow(page, "edits", first)
    editor = Editor(page)
    await editor.ready()
    texts = [first]

    async def step(removed: int, added: int) -> str:
        """The text changed by this many lines, and every other is as it was."""
        text = await editor.changes(texts[-1])
        old, new = texts[-1].splitlines(), text.splitlines()
        assert lines_changed(old, new) == (removed, added), text
        texts.append(text)
        return text

    # A state of its own, after the selected one.
    await editor.id("outline-state-Active").click()
    await editor.id("add-state").click()
    await editor.id("new-state-name").fill("OnHold")
    await editor.id("new-state-confirm").click()
    await step(0, 1)
    await expect(editor.state("OnHold")).to_be_visible()

    # Renamed: every row that leads there follows.
    await editor.id("outline-state-Terminating").click()
    await editor.id("state-name").fill("Ending")
    await editor.id("state-name").press("Enter")
    text = await step(5, 5)
    assert "Terminating" not in text and "# we hang up" in text
    await expect(editor.state("Ending")).to_be_visible()

    # A row from it, then led somewhere else.
    await editor.id("outline-state-OnHold").click()
    await editor.id("state-add-row").click()
    await editor.choose("new-row-event", "ResumeCall")
    await editor.choose("new-row-next", "Active")
    await editor.id("new-row-confirm").click()
    text = await step(0, 1)
    assert "ResumeCall" in text
    await expect(editor.inspector).to_have_text("Row ResumeCall")
    await editor.choose("row-next", "Ending")
    text = await step(1, 1)

    # Its event, a guard and an action.
    await editor.choose("row-event", "HangupCall")
    await step(1, 1)
    await editor.choose("guards-add", "MediaReady")
    assert "guards: [MediaReady]" in await step(1, 1)
    await editor.choose("action-add", "SendBYE")
    assert "actions: [SendBYE]" in await step(1, 1)
    await expect(editor.inspector).to_have_text("Row HangupCall")

    # A row that stands in a block of several lines.
    await editor.row(0).click()
    await editor.choose("row-next", "Active")
    assert "  next_state: Active\n" in await step(1, 1)

    # Deleted, with what hangs on it.
    await editor.id("outline-state-OnHold").click()
    await editor.id("state-delete").click()
    await step(2, 0)
    await expect(editor.state("OnHold")).to_have_count(0)

    # And typed in between: one history over all of it.
    await editor.put_cursor("callflow: 1")
    await page.keyboard.type("  # typed")
    await step(1, 1)

    for text in reversed(texts[:-1]):
        await editor.undo()
        await editor.has(text)
    await expect(editor.id("undo")).to_have_attribute("aria-disabled", "true")
    for text in texts[1:]:
        await editor.redo()
        await editor.has(text)
    for text in reversed(texts[:-1]):
        await editor.undo()
        await editor.has(text)
    assert await editor.text() == first


async def test_broken_text_keeps_the_last_good_picture_and_marks_the_line(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    await create_flow(page, "broken", line("broken"))
    editor = Editor(page)
    await editor.ready()
    nodes = editor.canvas.locator(".node")
    drawn = await nodes.count()

    await editor.put_cursor("Ringing:")
    await page.keyboard.type(" {[")

    await expect(editor.banner).to_be_visible()
    await expect(editor.yaml.locator(".cm-lintRange-error").first).to_be_visible()
    await expect(editor.problems.first).to_have_attribute("data-code", "SYN001")
    await expect(editor.problems.first).to_contain_text("line 7")
    assert await nodes.count() == drawn

    await editor.undo()
    await expect(editor.banner).to_be_hidden()
    await editor.has(line("broken"))


def lines_changed(old: list[str], new: list[str]) -> tuple[int, int]:
    """How many lines went and how many came, with everything else equal and in order."""
    import difflib

    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    ops = [op for op in matcher.get_opcodes() if op[0] != "equal"]
    return sum(op[2] - op[1] for op in ops), sum(op[4] - op[3] for op in ops)
