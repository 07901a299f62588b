"""Every page, wide and narrow, light and dark: nothing complains, overflows or is cut off."""

import gzip
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Page, Response, expect

from tests.browser.pages import Editor, OpenPage, ask, create_flow, picture, settled
from tests.browser.tables import desk, line
from tests.instance import BASE, Instance
from tests.sip.sipp import MISSING, SIPP, Sipp

VIEWS = [
    (1440, 900, "light"),
    (390, 844, "dark"),
    pytest.param(1440, 900, "dark", marks=pytest.mark.long),
    pytest.param(390, 844, "light", marks=pytest.mark.long),
]
"""Each width and each theme once; the other pairs lie in the same widths and the same themes."""
# Buttons, chips and links made as buttons whose words do not fit into them.
CUT = """
() => {
  const cut = [];
  for (const element of document.querySelectorAll('button, .btn, .chip, .tab, summary')) {
    if (element.offsetParent === null || element.closest('.cm-editor, svg, .clip')) continue;
    if (element.querySelector('.clip, .vh') || element.scrollWidth <= element.clientWidth + 1) {
      continue;
    }
    cut.push(`${element.className}: ${element.textContent.trim().slice(0, 40)}`);
  }
  return cut;
}
"""
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize(("width", "height", "scheme"), VIEWS)
async def test_every_page_fits_and_complains_of_nothing(
    open_page: OpenPage, paths: dict[str, str], width: int, height: int, scheme: str
) -> None:
    viewport = {"width": width, "height": height}
    page = await open_page(viewport=viewport, color_scheme=scheme)
    for name, path in paths.items():
        answer = await page.goto(path)
        assert answer is not None and answer.ok, f"{path}: {answer and answer.status}"
        assert "unsafe-inline" not in answer.headers["content-security-policy"]
        await settled(page)
        assert await page.evaluate(WIDE) <= 0, f"{name} at {width} px is wider than the window"
        assert await page.evaluate(CUT) == [], f"{name} at {width} px"
        await picture(page, f"page-{name}-{width}-{scheme}", keep=False)


async def test_the_login_page_fits_a_telephone(open_page: OpenPage) -> None:
    page = await open_page(log_in_anew=True, viewport={"width": 390, "height": 844})
    await page.get_by_test_id("user-menu").click()
    await page.get_by_test_id("logout").click()
    await expect(page.get_by_test_id("login-form")).to_be_visible()
    assert await page.evaluate(WIDE) <= 0
    await picture(page, "page-login-390-light", keep=False)


async def test_a_large_flow_opens_readable_at_its_first_state(open_page: OpenPage) -> None:
    page = await open_page("/flows/basic_call/")
    editor = Editor(page)
    await editor.ready()
    zoom = page.locator('[data-part="zoom"]')
    assert int((await zoom.inner_text()).split()[0]) >= 70
    await expect(editor.state("Idle")).to_be_in_viewport()
    await editor.id("fit").click()
    await expect(editor.state("Terminating")).to_be_in_viewport()
    await expect(editor.state("Idle")).to_be_in_viewport()


async def drag(page: Page, by: int) -> None:
    """Move the diagram sideways, from beside the inspector."""
    await page.mouse.move(900, 560)
    await page.mouse.down()
    await page.mouse.move(900 + by, 560, steps=3)
    await page.mouse.up()


@dataclass
class Scripts:
    """The scripts a page loads, by their size after gzip in bytes."""

    sizes: dict[str, int] = field(default_factory=dict)
    answers: list[Response] = field(default_factory=list)

    def hear(self, answer: Response) -> None:
        if answer.request.resource_type == "script":
            self.answers.append(answer)

    async def weigh(self) -> int:
        """Return the bytes of all but the layout worker, whose size is Graphviz itself."""
        for answer in self.answers:
            name = answer.url.rsplit("/", 1)[-1]
            if not name.startswith("worker"):
                self.sizes[name] = len(gzip.compress(await answer.body(), 6))
        return sum(self.sizes.values())


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("editor", 300_000),
        ("flows", 60_000),
        ("live", 60_000),
        ("insight", 60_000),
        ("call", 60_000),
        ("calls", 60_000),
    ],
)
async def test_the_scripts_of_a_page_stay_within_their_budget(
    open_page: OpenPage, paths: dict[str, str], name: str, limit: int
) -> None:
    if name not in paths:
        pytest.skip(MISSING)
    page = await open_page()
    scripts = Scripts()
    page.on("response", scripts.hear)
    await page.goto(paths[name])
    await settled(page)
    weight = await scripts.weigh()
    assert 0 < weight < limit, scripts.sizes


@pytest.mark.skipif(SIPP is None, reason=MISSING)
async def test_the_pictures_of_the_guide_show_a_line_in_use(
    open_page: OpenPage, instance: Instance
) -> None:
    page = await open_page()
    await create_flow(page, "front_desk", desk("front_desk"), deploy=True, route="200")
    remote = ("127.0.0.1", instance.sip_port)
    callers = await Sipp(
        "uac", remote=remote, service="200", calls=9, rate=40, extra=["-d", "60000"]
    ).start()
    live = await open_page("/flows/front_desk/live/")
    await expect(live.get_by_test_id("live-total")).to_have_text("9")
    sessions = await ask(page, "GET", "/api/sessions?flow=front_desk")
    for session in sessions[:6]:
        path = f"/api/sessions/{session['id']}/events"
        await ask(page, "POST", path, event="AcceptCall", fields={})
    await expect(live.get_by_test_id("count-Active")).to_have_text("6")
    await expect(live.get_by_test_id("count-Ringing")).to_have_text("3")
    await live.get_by_test_id("live-call").filter(has_text="Active").first.click()
    await expect(live.get_by_test_id("followed")).to_be_visible()
    await picture(live, "live")

    flows = await open_page()
    await expect(flows.get_by_test_id("live-front_desk")).to_have_text("9")
    await picture(flows, "flows")
    call = await open_page(f"/calls/{sessions[0]['id']}/")
    await settled(call)
    await call.locator('[data-testid=step][data-event="DialogACK"]').click()
    await picture(call, "call")

    editor = await create_flow(page, "night_desk", line("night_desk"))
    await editor.row(3).click()
    await editor.id("row-delete").click()
    await expect(editor.problems.first).to_be_visible()
    await page.get_by_role("button", name="Dismiss").click()
    await editor.row(1).click()
    await expect(editor.inspector).to_have_text("Row AcceptCall")
    await drag(page, -130)
    await picture(page, "editor")
    await callers.stop()
    assert (BASE / "test-results" / "editor.png").stat().st_size > 20_000
