"""The live page with 10,000 living sessions, in Chromium: `make bench-live`.

The sessions are real ones of a serving node (`benchmarks.crowd`) on two versions of a flow, with
simulated legs in the place of phones; events happen to them all the time. Printed is how busy the
browser's main thread was (the processor's own time of the page, by the DevTools protocol), how
often the page was told and drawn, and what the server spent.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright, expect

from benchmarks.runner import ROOT, machine
from tests.instance import PASSWORD

SESSIONS = 10_000
RATE = 1000
"""Events a second in the node."""
SECONDS = 20
FLOW = "call_with_hold"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
MOST_BUSY = 0.20
MOST_UPDATES = 4.0
# Runs before the page's own scripts: counts frames of the socket, and changes of what is shown.
WATCH = """
(() => {
  const seen = window.seen = {frames: 0, deltas: 0, lists: 0, bytes: 0, draws: 0, long: 0};
  const Own = window.WebSocket;
  window.WebSocket = class extends Own {
    constructor(...given) {
      super(...given);
      if (!String(given[0]).endsWith('/live')) return;
      this.addEventListener('message', message => {
        seen.frames += 1;
        seen.bytes += message.data.length;
        if (message.data.startsWith('{"type":"delta"')) seen.deltas += 1;
        if (message.data.startsWith('{"type":"list"')) seen.lists += 1;
      });
    }
  };
  new PerformanceObserver(list => { seen.long += list.getEntries().length; })
    .observe({entryTypes: ['longtask']});
  addEventListener('DOMContentLoaded', () => {
    // Each drawing of the page writes its clock anew, whatever else changed.
    const clock = document.querySelector('[data-part="clock"]');
    new MutationObserver(() => { seen.draws += 1; }).observe(clock, {childList: true});
  });
})();
"""


class Server:
    """An instance with a crowd in it."""

    def __init__(self, folder: Path) -> None:
        self.http = f"127.0.0.1:{free(socket.SOCK_STREAM)}"
        self.environment = {
            **os.environ,
            "CALLSMITH_DATA": str(folder / "data"),
            "CALLSMITH_HTTP": self.http,
            "CALLSMITH_SIP": f"127.0.0.1:{free(socket.SOCK_DGRAM)}",
            "CALLSMITH_MEDIA": "inprocess",
            "CALLSMITH_ADMIN_PASSWORD": PASSWORD,
            "CALLSMITH_LOG": "ERROR",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": str(ROOT),
        }
        for name in ("DATABASE_URL", "REDIS_URL"):
            self.environment.pop(name, None)
        self.run("manage.py", "prepare")
        text = (ROOT / "state_tables" / f"{FLOW}.yaml").read_text()
        newer = folder / f"{FLOW}.yaml"
        newer.write_text(text.replace("description: A call that", "description: A phone call that"))
        self.run("-m", "config.cli", "import", str(newer))
        self.run("-m", "config.cli", "deploy", FLOW)
        command = ["-m", "benchmarks.crowd", FLOW, "--sessions", str(SESSIONS), "--rate", str(RATE)]
        self.process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        while not (line := self.process.stdout.readline()).startswith("filled"):
            if not line:
                raise SystemExit(f"the server ended with status {self.process.wait()}")

    def run(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, check=True,
            capture_output=True,
        )  # fmt: skip

    def cpu(self) -> float:
        """Return the processor seconds of the server so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free(kind: int) -> int:
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def measure(server: Server) -> dict[str, Any]:
    """Open the page, let it settle, and watch it for a while."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("Chromium is not installed: sudo apt install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = await browser.new_page(
            base_url=f"http://{server.http}", viewport={"width": 1440, "height": 900}
        )
        await page.add_init_script(WATCH)
        await page.goto("/login/")
        await page.get_by_test_id("login-username").fill("admin")
        await page.get_by_test_id("login-password").fill(PASSWORD)
        await page.get_by_test_id("login-submit").click()
        await page.wait_for_url("**/")
        client = await page.context.new_cdp_session(page)
        await client.send("Performance.enable", {"timeDomain": "threadTicks"})
        await page.goto(f"/flows/{FLOW}/live/")
        await expect(page.get_by_test_id("canvas")).to_have_attribute("data-drawn", "1")
        await page.get_by_test_id("live-call").nth(3).click()
        await asyncio.sleep(5)

        async def now() -> tuple[float, float, dict[str, float], dict[str, float]]:
            told = (await client.send("Performance.getMetrics"))["metrics"]
            seen = await page.evaluate("({...window.seen})")
            counters = {each["name"]: each["value"] for each in told}
            return time.monotonic(), server.cpu(), counters, seen

        first = await now()
        await asyncio.sleep(SECONDS)
        second = await now()
        total = (await page.get_by_test_id("live-total").inner_text()).replace("\u2009", "")
        await browser.close()
    seconds = second[0] - first[0]
    spent = {name: second[2][name] - first[2][name] for name in first[2]}
    seen = {name: (second[3][name] - first[3][name]) / seconds for name in first[3]}
    return {
        "sessions": int(total),
        "busy": spent["TaskDuration"] / seconds,
        "script": spent["ScriptDuration"] / seconds,
        "style": (spent["RecalcStyleDuration"] + spent["LayoutDuration"]) / seconds,
        "seen": seen,
        "server": (second[1] - first[1]) / seconds,
    }


def main() -> bool:
    print(f"\nLive page with {SESSIONS:,} sessions, {RATE:,} events/s\n{machine()}\n")
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            told = asyncio.run(measure(server))
        finally:
            server.stop()
    seen = told["seen"]
    print(f"sessions shown                 {told['sessions']:>8,}")
    print(f"main thread busy               {told['busy']:>8.1%}    goal < 20 %")
    print(f"  of it scripts                {told['script']:>8.1%}")
    print(f"  of it styles and layout      {told['style']:>8.1%}")
    print(f"updates of the counts          {seen['deltas']:>8.1f} /s goal <= 4")
    print(f"drawings of the page           {seen['draws']:>8.1f} /s at most, the clock with them")
    others = seen["frames"] - seen["deltas"] - seen["lists"]
    print(f"lists, other frames            {seen['lists']:>8.1f} /s, {others:.1f} /s")
    print(f"bytes                          {seen['bytes'] / 1024:>8.1f} KB/s")
    print(f"tasks over 50 ms               {seen['long']:>8.1f} /s")
    print(f"server, all of it              {told['server']:>8.1%} of a core")
    return told["busy"] < MOST_BUSY and seen["deltas"] <= MOST_UPDATES * 1.05


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
