"""Calls as they happen, seen in a browser: with SIPp on the other side."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.axe import grave, violations
from tests.browser.pages import OpenPage, ask, create_flow, picture
from tests.browser.tables import desk
from tests.instance import Instance
from tests.sip.sipp import MISSING, SIPP, Sipp

pytestmark = pytest.mark.skipif(SIPP is None, reason=MISSING)


async def test_calls_are_watched_narrowed_followed_and_held_still(
    open_page: OpenPage, instance: Instance
) -> None:
    page = await open_page()
    await create_flow(page, "live_desk", desk("live_desk"), deploy=True, route="310")
    callers = await Sipp(
        "uac", remote=("127.0.0.1", instance.sip_port), service="310", calls=4, rate=40,
        extra=["-d", "60000"],
    ).start()  # fmt: skip
    live = await open_page("/flows/live_desk/live/")
    seen = live.get_by_test_id
    await expect(seen("live-total")).to_have_text("4")
    await expect(seen("count-Ringing")).to_have_text("4")

    # One is accepted: the picture, the list and its words follow.
    sessions = await ask(page, "GET", "/api/sessions?flow=live_desk")
    accept = f"/api/sessions/{sessions[0]['id']}/events"
    await ask(page, "POST", accept, event="AcceptCall", fields={})
    await expect(seen("count-Active")).to_have_text("1")
    head = live.get_by_test_id("state-Active")
    await expect(head).to_have_attribute("aria-label", re.compile("1 calls"))
    await seen("filter-state").select_option("Active")
    await expect(seen("live-call")).to_have_count(1)
    await seen("role-UAC").click()
    await expect(seen("count-Active")).to_have_count(0)
    await seen("role-all").click()
    assert "role" not in live.url
    await seen("filter-state").select_option("Ringing")
    await expect(seen("live-call")).to_have_count(3)

    # One is followed: by whom it can leave, and when by itself.
    await seen("live-call").first.click()
    await expect(seen("standing")).to_contain_text("In Ringing")
    chances = seen("chance")
    await expect(chances.filter(has_text="AcceptCall")).to_contain_text("by a person here")
    await expect(live.locator(".follow")).to_contain_text("is here")
    await expect(seen("act-hangup")).to_be_visible()
    assert grave(await violations(live)) == []
    await picture(live, "live-followed", keep=False)

    # What stands still says when it was.
    await live.keyboard.press("Escape")
    await expect(seen("followed")).to_be_hidden()
    await seen("pause").click()
    still = await seen("clock").inner_text()
    await ask(page, "POST", accept.replace("events", "hangup"), reason="seen enough", force=True)
    listed = await open_page("/live/")
    await expect(listed.get_by_test_id("live-flow-live_desk")).to_contain_text("3")
    await expect(seen("live-total")).to_have_text("4")
    assert await seen("clock").inner_text() == still
    await seen("pause").click()
    await expect(seen("live-total")).to_have_text("3")

    # The same in words, for those who do not see the picture.
    await live.keyboard.press("l")
    told = live.get_by_role("button", name=re.compile(r"^Ringing, .* rows?, 3 calls$"))
    await expect(told).to_be_visible()
    assert grave(await violations(live)) == []
    await callers.stop()
