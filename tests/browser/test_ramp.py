"""A bad version is deployed in steps: its calls tell, and it is taken back by itself."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.axe import grave, violations
from tests.browser.pages import OpenPage, ask, picture
from tests.browser.tables import busy, echo
from tests.conftest import eventually
from tests.instance import Instance
from tests.sip.sipp import MISSING, SIPP, Sipp

CALLERS = Path(__file__).parent.parent / "sip" / "callers.xml"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
REFUSES = busy("counter").replace("486", "503").replace("as busy", "as broken")


async def fits(page: Page, name: str) -> None:
    """Hold a page to what every page is held to, on a telephone too."""
    assert grave(await violations(page)) == [], name
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await page.evaluate(WIDE) <= 0, f"{name} is wider than a telephone"
    await picture(page, f"ramp-{name.split()[-1]}-390", keep=False)
    await page.set_viewport_size({"width": 1440, "height": 900})


@pytest.mark.sipp
@pytest.mark.skipif(SIPP is None, reason=MISSING)
async def test_a_bad_version_at_20_percent_is_rolled_back_by_its_calls_and_the_page_says_why(
    open_page: OpenPage, instance: Instance
) -> None:
    page = await open_page()
    good, bad = echo("counter"), REFUSES
    await ask(page, "POST", "/api/flows", name="counter", text=good)
    await ask(page, "POST", "/api/flows/counter/versions", text=bad, base=1, message="Faster")
    await ask(page, "POST", "/api/routes", pattern="8800", flow="counter")
    await ask(page, "POST", "/api/flows/counter/deploy", version=1)
    await page.goto("/flows/counter/versions/2/deploy/")
    await page.get_by_test_id("preset-own").check()
    await page.get_by_test_id("steps-own").fill("20 % 10 min")
    await page.get_by_text("How often is looked").click()
    await page.get_by_label("Seconds from one look to the next").fill("0.5")
    await page.get_by_label("Reason").fill("The new counter")
    await fits(page, "the plan")
    await page.get_by_test_id("steps-start").click()
    await expect(page.get_by_test_id("state")).to_have_text("Live 20 %")
    await expect(page.get_by_test_id("ramp-banner")).to_contain_text("v2 takes 20 % of new calls")
    nodes = page.get_by_test_id("ramp-nodes")
    await expect(nodes).to_contain_text("Runs v2")

    remote = ("127.0.0.1", instance.sip_port)
    callers = Sipp(CALLERS, remote=remote, service="8800", calls=2000, rate=25, timeout=60)
    await callers.start()
    banner = page.get_by_test_id("ramp-banner")
    try:
        await expect(banner).to_contain_text("v2 was rolled back", timeout=50_000)
        await expect(banner).to_contain_text("Calls answered: 0.0 % on v2 against 100.0 % on v1")
        await expect(page.get_by_test_id("state")).to_have_text("Rolled back")
        await expect(page.get_by_test_id("figure-answered")).to_contain_text("Worse")
        await expect(page.get_by_test_id("ramp-marks")).to_contain_text("Callsmith")
        await expect(nodes).to_contain_text("Runs v1")
        await picture(page, "deployment")
        await fits(page, "the deployment")
        found = re.search(r"(\d+\.\d\d) s", await nodes.inner_text())
        assert found and float(found[1]) < 2, "a rollback takes less than 2 s"

        # From the moment the node answered, every call takes the old version.
        after = "SELECT at FROM runtime_rampmark WHERE kind = 'back'"
        ended = (await asyncio.to_thread(instance.query, after))[0][0]
        late = (
            "SELECT number, count(*) FROM runtime_session WHERE flow_name = 'counter'"
            f" AND started_at > strftime('%s', '{ended}') + 3 GROUP BY number"
        )
        numbers = await eventually(lambda: instance.query(late), what="calls after the rollback")
        assert [number for number, _ in numbers] == [1]
    finally:
        result = await callers.stop()
    assert result.failed == 0, result
