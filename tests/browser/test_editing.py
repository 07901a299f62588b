"""Two people, cut lines, versions with errors, the keyboard, and a person who may only look."""

import asyncio
from pathlib import Path

from playwright.async_api import Page, WebSocketRoute, expect

from tests.browser.pages import Editor, OpenPage, Trouble, ask, create_flow
from tests.browser.tables import desk, line
from tests.conftest import eventually
from tests.instance import Instance


def drafts(instance: Instance, flow: str) -> dict[str, str]:
    """The drafts of a flow as the database has them: text by person."""
    rows = instance.query(
        "SELECT u.username, d.text FROM designer_draft d JOIN auth_user u ON u.id = d.user_id"
        f" JOIN designer_flow f ON f.id = d.flow_id WHERE f.name = '{flow}'"
    )
    return dict(rows)


class Cut:
    """The line of a page's sockets to the server, that can be cut and mended."""

    def __init__(self) -> None:
        self._whole = True
        self._sockets: list[WebSocketRoute] = []

    async def hold(self, socket: WebSocketRoute) -> None:
        if not self._whole:
            await socket.close()
            return
        self._sockets.append(socket)
        socket.connect_to_server()

    async def cut(self) -> None:
        self._whole = False
        for socket in self._sockets:
            await socket.close()
        self._sockets.clear()

    def mend(self) -> None:
        self._whole = True


async def versions(page: Page, flow: str) -> list[tuple[int, str, str]]:
    stored = await ask(page, "GET", f"/api/flows/{flow}/versions")
    return [(v["number"], v["author"], v["message"]) for v in stored]


async def test_a_save_on_top_of_anothers_newer_save_is_refused_with_a_comparison(
    open_page: OpenPage,
) -> None:
    first = await open_page()
    mine = await create_flow(first, "two_people", desk("two_people"), deploy=True)
    second = await open_page(user="bea")
    theirs = await Editor.open(second, "two_people")
    await expect(first.get_by_label("bea", exact=True)).to_be_visible()
    await mine.put_cursor("after: 30s")
    await first.keyboard.press("Backspace")
    await first.keyboard.type("m")
    await mine.has(desk("two_people").replace("30s", "30m"))

    await theirs.put_cursor("after: 35s")
    await second.keyboard.press("Backspace")
    await second.keyboard.type("m")
    await theirs.save("Wait longer for the answer to BYE")
    await expect(mine.id("newer")).to_contain_text("v2 by bea is newer")

    await mine.id("save-open").click()
    await mine.id("save-message").fill("Ring for half an hour")
    await mine.id("save-confirm").click()
    await expect(mine.id("conflict")).to_contain_text("bea saved version 2")
    assert await versions(first, "two_people") == [
        (2, "bea", "Wait longer for the answer to BYE"),
        (1, "admin", "First version"),
    ]
    await mine.id("conflict-compare").click()
    diff = mine.id("diff")
    await expect(diff.locator("tr.added, tr.removed")).to_have_count(4)
    await expect(diff).to_contain_text("after: 30m")
    await expect(diff).to_contain_text("after: 35m")

    again = await Editor.open(first, "two_people")
    await again.has(desk("two_people").replace("30s", "30m"))


async def test_a_browser_that_goes_in_mid_edit_leaves_its_draft(
    open_page: OpenPage, instance: Instance, trouble: Trouble
) -> None:
    page = await open_page()
    line_of = Cut()
    await page.route_web_socket("**/edit", line_of.hold)
    editor = await create_flow(page, "cut", desk("cut"), deploy=True)
    await editor.put_cursor("# both talk")
    await page.keyboard.type(" at once")
    await line_of.cut()
    await expect(editor.id("offline")).to_be_visible()
    await page.keyboard.type(", offline")
    line_of.mend()
    await expect(editor.id("offline")).to_have_count(0)
    kept = desk("cut").replace("# both talk", "# both talk at once, offline")
    await eventually(lambda: drafts(instance, "cut").get("admin") == kept, what="a draft is kept")

    # Closed as soon as the last key was sent, before the server gathered it into a draft.
    kept = kept.replace("offline", "offline, closed")
    page = await open_page()
    sent = asyncio.Event()

    def hear(data: str | bytes) -> None:
        if "offline, closed" in str(data):
            sent.set()

    page.on("websocket", lambda socket: socket.on("framesent", hear))
    editor = await Editor.open(page, "cut")
    await editor.put_cursor("offline")
    await page.keyboard.type(", closed")
    await asyncio.wait_for(sent.wait(), 10)
    await page.close()
    await eventually(lambda: drafts(instance, "cut").get("admin") == kept, what="a draft is kept")
    again = await Editor.open(await open_page(), "cut")
    await again.has(kept)
    await expect(again.id("status")).to_have_text("Draft")
    trouble.clear()


async def test_a_version_with_errors_is_deployed_only_by_force_with_a_reason(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "faulty", desk("faulty"), deploy=True)
    await editor.put_cursor("event: RejectCall")
    for _ in "RejectCall":
        await page.keyboard.press("Backspace")
    await page.keyboard.type("AcceptCall")
    await page.keyboard.press("Escape")
    await expect(editor.id("count-errors")).to_be_visible()
    await editor.save("Not ready")

    bea = await Editor.open(await open_page(user="bea"), "faulty")
    await bea.id("deploy-open").click()
    await expect(bea.dialog).to_contain_text("You may not deploy it")
    await expect(bea.id("deploy-confirm")).to_have_attribute("aria-disabled", "true")
    await expect(bea.id("deploy-reason")).to_have_count(0)

    await editor.id("deploy-open").click()
    await editor.id("deploy-confirm").click()
    await expect(editor.id("deploy-reason")).to_be_focused()
    await expect(editor.id("deploy-done")).to_have_count(0)
    await editor.id("deploy-reason").fill("The fair begins at nine")
    await editor.id("deploy-confirm").click()
    await expect(editor.id("deploy-done").get_by_test_id("ack")).to_be_visible()
    await page.goto("/deployments/")
    newest = page.get_by_test_id("deployment").first
    await expect(newest).to_contain_text("faulty")
    await expect(newest).to_contain_text("force")
    await expect(newest).to_contain_text("The fair begins at nine")


async def test_a_version_that_does_not_compile_is_saved_and_never_deployed(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "broken_version", desk("broken_version"), deploy=True)
    await editor.put_cursor("Ringing:")
    await page.keyboard.type(" {[")
    await expect(editor.banner).to_be_visible()
    await editor.save("In the middle of something")
    await editor.id("deploy-open").click()
    await editor.id("deploy-reason").fill("I want it")
    await editor.id("deploy-confirm").click()
    await expect(editor.id("deploy-refused")).to_contain_text("compile")
    deployed = await ask(page, "GET", "/api/flows/broken_version/deploy")
    assert deployed["version"] == 1


async def test_the_editor_works_from_the_keyboard(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await create_flow(page, "keys", line("keys"))
    await editor.state("Active").focus()
    await page.keyboard.press("n")
    await expect(editor.id("new-state-name")).to_be_focused()
    await page.keyboard.type("OnHold")
    await page.keyboard.press("Enter")
    await expect(editor.state("OnHold")).to_be_visible()
    await expect(editor.dialog).to_have_count(0)

    await expect(editor.inspector).to_have_text("State OnHold")
    await page.keyboard.press("F2")
    await expect(editor.id("rename-state")).to_be_focused()
    await page.keyboard.type("Held")
    await page.keyboard.press("Enter")
    await expect(editor.state("Held")).to_be_visible()

    await editor.state("Held").focus()
    await page.keyboard.press("t")
    await expect(editor.id("new-row-from")).to_have_text("Held")
    await expect(editor.id("new-row-event")).to_be_focused()
    await page.keyboard.type("ResumeCall")
    await page.keyboard.press("Enter")
    await expect(editor.id("new-row-next")).to_be_focused()
    await page.keyboard.type("Active")
    await page.keyboard.press("Enter")
    await expect(editor.inspector).to_have_text("Row ResumeCall")
    done = await editor.text()

    await editor.row(0).focus()
    for _ in range(3):
        await page.keyboard.press("Control+z")
    await editor.has(line("keys"))
    for _ in range(3):
        await page.keyboard.press("Control+y")
    await editor.has(done)
    await page.keyboard.press("Control+s")
    await expect(editor.id("save-message")).to_be_focused()
    await page.keyboard.type("By keys alone")
    await page.keyboard.press("Enter")
    await expect(editor.id("status")).to_have_text("Saved")
    assert await versions(page, "keys") == [(1, "admin", "By keys alone")]

    # Keys that mean an act on the diagram are letters in the text.
    await editor.put_cursor("# both")
    await page.keyboard.press("n")
    await editor.has(done.replace("# both", "# bothn"))


async def test_a_person_without_permissions_may_look_and_no_more(open_page: OpenPage) -> None:
    page = await open_page(user="carl")
    editor = await Editor.open(page, "echo_test")
    await expect(editor.id("save-open")).to_be_hidden()
    await expect(editor.id("deploy-open")).to_have_count(0)
    before = await editor.text()
    await editor.put_cursor("callflow: 1")
    await page.keyboard.type("2")
    assert await editor.text() == before
    await expect(editor.id("add-state")).to_be_hidden()
    await editor.id("outline-state-Active").click()
    await expect(editor.id("state-name")).to_be_disabled()


async def test_a_file_with_other_line_ends_keeps_them(
    open_page: OpenPage, instance: Instance, tmp_path: Path
) -> None:
    text = line("ends").replace("\n", "\r\n")
    (tmp_path / "ends.yaml").write_bytes(text.encode())
    page = await open_page("/flows/new/")
    await page.get_by_test_id("flow-file").set_input_files(tmp_path / "ends.yaml")
    await page.get_by_test_id("create-flow").click()
    editor = await Editor.open(page, "ends")
    await expect(editor.id("status")).to_have_text("Saved")
    await editor.put_cursor("# both talk")
    await page.keyboard.type(" now")
    wanted = text.replace("# both talk", "# both talk now")
    await eventually(lambda: drafts(instance, "ends").get("admin") == wanted, what="the draft")
    await editor.row(1).click()
    await editor.choose("row-next", "Terminated")
    wanted = wanted.replace("200}}], next_state: Active", "200}}], next_state: Terminated")
    await eventually(lambda: drafts(instance, "ends").get("admin") == wanted, what="the draft")
