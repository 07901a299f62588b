"""The walk of a newcomer: draw a flow, check it, save it, deploy it, call it, watch the call."""

import difflib
import hashlib
import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.pages import Editor, OpenPage, ask, create_flow
from tests.browser.tables import busy, echo, line
from tests.conftest import eventually
from tests.instance import BASE, Instance
from tests.sip.sipp import MISSING, SIPP, Sipp, run_sipp

needs_sipp = pytest.mark.skipif(SIPP is None, reason=MISSING)
BUSY = (BASE / "tests/sip/busy.xml").read_text()

# A flash lasts less than half a second: an observer sees it, however busy the machine is.
SEE_FLASHES = """
canvas => {
  window.flashed = new Set();
  new MutationObserver(changes => {
    for (const {target} of changes) {
      if (target.classList.contains('flash') && target.dataset.row) {
        window.flashed.add(target.dataset.row);
      }
    }
  }).observe(canvas, {subtree: true, attributeFilter: ['class']});
}
"""


async def test_the_list_says_of_each_flow_what_it_is(open_page: OpenPage) -> None:
    page = await open_page(log_in_anew=True)
    starter = page.get_by_test_id("flow-echo_test")
    await expect(starter).to_contain_text("Live")
    await expect(starter).to_contain_text("v1")
    await expect(starter).to_contain_text("runs now")
    await expect(starter).to_contain_text("No problems")
    await expect(page.get_by_test_id("live-echo_test")).to_have_text("0")
    for name in ("basic_call", "call_with_hold", "auto_attendant_stub"):
        await expect(page.get_by_test_id(f"flow-{name}")).to_contain_text("v1")
    await starter.get_by_role("link", name="echo_test", exact=True).click()
    await Editor(page).ready()


async def test_text_picture_outline_and_findings_follow_each_key(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await create_flow(page, "follows", line("follows"))
    await expect(editor.id("no-problems")).to_be_visible()

    await editor.put_cursor("{code: 200}}], next_state: Active")
    await page.keyboard.press("Backspace")
    await page.keyboard.type("d")

    await expect(editor.problems.filter(has_text="Activd")).to_contain_text("Active?")
    await expect(editor.id("outline-state-Ringing").locator(".f-error")).to_be_visible()
    await expect(editor.state("Activd")).to_be_visible()
    marked = editor.yaml.locator(".cm-lintRange-error", has_text="Activd")
    await expect(marked).to_have_text("Activd")

    await page.keyboard.press("Backspace")
    await page.keyboard.type("e")
    await expect(editor.id("no-problems")).to_be_visible()
    await expect(editor.state("Activd")).to_have_count(0)
    await editor.has(line("follows"))


async def test_a_selection_is_one_cursor_in_diagram_outline_and_text(open_page: OpenPage) -> None:
    page = await open_page()
    editor = await create_flow(page, "cursor", line("cursor"))

    await editor.row(3).click()
    await expect(editor.inspector).to_have_text("Row DialogCANCEL")
    await expect(editor.id("outline-row-3")).to_have_attribute("aria-selected", "true")
    await expect(editor.yaml.locator(".cm-chosen")).to_contain_text("DialogCANCEL")

    await editor.id("outline-state-Active").click()
    await expect(editor.inspector).to_have_text("State Active")
    await expect(editor.canvas.locator(".node.selected")).to_have_attribute("data-state", "Active")
    await expect(editor.yaml.locator(".cm-chosen")).to_contain_text("Active:")

    await editor.put_cursor("event: Incoming")
    await expect(editor.inspector).to_have_text("Row ring")
    await expect(editor.row(0)).to_have_class(re.compile("selected"))
    assert page.url.endswith("#t/0")


async def test_edits_on_the_diagram_touch_their_lines_only_and_undo_leads_back(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    first = line("edits")
    editor = await create_flow(page, "edits", first)
    texts = [first]

    async def step(removed: int, added: int) -> str:
        """The text changed by this many lines, and every other is as it was."""
        text = await editor.changes(texts[-1])
        old, new = texts[-1].splitlines(), text.splitlines()
        assert lines_changed(old, new) == (removed, added), text
        texts.append(text)
        return text

    # A state of its own, after the selected one.
    await editor.id("outline-state-Active").click()
    await editor.id("add-state").click()
    await editor.id("new-state-name").fill("OnHold")
    await editor.id("new-state-confirm").click()
    await step(0, 1)
    await expect(editor.state("OnHold")).to_be_visible()

    # Renamed: every row that leads there follows.
    await editor.id("outline-state-Terminating").click()
    await editor.id("state-name").fill("Ending")
    await editor.id("state-name").press("Enter")
    text = await step(5, 5)
    assert "Terminating" not in text and "# we hang up" in text
    await expect(editor.state("Ending")).to_be_visible()

    # A row from it, then led somewhere else.
    await editor.id("outline-state-OnHold").click()
    await editor.id("state-add-row").click()
    await editor.choose("new-row-event", "ResumeCall")
    await editor.choose("new-row-next", "Active")
    await editor.id("new-row-confirm").click()
    text = await step(0, 1)
    assert "ResumeCall" in text
    await expect(editor.inspector).to_have_text("Row ResumeCall")
    await editor.choose("row-next", "Ending")
    text = await step(1, 1)

    # Its event, a guard and an action.
    await editor.choose("row-event", "HangupCall")
    await step(1, 1)
    await editor.choose("guards-add", "MediaReady")
    assert "guards: [MediaReady]" in await step(1, 1)
    await editor.choose("action-add", "SendBYE")
    assert "actions: [SendBYE]" in await step(1, 1)
    await expect(editor.inspector).to_have_text("Row HangupCall")

    # A row that stands in a block of several lines.
    await editor.row(0).click()
    await editor.choose("row-next", "Active")
    assert "  next_state: Active\n" in await step(1, 1)

    # Deleted, with what hangs on it.
    await editor.id("outline-state-OnHold").click()
    await editor.id("state-delete").click()
    await step(2, 0)
    await expect(editor.state("OnHold")).to_have_count(0)

    # And typed in between: one history over all of it.
    await editor.put_cursor("callflow: 1")
    await page.keyboard.type("  # typed")
    await step(1, 1)

    for text in reversed(texts[:-1]):
        await editor.undo()
        await editor.has(text)
    await expect(editor.id("undo")).to_have_attribute("aria-disabled", "true")
    for text in texts[1:]:
        await editor.redo()
        await editor.has(text)
    for text in reversed(texts[:-1]):
        await editor.undo()
        await editor.has(text)
    assert await editor.text() == first


async def test_broken_text_keeps_the_last_good_picture_and_marks_the_line(
    open_page: OpenPage,
) -> None:
    page = await open_page()
    editor = await create_flow(page, "broken", line("broken"))
    nodes = editor.canvas.locator(".node")
    drawn = await nodes.count()

    await editor.put_cursor("Ringing:")
    await page.keyboard.type(" {[")

    await expect(editor.banner).to_be_visible()
    await expect(editor.yaml.locator(".cm-lintRange-error").first).to_be_visible()
    await expect(editor.problems.first).to_have_attribute("data-code", "SYN001")
    await expect(editor.problems.first).to_contain_text("line 8")
    assert await nodes.count() == drawn

    await editor.undo()
    await expect(editor.banner).to_be_hidden()
    await editor.has(line("broken"))


def lines_changed(old: list[str], new: list[str]) -> tuple[int, int]:
    """How many lines went and how many came, with everything else equal and in order."""
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    ops = [op for op in matcher.get_opcodes() if op[0] != "equal"]
    return sum(op[2] - op[1] for op in ops), sum(op[4] - op[3] for op in ops)


@needs_sipp
async def test_a_saved_version_is_deployed_called_and_watched(
    open_page: OpenPage, instance: Instance
) -> None:
    page = await open_page()
    editor = await create_flow(page, "walk", echo("walk"), deploy=True, route="700")
    live = await open_page("/flows/walk/live/")
    await expect(live.get_by_test_id("canvas")).to_have_attribute("data-drawn", "1")
    await live.get_by_test_id("canvas").evaluate(SEE_FLASHES)
    talking = await Sipp("uac", **called(instance, "700"), extra=["-d", "60000"]).start()

    # A call is on: the list counts it, the live page shows where it is.
    both = "window.flashed.has('0') && window.flashed.has('1')"
    await eventually(lambda: live.evaluate(both), what="both rows flashed")
    await expect(live.get_by_test_id("live-total")).to_have_text("1")
    await expect(live.get_by_test_id("count-Active")).to_have_text("1")
    await expect(live.locator('.node[data-state="Active"]')).to_have_attribute("data-heat", "1")
    await live.get_by_test_id("live-call").click()
    await expect(live.get_by_test_id("followed")).to_contain_text("In Active")
    flows = await open_page()
    await expect(flows.get_by_test_id("live-walk")).to_have_text("1")

    # Another text: saved, checked, deployed.
    await editor.write(busy("walk"))
    await editor.has(busy("walk"))
    await expect(editor.id("status")).to_have_text("Draft")
    await expect(editor.id("no-problems")).to_be_visible()
    await editor.save("Answer 486 while the line is busy")
    await expect(editor.id("status")).to_have_text("Saved")
    await expect(editor.id("check-line")).to_contain_text("v2: ", timeout=30_000)
    await expect(editor.id("check-line")).to_have_attribute("data-state", "done")
    await editor.id("deploy-open").click()
    await editor.id("deploy-confirm").click()
    acknowledged = editor.id("deploy-done").get_by_test_id("ack")
    digest = hashlib.sha256(busy("walk").encode()).hexdigest()
    await expect(acknowledged).to_have_attribute("data-digest", digest)
    await expect(acknowledged).to_contain_text(re.compile(rf"runs {digest[:12]}, loaded in .* ms"))
    await editor.id("deploy-close").click()
    await expect(editor.id("status")).to_have_text("Live")

    # The very next call is told busy; the call that runs keeps its version.
    refused = await run_sipp(BUSY, **called(instance, "700"))
    assert refused.successful == 1, refused
    await expect(live.get_by_test_id("newer-version")).to_be_visible()
    await expect(live.get_by_test_id("count-Active")).to_have_text("1")
    await expect(live.get_by_test_id("live-call")).to_contain_text("v1")
    stored = await ask(page, "GET", "/api/flows/walk/versions")
    assert [(v["number"], v["author"], v["message"]) for v in stored][0] == (
        2,
        "admin",
        "Answer 486 while the line is busy",
    )
    assert stored[0]["digest"] == digest

    # One call, step by step.
    await page.goto("/calls/?flow=walk")
    lines = page.get_by_test_id("calls").locator("tbody tr")
    await expect(lines).to_have_count(2)
    await expect(lines.first).to_contain_text("rejected")
    await expect(lines.first).to_contain_text("v2")
    await expect(lines.last).to_contain_text("Active")
    await expect(lines.last).to_contain_text("v1")
    await lines.last.get_by_role("link").first.click()
    await expect(page.get_by_test_id("canvas")).to_have_attribute("data-drawn", "1")
    steps = page.get_by_test_id("step")
    await expect(steps.first).to_have_attribute("data-event", "IncomingCall")
    await page.locator('[data-testid=step][data-event="DialogACK"]').click()
    chosen = page.locator('[data-testid=step][aria-selected="true"]')
    await expect(chosen).to_contain_text("StartEcho")
    why = page.get_by_test_id("why")
    await expect(why.get_by_test_id("action-result").last).to_contain_text("µs")
    first = hashlib.sha256(echo("walk").encode()).hexdigest()
    await expect(why.get_by_test_id("step-digest")).to_have_attribute("title", first)
    await expect(why.get_by_test_id("row-text")).to_contain_text("id: established")
    assert "step=A" in page.url
    await page.get_by_test_id("open-all").click()
    await expect(page.get_by_test_id("row-1")).to_have_class(re.compile("now|selected"))
    await expect(page.get_by_test_id("yaml").locator(".chosen").first).to_contain_text(
        "id: established"
    )

    # An event that meets no row is shown as that, while the call goes on.
    session = (await page.get_by_test_id("call-id").inner_text()).strip()
    await ask(page, "POST", f"/api/sessions/{session}/events", event="AcceptCall", fields={})
    await page.get_by_role("button", name="Newest").click()
    await expect(page.get_by_test_id("unhandled")).to_have_text("No row took it")
    await expect(page.get_by_test_id("call-state")).to_contain_text("Active")
    await ask(page, "POST", f"/api/sessions/{session}/events", event="HangupCall", fields={})
    await expect(page.get_by_test_id("call-state")).to_contain_text("completed")
    await talking.stop()


def called(instance: Instance, number: str) -> dict[str, Any]:
    return {"remote": ("127.0.0.1", instance.sip_port), "service": number}
