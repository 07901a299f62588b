"""No page and no state of the editor has a serious fault that axe can see (WCAG 2.2 AA)."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from tests.browser.axe import grave, violations
from tests.browser.pages import Editor, OpenPage, create_flow, settled
from tests.browser.tables import line

Step = Callable[[Editor], Awaitable[None]]


@pytest.mark.parametrize(
    ("width", "options"),
    [
        (1440, {"color_scheme": "light"}),
        (1440, {"color_scheme": "dark"}),
        (1440, {"contrast": "more"}),
        (390, {"color_scheme": "light", "has_touch": True}),
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
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
