"""Two people on one flow: a stale save is merged row by row, and nothing is overwritten."""

from playwright.async_api import expect

from tests.browser.pages import Editor, OpenPage, create_flow, picture
from tests.instance import BASE

ECHO = (BASE / "state_tables" / "echo_test.yaml").read_text("utf-8")


async def two(open_page: OpenPage, flow: str) -> tuple[Editor, Editor]:
    """Open a flow with one version for two people."""
    page = await open_page()
    mine = await create_flow(page, flow, ECHO)
    await mine.save("First version")
    theirs = await Editor.open(await open_page(user="bea"), flow)
    return mine, theirs


async def change(editor: Editor, old: str, new: str) -> None:
    text = await editor.text()
    assert old in text
    await editor.write(text.replace(old, new))
    await editor.has(text.replace(old, new))


async def test_changes_that_do_not_meet_are_merged_by_themselves_and_saved(
    open_page: OpenPage,
) -> None:
    mine, theirs = await two(open_page, "merge_clean")
    await change(mine, "lets the caller hear himself,", "says it back,")
    await change(theirs, "{after: 60s}", "{after: 90s}")
    await theirs.save("Longer")
    await mine.id("save-open").click()
    await mine.id("save-message").fill("Words")
    await mine.id("save-confirm").click()
    await mine.id("conflict-merge").click()
    panel = mine.id("merge")
    await expect(panel).to_contain_text("bea saved v2")
    await expect(panel).to_contain_text("Nothing was changed by both")
    await expect(panel).to_contain_text("no errors")
    await mine.id("merge-take").click()
    await expect(panel).to_be_hidden()
    merged = ECHO.replace("lets the caller hear himself,", "says it back,")
    await mine.has(merged.replace("{after: 60s}", "{after: 90s}"))
    await mine.save("Both")
    await expect(mine.id("newer")).to_have_count(0)


async def test_a_row_that_both_changed_is_decided_by_a_person_and_the_editor_goes_on(
    open_page: OpenPage,
) -> None:
    mine, theirs = await two(open_page, "merge_conflict")
    await change(mine, "{after: 60s}", "{after: 30s}")
    await change(theirs, "{after: 60s}", "{after: 90s}")
    await change(theirs, "StartMediaSession, StartEcho]", "StartMediaSession]")
    await theirs.save("Longer, silent")
    await expect(mine.id("merge-open")).to_be_visible()
    await mine.id("merge-open").click()
    conflict = mine.id("merge-conflict")
    await expect(conflict).to_have_count(1)
    await expect(mine.id("merge-take")).to_have_attribute("aria-disabled", "true")
    await expect(conflict).to_contain_text("30s")
    await expect(conflict).to_contain_text("90s")
    await picture(mine.page, "merge")
    # The panel is no wall: the text can be read and the diagram walked beside it.
    await mine.state("Idle").click()
    await conflict.get_by_test_id("take-theirs").click()
    await expect(mine.id("merge-take")).to_have_attribute("aria-disabled", "false")
    await mine.id("merge-take").click()
    wanted = ECHO.replace("{after: 60s}", "{after: 90s}")
    await mine.has(wanted.replace("StartMediaSession, StartEcho]", "StartMediaSession]"))
    await mine.undo()
    await mine.has(ECHO.replace("{after: 60s}", "{after: 30s}"))
