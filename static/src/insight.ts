import "./css/diagram.css";
import "./css/live.css";
import "./css/insight.css";
import { html, render } from "lit";
import { make } from "./graph/build";
import { Canvas } from "./graph/canvas";
import { namesOf } from "./graph/names";
import { Renderer, type Drawn } from "./graph/renderer";
import { boot } from "./lib/boot";
import { count } from "./lib/count";
import { element } from "./lib/element";
import type { Picture } from "./lib/types";
import { Heat } from "./live/heat";
import { legend } from "./live/legend";
import { scaleOf, type Measure } from "./live/scales";
import type { Standing } from "./live/traffic";

interface Told {
  visits: number;
  failed: number;
  dwell: number;
}

interface InsightBoot {
  dot: string | null;
  picture: Picture | null;
  heat: Record<string, Record<string, Record<string, Told>>>;
  fired: Record<string, Record<string, number>>;
  numbers: Record<string, number | null>;
  days: number;
}

const MEASURES: { key: Measure; label: string; title: string }[] = [
  { key: "sessions", label: "Visits", title: "Calls that came through the state" },
  { key: "time", label: "Time in state", title: "Mean time in the state, newest calls" },
  { key: "failures", label: "Failures", title: "Failures in the state" },
];
/** A fire an hour is what a minute is on the live page. */
const HOURS = 24;

const data = boot<InsightBoot>("boot");
if (!data) throw new Error("The page has no boot data");
const told = data;
const part = (name: string): HTMLElement => element<HTMLElement>(`[data-part="${name}"]`);

let measure: Measure = "sessions";
let version = "";
let heat: Heat | null = null;
let states = new Map<string, Standing>();
const canvas = new Canvas(part("picture"), namesOf(() => told.picture, (state) => `${count(states.get(state)?.calls ?? 0)} visits`), {
  select: (selection) => canvas.select(selection),
  zoomed: (percent) => {
    part("zoom").textContent = `${percent} %`;
    heat?.zoomed();
  },
}, { begin: () => told.picture?.initial });
heat = new Heat(canvas);
for (const [name, run] of Object.entries({ "zoom-in": () => canvas.zoom(1.2), "zoom-out": () => canvas.zoom(1 / 1.2), fit: () => canvas.fit() })) {
  document.querySelector(`[data-do="${name}"]`)?.addEventListener("click", run);
}
for (const link of document.querySelectorAll<HTMLElement>('[data-testid="dead-row"]')) {
  const row = { kind: "row" as const, index: Number(link.dataset["row"]) };
  link.addEventListener("pointerenter", () => canvas.select(row));
  link.addEventListener("focus", () => canvas.select(row, true));
}
bands();
draw();
if (told.dot) void new Renderer().draw(told.dot).then(shown);

async function shown({ drawing }: Drawn): Promise<void> {
  await canvas.show(drawing);
  canvas.fit();
  part("canvas").dataset["drawn"] = "1";
  draw();
}

function draw(): void {
  states = standing();
  const scale = { ...scaleOf(measure, states.values()), title: MEASURES.find((each) => each.key === measure)?.title ?? "" };
  heat?.show(states, scale, rates());
  for (const row of canvas.svg.querySelectorAll<SVGGElement>(".trow")) row.classList.toggle("unfired", !everFired(Number(row.dataset["row"])));
  part("canvas").dataset["measure"] = measure;
  legend(part("legend"), scale, "", "fired; a dim row never did");
  const known = Object.entries(told.numbers).sort(([, a], [, b]) => (a ?? 0) - (b ?? 0)).slice(-4);
  render(
    html`<div class="seg small" role="group" aria-label="Heat">${MEASURES.map((each) => html`<button type="button" aria-pressed=${measure === each.key} data-testid="heat-${each.key}" @click=${() => set(() => (measure = each.key))}>${each.label}</button>`)}</div>
      <div class="seg small" role="group" aria-label="Versions"><button type="button" aria-pressed=${version === ""} @click=${() => set(() => (version = ""))}>All versions</button>${known.map(([digest, number]) => html`<button type="button" aria-pressed=${version === digest} data-testid="version-${number ?? digest.slice(0, 7)}" @click=${() => set(() => (version = digest))}>${number ? `v${number}` : digest.slice(0, 7)}</button>`)}</div>`,
    part("view"),
  );
}

function set(change: () => unknown): void {
  change();
  draw();
}

/** What the chosen versions say of each state, in the shape of the live page. */
function standing(): Map<string, Standing> {
  const found = new Map<string, Standing>();
  for (const [digest, roles] of Object.entries(told.heat)) {
    if (version !== "" && version !== digest) continue;
    for (const [state, here] of Object.values(roles).flatMap((each) => Object.entries(each))) {
      const known = found.get(state) ?? { calls: 0, dwell: 0, failed: 0 };
      const calls = known.calls + here.visits;
      known.dwell = calls ? (known.dwell * known.calls + here.dwell * here.visits) / calls : 0;
      known.calls = calls;
      known.failed += here.failed;
      found.set(state, known);
    }
  }
  return found;
}

/** How often each row fired an hour, at least once where it did at all. */
function rates(): Map<number, number> {
  const rows = new Map<number, number>();
  for (const [digest, fired] of Object.entries(told.fired)) {
    if (version !== "" && version !== digest) continue;
    for (const [row, times] of Object.entries(fired)) rows.set(Number(row), (rows.get(Number(row)) ?? 0) + times);
  }
  for (const [row, times] of rows) rows.set(row, Math.max(1, times / (told.days * HOURS)));
  return rows;
}

function everFired(row: number): boolean {
  return Object.values(told.fired).some((fired) => (fired[String(row)] ?? 0) > 0);
}

/** Draw the bands of the table, and write shares as people do. */
function bands(): void {
  const percent = (share: number): string => (share > 0 && share < 0.1 ? `${(share * 100).toFixed(1)} %` : `${Math.round(share * 100)} %`);
  for (const cell of document.querySelectorAll<HTMLElement>("[data-share]")) cell.textContent = percent(Number(cell.dataset["share"]));
  for (const number of document.querySelectorAll<HTMLElement>("[data-count]")) number.textContent = count(Number(number.textContent));
  for (const picture of document.querySelectorAll<SVGSVGElement>(".share-band")) {
    const { low, high, at } = Object.fromEntries(Object.entries(picture.dataset).map(([name, value]) => [name, Number(value)])) as Record<"low" | "high" | "at", number>;
    picture.setAttribute("aria-label", `${percent(at)}, between ${percent(low)} and ${percent(high)}`);
    picture.append(
      make("line", { class: "zero", x1: 0, x2: 100, y1: 5, y2: 5 }),
      make("rect", { class: "span", x: low * 100, y: 2, width: Math.max(1.5, (high - low) * 100), height: 6 }),
      make("rect", { class: "dot", x: Math.min(98, at * 100), y: 0, width: 2, height: 10 }),
    );
  }
}
