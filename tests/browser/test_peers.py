"""Trunks and phones: added, watched and kept on their pages, by mouse and on a telephone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.axe import grave, violations
from tests.browser.pages import OpenPage, picture, settled
from tests.instance import Instance
from tests.runtime.node.nodes import Peer
from tests.sip.baresip import BARESIP, MISSING, Baresip


@pytest_asyncio.fixture(loop_scope="session")
async def kept(instance: Instance) -> AsyncIterator[None]:
    """What these tests add is taken away: accounts change who is asked for a password."""
    yield
    for command in (["account", "remove", "201"], ["account", "remove", "202"]):
        await asyncio.to_thread(instance.cli, *command, code=None)
    for name in ("carrier", "backup"):
        await asyncio.to_thread(instance.cli, "trunk", "remove", name, code=None)


async def fits(page: Page) -> None:
    """Nothing is wider than a telephone, and axe finds nothing grave."""
    await settled(page)
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not await page.evaluate(wide), page.url
    assert grave(await violations(page)) == [], page.url


async def test_a_trunk_is_added_watched_disabled_and_removed(
    open_page: OpenPage, kept: None
) -> None:
    async with Peer.open() as carrier:
        page = await open_page("/trunks/")
        await expect(page.get_by_test_id("trunks-empty")).to_be_visible()
        await add(page, "carrier", carrier.address[1], "203.0.113.0/24")
        await expect(page.get_by_test_id("trunk-chip")).to_contain_text("Being asked")
        row = page.get_by_test_id("trunk-nodes").locator("tr[data-state=up]")
        await expect(row).to_contain_text("200 in")
        await expect(page.get_by_test_id("trunk-password")).to_have_value("")
        await page.goto("/trunks/new/")
        await add(page, "backup", 9, "", transport="TCP")
        await expect(page.get_by_test_id("trunk-down")).to_be_visible()
        await page.goto("/trunks/")
        await expect(page.get_by_test_id("trunks-sentence")).to_contain_text("backup does not")
        await picture(page, "trunks")
        await page.get_by_test_id("trunk-carrier").get_by_role("link").click()
        await settled(page)
        await picture(page, "trunk")
        small = await open_page("/trunks/carrier/", viewport={"width": 390, "height": 844})
        await fits(small)
        await small.goto("/trunks/")
        await fits(small)
        await page.get_by_test_id("trunk-disable").click()
        await expect(page.get_by_test_id("trunk-off-dialog")).to_contain_text("No call goes")
        await page.get_by_test_id("trunk-off-confirm").click()
        await expect(page.get_by_test_id("trunk-chip")).to_contain_text("Disabled")
        await page.get_by_test_id("trunk-drop").click()
        await page.get_by_test_id("trunk-drop-confirm").click()
        await page.wait_for_url("**/trunks/")
        await expect(page.get_by_test_id("trunk-carrier")).to_have_count(0)


async def add(page: Page, name: str, port: int, sources: str, transport: str = "UDP") -> None:
    if not page.url.endswith("/new/"):
        await page.get_by_test_id("trunk-new").click()
    await page.get_by_test_id("trunk-name").fill(name)
    await page.get_by_test_id("trunk-host").fill("127.0.0.1")
    await page.get_by_test_id("trunk-port").fill(str(port))
    await page.get_by_test_id("trunk-transport").select_option(transport)
    await page.get_by_test_id("trunk-user").fill("4930123")
    await page.get_by_test_id("trunk-password").fill("sesame-street-7")
    await page.get_by_test_id("trunk-sources").fill(sources)
    await page.get_by_test_id("trunk-in-calls").fill("30")
    await page.get_by_test_id("trunk-every").fill("5")
    await page.get_by_test_id("trunk-add").click()
    await page.wait_for_url(f"**/trunks/{name}/")


@pytest.mark.skipif(BARESIP is None, reason=MISSING)
async def test_an_account_is_added_and_a_phone_registers_with_it(
    open_page: OpenPage, kept: None, instance: Instance
) -> None:
    page = await open_page("/phones/")
    await expect(page.get_by_test_id("accounts-empty")).to_be_visible()
    for user, display in (("202", "Workshop"), ("201", "Reception")):
        await page.goto("/phones/")
        await page.get_by_test_id("account-user").fill(user)
        await page.get_by_test_id("account-display").fill(display)
        await page.get_by_test_id("account-add").click()
        secret = await page.get_by_test_id("account-secret").input_value()
    phone = Baresip(
        account=f"<sip:201@127.0.0.1:{instance.sip_port}>;auth_user=201;auth_pass={secret}"
        ";regint=600",
        seconds=60,
    )
    try:
        await phone.start()
        await page.goto("/phones/registered/")
        for _ in range(50):
            if await page.get_by_test_id("registration").count():
                break
            await page.reload()
        row = page.get_by_test_id("registration").first
        await expect(row).to_contain_text("baresip")
        small = await open_page("/phones/registered/", viewport={"width": 390, "height": 844})
        await fits(small)
        await small.goto("/phones/")
        await fits(small)
        await page.goto("/phones/")
        await expect(page.get_by_test_id("account-201")).to_contain_text("Reachable")
        await settled(page)
        await picture(page, "phones")
        await page.get_by_test_id("account-201").get_by_role("link").click()
        await expect(page.get_by_test_id("account-places")).to_contain_text("baresip")
        await page.goto("/phones/registered/")
        await page.get_by_test_id("registration-end").first.click()
        await page.get_by_test_id("registration-reason").first.fill("a test")
        await page.get_by_test_id("registration-confirm").first.click()
        await expect(page.get_by_test_id("registrations-empty")).to_be_visible()
    finally:
        await phone.stop()


async def test_who_may_call_without_an_account_is_changed(open_page: OpenPage, kept: None) -> None:
    page = await open_page("/phones/")
    said = page.get_by_test_id("anybody")
    await expect(said).to_contain_text("Calls from anybody are taken.")
    await said.get_by_text("Change who may").click()
    await page.get_by_test_id("anybody-asks").check()
    await page.get_by_test_id("anybody-keep").click()
    await expect(said).to_contain_text("from anybody are taken, outside a call too")
    await said.get_by_text("Change who may").click()
    await page.get_by_test_id("anybody-asks").uncheck()
    await page.get_by_test_id("anybody-keep").click()
    await expect(said).to_contain_text("are taken from accounts, trunks")
