"""The page of a call of 5,000 messages, in Chromium: `make bench-ladder`.

Opened: from the request until the ladder's rows are painted. Scrolled: the wheel from the first to
the last message; what counts is the processor's time of each task of the main thread.
"""

from __future__ import annotations

import asyncio
import json
import platform
import subprocess
import sys
from typing import Any

from playwright.async_api import Page, expect

from benchmarks.browser import TRACED, busy_tasks, line, median, over, served
from tests.instance import BASE, Instance

MESSAGES = 5_000
ROUNDS = 5
WHEELS = 120
CALL = "node1-1-1"

SEED = f"""
import django
django.setup()
from tests.runtime.web.recorded import Recorder, message
from tests.web import ECHO
call = Recorder({CALL!r}, ECHO)
call.wire(0, "in", message("INVITE sip:700@desk.example SIP/2.0"))
call.step(0.001, "IncomingCall", **{{"from": "sip:a@x", "to": "sip:700@x", "sdp": "v=0"}})
call.wire(0.1, "in", message("ACK sip:x SIP/2.0", cseq="1 ACK", branch="a", inside=True))
call.step(0.101, "DialogACK")
for number in range({MESSAGES} // 2 - 1):
    at, cseq, branch = 1 + number * 0.3, f"{{number + 2}} INFO", f"i{{number}}"
    call.wire(at, "in", message("INFO sip:x SIP/2.0", cseq=cseq, branch=branch, inside=True))
    call.step(at + 0.001, "InfoReceived", content_type="text/plain", body="1")
    ok = message("SIP/2.0 200 OK", cseq=cseq, branch=branch, inside=True)
    call.wire(at + 0.002, "out", ok)
call.store()
"""
# The moment at which a frame with the ladder's rows was painted, since the request.
PAINTED = """
() => new Promise(done => {
  const look = () => document.querySelector('[data-testid=wire]')
    ? requestAnimationFrame(() => setTimeout(() => done(performance.now())))
    : setTimeout(look, 4);
  look();
})
"""


def seed(instance: Instance) -> None:
    """Put the call into the instance's database."""
    command = [sys.executable, "-c", SEED]
    subprocess.run(command, cwd=BASE, env=instance.environment, check=True, timeout=120)


async def opened(page: Page) -> float:
    await page.goto("about:blank")
    await page.goto(f"/calls/{CALL}/", wait_until="commit")
    shown: float = await page.evaluate(PAINTED)
    return shown


async def scrolled(page: Page) -> list[float]:
    """Scroll through all of it; return what each task of the main thread took, in ms."""
    browser, ladder = page.context.browser, page.get_by_test_id("ladder")
    assert browser is not None
    await ladder.hover()
    height = await ladder.evaluate("host => host.scrollHeight - host.clientHeight")
    await browser.start_tracing(page=page, categories=TRACED)
    for _ in range(WHEELS):
        await page.mouse.wheel(0, height / WHEELS + 1)
        await page.evaluate("new Promise(done => requestAnimationFrame(done))")
    tasks = busy_tasks(json.loads(await browser.stop_tracing())["traceEvents"])
    last = await ladder.evaluate("host => host.scrollHeight - host.clientHeight - host.scrollTop")
    assert last < 2, f"{last} pixels are left"
    return tasks


async def measure() -> None:
    sys.stdout.write(f"Chromium on {platform.node()}, {platform.machine()}\n")
    async with served() as (instance, page):
        await asyncio.to_thread(seed, instance)
        times = [await opened(page) for _ in range(ROUNDS)]
        what = f"{MESSAGES} messages: request to painted ladder, median (best)"
        line(what, f"{median(times):.0f} ms ({min(times):.0f})", "aim < 1000 ms")
        tasks = await scrolled(page)
        line(f"{MESSAGES} messages: tasks over 50 ms while scrolling", over(tasks), "none")


def main(_: Any = None) -> bool:
    expect.set_options(timeout=60_000)
    asyncio.run(measure())
    return True


if __name__ == "__main__":
    main()
