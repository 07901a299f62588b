"""Chromium (the system's own, never a download) against a whole instance.

All of it runs in one event loop of the session, through Playwright's asynchronous API: the
synchronous one would keep a loop running in the thread, and every asynchronous test after it in
the same process would fail.
"""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.browser.pages import OpenPage, Trouble, log_in
from tests.browser.tables import line
from tests.conftest import eventually
from tests.instance import BASE, PASSWORD, Instance
from tests.sip.sipp import SIPP, run_sipp

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
# As for actions: two cores may carry other tests beside this browser.
expect.set_options(timeout=15_000)
PEOPLE = """
import django
django.setup()
from django.contrib.auth.models import Permission, User
from runtime.models import Deployment
bea = User.objects.create_user("bea", password={password!r})
bea.user_permissions.set(Permission.objects.exclude(codename="force_deployment"))
User.objects.create_user("carl", password={password!r})
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed: sudo apt install chromium")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def instance(
    shared_instance: Instance,
    cookies: dict[str, Any],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Instance:
    """The instance of all tests; a second try begins with a new one, as the first try did."""
    if getattr(request.node, "execution_count", 1) > 1:
        await asyncio.to_thread(shared_instance.stop)
        new = Instance(tmp_path_factory.mktemp("instance"), CALLSMITH_LOG="WARNING")
        shared_instance.__dict__.update(new.__dict__)
        cookies.clear()
        await asyncio.to_thread(shared_instance.start)
        await asyncio.to_thread(create_people, shared_instance)
    return shared_instance


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_instance(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Instance]:
    """One instance for all, with the accounts admin, bea (may not force) and carl (may look)."""
    running = Instance(tmp_path_factory.mktemp("instance"), CALLSMITH_LOG="WARNING")
    try:
        await asyncio.to_thread(running.start)
        await asyncio.to_thread(create_people, running)
        yield running
    finally:
        await asyncio.to_thread(running.stop)


def create_people(instance: Instance) -> None:
    code = PEOPLE.format(password=PASSWORD)
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=BASE, env=instance.environment, check=True, timeout=60)


@pytest.fixture(scope="session")
def cookies() -> dict[str, Any]:
    """What a log-in left in the browser, by user: one log-in each serves all tests."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def trouble() -> Trouble:
    """What the pages complain about; a test that provokes complaints clears it."""
    return Trouble()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(
    browser: Browser, instance: Instance, trouble: Trouble, cookies: dict[str, Any]
) -> AsyncIterator[OpenPage]:
    """Give a function that opens a logged-in page; fails the test on any console error."""
    contexts: list[BrowserContext] = []

    async def opened(
        path: str = "/", user: str = "admin", *, log_in_anew: bool = False, **options: Any
    ) -> Page:
        settings = {"viewport": {"width": 1440, "height": 900}, "permissions": ["microphone"]}
        known = None if log_in_anew else cookies.get(user)
        context = await browser.new_context(
            base_url=instance.url, storage_state=known, **{**settings, **options}
        )
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(15_000)
        trouble.hear(page)
        if known is None:
            await log_in(page, user)
        if known is None and not log_in_anew:
            cookies[user] = await context.storage_state()
        if known is not None or path != "/":
            await page.goto(path)
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert not trouble, "\n".join(trouble)


@pytest_asyncio.fixture(loop_scope="session")
async def paths(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The pages by name, with two versions of a flow and a call made here."""
    files = [tmp_path_factory.mktemp(name) / "compared.yaml" for name in ("old", "new")]
    files[0].write_text(line("compared"))
    files[1].write_text(line("compared").replace("30s", "20s"))
    await asyncio.to_thread(instance.cli, "import", *map(str, files))
    call: dict[str, str] = {}
    if SIPP is not None:
        remote = ("127.0.0.1", instance.sip_port)
        result = await run_sipp("uac", remote=remote, service="4711")
        assert result.successful == 1, result
        calls = "SELECT id FROM runtime_session ORDER BY started_at DESC"
        found = await eventually(lambda: instance.query(calls), what="the call is stored")
        call["call"] = f"/calls/{found[0][0]}/"
        call["call compared"] = f"/calls/{found[0][0]}/compare/predicted/"
    return {
        "flows": "/",
        "new": "/flows/new/",
        "editor": "/flows/basic_call/",
        "live": "/flows/echo_test/live/",
        "all live": "/live/",
        "insight": "/flows/echo_test/insight/",
        "versions": "/flows/echo_test/versions/",
        "version": "/flows/echo_test/versions/1/",
        "tests": "/flows/echo_test/tests/",
        "test": "/flows/echo_test/tests/new/",
        "trunks": "/trunks/",
        "new trunk": "/trunks/new/",
        "phones": "/phones/",
        "registered": "/phones/registered/",
        "shadow": "/flows/echo_test/versions/1/shadow/",
        "compare": "/flows/compared/compare/1/2/",
        "calls": "/calls/",
        "routes": "/routes/",
        "deployments": "/deployments/",
        "old calls": "/flows/echo_test/old-calls/",
        "deployment": "/deployments/1/",
        **call,
    }
