"""Other people in the same flow, and texts that never reached the server."""

from playwright.async_api import WebSocketRoute, expect

from tests.browser.pages import Editor, OpenPage, create_flow, picture
from tests.instance import BASE

ECHO = (BASE / "state_tables" / "echo_test.yaml").read_text("utf-8")


async def test_others_see_on_which_row_somebody_is_and_nothing_is_locked(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    mine = await create_flow(page, "who_is_where", ECHO)
    await mine.save("First version")
    theirs = await Editor.open(await open_page(user="bea"), "who_is_where")
    await mine.row(1).click()
    await expect(theirs.canvas.locator(".badge.guest")).to_have_text("Aadmin is here")
    await theirs.id("outline-state-Answering").click()
    await expect(theirs.outline.locator("[data-here='A']")).to_have_count(1)
    # A mark is no lock: the same row is changed by the other.
    await theirs.row(1).click()
    await expect(theirs.yaml.locator(".guest")).to_have_text("A")
    await picture(theirs.page, "presence", keep=False)
    await expect(mine.canvas.locator(".badge.guest")).to_have_count(1)
    await theirs.page.keyboard.press("Delete")
    assert await theirs.changes(ECHO) != ECHO
    await page.close()
    await expect(theirs.canvas.locator(".badge.guest")).to_have_count(0)


class Line:
    """The way to the server, which can be cut."""

    def __init__(self) -> None:
        self.open = True
        self.sockets: list[WebSocketRoute] = []

    async def __call__(self, socket: WebSocketRoute) -> None:
        if self.open:
            socket.connect_to_server()
            self.sockets.append(socket)
        else:
            await socket.close()

    async def cut(self) -> None:
        self.open = False
        for socket in self.sockets:
            await socket.close()


async def test_what_was_typed_offline_is_offered_with_a_comparison(open_page: OpenPage) -> None:
    page = await open_page()
    await create_flow(page, "typed_offline", ECHO)
    line = Line()
    await page.route_web_socket(lambda url: "/edit" in url, line)
    editor = await Editor.open(page, "typed_offline")
    await editor.has(ECHO)
    await line.cut()
    await expect(editor.id("offline")).to_be_visible()
    typed = ECHO.replace("{after: 60s}", "{after: 90s}")
    await editor.write(typed)
    kept = "localStorage.getItem('callsmith:admin:offline:typed_offline') ?? ''"
    await page.wait_for_function(f"({kept}).includes('90s')")
    again = await page.context.new_page()
    await page.close()

    page = again
    editor = await Editor.open(page, "typed_offline")
    await expect(editor.id("recovery")).to_contain_text("What you typed offline")
    await editor.has(ECHO)
    await editor.id("recovery-compare").click()
    await expect(editor.id("diff-lines")).to_contain_text("90s")
    await picture(page, "recovery", keep=False)
    await page.keyboard.press("Escape")
    await editor.id("recovery-restore").click()
    await editor.has(typed)
    await expect(editor.id("recovery")).to_have_count(0)
    await page.reload()
    await Editor(page).ready()
    await Editor(page).has(typed)
    await expect(page.get_by_test_id("recovery")).to_have_count(0)
