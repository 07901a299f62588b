"""Whole days with the editor: somebody who never saw YAML, and somebody who never leaves it."""

import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, async_playwright, expect

from benchmarks.large import table
from tests.browser.conftest import FLAGS
from tests.browser.pages import Editor, OpenPage, ask, create_flow, log_in, picture
from tests.browser.tables import line
from tests.conftest import eventually
from tests.instance import Instance
from tests.sip.sipp import SIPP, Sipp

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


async def test_an_operator_builds_deploys_and_calls_a_flow_with_the_mouse(
    open_page: OpenPage, instance: Instance
) -> None:
    page = await open_page()
    await page.add_init_script(WATCH)
    await page.reload()
    hand = Mouse(page)
    editor = hand.editor
    await hand.begin("after_hours")
    await picture(page, "drawing-empty")

    await hand.state("Ringing")
    await hand.row("Idle", "Ringing", "IncomingCall")
    await picture(page, "day-row", keep=False)
    await hand.actions("CreateDialog", "StoreRemoteSDP", "SendSIPResponse")
    await hand.parameter(2, "code", "180")
    await hand.publishes("SessionCreated", "IncomingCall")
    await picture(page, "drawing-row")

    # What is ready made: how such a call ends, and the announcement if nobody accepts.
    await editor.state("Ringing").click()
    await editor.id("snippets").locator("summary").click()
    await editor.id("snippet-endings").click()
    await expect(editor.id("fix-diff")).to_contain_text("Terminating")
    await editor.id("snippet-confirm").click()
    await expect(editor.state("Ringing")).to_contain_text("UAS")
    await expect(editor.id("outline-state-Terminating")).to_be_visible()
    await editor.id("outline-state-Ringing").click()
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

    # Somebody who rejects the call sends it there at once: a row of one's own.
    await editor.id("fit").click()
    await hand.row("Ringing", "TakingCall", "RejectCall")
    await hand.actions("CreateMediaSession", "GenerateLocalSDP", "SendSIPResponse")
    await hand.parameter(2, "code", "200")
    await expect(editor.id("count-errors")).to_have_count(0)
    await editor.id("fit").click()
    await picture(page, "drawing-checked")

    await editor.id("save-open").click()
    await editor.id("save-message").click()
    await page.keyboard.type("Nobody answers: an announcement")
    await editor.id("save-confirm").click()
    await expect(editor.id("status")).to_have_text("Saved")
    await expect(editor.id("check-line")).to_have_attribute("data-state", "done", timeout=60_000)
    await expect(editor.id("count-errors")).to_have_count(0)
    await editor.id("deploy-open").click()
    await expect(editor.id("deploy-confirm")).to_be_enabled()
    await picture(page, "drawing-deploy", keep=False)
    await editor.id("deploy-confirm").click()
    await expect(editor.id("deploy-done").get_by_test_id("ack")).to_contain_text("runs")
    await editor.id("deploy-close").click()
    await expect(editor.id("status")).to_have_text("Live")
    assert not await page.evaluate("window.pressed"), "a key was needed that writes no letter"

    # A number for it, and the first call.
    await page.goto("/routes/")
    await page.get_by_test_id("route-pattern").click()
    await page.keyboard.type("710")
    await page.get_by_test_id("route-flow").select_option("after_hours")
    await page.get_by_test_id("route-add").click()
    await page.goto("/flows/after_hours/live/")
    await expect(editor.canvas).to_have_attribute("data-drawn", "1")
    if SIPP is None:
        return
    remote = ("127.0.0.1", instance.sip_port)
    caller = await Sipp("uac", remote=remote, service="710", extra=["-d", "60000"]).start()
    await expect(editor.id("count-Announcement")).to_have_text("1")
    await editor.id("live-call").click()
    await expect(editor.id("followed")).to_contain_text("In Announcement")
    await picture(page, "drawing-live")
    await caller.stop()


class Keys:
    """The same operator, whose mouse lies in a drawer."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.editor = Editor(page)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def reach(self, field: str, key: str = "Tab") -> None:
        """Walk by Tab until this has the focus, as somebody does who sees where it is."""
        wanted = self.editor.id(field)
        await expect(wanted).to_be_visible()
        for _ in range(60):
            if await wanted.evaluate("element => element === document.activeElement"):
                return
            await self.press(key)
        raise AssertionError(f"Tab does not lead to {field}")

    async def state(self, name: str) -> None:
        await self.press("n")
        await expect(self.editor.id("new-state-name")).to_be_focused()
        await self.page.keyboard.type(name)
        await self.press("Enter")
        await expect(self.editor.state(name)).to_be_focused()

    async def row(self, start: str, end: str, event: str) -> None:
        """Go to a state by its name; T, the event, the target."""
        await self.press("g")
        await self.page.keyboard.type(start)
        await self.press("Enter")
        await expect(self.editor.inspector).to_have_text(f"State {start}")
        await self.press("t")
        await self.page.keyboard.type(event)
        await self.press("Enter")
        await self.page.keyboard.type(end)
        await self.press("Enter")
        await expect(self.editor.inspector).to_have_text(f"Row {event}")
        await expect(self.editor.canvas.locator(".trow.selected:focus")).to_have_count(1)

    async def actions(self, *names: str) -> None:
        """Enter goes into the form of the row; each word is written and taken with Enter."""
        await self.press("Enter")
        await self.reach("action-add")
        for at, name in enumerate(names):
            await self.page.keyboard.type(name)
            await self.press("Enter")
            await expect(self.editor.id(f"action-{at}")).to_contain_text(name)
            await expect(self.editor.id("action-add")).to_be_focused()

    async def parameter(self, action: int, name: str, value: str) -> None:
        field = f"action-{action}-{name}"
        await self.reach(field, "Shift+Tab")
        await self.page.keyboard.type(value)
        await self.press("Tab")
        await expect(self.editor.id(field)).to_have_value(value)

    async def publishes(self, *names: str) -> None:
        await self.reach("publish_events-add")
        for name in names:
            await self.page.keyboard.type(name)
            await self.press("Enter")
            await expect(self.editor.id(f"publish_events-remove-{name}")).to_be_visible()

    async def leave(self) -> None:
        """Escape leads back to the diagram."""
        await self.press("Escape")
        await expect(self.editor.canvas.locator(":focus")).to_have_count(1)

    async def find(self, words: str) -> None:
        """The palette does what is written there."""
        await self.press("Control+k")
        await expect(self.editor.id("palette")).to_be_focused()
        await self.page.keyboard.type(words)
        await expect(self.editor.id("palette-option").first).to_be_visible()
        await self.press("Enter")


async def test_an_operator_builds_and_deploys_the_same_flow_with_keys_alone(
    open_page: OpenPage,
) -> None:
    page = await open_page("/flows/new/")
    await page.add_init_script(WATCH)
    await page.reload()
    keys = Keys(page)
    editor = keys.editor
    await expect(editor.id("flow-name-input")).to_be_focused()
    await page.keyboard.type("by_hand")
    await keys.press("Enter")
    await page.wait_for_url("**/flows/by_hand/")
    await editor.ready()

    await keys.state("Ringing")
    await keys.row("Idle", "Ringing", "IncomingCall")
    await keys.actions("CreateDialog", "StoreRemoteSDP", "SendSIPResponse")
    await keys.parameter(2, "code", "180")
    await keys.publishes("SessionCreated", "IncomingCall")
    await keys.leave()
    await keys.press("g")
    await page.keyboard.type("Ringing")
    await keys.press("Enter")
    await keys.find("endings of an")
    await expect(editor.id("fix-diff")).to_contain_text("Terminating")
    await keys.reach("snippet-confirm")
    await keys.press("Enter")
    await expect(editor.id("outline-state-Terminating")).to_be_visible()
    await expect(editor.dialog).to_have_count(0)
    await keys.press("g")
    await page.keyboard.type("Ringing")
    await keys.press("Enter")
    await keys.find("no-answer announcement")
    await keys.reach("snippet-after")
    await page.keyboard.type("2s")
    await keys.press("Tab")
    await expect(editor.id("fix-diff")).to_contain_text("after: 2s")
    await keys.press("Enter")
    await expect(editor.state("Announcement")).to_be_visible()
    await keys.row("Ringing", "TakingCall", "RejectCall")
    await keys.actions("CreateMediaSession", "GenerateLocalSDP", "SendSIPResponse")
    await keys.parameter(2, "code", "200")
    await keys.leave()
    await expect(editor.id("count-errors")).to_have_count(0)
    await keys.press("F8")
    await picture(page, "drawing-keys")

    await keys.press("Control+s")
    await expect(editor.id("save-message")).to_be_focused()
    await page.keyboard.type("With keys alone")
    await keys.press("Enter")
    await expect(editor.id("status")).to_have_text("Saved")
    await expect(editor.id("check-line")).to_have_attribute("data-state", "done", timeout=60_000)
    await keys.find("deploy")
    await expect(editor.id("deploy-confirm")).to_be_visible()
    await keys.reach("deploy-confirm")
    await keys.press("Enter")
    await expect(editor.id("deploy-done").get_by_test_id("ack")).to_contain_text("runs")
    await keys.press("Escape")
    await expect(editor.id("status")).to_have_text("Live")
    assert not await page.evaluate("window.pointed"), "a mouse was needed"


TYPED = """\
callflow: 1
name: typed_day
states:
  Idle: {initial: true}
  Ringing: {}
  Terminated: {final: true}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog, StoreRemoteSDP, {SendSIPResponse: {code: 180}}], next_state: Ringing}
"""  # noqa: E501


@pytest.mark.long
async def test_an_engineer_types_a_table_mends_it_and_compares_the_versions(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "typed_day", "")
    options = page.locator(".cm-tooltip-autocomplete li")
    typed = page.keyboard.type
    await page.keyboard.press("Control+\\")
    await editor.write(TYPED)
    await page.keyboard.press("Control+End")
    # The rest with what the vocabulary offers.
    await typed("- {from_state: Rin")
    await expect(options.first).to_contain_text("Ringing")
    await options.first.click()
    await typed(",   role: UAS, event: DialogCANC")
    await expect(options.first).to_contain_text("DialogCANCEL")
    await options.first.click()
    await typed(
        ", actions: [{SendSIPResponse: {code: 487}}, CleanupDialgo], next_state: Terminated}"
    )

    await page.keyboard.press("Escape")
    await picture(page, "drawing-yaml")
    await page.keyboard.press("Control+\\")
    await page.keyboard.press("Control+\\")
    await expect(editor.row(1)).to_be_visible()

    before = await editor.text()
    misspelt = editor.problems.filter(has_text="CleanupDialgo")
    await misspelt.click()
    await editor.id("preview-fix").click()
    await expect(editor.id("fix-diff")).to_contain_text("CleanupDialog]")
    await picture(page, "drawing-fix")
    await editor.id("fix-confirm").click()
    mended = await editor.changes(before)
    assert mended == before.replace("CleanupDialgo", "CleanupDialog")
    await editor.put_cursor("callflow: 1")
    await page.keyboard.press("Shift+Alt+F")
    tidy = await editor.changes(mended)
    assert ",   role" in mended and ",   role" not in tidy
    await editor.save("Typed")
    await editor.put_cursor("code: 180")
    for letter in ("Backspace", "Backspace", "8", "3"):
        await page.keyboard.press(letter)
    await editor.has(tidy.replace("code: 180", "code: 183"))
    await expect(editor.id("undo")).to_have_attribute("aria-disabled", "false")
    await expect(editor.id("status")).to_have_text("Draft")
    await page.goto("/flows/typed_day/compare/1/draft/")
    await expect(page.get_by_test_id("diff")).to_contain_text("183")
    await picture(page, "drawing-compare")


async def test_two_people_change_one_flow_and_nothing_is_lost(open_page: OpenPage) -> None:
    mine = await create_flow(await open_page(), "two_hands", line("two_hands"))
    await mine.save("First version")
    theirs = await Editor.open(await open_page(user="bea"), "two_hands")
    await theirs.row(1).click()
    await expect(mine.canvas.locator(".badge.guest")).to_have_text("Bbea is here")
    before = await mine.text()

    # Both change the row that accepts; each changes another thing, too.
    await mine.row(1).click()
    await mine.choose("row-next", "Terminating")
    await mine.changes(before)
    await mine.id("outline-state-Active").click()
    await mine.id("add-state").click()
    await mine.id("new-state-name").fill("OnHold")
    await mine.id("new-state-confirm").click()
    await expect(mine.state("OnHold")).to_be_visible()
    await picture(mine.page, "drawing-others")
    await theirs.choose("publish_events-add", "CallEstablished")
    await theirs.changes(before)
    await theirs.id("outline-row-4").click()
    await theirs.choose("row-event", "after 40s")
    await expect(theirs.inspector).to_have_text("Row after 40s")
    await theirs.save("Longer")

    await mine.id("save-open").click()
    await mine.id("save-message").fill("Hold")
    await mine.id("save-confirm").click()
    await mine.id("conflict-merge").click()
    await expect(mine.id("merge")).to_contain_text("bea saved v2")
    await picture(mine.page, "drawing-merge")
    for choice in await mine.id("take-mine").all():
        await choice.click()
    await mine.id("merge-take").click()
    await expect(mine.id("merge")).to_be_hidden()
    text = await mine.text()
    accept = next(each for each in text.splitlines() if "AcceptCall" in each)
    assert "next_state: Terminating" in accept
    assert "OnHold" in text and "{after: 40s}" in text and "# both talk" in text
    await mine.save("Both")
    await expect(mine.id("check-line")).to_contain_text("v3", timeout=60_000)
    stored = await ask(mine.page, "GET", "/api/flows/two_hands/versions")
    assert [version["message"] for version in stored] == ["Both", "Longer", "First version"]


async def test_what_was_typed_is_there_when_the_browser_was_killed(
    instance: Instance, tmp_path: Path, open_page: OpenPage
) -> None:
    await create_flow(await open_page(), "killed", line("killed"))
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    profile = tmp_path / "profile"
    options: dict[str, Any] = {
        "executable_path": chromium,
        "args": FLAGS,
        "base_url": instance.url,
        "viewport": {"width": 1440, "height": 900},
    }
    async with async_playwright() as playwright:
        own = await playwright.chromium.launch_persistent_context(str(profile), **options)
        page = own.pages[0]
        await log_in(page)
        editor = await Editor.open(page, "killed")
        await editor.put_cursor("callflow: 1")
        await page.keyboard.type("  # typed to the last word")
        await eventually(lambda: kept_draft(instance, "killed").count("to the last word"))
        kill_browser(profile)
    again = await Editor.open(await open_page(), "killed")
    await again.has(line("killed").replace("callflow: 1", "callflow: 1  # typed to the last word"))
    await again.undo()
    await again.has(line("killed"))


def kept_draft(instance: Instance, flow: str) -> str:
    query = "SELECT d.text FROM designer_draft d JOIN designer_flow f ON f.id = d.flow_id"
    query += f" WHERE f.name = '{flow}'"
    return "".join(text for (text,) in instance.query(query))


def kill_browser(profile: Path) -> None:
    """Kill the main process of the browser with this profile, as a power cut does."""
    host, _, pid = str((profile / "SingletonLock").readlink()).rpartition("-")
    assert host
    os.kill(int(pid), signal.SIGKILL)


@pytest.mark.long
async def test_five_hundred_states_open_folded_and_are_edited(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = await open_page("/flows/new/")
    text = table("five_hundred", 500, 2500)
    file = tmp_path / "five_hundred.yaml"
    file.write_text(text)
    await page.get_by_test_id("flow-file").set_input_files(file)
    await page.get_by_test_id("create-flow").click()
    await page.wait_for_url("**/flows/five_hundred/")
    editor = Editor(page)
    await editor.ready()
    await expect(editor.id("draw-note")).to_contain_text("groups are folded")
    await expect(editor.canvas.locator(".node")).to_have_count(63)
    await editor.canvas.get_by_test_id("state-group:g3").dblclick()
    await expect(editor.state("S24")).to_be_visible()
    await page.keyboard.press("g")
    await page.keyboard.type("S25")
    await page.keyboard.press("Enter")
    await expect(editor.inspector).to_have_text("State S25")
    await expect(editor.state("S25")).to_be_focused()
    await picture(page, "drawing-large")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await editor.choose("row-next", "S31")
    changed = await editor.changes(text)
    assert [a for a, b in zip(text.splitlines(), changed.splitlines(), strict=True) if a != b] == [
        "- {from_state: S25, role: UAS, event: DialogACK, next_state: S26}"
    ]
    await editor.undo()
    await editor.has(text)
