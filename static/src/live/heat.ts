import { make } from "../graph/build";
import type { Canvas } from "../graph/canvas";
import type { Drawing } from "../graph/drawing";
import { levelOf, pillOf, type Scale } from "./scales";
import type { Standing } from "./traffic";

/** Fires a minute from which an edge is warm, warmer, hot. */
const RATES = [1, 10, 60];
const GLOW = 400;
/** A row that fires more often in one update is not seen to flash: its count says it. */
const MOST_FLASHES = 1;
const MOST_ROWS = 24;
/** Pills are never drawn smaller than this share of life size. */
const LEAST_PILL = 0.95;

interface Pill {
  x: number;
  y: number;
  group: SVGGElement;
  label: SVGTextElement;
  rect: SVGRectElement;
}

/** Colours the diagram by what goes on: classes and an overlay only, nothing moves, and only what changed is touched. */
export class Heat {
  readonly #pills = new Map<string, Pill>();
  readonly #rates = new Map<SVGGElement, number>();
  readonly #still = window.matchMedia("(prefers-reduced-motion: reduce)");
  #drawn: Drawing | null = null;
  #ring: SVGGElement | null = null;
  #ringed = "";

  #scale = 1;

  constructor(private readonly canvas: Canvas) {}

  /** Keep the pills readable, however far the picture is. */
  zoomed(): void {
    const scale = Math.max(1, LEAST_PILL / this.canvas.scale);
    if (scale === this.#scale) return;
    this.#scale = scale;
    for (const { group, x, y } of this.#pills.values()) place(group, x, y, scale);
    const flag = this.#ring?.querySelector<SVGGElement>(".said");
    if (flag) flag.style.scale = String(scale);
  }

  show(states: Map<string, Standing>, scale: Scale, warm: Map<number, number>): void {
    if (this.#drawn !== this.canvas.drawing) this.#forget();
    for (const node of this.canvas.drawing?.nodes ?? []) {
      const standing = states.get(node.state);
      const element = this.canvas.element({ kind: "state", name: node.state })?.parentElement;
      put(element, "data-heat", String(levelOf(scale, standing)));
      this.#pill(node.state, node.box.x + node.box.width, node.box.y, pillOf(scale, standing));
    }
    for (const edge of this.#edges()) {
      const fired = (edge.dataset["rows"] ?? "").split(" ").reduce((sum, row) => sum + (warm.get(Number(row)) ?? 0), 0);
      const rate = RATES.filter((step) => fired >= step).length;
      if (this.#rates.get(edge) === rate) continue;
      this.#rates.set(edge, rate);
      edge.classList.toggle("warm", rate > 0);
      edge.classList.toggle("warmer", rate === 2);
      edge.classList.toggle("hot", rate > 2);
    }
  }

  /** Ring the state of the followed call and say who is there. */
  follow(state: string | null, who: string): void {
    const here = state === null ? undefined : this.canvas.node(state);
    const key = here ? `${state} ${who}` : "";
    if (key === this.#ringed && this.#ring?.isConnected !== false) return;
    this.#ring?.remove();
    this.#ring = here ? ring(here.box, `${who} is here`, this.#scale) : null;
    this.#ringed = key;
    if (this.#ring) this.canvas.overlay.prepend(this.#ring);
  }

  /** Let the edges of rows that fired just now glow for a moment. */
  flash(rows: Map<number, number>): void {
    if (this.#still.matches || document.hidden || rows.size > MOST_ROWS) return;
    for (const [row, fired] of rows) {
      if (fired > MOST_FLASHES) continue;
      const parts = [this.canvas.element({ kind: "row", index: row }), ...this.canvas.edgesOf(row)];
      for (const part of parts) part?.classList.add("flash");
      window.setTimeout(() => parts.forEach((part) => part?.classList.remove("flash")), GLOW);
    }
  }

  #edges(): NodeListOf<SVGGElement> {
    return this.canvas.svg.querySelectorAll<SVGGElement>(".edge");
  }

  #pill(state: string, x: number, y: number, text: string): void {
    const known = this.#pills.get(state);
    if (text === "") {
      known?.group.remove();
      this.#pills.delete(state);
      return;
    }
    const here = known ?? pill(x, y, state, this.#scale);
    if (!known) {
      this.#pills.set(state, here);
      this.canvas.overlay.append(here.group);
    }
    if (here.label.textContent === text) return;
    here.label.textContent = text;
    const width = Math.max(20, 10 + text.length * 6.6);
    here.rect.setAttribute("x", String(-width / 2));
    here.rect.setAttribute("width", String(width));
  }

  #forget(): void {
    this.canvas.overlay.replaceChildren();
    this.#pills.clear();
    this.#rates.clear();
    this.#ringed = "";
    this.#ring = null;
    this.#drawn = this.canvas.drawing;
  }
}

function put(element: Element | null | undefined, name: string, value: string): void {
  if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function place(group: SVGGElement, x: number, y: number, scale: number): void {
  group.setAttribute("transform", `translate(${x + 1} ${y - 3}) scale(${scale.toFixed(2)})`);
}

function pill(x: number, y: number, state: string, scale: number): Pill {
  const group = make("g", { class: "countpill", "aria-hidden": "true" });
  place(group, x, y, scale);
  group.dataset["testid"] = `count-${state}`;
  const label = make("text", { y: 4 });
  const rect = make("rect", { y: -10, height: 20, rx: 10 });
  group.append(rect, label);
  return { x, y, group, label, rect };
}

function ring(box: { x: number; y: number; width: number; height: number }, said: string, scale: number): SVGGElement {
  const group = make("g", { class: "follow", "aria-hidden": "true" });
  const width = said.length * 5.7 + 16;
  const label = make("text", { x: 8, y: 13 });
  label.textContent = said;
  // Read from any distance: the flag grows as the picture shrinks.
  const place = make("g", { transform: `translate(${box.x} ${box.y + box.height + 5})` });
  const flag = make("g", { class: "said" });
  flag.style.scale = String(scale);
  flag.append(make("rect", { class: "flag", x: 0, y: 0, width, height: 19, rx: 4 }), label);
  place.append(flag);
  group.append(make("rect", { x: box.x - 5, y: box.y - 5, width: box.width + 10, height: box.height + 10, rx: 5 }), place);
  return group;
}
