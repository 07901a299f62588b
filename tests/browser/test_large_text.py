"""A text that is too large for the server: said at once, kept on the screen, no line is lost."""

import re

from playwright.async_api import expect

from tests.browser.pages import Editor, OpenPage, create_flow
from tests.browser.tables import line
from tests.instance import Instance

MEBIBYTE = 1 << 20


async def test_a_paste_of_three_mebibytes_is_refused_in_words_and_loses_nothing(
    open_page: OpenPage, instance: Instance
) -> None:
    page = await open_page()
    await create_flow(page, "large", line("large"))
    editor = Editor(page)
    await editor.ready()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    said = page.get_by_role("alert").filter(has_text="larger than 1 MiB")

    large = line("large") + "# " + "x" * (3 * MEBIBYTE) + "\n"
    await editor.write(large)
    await expect(said).to_be_visible()
    assert len(await editor.text()) > 3 * MEBIBYTE
    await editor.id("save-open").click()
    await editor.id("save-confirm").click()
    await expect(editor.id("save-refused")).to_contain_text("larger than 1 MiB")
    await page.keyboard.press("Escape")

    await editor.undo()
    await editor.has(line("large"))
    await editor.put_cursor("name: large")
    await page.keyboard.type("r")
    await editor.changes(line("large"))
    await editor.save("small again")
    saved = instance.query(
        "SELECT text FROM designer_version v JOIN designer_flow f ON f.id = v.flow_id"
        " WHERE f.name = 'large' ORDER BY number DESC LIMIT 1"
    )
    assert saved == [(line("large").replace("name: large", "name: larger", 1),)]
    assert not [url for url in sockets if re.search("/edit$", url)], "the line was never cut"
