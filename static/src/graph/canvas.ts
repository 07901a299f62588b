import type { Selection } from "../lib/selection";
import { build, make, type Names } from "./build";
import type { Box, Drawing, DrawnNode } from "./drawing";
import { Minimap } from "./minimap";
import { parse } from "./parse";

export interface CanvasEvents {
  select(selection: Selection): void;
  open?(selection: Selection): void;
  zoomed?(percent: number): void;
}

const LEAST = 0.1;
const MOST = 3;
const FADED_BELOW = 0.6;
/** What is brought into the window from afar is made this large. */
const READABLE = 0.95;
const MARGIN = 40;
/** Kept free at the edges of what is shown as a whole or from its beginning. */
const EDGE = 8;
/** Pixels of a Graphviz point at 100 %: row texts are 11 px then. */
const UNIT = 1.1;
/** A page opens with texts that can be read, even if it cannot show all of them. */
const FIRST = 0.75 * UNIT;

/** The diagram: shows a drawing, pans, zooms, selects. It only ever changes classes on what is drawn. */
export class Canvas {
  readonly svg = make("svg", { class: "diagram", role: "group", "aria-label": "Diagram of the flow" });
  readonly #view = make("g", { class: "view" });
  readonly #minimap: Minimap | null;
  #drawing: Drawing | null = null;
  #selection: Selection = null;
  #scale = 1;
  #x = 0;
  #y = 0;
  /** What the window keeps to when it changes: the first view, all of it, or where somebody went. */
  #keeps: "begin" | "all" | null = "begin";

  constructor(
    private readonly host: HTMLElement,
    private readonly names: Names,
    private readonly events: CanvasEvents,
    private readonly options: { minimap?: HTMLElement | null; begin?: () => string | undefined } = {},
  ) {
    this.svg.append(this.#view);
    host.append(this.svg);
    this.#minimap = options.minimap ? new Minimap(options.minimap, (x, y) => this.centre(x, y)) : null;
    this.#listen();
    new ResizeObserver(() => this.#settle()).observe(host);
  }

  get drawing(): Drawing | null {
    return this.#drawing;
  }

  get scale(): number {
    return this.#scale;
  }

  /** The group on top of the picture, for badges and discs. */
  get overlay(): SVGGElement | null {
    return this.#view.querySelector(".overlay");
  }

  /** Show another drawing; the place that was looked at stays where it was. */
  show(svg: string): void {
    const anchors = this.#anchors();
    const focused = this.#focused();
    this.#drawing = parse(svg);
    this.#view.replaceChildren(build(this.#drawing, this.names));
    const before = anchors.find((node) => this.node(node.state));
    const after = before ? this.node(before.state) : undefined;
    if (this.#keeps || !before || !after) {
      this.#keeps ??= "begin";
      this.#settle();
    } else {
      this.#x -= (after.box.x - before.box.x) * this.#scale;
      this.#y -= (after.box.y - before.box.y) * this.#scale;
      this.#apply();
    }
    this.#mark();
    if (focused) this.#focus(this.element(this.#selection));
  }

  node(state: string): DrawnNode | undefined {
    return this.#drawing?.nodes.find((node) => node.state === state);
  }

  /** The group drawn for a selection. */
  element(selection: Selection): SVGGElement | null {
    if (!selection) return null;
    return selection.kind === "row"
      ? this.#view.querySelector(`.trow[data-row="${selection.index}"]`)
      : this.#view.querySelector(`.head[data-state="${CSS.escape(selection.name)}"]`);
  }

  edgesOf(row: number): SVGGElement[] {
    return [...this.#view.querySelectorAll<SVGGElement>(".edge")].filter((edge) =>
      (edge.dataset["rows"] ?? "").split(" ").includes(String(row)),
    );
  }

  /** Put the cursor on something; with `reveal` it is brought into the window. */
  select(selection: Selection, reveal = false): void {
    this.#selection = selection;
    this.#mark();
    const box = this.#boxOf(selection);
    if (reveal && box) this.reveal(box);
  }

  /** Life size, around the middle of the window. */
  full(): void {
    this.zoom(UNIT / this.#scale);
  }

  zoom(factor: number, x = this.host.clientWidth / 2, y = this.host.clientHeight / 2): void {
    const scale = Math.min(MOST, Math.max(LEAST, this.#scale * factor));
    this.#x = x - ((x - this.#x) * scale) / this.#scale;
    this.#y = y - ((y - this.#y) * scale) / this.#scale;
    this.#scale = scale;
    this.#keeps = null;
    this.#apply();
  }

  /** Show all of it, never larger than life. */
  fit(): void {
    this.#keeps = "all";
    this.#settle();
  }

  /** Show the first view or all of it, whichever the window keeps to. */
  #settle(): void {
    const box = this.#drawing?.box;
    if (!box || !this.host.clientWidth || !this.#keeps) {
      this.#apply();
      return;
    }
    const top = this.host.dataset["toolbar"] ? 44 : 0;
    const width = this.host.clientWidth;
    const height = this.host.clientHeight - top;
    const fitting = Math.min(UNIT, (width - 2 * EDGE) / box.width, (height - 2 * EDGE) / box.height);
    this.#scale = this.#keeps === "all" ? fitting : Math.max(fitting, FIRST);
    const first = this.node(this.options.begin?.() ?? "")?.box ?? { ...box, width: 0, height: 0 };
    this.#x = place(box.x, box.width, this.#scale, 0, width, first.x + first.width / 2);
    this.#y = place(box.y, box.height, this.#scale, top, height, first.y + first.height / 2);
    this.#apply();
  }

  centre(x: number, y: number): void {
    this.#x = this.host.clientWidth / 2 - x * this.#scale;
    this.#y = this.host.clientHeight / 2 - y * this.#scale;
    this.#keeps = null;
    this.#apply();
  }

  /** Move only as far as needed to see this box. */
  reveal(box: Box): void {
    if (this.#scale < FADED_BELOW) {
      this.#scale = READABLE;
      this.centre(box.x + box.width / 2, box.y + box.height / 2);
      return;
    }
    const left = this.#x + box.x * this.#scale;
    const top = this.#y + box.y * this.#scale;
    const right = left + box.width * this.#scale;
    const bottom = top + box.height * this.#scale;
    const width = this.host.clientWidth - Number(this.host.dataset["covered"] ?? 0);
    const dx = left < MARGIN ? MARGIN - left : right > width - MARGIN ? width - MARGIN - right : 0;
    const dy = top < MARGIN + 20 ? MARGIN + 20 - top : bottom > this.host.clientHeight - MARGIN ? this.host.clientHeight - MARGIN - bottom : 0;
    if (!dx && !dy) return;
    this.#keeps = null;
    this.#view.classList.add("gliding");
    window.setTimeout(() => this.#view.classList.remove("gliding"), 260);
    this.#x += dx;
    this.#y += dy;
    this.#apply();
  }

  #boxOf(selection: Selection): Box | undefined {
    if (!selection) return undefined;
    if (selection.kind === "state") return this.node(selection.name)?.box;
    for (const node of this.#drawing?.nodes ?? []) {
      const row = node.rows.find((item) => item.index === selection.index);
      if (row) return row.box;
    }
    return undefined;
  }

  /** The nodes of the drawing, the selected one first: what is looked at stays where it is. */
  #anchors(): DrawnNode[] {
    const selected = this.#selection;
    const nodes = this.#drawing?.nodes ?? [];
    if (!selected) return nodes;
    const near = nodes.filter((node) => (selected.kind === "state" ? node.state === selected.name : node.rows.some((row) => row.index === selected.index)));
    return [...near, ...nodes];
  }

  #mark(): void {
    for (const old of this.#view.querySelectorAll(".selected, .near")) old.classList.remove("selected", "near");
    const element = this.element(this.#selection);
    element?.classList.add("selected");
    if (this.#selection?.kind === "state") element?.parentElement?.classList.add("selected");
    if (this.#selection?.kind === "row") for (const edge of this.edgesOf(this.#selection.index)) edge.classList.add("selected");
    const first = element ?? this.#view.querySelector<SVGGElement>(".item");
    for (const stop of this.#view.querySelectorAll('.item[tabindex="0"]')) stop.setAttribute("tabindex", "-1");
    first?.setAttribute("tabindex", "0");
  }

  #apply(): void {
    this.#view.setAttribute("transform", `translate(${this.#x} ${this.#y}) scale(${this.#scale})`);
    this.host.classList.toggle("far", this.#scale < FADED_BELOW);
    this.host.style.setProperty("--zoom", String(this.#scale));
    this.host.style.setProperty("--dots-x", `${this.#x}px`);
    this.host.style.setProperty("--dots-y", `${this.#y}px`);
    this.events.zoomed?.(Math.round((this.#scale / UNIT) * 100));
    if (this.#drawing) {
      this.#minimap?.show(this.#drawing, {
        x: -this.#x / this.#scale,
        y: -this.#y / this.#scale,
        width: this.host.clientWidth / this.#scale,
        height: this.host.clientHeight / this.#scale,
      });
    }
  }

  #listen(): void {
    const pointers = new Map<number, { x: number; y: number }>();
    let moved = false;
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button > 1) return;
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      moved = false;
    });
    this.svg.addEventListener("pointermove", (event) => {
      const last = pointers.get(event.pointerId);
      if (!last) return;
      const dx = event.clientX - last.x;
      const dy = event.clientY - last.y;
      if (!moved && Math.hypot(dx, dy) < 4) return;
      if (!moved) this.svg.setPointerCapture(event.pointerId);
      moved = true;
      if (pointers.size === 2) this.#pinch(pointers, event);
      else {
        this.#x += dx;
        this.#y += dy;
        this.#keeps = null;
        this.#apply();
      }
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    const up = (event: PointerEvent): void => void pointers.delete(event.pointerId);
    this.svg.addEventListener("pointerup", up);
    this.svg.addEventListener("pointercancel", up);
    this.svg.addEventListener("click", (event) => {
      if (!moved) this.#clicked(event.target as Element);
      moved = false;
    });
    this.svg.addEventListener("dblclick", (event) => {
      const selection = selectionOf((event.target as Element).closest<SVGGElement>(".item"));
      if (selection) this.events.open?.(selection);
    });
    this.host.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.svg.addEventListener("keydown", (event) => this.#key(event));
    this.svg.addEventListener("pointerover", (event) => this.#hover(event.target as Element));
  }

  #pinch(pointers: Map<number, { x: number; y: number }>, event: PointerEvent): void {
    const other = [...pointers.entries()].find(([id]) => id !== event.pointerId)?.[1];
    const last = pointers.get(event.pointerId);
    if (!other || !last) return;
    const before = Math.hypot(last.x - other.x, last.y - other.y);
    const now = Math.hypot(event.clientX - other.x, event.clientY - other.y);
    const frame = this.host.getBoundingClientRect();
    if (before > 0) this.zoom(now / before, other.x - frame.left, other.y - frame.top);
  }

  #wheel(event: WheelEvent): void {
    if (!(event.target as Element).closest(".diagram")) return;
    event.preventDefault();
    const frame = this.host.getBoundingClientRect();
    if (event.shiftKey) {
      this.#x -= event.deltaY || event.deltaX;
      this.#keeps = null;
      this.#apply();
      return;
    }
    this.zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - frame.left, event.clientY - frame.top);
  }

  #clicked(target: Element): void {
    const item = target.closest<SVGGElement>(".item");
    const edge = target.closest<SVGGElement>(".edge");
    if (item) {
      this.events.select(selectionOf(item));
      this.#focus(item);
    } else if (edge) {
      this.events.select({ kind: "row", index: Number((edge.dataset["rows"] ?? "").split(" ")[0]) });
    } else {
      const node = target.closest<SVGGElement>(".node");
      this.events.select(node ? { kind: "state", name: node.dataset["state"] ?? "" } : null);
    }
  }

  #hover(target: Element): void {
    for (const old of this.#view.querySelectorAll(".hover")) old.classList.remove("hover");
    const row = target.closest<SVGGElement>(".trow")?.dataset["row"];
    const edge = target.closest(".edge");
    edge?.classList.add("hover");
    if (row !== undefined) for (const line of this.edgesOf(Number(row))) line.classList.add("hover");
    this.#view.classList.toggle("hovering", this.#view.querySelector(".edge.hover") !== null);
  }

  #key(event: KeyboardEvent): void {
    const item = (event.target as Element).closest<SVGGElement>(".item");
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = this.#step(item, event.key);
    if (next) {
      event.preventDefault();
      event.stopPropagation();
      this.events.select(selectionOf(next));
      this.#focus(next);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.events.select(selectionOf(item));
      if (event.key === "Enter") this.events.open?.(selectionOf(item));
    }
  }

  #step(item: SVGGElement, key: string): SVGGElement | null {
    const inside = [...(item.closest(".node")?.querySelectorAll<SVGGElement>(".item") ?? [])];
    const at = inside.indexOf(item);
    if (key === "ArrowDown") return inside[at + 1] ?? this.#neighbour(item, 1);
    if (key === "ArrowUp") return inside[at - 1] ?? this.#neighbour(item, -1);
    if (key === "ArrowRight") return this.#along(item, true);
    if (key === "ArrowLeft") return this.#along(item, false);
    return null;
  }

  #neighbour(item: SVGGElement, by: number): SVGGElement | null {
    const nodes = [...this.#view.querySelectorAll<SVGGElement>(".node")];
    const next = nodes[nodes.indexOf(item.closest(".node") as SVGGElement) + by];
    const items = next?.querySelectorAll<SVGGElement>(".item");
    return (by > 0 ? items?.[0] : items?.[items.length - 1]) ?? null;
  }

  /** Right follows the edge of a row (or the first edge out of a state), left goes to where the first edge comes from. */
  #along(item: SVGGElement, forward: boolean): SVGGElement | null {
    const node = item.closest<SVGGElement>(".node");
    const id = CSS.escape(node?.id ?? "");
    const row = item.dataset["row"];
    const edge = forward
      ? row !== undefined
        ? this.edgesOf(Number(row))[0]
        : this.#view.querySelector<SVGGElement>(`.edge[data-source="${id}"]`)
      : this.#view.querySelector<SVGGElement>(`.edge[data-target="${id}"]`);
    const end = edge?.dataset[forward ? "target" : "source"];
    return end ? this.#view.querySelector<SVGGElement>(`#${CSS.escape(end)} .head`) : null;
  }

  #focus(item: SVGGElement | null): void {
    if (!item) return;
    for (const stop of this.#view.querySelectorAll('.item[tabindex="0"]')) stop.setAttribute("tabindex", "-1");
    item.setAttribute("tabindex", "0");
    item.focus({ preventScroll: true });
  }

  #focused(): boolean {
    return this.svg.contains(document.activeElement);
  }
}

/** Shift of one axis: in the middle if all of it fits, else around `focus` without empty space beside the picture. */
function place(start: number, length: number, scale: number, from: number, room: number, focus: number): number {
  if (length * scale <= room - 2 * EDGE) return from + (room - length * scale) / 2 - start * scale;
  const first = from + EDGE - start * scale;
  const last = from + room - EDGE - (start + length) * scale;
  return Math.min(first, Math.max(last, from + room / 2 - focus * scale));
}

function selectionOf(item: SVGGElement | null): Selection {
  if (!item) return null;
  const row = item.dataset["row"];
  return row !== undefined ? { kind: "row", index: Number(row) } : { kind: "state", name: item.dataset["state"] ?? "" };
}
