import { rowDisc } from "../graph/badges";
import { Canvas } from "../graph/canvas";
import type { Box, Drawing } from "../graph/drawing";
import { namesOf } from "../graph/names";
import { Renderer } from "../graph/renderer";
import type { Selection } from "../lib/selection";
import { YamlView } from "../lib/yaml-view";
import type { Drawn, Step } from "./boot";
import type { CallStore } from "./store";

const READABLE = 0.8;
const HEAD = 25;
/** What the camera keeps free at both sides together. */
const EDGES = 80;

/** The flow's picture with the way of the call so far, and its text: of the version the step under the cursor ran. */
export class CallPicture {
  readonly canvas: Canvas;
  readonly #drawings = new Map<string, Drawing | null>();
  readonly #renderer = new Renderer();
  #digest = "";
  #yaml: YamlView | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly yamlHost: HTMLElement,
    private readonly store: CallStore,
    private readonly drawn: (digest: string) => Drawn | undefined,
  ) {
    this.canvas = new Canvas(host, namesOf(() => this.#drawn?.picture ?? null), { select: (selection) => this.#chosen(selection) }, { begin: () => this.#drawn?.picture?.initial });
    yamlHost.addEventListener("click", (event) => this.#line((event.target as Element).closest(".yl")));
    // After the canvas' own observer: the camera knows the new size by then.
    new ResizeObserver(() => {
      this.look();
      this.#mark(store.step);
    }).observe(host);
    store.on(() => this.draw());
    this.draw();
  }

  get #drawn(): Drawn | undefined {
    return this.drawn(this.#digest);
  }

  draw(): void {
    const step = this.store.step;
    const digest = step?.digest ?? this.store.own.digest;
    if (digest !== this.#digest) void this.#turn(digest);
    else if (this.canvas.drawing) this.#path();
    this.#mark(step);
  }

  /** Bring what the step under the cursor did into the window: its row, and the head of the state it led to if both can be read. */
  look(): void {
    const { canvas, store } = this;
    const step = store.step;
    if (!step || !canvas.drawing) return;
    const row = step.row >= 0 ? canvas.boxOf({ kind: "row", index: step.row }) : undefined;
    const from = row ?? head(canvas.node(step.from_state)?.box);
    const to = head(canvas.node(step.to_state)?.box);
    if (!from) return;
    const { clientWidth: width, clientHeight: height } = this.host;
    const both = to ? around(from, to) : from;
    if (both.width * READABLE < width - EDGES && both.height * READABLE < height - EDGES) canvas.camera.fit(both);
    else if (to && step.from_state !== step.to_state) canvas.camera.fit(beside(from, to, (width - EDGES) / READABLE));
    else canvas.camera.fit(from);
  }

  async #turn(digest: string): Promise<void> {
    this.#digest = digest;
    const drawn = this.drawn(digest);
    this.#yaml = new YamlView(this.yamlHost, drawn?.text ?? "");
    this.#mark(this.store.step);
    if (!drawn?.dot) return;
    const known = this.#drawings.get(digest) ?? (await this.#renderer.draw(drawn.dot)).drawing;
    this.#drawings.set(digest, known);
    if (this.#digest !== digest) return;
    await this.canvas.show(known);
    this.host.dataset["drawn"] = "1";
    this.#path();
  }

  #mark(step: Step | undefined): void {
    const row = step && step.row >= 0 ? this.drawn(step.digest)?.picture?.rows.find((item) => item.index === step.row) : undefined;
    this.#yaml?.mark(row ? { from: row.line, to: row.end_line } : null);
  }

  /** Numbered discs at the rows the leg took so far, its present state ringed. */
  #path(): void {
    const { canvas, store } = this;
    for (const old of canvas.svg.querySelectorAll(".went, .here")) old.classList.remove("went", "here");
    const step = store.step;
    const discs: SVGGElement[] = [];
    const seen = new Set<number>();
    for (const line of store.steps) {
      if (step && line.number > step.number) break;
      if (line.row < 0 || line.digest !== this.#digest || (step && line.leg !== step.leg)) continue;
      if (seen.has(line.row)) continue;
      seen.add(line.row);
      canvas.element({ kind: "row", index: line.row })?.classList.add("went");
      if (line.from_state !== line.to_state) for (const edge of canvas.edgesOf(line.row)) edge.classList.add("went");
      const disc = rowDisc(canvas, line.row, String(line.number), "step");
      if (disc) discs.push(disc);
    }
    if (step) canvas.element({ kind: "state", name: step.to_state })?.parentElement?.classList.add("here");
    canvas.overlay.replaceChildren(...discs);
    canvas.select(step && step.row >= 0 ? { kind: "row", index: step.row } : step ? { kind: "state", name: step.from_state } : null);
    this.look();
  }

  /** A line of the text that belongs to a row leads to where the call took it last. */
  #line(line: Element | null): void {
    const number = line ? [...this.yamlHost.querySelectorAll(".yl")].indexOf(line) + 1 : 0;
    const row = this.#drawn?.picture?.rows.find((item) => item.line <= number && number <= item.end_line);
    if (row) this.#chosen({ kind: "row", index: row.index });
  }

  #chosen(selection: Selection): void {
    if (!selection) return;
    const leg = this.store.step?.leg ?? this.store.model.own;
    const found = this.store.steps.findLast(
      (line) => line.leg === leg && line.digest === this.#digest && (selection.kind === "row" ? line.row === selection.index : line.to_state === selection.name || line.from_state === selection.name),
    );
    if (found) this.store.select(found.key);
    else this.canvas.select(selection);
  }
}

/** The name line of a state. */
function head(box: Box | undefined): Box | undefined {
  return box && { ...box, height: Math.min(box.height, HEAD) };
}

function around(a: Box, b: Box): Box {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return { x, y, width: Math.max(a.x + a.width, b.x + b.width) - x, height: Math.max(a.y + a.height, b.y + b.height) - y };
}

/** A stretch of this width around the end of a row that looks at where its edge goes. */
function beside(row: Box, to: Box, width: number): Box {
  const end = to.x >= row.x ? row.x + row.width : row.x;
  return { x: end - width / 2, y: row.y, width, height: row.height };
}
