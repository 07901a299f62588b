import { make } from "./build";
import type { Camera } from "./camera";
import type { Box } from "./drawing";

/** What is being drawn from a handle: a new way out of a state, or rows that get another target. */
export interface Pull {
  state: string;
  rows: number[];
}

export interface GestureEvents {
  click(target: Element, adds: boolean): void;
  double(target: Element, at: { x: number; y: number }): void;
  hover(target: Element): void;
  /** A handle was let go over a state, or over nothing, at this place of the window. */
  pulled(pull: Pull, state: string | null, at: { x: number; y: number }): void;
  banded(box: Box, adds: boolean): void;
}

const STILL = 4;

/** The pointer on the canvas: pan, pinch, wheel, click, rubber band, and drawing from handles. */
export class Gestures {
  readonly #pointers = new Map<number, { x: number; y: number }>();
  readonly #line = make("path", { class: "pull" });
  readonly #band = make("rect", { class: "band" });
  #moved = false;
  #pull: Pull | null = null;
  #from: { x: number; y: number } | null = null;
  #drop: Element | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly svg: SVGSVGElement,
    private readonly layer: SVGGElement,
    private readonly camera: Camera,
    private readonly events: GestureEvents,
  ) {
    svg.addEventListener("pointerdown", (event) => this.#down(event));
    svg.addEventListener("pointermove", (event) => this.#move(event));
    svg.addEventListener("pointerup", (event) => this.#up(event, true));
    svg.addEventListener("pointercancel", (event) => this.#up(event, false));
    svg.addEventListener("click", (event) => {
      if (!this.#moved) events.click(event.target as Element, event.shiftKey || event.ctrlKey || event.metaKey);
      this.#moved = false;
    });
    svg.addEventListener("dblclick", (event) => events.double(event.target as Element, { x: event.clientX, y: event.clientY }));
    svg.addEventListener("pointerover", (event) => {
      if (!this.#pull) events.hover(event.target as Element);
    });
    host.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  /** Let go of what is being drawn. */
  cancel(): boolean {
    const busy = this.#pull !== null || this.#band.isConnected;
    this.#clean();
    return busy;
  }

  #down(event: PointerEvent): void {
    if (event.button > 1) return;
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.#moved = false;
    const grip = (event.target as Element).closest<SVGElement>("[data-pull]");
    if (grip && event.button === 0) {
      const rows = (grip.dataset["rows"] ?? "").split(" ").filter((row) => row !== "").map(Number);
      this.#pull = { state: grip.dataset["pull"] ?? "", rows };
      this.#from = { x: Number(grip.dataset["x"]), y: Number(grip.dataset["y"]) };
    } else if (event.shiftKey && event.button === 0 && !(event.target as Element).closest(".node, .edge")) {
      this.#from = this.camera.toPicture(event.clientX, event.clientY);
    }
  }

  #move(event: PointerEvent): void {
    const last = this.#pointers.get(event.pointerId);
    if (!last) return;
    const dx = event.clientX - last.x;
    const dy = event.clientY - last.y;
    if (!this.#moved && Math.hypot(dx, dy) < STILL) return;
    if (!this.#moved) this.svg.setPointerCapture(event.pointerId);
    this.#moved = true;
    if (this.#pull) this.#draw(event);
    else if (this.#from) this.#stretch(event);
    else if (this.#pointers.size === 2) this.#pinch(event);
    else this.camera.pan(dx, dy);
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  #up(event: PointerEvent, done: boolean): void {
    this.#pointers.delete(event.pointerId);
    const pull = this.#pull;
    const from = this.#from;
    const drop = this.#drop?.getAttribute("data-state") ?? null;
    this.#clean();
    if (!done || !this.#moved) return;
    if (pull) this.events.pulled(pull, drop, { x: event.clientX, y: event.clientY });
    else if (from) {
      const to = this.camera.toPicture(event.clientX, event.clientY);
      this.events.banded(between(from, to), event.ctrlKey || event.metaKey);
    }
  }

  #clean(): void {
    this.#pull = null;
    this.#from = null;
    this.#line.remove();
    this.#band.remove();
    this.#drop?.classList.remove("drop");
    this.#drop = null;
    this.svg.classList.remove("pulling");
  }

  #draw(event: PointerEvent): void {
    const from = this.#from;
    if (!from) return;
    const to = this.camera.toPicture(event.clientX, event.clientY);
    const bend = Math.max(24, Math.abs(to.x - from.x) / 2);
    this.#line.setAttribute("d", `M${from.x} ${from.y}C${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`);
    if (!this.#line.isConnected) this.layer.append(this.#line);
    this.svg.classList.add("pulling");
    const under = document.elementFromPoint(event.clientX, event.clientY)?.closest(".node") ?? null;
    if (under === this.#drop) return;
    this.#drop?.classList.remove("drop");
    this.#drop = under;
    under?.classList.add("drop");
  }

  #stretch(event: PointerEvent): void {
    if (!this.#from) return;
    const box = between(this.#from, this.camera.toPicture(event.clientX, event.clientY));
    for (const [key, value] of Object.entries(box)) this.#band.setAttribute(key, String(value));
    if (!this.#band.isConnected) this.layer.append(this.#band);
  }

  #pinch(event: PointerEvent): void {
    const other = [...this.#pointers.entries()].find(([id]) => id !== event.pointerId)?.[1];
    const last = this.#pointers.get(event.pointerId);
    if (!other || !last) return;
    const before = Math.hypot(last.x - other.x, last.y - other.y);
    const now = Math.hypot(event.clientX - other.x, event.clientY - other.y);
    const frame = this.host.getBoundingClientRect();
    if (before > 0) this.camera.zoom(now / before, other.x - frame.left, other.y - frame.top);
  }

  #wheel(event: WheelEvent): void {
    if (!(event.target as Element).closest(".diagram")) return;
    event.preventDefault();
    const frame = this.host.getBoundingClientRect();
    if (event.shiftKey) this.camera.pan(-(event.deltaY || event.deltaX), 0);
    else this.camera.zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - frame.left, event.clientY - frame.top);
  }
}

function between(a: { x: number; y: number }, b: { x: number; y: number }): Box {
  return { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y) };
}
