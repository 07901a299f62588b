"""Drawing on the diagram: each act by mouse and by keys, and what the text says afterwards."""

import re
from typing import Any
from xml.etree import ElementTree

from playwright.async_api import Page, expect

from tests.browser.pages import Editor, OpenPage, create_flow
from tests.browser.tables import line
from tests.conftest import eventually

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}
GROUPS = """callflow: 1
name: NAME
states:
  Idle: {initial: true, group: setup}
  Ringing: {group: setup}
  Active: {group: talk}
  OnHold: {group: talk}
  Ending: {}
  Terminated: {final: true}
transitions:
  - {from_state: Idle, role: UAS, event: IncomingCall, next_state: Ringing}
  - {from_state: Ringing, role: UAS, event: AcceptCall, next_state: Active}
  - {from_state: Ringing, role: UAS, event: {after: 30s}, next_state: Ending}
  - {from_state: Active, role: Both, event: HoldCall, next_state: OnHold}
  - {from_state: OnHold, role: Both, event: ResumeCall, next_state: Active}
  - {from_state: Active, role: Both, event: HangupCall, next_state: Ending}
  - {from_state: Active, role: UAC, event: DialogBYE, next_state: Terminated}
  - {from_state: Ending, role: Both, event: Dialog200OK, next_state: Terminated}
"""


def groups(name: str) -> str:
    return GROUPS.replace("NAME", name)


async def centre(editor: Editor, what: Any) -> tuple[float, float]:
    box = await what.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    await page.mouse.move(*start)
    await page.mouse.down()
    await page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    await page.mouse.move(*end)
    await page.mouse.up()


async def settled(editor: Editor) -> None:
    """Wait until what was drawn anew stands still."""
    await expect(editor.canvas.locator(".nodes.moving")).to_have_count(0)


async def empty_place(editor: Editor) -> tuple[float, float]:
    """A place of the canvas where nothing is drawn: its lower right corner."""
    box = await editor.canvas.bounding_box()
    assert box is not None
    return box["x"] + box["width"] - 420, box["y"] + box["height"] - 60


async def test_a_state_and_a_way_out_of_it_are_drawn_with_the_mouse(open_page: OpenPage) -> None:
    page = await open_page()
    before = groups("drawn")
    editor = await create_flow(page, "drawn", before)
    await editor.id("fit").click()
    await page.mouse.dblclick(*await empty_place(editor))
    await expect(editor.id("new-state-name")).to_be_focused()
    await page.keyboard.type("Parked")
    await page.keyboard.press("Enter")
    await expect(editor.state("Parked")).to_be_visible()
    await expect(editor.id("at-place")).to_have_count(0)
    text = before.replace("  Ending: {}\n", "  Ending: {}\n  Parked: {}\n")
    await editor.has(text)

    # From the handle of a state to another state: only the event is asked.
    await settled(editor)
    await editor.state("Parked").hover()
    await drag(
        page,
        await centre(editor, editor.id("grip-new").last),
        await centre(editor, editor.state("Active")),
    )
    await expect(editor.id("new-row-next")).to_have_value("Active")
    await page.keyboard.type("ResumeCall")
    await page.keyboard.press("Enter")
    await expect(editor.inspector).to_have_text("Row ResumeCall")
    row = "  - {from_state: Parked, role: Both, event: ResumeCall, next_state: Active}\n"
    await editor.has(text + row)

    # From the handle of a row to another state: the row leads there.
    await settled(editor)
    await editor.row(8).hover()
    await drag(
        page,
        await centre(editor, editor.id("grip-row").last),
        await centre(editor, editor.state("Ending")),
    )
    await editor.has(text + row.replace("Active", "Ending"))
    for _ in range(3):
        await editor.undo()
    await editor.has(before)


async def test_a_handle_let_go_over_nothing_makes_a_state_there_with_the_row_to_it(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    before = groups("over_nothing")
    editor = await create_flow(page, "over_nothing", before)
    await settled(editor)
    await editor.state("Active").click()
    await drag(page, await centre(editor, editor.id("grip-new")), await empty_place(editor))
    await expect(editor.id("at-place")).to_contain_text("Active")
    await page.keyboard.type("RejectCall")
    await page.keyboard.press("Enter")
    await expect(editor.id("new-row-next")).to_be_focused()
    await expect(editor.id("new-target")).to_be_visible()
    await page.keyboard.type("Refused")
    await page.keyboard.press("Enter")
    text = await editor.changes(before)
    assert "  Refused: {group: talk}\n" in text
    assert "{from_state: Active, role: UAS, event: RejectCall, next_state: Refused}" in text
    await editor.undo()
    await editor.has(before)

    # The end of a chosen row's edge: here the row is led to a state that comes with it.
    await settled(editor)
    await editor.row(5).click()
    await drag(page, await centre(editor, editor.id("grip-end").last), await empty_place(editor))
    await expect(editor.id("retarget-next")).to_be_focused()
    await page.keyboard.type("Wrapping")
    await page.keyboard.press("Enter")
    text = await editor.changes(before)
    assert "HangupCall, next_state: Wrapping" in text and "  Wrapping: " in text
    await editor.undo()
    await editor.has(before)


async def test_rows_are_led_elsewhere_moved_and_duplicated_by_keys(open_page: OpenPage) -> None:
    page = await open_page()
    before = groups("by_keys")
    editor = await create_flow(page, "by_keys", before)
    await editor.row(5).focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Shift+T")
    await expect(editor.id("retarget-next")).to_be_focused()
    await page.keyboard.type("OnHold")
    await page.keyboard.press("Enter")
    await editor.has(
        before.replace("HangupCall, next_state: Ending", "HangupCall, next_state: OnHold")
    )
    await editor.undo()
    await editor.has(before)

    lines = before.splitlines(keepends=True)
    at = next(n for n, text in enumerate(lines) if "HangupCall" in text)
    await editor.row(5).focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Alt+ArrowDown")
    await editor.has("".join([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]))
    await page.keyboard.press("Control+z")
    await editor.has(before)
    await editor.row(5).focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Control+d")
    await editor.has("".join([*lines[: at + 1], lines[at], *lines[at + 1 :]]))


async def test_several_are_selected_and_deleted_as_one_edit(open_page: OpenPage) -> None:
    page = await open_page()
    before = groups("several")
    editor = await create_flow(page, "several", before)
    await editor.row(2).click()
    await editor.row(5).click(modifiers=["Shift"])
    await editor.row(6).click(modifiers=["Control"])
    await expect(editor.canvas.locator(".trow.also, .trow.selected")).to_have_count(3)
    await page.keyboard.press("Delete")
    gone = ("{after: 30s}", "event: HangupCall", "event: DialogBYE")
    await editor.has("".join(x for x in before.splitlines(True) if not any(g in x for g in gone)))
    await page.keyboard.press("Control+z")
    await editor.has(before)

    # States that lead to each other go together.
    await editor.state("Active").focus()
    await page.keyboard.press("Space")
    await editor.state("OnHold").click(modifiers=["Shift"])
    await editor.row(1).click(modifiers=["Shift"])
    await page.keyboard.press("Delete")
    text = await editor.changes(before)
    assert "Active" not in text and "OnHold" not in text and "AcceptCall" not in text
    await page.keyboard.press("Control+z")
    await editor.has(before)

    # A rubber band takes the states it holds.
    await editor.id("fit").click()
    box = await editor.canvas.bounding_box()
    assert box is not None
    await page.keyboard.down("Shift")
    await drag(
        page,
        (box["x"] + 6, box["y"] + 60),
        (box["x"] + box["width"] - 320, box["y"] + box["height"] - 8),
    )
    await page.keyboard.up("Shift")
    await eventually(
        lambda: editor.canvas.locator(".node.also").count(), what="states are marked by the band"
    )


async def test_rows_travel_between_flows_over_the_clipboard(open_page: OpenPage) -> None:
    page = await open_page(**CLIPBOARD)
    source, target = groups("clip_from"), line("clip_to")
    editor = await create_flow(page, "clip_from", source)
    await editor.row(3).click()
    await editor.row(4).click(modifiers=["Shift"])
    await page.keyboard.press("Control+c")
    copied = await page.evaluate("navigator.clipboard.readText()")
    rows = [x.strip() for x in source.splitlines() if "HoldCall" in x or "ResumeCall" in x]
    assert copied.splitlines() == rows

    other = await create_flow(page, "clip_to", target)
    await other.state("Active").click()
    await page.keyboard.press("Control+v")
    text = await other.changes(target)
    new = [x.strip() for x in text.splitlines() if x not in target.splitlines()]
    assert new == [x.replace("from_state: OnHold", "from_state: Active") for x in rows]
    await expect(other.canvas.locator(".trow.also, .trow.selected")).to_have_count(2)
    await page.keyboard.press("Control+x")
    await other.has(target)


async def test_a_state_is_renamed_in_place_and_everywhere(open_page: OpenPage) -> None:
    page = await open_page()
    before = groups("renamed")
    editor = await create_flow(page, "renamed", before)
    await editor.state("Ending").dblclick()
    await expect(editor.id("rename-state")).to_have_value("Ending")
    await page.keyboard.type("Idle")
    await page.keyboard.press("Enter")
    await expect(editor.id("dialog-refused")).to_contain_text("There is a state Idle already.")
    await editor.id("rename-state").fill("Closing")
    await page.keyboard.press("Enter")
    await editor.has(before.replace("Ending", "Closing"))


async def test_the_diagram_is_walked_by_keys_and_says_what_stands_there(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "walked", groups("walked"))
    stops = editor.canvas.locator('.item[tabindex="0"]')
    await expect(stops).to_have_count(1)
    said = re.compile(r"State Active both roles, 3 ways out, \d+ problems?$")
    await expect(editor.state("Active")).to_have_attribute("aria-label", said)
    await editor.state("Idle").focus()
    await page.keyboard.press("ArrowDown")
    await expect(editor.row(0)).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(editor.state("Ringing")).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await expect(editor.state("Idle")).to_be_focused()
    await expect(stops).to_have_count(1)

    await page.keyboard.press("g")
    await page.keyboard.type("onh")
    await page.keyboard.press("Enter")
    await expect(editor.inspector).to_have_text("State OnHold")
    await expect(editor.state("OnHold")).to_be_focused()
    await page.keyboard.press("Alt+ArrowLeft")
    await expect(editor.inspector).to_have_text("State Idle")
    await page.keyboard.press("Alt+ArrowRight")
    await expect(editor.inspector).to_have_text("State OnHold")

    await page.keyboard.press("f")
    await expect(editor.canvas.locator(".diagram.dimmed .node.kept")).to_have_count(2)
    assert "focus=1" in page.url
    await page.keyboard.press("p")
    await expect(editor.id("way-to")).to_be_focused()
    await page.keyboard.type("Ending")
    await page.keyboard.press("Enter")
    await expect(editor.canvas.locator(".badge.step")).to_have_count(2)
    await page.keyboard.press("Escape")
    await expect(editor.canvas.locator(".badge.step")).to_have_count(0)


async def test_groups_and_failures_are_folded_and_the_address_keeps_it(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "folded", groups("folded"))
    await editor.state("Active").click()
    await page.keyboard.press("c")
    group = editor.canvas.get_by_test_id("state-group:talk")
    await expect(group).to_have_attribute("aria-label", "Group talk, folded, 2 states")
    await expect(editor.state("Active")).to_have_count(0)
    await expect(editor.id("draw-note")).to_contain_text("talk is folded.")
    assert "fold=talk" in page.url

    await page.reload()
    await editor.ready()
    await expect(group).to_be_visible()
    await expect(editor.state("Active")).to_have_count(0)
    await group.dblclick()
    await expect(editor.state("Active")).to_be_visible()

    edges = editor.canvas.locator(".edge")
    drawn = await edges.count()
    await editor.id("views-open").click()
    await editor.id("show-failures").click()
    await expect(edges).to_have_count(drawn - 1)
    await editor.id("filter-UAS").click()
    await expect(editor.canvas.locator(".node.uas")).to_have_count(5)
    await expect(editor.row(6)).to_have_count(0)
    assert "role=UAS" in page.url and "failures=0" in page.url


async def test_a_small_edit_leaves_the_selected_state_under_the_eye(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await create_flow(page, "steady", groups("steady"))
    await editor.state("Ringing").click()
    marker = await editor.state("Active").evaluate_handle("element => element.closest('.node')")
    before = await editor.state("Ringing").bounding_box()
    await page.keyboard.press("t")
    await page.keyboard.type("RejectCall")
    await page.keyboard.press("Enter")
    await page.keyboard.type("Terminated")
    await page.keyboard.press("Enter")
    await expect(editor.inspector).to_have_text("Row RejectCall")
    await expect(editor.canvas.locator(".nodes.moving")).to_have_count(0)
    after = await editor.state("Ringing").bounding_box()
    assert before and after
    assert abs(before["x"] - after["x"]) < 2 and abs(before["y"] - after["y"]) < 2
    # What looks as before is the same element, only moved: the focus and the picture stay.
    assert await marker.evaluate("element => element.isConnected")


async def test_the_picture_is_saved_as_a_file_that_needs_no_page(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await create_flow(page, "saved_as", groups("saved_as"))
    await editor.state("Active").click()

    async def saved(form: str) -> bytes:
        await editor.id("views-open").click()
        async with page.expect_download() as coming:
            await editor.id(f"export-{form}").click()
        path = await (await coming.value).path()
        return path.read_bytes()

    picture = ElementTree.fromstring((await saved("svg")).decode())
    texts = {(text.text or "").strip() for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Idle", "Active", "HoldCall", "ResumeCall"} <= texts
    shapes = [*picture.iter("{http://www.w3.org/2000/svg}path")]
    assert shapes and all(shape.get("stroke") for shape in shapes)
    assert not any("class" in element.attrib for element in picture.iter())
    assert (await saved("png")).startswith(b"\x89PNG")
    assert (await saved("mermaid")).startswith(b"stateDiagram-v2")
    assert b"| Active | Both | HoldCall |" in await saved("markdown")
