import { toHash, type Selection } from "../lib/selection";
import { hatch, make, type Names } from "./build";
import { Camera } from "./camera";
import { meets, type Box, type Drawing, type DrawnNode } from "./drawing";
import { Gestures, type Pull } from "./gestures";
import { Grips } from "./grips";
import { Minimap } from "./minimap";
import { Painting } from "./painting";
import { step } from "./walk";

/** What a click means: this alone, this too or no more, or all from there to here. */
export type How = "alone" | "toggle";

export interface CanvasEvents {
  select(selection: Selection, how: How): void;
  open?(selection: Selection): void;
  /** A double click: on a state, a row, or at a place of the picture where nothing stands. */
  double?(selection: Selection, at: { x: number; y: number }): void;
  /** A handle was let go over a state, or at a place of the picture where nothing stands. */
  pulled?(pull: Pull, state: string | null, at: { x: number; y: number }): void;
  banded?(found: Selection[], adds: boolean): void;
  zoomed?(percent: number): void;
}

export interface CanvasOptions {
  minimap?: HTMLElement | null;
  /** The state a page begins with. */
  begin?: () => string | undefined;
  /** The node that stands for a state that is not drawn itself, as in a folded group. */
  home?: (state: string) => string | undefined;
  /** Whether things can be drawn by hand. */
  edits?: boolean;
}

/** The diagram: shows a drawing, pans, zooms, selects. It only ever changes classes on what is drawn. */
export class Canvas {
  readonly svg = make("svg", { class: "diagram", role: "group", "aria-label": "Diagram of the flow" });
  readonly camera: Camera;
  readonly #view = make("g", { class: "view" });
  readonly #minimap: Minimap | null;
  readonly #painting = new Painting();
  readonly #grips: Grips | null;
  readonly #gestures: Gestures;
  #drawing: Drawing | null = null;
  #selection: Selection = null;
  #also: Selection[] = [];

  constructor(
    readonly host: HTMLElement,
    private readonly names: Names,
    private readonly events: CanvasEvents,
    private readonly options: CanvasOptions = {},
  ) {
    const layer = make("g", { class: "grips" });
    this.#view.append(this.#painting.root, layer);
    this.svg.append(hatch(), this.#view);
    host.append(this.svg);
    this.camera = new Camera(host, this.#view, () => this.#moved());
    this.#grips = options.edits ? new Grips(layer, this) : null;
    this.#minimap = options.minimap ? new Minimap(options.minimap, (x, y) => this.centre(x, y)) : null;
    this.#gestures = new Gestures(host, this.svg, layer, this.camera, {
      click: (target, adds) => this.#clicked(target, adds),
      double: (target, at) => events.double?.(selectionOf(target), at),
      hover: (target) => this.#hover(target),
      pulled: (pull, state, at) => {
        const over = document.elementFromPoint(at.x, at.y);
        if (state !== null || (over && this.svg.contains(over))) events.pulled?.(pull, state, this.camera.toPicture(at.x, at.y));
      },
      banded: (box, adds) => events.banded?.(this.within(box), adds),
    });
    this.svg.addEventListener("keydown", (event) => this.#key(event));
    this.svg.addEventListener("focusin", (event) => this.#grips?.hover(selectionOf(event.target as Element)));
    window.addEventListener("beforeprint", () => this.#print(true));
    window.addEventListener("afterprint", () => this.#print(false));
    new ResizeObserver(([entry]) => {
      this.camera.resized(entry?.contentRect.width ?? host.clientWidth, entry?.contentRect.height ?? host.clientHeight);
      this.#settle();
    }).observe(host);
  }

  get drawing(): Drawing | null {
    return this.#drawing;
  }

  get scale(): number {
    return this.camera.scale;
  }

  /** The group on top of the picture, for badges and discs. */
  get overlay(): SVGGElement {
    return this.#painting.overlay;
  }

  /** Show another drawing; the place that was looked at stays where it was. False when a newer one came meanwhile. */
  async show(drawing: Drawing): Promise<boolean> {
    const anchors = this.#anchors();
    const focused = this.#focused();
    this.#drawing = drawing;
    const before = anchors.find((node) => this.node(node.state));
    const after = before ? this.node(before.state) : undefined;
    if (this.camera.kept || !before || !after) {
      this.camera.begin();
      this.#settle();
    } else this.camera.follow(before.box, after.box);
    this.#grips?.clear();
    const done = await this.#painting.show(drawing, this.names, this.camera.window);
    if (!done) return false;
    this.#mark();
    if (focused) this.#focus(this.element(this.#selection));
    return true;
  }

  node(state: string): DrawnNode | undefined {
    const find = (name: string): DrawnNode | undefined => this.#drawing?.nodes.find((node) => node.state === name);
    const home = this.options.home?.(state);
    return find(state) ?? (home ? find(home) : undefined);
  }

  /** The group drawn for a selection; of what a folded group holds, the group. */
  element(selection: Selection): SVGGElement | null {
    if (!selection) return null;
    if (selection.kind === "row") return this.#painting.rows.get(selection.index) ?? null;
    const home = this.options.home?.(selection.name) ?? "";
    return this.#painting.heads.get(selection.name) ?? this.#painting.heads.get(home) ?? null;
  }

  edgesOf(row: number): SVGGElement[] {
    return this.#painting.edgesOf.get(row) ?? [];
  }

  /** Put the cursor on something; with `reveal` it is brought into the window. `also` is marked beside it. */
  select(selection: Selection, reveal = false, also: Selection[] = []): void {
    this.#selection = selection;
    this.#also = also;
    this.#mark();
    const box = this.boxOf(selection);
    if (reveal && box) this.camera.reveal(box);
  }

  /** Put the keyboard's focus on what is selected, or on the first state. */
  focus(): void {
    this.#focus(this.element(this.#selection) ?? this.#view.querySelector<SVGGElement>(".item"));
  }

  /** Life size, around the middle of the window. */
  full(): void {
    this.camera.full();
  }

  zoom(factor: number): void {
    this.camera.zoom(factor);
  }

  /** Show all of it, never larger than life. */
  fit(): void {
    this.camera.all(this.#drawing, this.#begin());
  }

  /** Show these states and rows as large as they fit. */
  fitTo(wanted: Selection[]): void {
    const boxes = wanted.map((selection) => this.boxOf(selection)).filter((box) => box !== undefined);
    if (boxes.length) this.camera.fit(around(boxes));
  }

  /** Move only as far as needed to see this box. */
  reveal(box: Box): void {
    this.camera.reveal(box);
  }

  centre(x: number, y: number): void {
    this.camera.centre(x, y);
  }

  /** Let go of a line that is being drawn; false if there was none. */
  cancel(): boolean {
    return this.#gestures.cancel();
  }

  boxOf(selection: Selection): Box | undefined {
    if (!selection) return undefined;
    if (selection.kind === "state") return this.node(selection.name)?.box;
    for (const node of this.#drawing?.nodes ?? []) {
      const row = node.rows.find((item) => item.index === selection.index);
      if (row) return row.box;
    }
    return undefined;
  }

  /** What a rubber band holds: whole states, else the rows it touches. */
  within(box: Box): Selection[] {
    const nodes = this.#drawing?.nodes ?? [];
    const whole = nodes.filter((node) => holds(box, node.box));
    if (whole.length) return whole.map((node) => ({ kind: "state", name: node.state }));
    return nodes.flatMap((node) => node.rows.filter((row) => meets(box, row.box)).map((row): Selection => ({ kind: "row", index: row.index })));
  }

  #settle(): void {
    this.camera.settle(this.#drawing, this.#begin());
  }

  #begin(): Box | undefined {
    return this.node(this.options.begin?.() ?? "")?.box;
  }

  /** The nodes of the drawing, the selected one first: what is looked at stays where it is. */
  #anchors(): DrawnNode[] {
    const selected = this.#selection;
    const nodes = this.#drawing?.nodes ?? [];
    const window = this.camera.window;
    const seen = nodes.filter((node) => meets(window, node.box));
    const near = nodes.filter((node) => (selected?.kind === "state" ? node.state === selected.name : node.rows.some((row) => row.index === selected?.index)));
    return selected ? [...near, ...seen, ...nodes] : [...seen, ...nodes];
  }

  #mark(): void {
    for (const old of this.#view.querySelectorAll(".selected, .also")) old.classList.remove("selected", "also");
    const element = this.element(this.#selection);
    element?.classList.add("selected");
    if (this.#selection?.kind === "state" || element?.classList.contains("head")) element?.parentElement?.classList.add("selected");
    if (this.#selection?.kind === "row") for (const edge of this.edgesOf(this.#selection.index)) edge.classList.add("selected");
    const chosen = toHash(this.#selection);
    for (const selection of this.#also.filter((item) => toHash(item) !== chosen)) {
      const other = this.element(selection);
      other?.classList.add("also");
      if (selection?.kind === "state") other?.parentElement?.classList.add("also");
    }
    this.#stop(element ?? this.#view.querySelector<SVGGElement>(".item"));
    this.#grips?.show(this.#selection);
  }

  /** On paper all of it is shown, whatever part is in the window. */
  #print(begins: boolean): void {
    const box = this.#drawing?.box;
    if (begins && box) {
      this.svg.setAttribute("viewBox", `${box.x} ${box.y} ${box.width} ${box.height}`);
      this.#view.style.transform = "none";
      this.host.classList.remove("far");
      for (const node of this.#view.querySelectorAll(".away")) node.classList.remove("away");
      return;
    }
    this.svg.removeAttribute("viewBox");
    this.camera.apply();
  }

  #moved(): void {
    this.events.zoomed?.(this.camera.percent);
    if (!this.#drawing) return;
    this.#minimap?.show(this.#drawing, this.camera.window);
    this.#painting.look(this.#drawing, this.camera.window);
  }

  #clicked(target: Element, adds: boolean): void {
    const how: How = adds ? "toggle" : "alone";
    const item = target.closest<SVGGElement>(".item");
    const edge = target.closest<SVGGElement>(".edge");
    if (item) {
      this.events.select(selectionOf(item), how);
      this.#focus(item);
    } else if (edge) {
      this.events.select({ kind: "row", index: Number((edge.dataset["rows"] ?? "").split(" ")[0]) }, how);
    } else {
      const node = target.closest<SVGGElement>(".node");
      const nothing = node === null && !target.closest("[data-pull]");
      if (node || (nothing && !adds)) this.events.select(node ? { kind: "state", name: node.dataset["state"] ?? "" } : null, how);
      if (nothing) this.focus();
    }
  }

  #hover(target: Element): void {
    if (target.closest(".grips")) return;
    for (const old of this.#view.querySelectorAll(".edge.hover")) old.classList.remove("hover");
    const item = target.closest<SVGGElement>(".item");
    const row = item?.dataset["row"];
    const edge = target.closest<SVGGElement>(".edge");
    edge?.classList.add("hover");
    if (row !== undefined) for (const line of this.edgesOf(Number(row))) line.classList.add("hover");
    this.#view.classList.toggle("hovering", edge !== null || (row !== undefined && this.edgesOf(Number(row)).length > 0));
    if (item) this.#grips?.hover(selectionOf(item));
    else if (edge) this.#grips?.edge(edge);
    else if (!target.closest(".node")) this.#grips?.hover(null);
  }

  #key(event: KeyboardEvent): void {
    const item = (event.target as Element).closest<SVGGElement>(".item");
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = step(this.#view, item, event.key);
    if (next) {
      event.preventDefault();
      event.stopPropagation();
      if (event.shiftKey) this.events.select(selectionOf(item), "toggle");
      this.events.select(selectionOf(next), event.shiftKey ? "toggle" : "alone");
      this.#focus(next);
      const box = this.boxOf(selectionOf(next));
      if (box) this.camera.reveal(box);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.events.select(selectionOf(item), event.key === " " && event.shiftKey ? "toggle" : "alone");
      if (event.key === "Enter") this.events.open?.(selectionOf(item));
    }
  }

  #focus(item: SVGGElement | null): void {
    if (!item) return;
    this.#stop(item);
    item.focus({ preventScroll: true });
  }

  /** One tab stop for the whole picture. */
  #stop(item: SVGGElement | null): void {
    for (const other of this.#view.querySelectorAll('.item[tabindex="0"]')) if (other !== item) other.setAttribute("tabindex", "-1");
    item?.setAttribute("tabindex", "0");
  }

  #focused(): boolean {
    return this.svg.contains(document.activeElement);
  }
}

/** What an element of the picture stands for. */
export function selectionOf(target: Element | null): Selection {
  const item = target?.closest<SVGGElement>(".item") ?? target?.closest<SVGGElement>(".node");
  if (!item) return null;
  const row = item.dataset["row"];
  return row !== undefined ? { kind: "row", index: Number(row) } : { kind: "state", name: item.dataset["state"] ?? "" };
}

function around(boxes: Box[]): Box {
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  return { x, y, width: Math.max(...boxes.map((box) => box.x + box.width)) - x, height: Math.max(...boxes.map((box) => box.y + box.height)) - y };
}

function holds(outer: Box, inner: Box): boolean {
  return inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= outer.x + outer.width && inner.y + inner.height <= outer.y + outer.height;
}
