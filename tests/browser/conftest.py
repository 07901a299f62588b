"""Chromium (the system's own, never a download) against a whole instance."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.instance import BASE, PASSWORD, Instance

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A phone without a person: a fake microphone, granted; sound without a click.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # Media stays on loopback, also on machines that have nothing else.
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            # One Chromium at a time: two cores carry one browser, one server and SIPp.
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed: sudo apt install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    running = Instance(tmp_path_factory.mktemp("instance"), CALLSMITH_LOG="WARNING")
    try:
        yield running.start()
    finally:
        running.stop()


class Trouble(list[str]):
    """What the page complained about: errors on the console, exceptions, refused resources."""

    def hear(self, page: Page) -> None:
        def console(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.append(message.text)

        page.on("console", console)
        page.on("pageerror", lambda error: self.append(str(error)))


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, instance: Instance) -> Iterator[OpenPage]:
    """Give a function that opens a logged-in page; fails the test on any console error."""
    contexts: list[BrowserContext] = []
    trouble = Trouble()

    def opened(path: str = "/", user: str = "admin", **options: object) -> Page:
        settings = {"viewport": {"width": 1440, "height": 900}, "permissions": ["microphone"]}
        context = browser.new_context(base_url=instance.url, **{**settings, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        trouble.hear(page)
        log_in(page, user)
        if path != "/":
            page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not trouble, "\n".join(trouble)


def log_in(page: Page, user: str = "admin") -> None:
    page.goto("/login/")
    page.get_by_test_id("login-username").fill(user)
    page.get_by_test_id("login-password").fill(PASSWORD)
    page.get_by_test_id("login-submit").click()
    page.wait_for_url("**/")


def picture(page: Page, name: str) -> None:
    """Keep a screenshot in test-results/, and in docs/images/ under `make images`."""
    folder = BASE / "test-results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    if os.environ.get("CALLSMITH_IMAGES"):
        target = Path(BASE / "docs" / "images")
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target / path.name)
