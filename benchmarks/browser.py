"""What a person at the editor waits for, in Chromium: `make bench-browser`.

Times are from the key to what is seen next: the findings (the server's answer is in the page and
a frame was painted) and the picture (the canvas counts one drawing more). They are of one machine
on one day; the figure that counts is the median, and what took the main thread for long: by the
clock, which on a busy machine counts the work of others too, and by the processor's own time.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page, Response, async_playwright, expect

from benchmarks.large import table
from tests.browser.axe import grave, violations
from tests.browser.pages import TEXT, Editor, log_in, settled
from tests.instance import Instance

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ROUNDS = 24
LONG = 50.0
"""A task that holds the main thread longer than this many milliseconds is felt."""
TRACED = ["-*", "toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
PAGES = {"editor": "/flows/basic_call/", "flows": "/", "calls": "/calls/", "routes": "/routes/"}

# Runs before the page's own scripts: hears the editor's socket, drawings and long tasks.
WATCH = """
(() => {
  const seen = window.seen = {pressed: 0, findings: [], pictures: [], long: []};
  // A frame was painted when a task runs after the next animation frame.
  const painted = done => requestAnimationFrame(() => {
    const {port1, port2} = new MessageChannel();
    port1.onmessage = done;
    port2.postMessage(null);
  });
  const told = list => painted(() => list.push(performance.now() - seen.pressed));
  // Looked at from inside: the page's policy forbids to evaluate what stands in a string.
  seen.until = (...lists) => new Promise(done => {
    const look = () => lists.every(name => seen[name].length) ? done(true) : setTimeout(look, 5);
    look();
  });
  const Own = window.WebSocket;
  window.WebSocket = class extends Own {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', message => {
        if (typeof message.data !== 'string' || !message.data.includes('"origin":"text"')) return;
        told(seen.findings);
      });
    }
  };
  addEventListener('keydown', event => { seen.pressed = event.timeStamp; }, true);
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) seen.long.push(entry.duration);
  }).observe({type: 'longtask', buffered: true});
  addEventListener('DOMContentLoaded', () => {
    const canvas = document.querySelector('[data-testid=canvas]');
    if (!canvas) return;
    const watch = new MutationObserver(() => told(seen.pictures));
    watch.observe(canvas, {attributes: true, attributeFilter: ['data-drawn']});
  });
})();
"""
CURSOR = """
(host, [text, nth]) => {
  const view = (host.cmTile ?? host.cmView).view;
  const places = [...view.state.sliceDoc().matchAll(text)];
  const at = places[nth % places.length].index;
  view.focus();
  view.dispatch({selection: {anchor: at + text.length}, scrollIntoView: true});
}
"""


@dataclass
class Typed:
    """What came of a row of keys, in milliseconds."""

    findings: list[float]
    pictures: list[float]
    long: list[float]
    """Tasks of more than 50 ms by the clock, waiting for the processor included."""
    busy: list[float]
    """What each task of the main thread took of the processor."""


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Instance, Page]]:
    """An instance and a logged-in page of it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("Chromium is not installed: sudo apt install chromium")
    with tempfile.TemporaryDirectory() as folder:
        instance = Instance(Path(folder) / "data", CALLSMITH_LOG="WARNING")
        instance.data.mkdir()
        try:
            await asyncio.to_thread(instance.start)
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                context = await browser.new_context(
                    base_url=instance.url, viewport={"width": 1440, "height": 900}
                )
                page = await context.new_page()
                page.set_default_timeout(60_000)
                await log_in(page)
                await page.add_init_script(WATCH)
                yield instance, page
                await browser.close()
        finally:
            await asyncio.to_thread(instance.stop)


async def opened(page: Page, name: str) -> float:
    """Open a flow; return the milliseconds from the request to its picture."""
    await page.goto(f"/flows/{name}/")
    await Editor(page).ready()
    await page.evaluate("seen.until('pictures')")
    shown: float = await page.evaluate("window.seen.pictures[0]")
    return shown


async def typed(page: Page, rounds: int) -> Typed:
    """Lengthen timers digit by digit: each key changes the text, the findings and the picture.

    A digit makes a duration no timer had before, so no picture is drawn already.
    """
    yaml = page.get_by_test_id("yaml")
    browser = page.context.browser
    assert browser is not None
    await page.evaluate("() => { window.seen.long.length = 0 }")
    await browser.start_tracing(page=page, categories=TRACED)
    for number in range(rounds):
        await yaml.evaluate(CURSOR, ["after: 2", number])
        await page.evaluate("() => { seen.findings.length = seen.pictures.length = 0 }")
        await page.keyboard.press(str(1 + number % 9))
        await page.evaluate("seen.until('findings', 'pictures')")
        await page.evaluate(
            "() => { (window.kept ??= []).push([seen.findings[0], seen.pictures.at(-1)]) }"
        )
        # What a picture sets off after it was shown is part of typing too.
        await page.evaluate("new Promise(done => requestIdleCallback(done, {timeout: 2000}))")
    kept: list[list[float]] = await page.evaluate("window.kept")
    long: list[float] = await page.evaluate("seen.long")
    await page.evaluate("() => { window.kept = [] }")
    busy = busy_tasks(json.loads(await browser.stop_tracing())["traceEvents"])
    return Typed([k[0] for k in kept], [k[1] for k in kept], long, busy)


def busy_tasks(events: list[dict[str, Any]]) -> list[float]:
    """Return the processor time of each task of the busiest renderer's main thread, in ms."""
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks: dict[tuple[int, int], list[float]] = {place: [] for place in mains}
    for event in events:
        place = (event["pid"], event["tid"])
        if event["name"] == "RunTask" and "tdur" in event and place in mains:
            tasks[place].append(event["tdur"] / 1000)
    return max(tasks.values(), key=sum)


class Weights:
    """What a page loads, in bytes after gzip; Graphviz' own worker is left out."""

    def __init__(self, page: Page) -> None:
        self.answers: list[Response] = []
        page.on("response", self.hear)

    def hear(self, answer: Response) -> None:
        kind = answer.request.resource_type
        if kind in ("script", "stylesheet", "document", "font"):
            self.answers.append(answer)

    async def total(self) -> tuple[int, int]:
        """Return the bytes of page, scripts and styles, and those of the fonts."""
        page = fonts = 0
        for answer in self.answers:
            if answer.request.resource_type == "font":
                fonts += len(await answer.body())
            elif not answer.url.rsplit("/", 1)[-1].startswith("worker"):
                page += len(gzip.compress(await answer.body(), 6))
        self.answers.clear()
        return page, fonts


def median(figures: Sequence[float]) -> float:
    return statistics.median(figures)


def halves(figures: Sequence[float]) -> str:
    """The median, and the best: what the machine does when nothing else is asked of it."""
    return f"{median(figures):.0f} ms ({min(figures):.0f})"


def over(tasks: Sequence[float]) -> str:
    """How many tasks are felt, and the longest."""
    return f"{sum(task > LONG for task in tasks)} ({max(tasks, default=0.0):.0f} ms)"


def kilobytes(own: int, whole: int) -> str:
    return f"{own / 1000:.0f} KB ({whole / 1000:.0f})"


def line(what: str, figure: str, goal: str) -> None:
    """Print one figure."""
    sys.stdout.write(f"{what:<68} {figure:>16}  {goal}\n")
    sys.stdout.flush()


async def typing(instance: Instance, page: Page, states: int, rows: int) -> None:
    name = f"rows_{rows}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.yaml"
        file.write_text(table(name, states, rows))
        await asyncio.to_thread(instance.cli, "import", str(file))
    size = f"{states} states / {rows} rows"
    shown = await opened(page, name)
    first = {2500: "folded, aim < 3000 ms"}.get(rows, "")
    line(f"{size}: opened, request to picture", f"{shown:.0f} ms", first)
    if rows > 1000:
        return
    keys = await typed(page, ROUNDS if rows <= 100 else 8)
    goals = ("aim < 60 ms", "aim < 150 ms") if rows <= 100 else ("", "aim < 1000 ms")
    line(f"{size}: key to findings, median (best)", halves(keys.findings), goals[0])
    line(f"{size}: key to picture, median (best)", halves(keys.pictures), goals[1])
    line(f"{size}: tasks over 50 ms while typing, by the clock", over(keys.long), "none")
    line(f"{size}: the same by the processor's time", over(keys.busy), "none")
    assert str(await page.get_by_test_id("yaml").evaluate(TEXT)).count("after:")


async def weights(page: Page) -> None:
    scripts = Weights(page)
    for name, path in PAGES.items():
        context = page.context
        await context.clear_cookies(name="none")
        await page.goto("about:blank")
        scripts.answers.clear()
        await page.goto(path)
        await settled(page)
        goal = "aim < 300 KB" if name == "editor" else "aim < 60 KB"
        own, fonts = await scripts.total()
        line(f"{name}: first load, gzip (with fonts)", kilobytes(own, own + fonts), goal)


async def faults(page: Page) -> None:
    total: list[str] = []
    for path in PAGES.values():
        await page.goto(path)
        await settled(page)
        total += grave(await violations(page))
    line(f"axe: serious or critical on {len(PAGES)} pages", str(len(total)), "none")
    for fault in total:
        line(f"  {fault}", "", "")


async def measure() -> None:
    sys.stdout.write(f"Chromium on {platform.node()}, {platform.machine()}\n")
    async with served() as (instance, page):
        for states, rows in ((12, 60), (200, 1000), (500, 2500)):
            await typing(instance, page, states, rows)
        await weights(page)
        await faults(page)


def main(_: Any = None) -> bool:
    expect.set_options(timeout=60_000)
    asyncio.run(measure())
    return True


if __name__ == "__main__":
    main()
