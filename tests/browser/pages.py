"""The pages of an instance as tests read and use them."""

import os
import re
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import ConsoleMessage, Locator, Page, expect

from tests.conftest import eventually
from tests.instance import BASE, PASSWORD

OpenPage = Callable[..., Awaitable[Page]]

FETCH = """
async ([method, path, body]) => {
  const token = document.querySelector('meta[name=csrf-token]').content;
  const headers = {'X-CSRFToken': token, 'Content-Type': 'application/json'};
  const sent = method === 'GET' ? undefined : JSON.stringify(body);
  const answer = await fetch(path, {method, headers, body: sent});
  return [answer.status, await answer.json()];
}
"""
# CodeMirror draws only the lines in sight; the whole text is in its view.
TEXT = "host => (host.cmTile ?? host.cmView).view.state.sliceDoc()"
PUT = """
(host, text) => {
  const view = (host.cmTile ?? host.cmView).view;
  const at = view.state.sliceDoc().indexOf(text);
  if (at < 0) throw new Error(`The text holds no ${text}`);
  view.focus();
  view.dispatch({selection: {anchor: at + text.length}, scrollIntoView: true});
}
"""
PASTE = """
(host, text) => {
  const data = new DataTransfer();
  data.setData('text/plain', text);
  const about = {clipboardData: data, bubbles: true, cancelable: true};
  host.dispatchEvent(new ClipboardEvent('paste', about));
}
"""


class Trouble(list[str]):
    """What the page complained about: errors on the console, exceptions, refused resources."""

    def hear(self, page: Page) -> None:
        def console(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.append(f"{page.url}: {message.text}")

        page.on("console", console)
        page.on("pageerror", lambda error: self.append(f"{page.url}: {error}"))


async def log_in(page: Page, user: str = "admin") -> None:
    await page.goto("/login/")
    await page.get_by_test_id("login-username").fill(user)
    await page.get_by_test_id("login-password").fill(PASSWORD)
    await page.get_by_test_id("login-submit").click()
    await page.wait_for_url("**/")


async def ask(page: Page, method: str, path: str, **body: Any) -> Any:
    """Ask the API with the page's session and return its answer; fail if it refuses."""
    status, answer = await page.evaluate(FETCH, [method, path, body])
    assert status in (200, 201), f"{method} {path}: {status} {answer}"
    return answer


async def deploy_newest(page: Page, flow: str) -> None:
    """Deploy the newest version and wait until a node says that it runs it."""
    wanted = (await ask(page, "POST", f"/api/flows/{flow}/deploy"))["digest"]

    async def runs() -> bool:
        told = await ask(page, "GET", f"/api/flows/{flow}/deploy")
        return wanted in [node["digest"] for node in told["nodes"]]

    await eventually(runs, what=f"a node runs {flow}")


class Editor:
    """The editor of one flow."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.canvas = page.get_by_test_id("canvas")
        self.yaml = page.get_by_test_id("yaml")
        self.outline = page.get_by_test_id("outline")
        self.inspector = page.get_by_test_id("inspector-title")
        self.banner = page.get_by_test_id("broken-banner")
        self.problems = page.get_by_test_id("problem")
        self.dialog = page.locator("dialog[open]")

    @classmethod
    async def open(cls, page: Page, flow: str) -> "Editor":
        """Open the page and wait until it is drawn and connected."""
        await page.goto(f"/flows/{flow}/")
        editor = cls(page)
        await editor.ready()
        return editor

    async def ready(self) -> None:
        await expect(self.canvas).to_have_attribute("data-drawn", re.compile(r"\d+"))
        await expect(self.page.get_by_test_id("offline")).to_have_count(0)
        await expect(self.yaml).to_be_visible()

    async def ready_matrix(self) -> None:
        """The same where the matrix stands in the place of the diagram."""
        await expect(self.page.locator("[role=gridcell]").first).to_be_visible()
        await expect(self.page.get_by_test_id("offline")).to_have_count(0)
        await expect(self.yaml).to_be_visible()

    def id(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    def state(self, name: str) -> Locator:
        """A state as drawn: its header."""
        return self.canvas.get_by_test_id(f"state-{name}")

    def row(self, index: int) -> Locator:
        """A row as drawn."""
        return self.canvas.get_by_test_id(f"row-{index}")

    async def text(self) -> str:
        return str(await self.yaml.evaluate(TEXT))

    async def write(self, text: str) -> None:
        """Replace the whole text by pasting another one."""
        await self.yaml.click()
        await self.page.keyboard.press("Control+a")
        await self.yaml.evaluate(PASTE, text)

    async def put_cursor(self, behind: str) -> None:
        """Put the cursor behind the first place where this stands."""
        await self.yaml.evaluate(PUT, behind)

    async def has(self, text: str) -> None:
        """Wait until the text is exactly this."""
        await self._text_when(lambda now: now == text, text)

    async def changes(self, before: str) -> str:
        """Wait until the text is another one, and return it."""
        return await self._text_when(lambda now: now != before, "another text")

    async def _text_when(self, holds: Callable[[str], bool], wanted: str) -> str:
        now = ""

        async def reached() -> bool:
            nonlocal now
            now = await self.text()
            return holds(now)

        try:
            await eventually(reached, 10)
        except BaseException:
            assert now.splitlines() == wanted.splitlines()
            raise
        return now

    async def choose(self, field: str, value: str) -> None:
        """Choose a word in a combobox, known or not."""
        combo = self.page.get_by_test_id(field)
        await combo.fill(value)
        await combo.press("Enter")

    async def undo(self) -> None:
        await self.id("undo").click()

    async def redo(self) -> None:
        await self.id("redo").click()

    async def save(self, message: str) -> None:
        """Save a version and close the question."""
        await self.id("save-open").click()
        await self.id("save-message").fill(message)
        await self.id("save-confirm").click()
        await expect(self.dialog).to_have_count(0)


async def create_flow(
    page: Page, name: str, text: str, *, deploy: bool = False, route: str = ""
) -> Editor:
    """Create a flow through the form; with `deploy` save its first version and run it."""
    await page.goto("/flows/new/")
    await page.get_by_test_id("flow-name-input").fill(name)
    await page.get_by_test_id("flow-text").fill(text)
    await page.get_by_test_id("create-flow").click()
    await page.wait_for_url(f"**/flows/{name}/")
    editor = Editor(page)
    await editor.ready()
    if deploy:
        await editor.save("First version")
        await deploy_newest(page, name)
    if route:
        await ask(page, "POST", "/api/routes", pattern=route, flow=name)
    return editor


async def picture(page: Page, name: str, *, keep: bool = True) -> None:
    """Take a screenshot into test-results/; `make images` keeps it in docs/images/ too."""
    folder = BASE / "test-results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.png"
    await page.screenshot(path=path, animations="disabled")
    if keep and os.environ.get("CALLSMITH_IMAGES"):
        target = BASE / "docs" / "images"
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target / path.name)


async def settled(page: Page) -> None:
    """Wait until the page is drawn: fonts are there, and the diagram if it has one."""
    await page.evaluate("document.fonts.ready")
    canvas = page.get_by_test_id("canvas")
    if await canvas.count():
        await expect(canvas.locator(".node").first).to_be_attached()
