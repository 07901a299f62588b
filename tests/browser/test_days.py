"""Whole days with the editor: somebody who never saw YAML, and somebody who never leaves it."""

import re
from collections.abc import Sequence

from playwright.async_api import Locator, Page, expect

from tests.browser.pages import Editor, OpenPage, picture

# Keys that do not write a letter, and everything a hand does with a mouse: what was used on a page.
WATCH = """
window.pressed = [];
window.pointed = [];
addEventListener('keydown', event => {
  if (event.key.length > 1 || event.ctrlKey || event.altKey) window.pressed.push(event.key);
}, true);
for (const kind of ['pointerdown', 'pointermove', 'mousedown', 'wheel', 'touchstart']) {
  addEventListener(kind, event => { if (event.isTrusted) window.pointed.push(kind); }, true);
}
"""


class Mouse:
    """An operator who points, and types names only."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.editor = Editor(page)

    async def begin(self, flow: str) -> None:
        await self.page.get_by_role("link", name="New flow").first.click()
        await self.page.get_by_test_id("flow-name-input").click()
        await self.page.keyboard.type(flow)
        await self.page.get_by_test_id("create-flow").click()
        await self.editor.ready()

    async def state(self, name: str) -> None:
        """A double click where nothing is, and the name."""
        await self.editor.id("fit").click()
        box = await self.editor.canvas.bounding_box()
        assert box is not None
        await self.page.mouse.dblclick(box["x"] + 600, box["y"] + box["height"] - 60)
        await self.page.keyboard.type(name)
        await self.editor.id("new-state-confirm").click()
        await expect(self.editor.state(name)).to_be_visible()

    async def row(self, start: str, end: str, event: str) -> None:
        """Pull the handle of a state to another one, or to nothing; choose what is asked."""
        await self.editor.state(start).click()
        await self.editor.state(start).hover()
        await self.drag(self.editor.id("grip-new").last, self.editor.state(end))
        await self.choose("new-row-event", event)
        if await self.editor.id("new-row-next").input_value() != end:
            await self.choose("new-row-next", end)
        await self.editor.id("new-row-confirm").click()
        await expect(self.editor.inspector).to_have_text(f"Row {event}")

    async def drag(self, start: Locator, end: Locator) -> None:
        one = await start.bounding_box()
        two = await end.bounding_box() if await end.count() else None
        assert one is not None
        x, y = one["x"] + one["width"] / 2, one["y"] + one["height"] / 2
        await self.page.mouse.move(x, y)
        await self.page.mouse.down()
        # A final state is not drawn: over an empty place the target is asked.
        x, y = (two["x"] + 20, two["y"] + 8) if two else (x + 60, y - 90)
        await self.page.mouse.move(x, y, steps=4)
        await self.page.mouse.up()

    async def choose(self, field: str, word: str) -> None:
        """Open a list, type the beginning of a word and click it."""
        combo = self.editor.id(field)
        await combo.click()
        await self.page.keyboard.type(word[:-2])
        choice = self.page.get_by_role("option").filter(
            has=self.page.locator("b", has_text=re.compile(f"^{word}$"))
        )
        await choice.click()

    async def actions(self, *names: str) -> None:
        for at, name in enumerate(names):
            await self.choose("action-add", name)
            await expect(self.editor.id(f"action-{at}")).to_contain_text(name)

    async def parameter(self, action: int, name: str, value: str) -> None:
        field = self.editor.id(f"action-{action}-{name}")
        await field.click(click_count=3)
        await self.page.keyboard.type(value)
        await self.editor.inspector.click()
        await expect(field).to_have_value(value)

    async def publishes(self, *names: str) -> None:
        for name in names:
            await self.choose("publish_events-add", name)
            await expect(self.editor.id(f"publish_events-remove-{name}")).to_be_visible()


async def test_an_operator_builds_saves_and_deploys_with_the_mouse(open_page: OpenPage) -> None:
    page = await open_page()
    await page.add_init_script(WATCH)
    await page.reload()
    hand = Mouse(page)
    editor = hand.editor
    await hand.begin("after_hours")
    await picture(page, "drawing-empty")

    await hand.state("Ringing")
    await hand.state("Terminating")
    await hand.row("Idle", "Ringing", "IncomingCall")
    await picture(page, "day-row", keep=False)
    await hand.actions("CreateDialog", "StoreRemoteSDP", "SendSIPResponse")
    await hand.parameter(2, "code", "180")
    await hand.publishes("SessionCreated", "IncomingCall")
    await picture(page, "drawing-row")

    await hand.row("Ringing", "Terminated", "DialogCANCEL")
    await hand.actions("SendSIPResponse", "CleanupDialog")
    await hand.parameter(0, "code", "487")
    await hand.publishes("CallCancelled")
    await hand.row("Terminating", "Terminated", "Dialog200OK")
    await hand.actions("CleanupMedia", "CleanupDialog")
    await hand.publishes("CallTerminated")

    # What is ready made: the announcement, if nobody accepts.
    await editor.state("Ringing").click()
    await editor.id("snippets").locator("summary").click()
    await editor.id("snippet-announcement").click()
    await editor.id("snippet-after").click(click_count=3)
    await page.keyboard.type("2s")
    await editor.id("snippet-sound").click(click_count=3)
    await page.keyboard.type("music")
    await editor.id("snippet-longest").click()
    await expect(editor.id("fix-diff")).to_contain_text("after: 2s")
    await picture(page, "drawing-snippet")
    await editor.id("snippet-confirm").click()
    await expect(editor.state("Announcement")).to_be_visible()
    await expect(editor.id("count-errors")).to_have_count(0)
    await editor.id("fit").click()
    await picture(page, "drawing-checked")

    # A problem that the checker mends itself; the row it makes is filled in.
    problem = editor.problems.filter(has_text="DialogTimeout")
    await problem.click()
    await editor.id("preview-fix").click()
    await expect(editor.id("fix-diff")).to_contain_text("DialogTimeout")
    await picture(page, "drawing-fix")
    await editor.id("fix-confirm").click()
    await expect(editor.problems.filter(has_text="does nothing")).to_be_visible()
    await editor.outline.get_by_text("DialogTimeout").last.click()
    await expect(editor.inspector).to_have_text("Row DialogTimeout")
    await hand.choose("row-next", "Terminated")
    await hand.actions("CleanupMedia", "CleanupDialog")
    await hand.publishes("CallTerminated")
    await expect(editor.id("count-errors")).to_have_count(0)

    await editor.id("save-open").click()
    await editor.id("save-message").click()
    await page.keyboard.type("Nobody answers: an announcement")
    await editor.id("save-confirm").click()
    await expect(editor.id("status")).to_have_text("Saved")
    await editor.id("deploy-open").click()
    await expect(editor.id("deploy-confirm")).to_be_enabled()
    await picture(page, "drawing-deploy")
    await editor.id("deploy-confirm").click()
    await expect(editor.id("deploy-done").get_by_test_id("ack")).to_contain_text("runs")
    await editor.id("deploy-close").click()
    await expect(editor.id("status")).to_have_text("Live")
    assert not await page.evaluate("window.pressed"), "a key was needed that writes no letter"
