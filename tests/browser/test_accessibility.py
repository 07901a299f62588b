"""No page and no state of the editor has a serious fault that axe can see (WCAG 2.2 AA)."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from tests.browser.axe import grave, violations
from tests.browser.pages import Editor, OpenPage, create_flow, picture, settled
from tests.browser.tables import line
from tests.instance import BASE

Step = Callable[[Editor], Awaitable[None]]


@pytest.mark.parametrize(
    ("width", "options"),
    [
        (1440, {"color_scheme": "light"}),
        pytest.param(1440, {"color_scheme": "dark"}, marks=pytest.mark.long),
        pytest.param(1440, {"contrast": "more"}, marks=pytest.mark.long),
        (390, {"color_scheme": "dark", "has_touch": True}),
    ],
    ids=["light", "dark", "contrast", "telephone"],
)
async def test_every_page_is_free_of_serious_faults(
    open_page: OpenPage, paths: dict[str, str], width: int, options: dict[str, object]
) -> None:
    page = await open_page(viewport={"width": width, "height": 900}, **options)
    found = []
    for name, path in {**paths, "rules": "/rules/", "rule": "/rules/COV402/"}.items():
        await page.goto(path)
        await settled(page)
        found += [f"{name}: {fault}" for fault in grave(await violations(page))]
    assert not found, "\n".join(found)


async def row_chosen(editor: Editor) -> None:
    await editor.row(1).click()
    await expect(editor.inspector).to_have_text("Row AcceptCall")


async def state_chosen(editor: Editor) -> None:
    await editor.state("Ringing").click()
    await expect(editor.inspector).to_contain_text("Ringing")


async def problem_chosen(editor: Editor) -> None:
    await editor.put_cursor("event: AcceptCall")
    await editor.page.keyboard.type("X")
    await editor.problems.first.click()


async def typing(editor: Editor) -> None:
    await editor.put_cursor("event: Accept")
    await editor.page.keyboard.press("Control+Space")
    await expect(editor.page.locator(".cm-tooltip-autocomplete")).to_be_visible()


async def new_row(editor: Editor) -> None:
    await editor.id("add-row").click()


async def saving(editor: Editor) -> None:
    await editor.put_cursor("name: front_desk")
    await editor.page.keyboard.type("2")
    await editor.id("save-open").click()
    await expect(editor.dialog).to_be_visible()


async def keys(editor: Editor) -> None:
    await editor.canvas.focus()
    await editor.page.keyboard.press("?")
    await expect(editor.dialog).to_be_visible()


async def phone(editor: Editor) -> None:
    await editor.id("phone-toggle").click()
    await expect(editor.id("phone-state")).to_have_attribute("data-state", "ready")
    await editor.page.evaluate("Promise.all(document.getAnimations().map(each => each.finished))")


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.long), "dark"])
@pytest.mark.parametrize(
    "step", [row_chosen, state_chosen, problem_chosen, typing, new_row, saving, keys, phone]
)
async def test_every_state_of_the_editor_is_free_of_serious_faults(
    open_page: OpenPage, step: Step, scheme: str
) -> None:
    page: Page = await open_page(color_scheme=scheme)
    editor = await create_flow(page, f"axe_{step.__name__}_{scheme}", line("front_desk"))
    await editor.ready()
    await step(editor)
    found = grave(await violations(page))
    assert not found, "\n".join(found)


class Panels:
    """The panels of one editor, opened one after the other; what axe finds on each is kept."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.page = editor.page
        self.found: list[str] = []

    async def look(self, name: str) -> None:
        await self.page.evaluate("Promise.all(document.getAnimations().map(a => a.finished))")
        self.found += [f"{name}: {fault}" for fault in grave(await violations(self.page))]
        await picture(self.page, f"panel-{name}", keep=False)

    async def views(self) -> None:
        for view in ("matrix", "split", "diagram"):
            await self.editor.id(f"view-{view}").locator("visible=true").first.click()
            await self.look(view)

    async def dialogs(self) -> None:
        await self.page.keyboard.press("Control+k")
        await expect(self.editor.id("palette-option").first).to_be_visible()
        await self.look("palette")
        await self.page.keyboard.press("Escape")
        await self.editor.id("views-open").click()
        await self.look("view-and-export-menu")
        await self.page.keyboard.press("Escape")
        await self.editor.id("outline-state-Active").click()
        await self.editor.id("snippets").locator("summary").click()
        await self.editor.id("snippet-hold").click()
        await expect(self.editor.id("fix-diff")).to_be_visible()
        await self.look("snippet-with-preview")
        await self.page.keyboard.press("Escape")
        await self.editor.state("Active").focus()
        await self.page.keyboard.press("t")
        await expect(self.editor.id("at-place")).to_be_visible()
        await self.look("form-on-the-canvas")
        await self.page.keyboard.press("Escape")

    async def simulator(self) -> None:
        await self.editor.id("mode-simulate").click()
        await expect(self.editor.id("sim-state").first).to_be_visible()
        await self.page.locator('[data-testid="happen"] button.do').first.click()
        await expect(self.editor.id("sim-step").first).to_be_visible()
        await self.look("simulate-one")
        await self.editor.id("sim-Both").click()
        await expect(self.editor.id("sim-state")).to_have_count(2)
        await self.look("simulate-both")
        await self.editor.id("sim-close").click()

    async def trace(self) -> None:
        await self.editor.save("First version")
        deep = self.editor.id("deep-problem")
        await expect(deep.first).to_be_visible(timeout=60_000)
        await deep.locator("visible=true").first.click()
        await expect(self.editor.id("trace-step").first).to_be_visible()
        await self.editor.id("trace-on").click()
        await self.look("trace-player")


@pytest.mark.parametrize(
    "options",
    [
        {"color_scheme": "light"},
        pytest.param({"color_scheme": "dark"}, marks=pytest.mark.long),
        pytest.param({"contrast": "more"}, marks=pytest.mark.long),
    ],
    ids=["light", "dark", "contrast"],
)
async def test_every_panel_of_the_editor_is_free_of_serious_faults(
    open_page: OpenPage, options: dict[str, str]
) -> None:
    page: Page = await open_page(**options)
    name = "panels_" + "_".join(options.values())
    panels = Panels(await create_flow(page, name, line(name)))
    for step in (panels.views, panels.dialogs, panels.simulator, panels.trace):
        await step()
    assert not panels.found, "\n".join(panels.found)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
async def test_merge_and_import_report_are_free_of_serious_faults(
    open_page: OpenPage, scheme: str
) -> None:
    page: Page = await open_page("/flows/new/", color_scheme=scheme)
    chart = BASE / "tests" / "data" / "doorbell.scxml"
    await page.get_by_test_id("flow-file").set_input_files(chart)
    await page.locator('button[name="look"]').click()
    await expect(page.get_by_test_id("import-report")).to_be_visible()
    found = [f"import: {fault}" for fault in grave(await violations(page))]

    name = f"merged_{scheme}"
    mine = await create_flow(page, name, line(name))
    await mine.save("First version")
    theirs = await Editor.open(await open_page(user="bea"), name)
    await mine.write((await mine.text()).replace("30s", "40s"))
    await theirs.write((await theirs.text()).replace("30s", "20s"))
    await theirs.has(line(name).replace("30s", "20s"))
    await theirs.save("Shorter")
    await mine.id("merge-open").click()
    await expect(mine.id("merge")).to_contain_text("bea saved v2")
    found += [f"merge: {fault}" for fault in grave(await violations(page))]
    assert not found, "\n".join(found)
