"""A call that failed is found and replayed; the event nobody took becomes a row that goes live."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.pages import Editor, OpenPage, create_flow, picture
from tests.browser.tables import echo
from tests.conftest import eventually
from tests.instance import BASE, Instance
from tests.sip.sipp import MISSING, SIPP, run_sipp

needs_sipp = pytest.mark.skipif(SIPP is None, reason=MISSING)
INFO = (BASE / "tests/sip/info.xml").read_text()


def deaf(name: str) -> str:
    """The echo test without the row that takes an INFO in any state."""
    lines = echo(name).splitlines(keepends=True)
    return "".join(line for line in lines if "Any, role: UAS, event: InfoReceived" not in line)


async def recorded(instance: Instance, calls: int) -> None:
    """Wait until so many calls of the flow are in the record, and over."""
    over = "SELECT id FROM runtime_session WHERE flow_name = 'helpline' AND ended_at IS NOT NULL"
    await eventually(lambda: len(instance.query(over)) == calls, what=f"{calls} calls are stored")


@needs_sipp
async def test_an_unexpected_event_of_a_call_becomes_a_row(
    open_page: OpenPage, instance: Instance
) -> None:
    page = await open_page()
    await create_flow(page, "helpline", deaf("helpline"), deploy=True, route="702")
    remote = ("127.0.0.1", instance.sip_port)
    first = await run_sipp(INFO, remote=remote, service="702")
    assert first.successful == 1, first

    await recorded(instance, 1)

    # The list names the call; its page says what nobody took.
    await page.goto("/calls/?flow=helpline&show=unhandled")
    await page.get_by_test_id("calls").locator("tbody tr a").first.click()
    await expect(page.get_by_test_id("canvas")).to_have_attribute("data-drawn", "1")
    await page.locator('[data-testid=step][data-kind="unhandled"]').click()
    why = page.get_by_test_id("why")
    await expect(why.get_by_test_id("why-not")).to_contain_text("No row of Active takes InfoRec")
    await expect(page.get_by_test_id("raw")).to_contain_text("INFO sip:")
    moment = page.url
    assert re.search(r"step=A\d", moment)

    # The ladder leads to the same step, and the address to the same moment.
    await page.get_by_test_id("ladder").locator("[data-testid=wire]").first.click()
    await expect(page.get_by_test_id("raw")).to_contain_text("INVITE sip:702")
    await expect(page.get_by_test_id("step-where")).to_contain_text("Step 1 of")
    await page.goto(moment)
    await expect(page.get_by_test_id("raw")).to_contain_text("INFO sip:")
    await expect(page.get_by_test_id("canvas")).to_have_attribute("data-drawn", "1")
    await picture(page, "call")

    # Replayed on the draft it goes as it went.
    await page.get_by_test_id("replay-draft").click()
    await expect(page.get_by_test_id("replay-verdict")).to_contain_text("The same.")
    await page.keyboard.press("Escape")

    # The event becomes a row of the draft.
    await page.get_by_test_id("add-row-for").click()
    editor = Editor(page)
    await editor.ready()
    await expect(editor.id("row-begun")).to_contain_text("InfoReceived in Active")
    await expect(editor.id("new-row-event")).to_have_value("InfoReceived")
    await expect(editor.id("new-row-from")).to_have_value("Active")
    await expect(editor.id("new-row-role")).to_have_value("UAS")
    before = await editor.text()
    await editor.id("new-row-confirm").click()
    assert "Active, role: UAS, event: InfoReceived" in await editor.changes(before)
    await expect(editor.inspector).to_have_text("Row InfoReceived")
    await editor.choose("action-add", "SendSIPResponse")
    await expect(editor.yaml).to_contain_text("InfoReceived, actions: [SendSIPResponse]")

    # On it the call goes otherwise, and better.
    await page.goto(moment)
    await page.get_by_test_id("replay-draft").click()
    verdict = page.get_by_test_id("replay-verdict")
    await expect(verdict).to_contain_text("how it was taken was unhandled and is fired")

    # Proved and deployed.
    await Editor.open(page, "helpline")
    await editor.save("Take a key that comes as INFO")
    await expect(editor.id("check-line")).to_have_attribute("data-state", "done", timeout=30_000)
    await expect(editor.id("check-line")).to_contain_text("v2: ")
    await editor.id("deploy-open").click()
    await editor.id("deploy-confirm").click()
    await expect(editor.id("deploy-done").get_by_test_id("ack")).to_contain_text("runs ")

    # The next call is answered 200.
    second = await run_sipp(INFO, remote=remote, service="702")
    assert second.successful == 1, second
    await recorded(instance, 2)
    await page.goto("/calls/?flow=helpline")
    await expect(page.get_by_test_id("calls").locator("tbody tr")).to_have_count(2)
    await page.get_by_test_id("calls").locator("tbody tr a").first.click()
    await page.locator('[data-testid=step][data-event="InfoReceived"]').click()
    await expect(page.get_by_test_id("tried-row")).to_have_attribute("data-verdict", "fired")
    await expect(page.get_by_test_id("conformance")).to_contain_text("Conforms to v2")
