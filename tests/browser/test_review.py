"""Two people at a review: asked for, talked over, sent back, asked again, approved, deployed."""

import asyncio
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from tests.browser.axe import violations
from tests.browser.pages import OpenPage, ask
from tests.conftest import eventually
from tests.instance import BASE, Instance

ECHO = (BASE / "state_tables/echo_test.yaml").read_text().replace(
    "name: echo_test", "name: echo_reviewed"
)  # fmt: skip
HANGUP = (
    "- {from_state: Active, role: UAS, event: HangupCall, actions: [SendBYE, StopMediaSession],"
    " next_state: Terminating}\n"
)
OLD = ECHO.replace(HANGUP, "")
SILENT = HANGUP.replace("SendBYE, ", "")
FLOW = "/flows/echo_reviewed/"
API = "/api/flows/echo_reviewed"


async def begin(instance: Instance, tmp_path: Path, page: Page) -> None:
    """v1 is deployed, v2 hangs up without a BYE, and the flow asks for one approval."""
    file = tmp_path / "echo_reviewed.yaml"
    file.write_text(OLD)
    await asyncio.to_thread(instance.cli, "import", str(file))
    await ask(page, "POST", f"{API}/deploy", reason="The first one.")
    await asyncio.to_thread(
        instance.cli, "review", "echo_reviewed", "--require", "--high", "1", code=1
    )
    text = ECHO.replace(HANGUP, SILENT)
    await ask(page, "POST", f"{API}/versions", text=text, base=1, message="Hang up")


async def in_order(page: Page) -> None:
    """No rule of accessibility is broken, and nothing is wider than the page."""
    grave = [v for v in await violations(page) if v["impact"] in ("serious", "critical")]
    assert grave == [], [v["places"] for v in grave]
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wide) <= 0


async def proved(page: Page, number: int) -> None:
    async def passed() -> bool:
        told: dict[str, Any] = await ask(page, "GET", f"{API}/versions/{number}/check")
        return bool(told["state"] == "passed")

    await eventually(passed, 60, what=f"the deeper check of v{number} is done")


async def test_a_version_is_reviewed_sent_back_mended_approved_and_deployed(
    open_page: OpenPage, instance: Instance, tmp_path: Path
) -> None:
    admin = await open_page("/")
    await begin(instance, tmp_path, admin)

    # The editor leads to the review, where the author says what to look at.
    await admin.goto(FLOW)
    await expect(admin.get_by_test_id("review-open")).to_have_text("Request review")
    await admin.get_by_test_id("review-open").click()
    await admin.get_by_label("What to look at").fill("The call can be hung up now.")
    await admin.get_by_test_id("ask").click()
    await expect(admin.get_by_test_id("review-chip").first).to_have_text("In review")
    await expect(admin.get_by_test_id("approve-open")).to_have_count(0)

    # The other one finds it on the first page, reads the change, and speaks by keyboard alone.
    bea = await open_page("/", "bea")
    await bea.get_by_test_id("waiting").get_by_role("link").first.click()
    await expect(bea.locator(".diffing .trow.d-add").first).to_be_attached()
    await expect(bea.get_by_test_id("noticed")).to_contain_text(
        "HangupCall in Active has a row now"
    )
    await bea.keyboard.press("F8")
    await expect(bea.get_by_test_id("stepper")).to_contain_text("Change 1 of 1")
    await bea.keyboard.press("c")
    await expect(bea.get_by_test_id("say")).to_be_focused()
    await bea.keyboard.type("The far side hears nothing of it, @admin.")
    await bea.keyboard.press("Control+Enter")
    thread = bea.get_by_test_id("thread")
    await expect(thread).to_contain_text("on this row")
    await expect(bea.locator(".comment-mark")).to_have_count(1)
    await in_order(bea)
    await bea.get_by_test_id("ask-changes").click()
    await bea.get_by_test_id("changes-note").fill("Send a BYE.")
    await bea.get_by_test_id("changes-send").click()
    await expect(bea.get_by_test_id("review-chip").first).to_have_text("Changes requested")

    # Mended and asked again: what was said is still at its row, the review goes on.
    await ask(admin, "POST", f"{API}/versions", text=ECHO, base=2, message="With a BYE")
    await admin.reload()
    await expect(admin.get_by_test_id("stale")).to_contain_text("saved v3 after v2")
    await admin.get_by_test_id("ask-again").click()
    await expect(admin.get_by_test_id("thread")).to_contain_text("of v2")
    await admin.get_by_test_id("resolve").click()
    await expect(admin.get_by_test_id("thread")).to_contain_text("Resolved by")
    await proved(admin, 3)

    # Not deployed before the other one approved: the dialog says what is missing.
    await admin.reload()
    await admin.get_by_test_id("deploy-open").click()
    await expect(admin.get_by_test_id("lacks")).to_contain_text("v3 goes live once 1 other person")
    await admin.keyboard.press("Escape")

    # On a telephone as well.
    await bea.set_viewport_size({"width": 390, "height": 844})
    await bea.reload()
    await expect(bea.locator(".diffing .trow.d-add").first).to_be_attached()
    await in_order(bea)
    coverage = bea.get_by_test_id("check-coverage")
    await bea.get_by_test_id("pass-coverage").click()
    await coverage.get_by_role("textbox").fill("Tried by hand on a phone.")
    await coverage.get_by_role("button", name="Pass over").click()
    await expect(coverage).to_have_attribute("data-state", "passed over")
    await bea.get_by_test_id("approve-open").click()
    await bea.get_by_test_id("approve").click()
    await expect(bea.get_by_test_id("review-chip").first).to_have_text("Approved")

    await admin.reload()
    async with admin.expect_response("**/versions/3/lacks/"):
        await admin.get_by_test_id("deploy-open").click()
    await expect(admin.get_by_test_id("lacks")).to_have_count(0)
    await admin.get_by_test_id("deploy-confirm-3").click()
    await expect(admin.locator("#toasts")).to_contain_text("New calls of echo_reviewed take v3")
    await admin.goto(f"{FLOW}reviews/1/")
    await expect(admin.get_by_test_id("review-chip").first).to_have_text("Deployed")
    await expect(admin.get_by_test_id("approval")).to_contain_text("deployed v3")
