import { render, type TemplateResult } from "lit";
import type { Canvas } from "../graph/canvas";

const WIDTH = 280;
const NARROW = 720;
const GAP = 8;
const TOOLS = 48;

/** What a form is about: a place of the picture, or a box beside which it shall stand. */
export type Spot = { x: number; y: number; width?: number; height?: number };

/** A small form at the place on the canvas that it is about. One at a time; Escape and a press elsewhere close it. */
export class Place {
  #box: HTMLElement | null = null;

  constructor(private readonly canvas: Canvas) {
    document.addEventListener(
      "pointerdown",
      (event) => {
        if (this.#box && !this.#box.contains(event.target as Node)) this.close(false);
      },
      true,
    );
  }

  get open(): boolean {
    return this.#box !== null;
  }

  /** Show a form at a place of the picture and put the cursor into its first field. */
  show(at: Spot, label: string, content: TemplateResult): HTMLElement {
    this.close(false);
    const box = document.createElement("div");
    box.className = "at-place";
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-label", label);
    box.dataset["testid"] = "at-place";
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      this.close();
    });
    render(content, box);
    this.canvas.host.append(box);
    this.#box = box;
    this.#put(box, at);
    window.queueMicrotask(() => {
      const field = box.querySelector<HTMLInputElement>("[data-first] input, input[data-first], input");
      field?.focus();
      field?.select();
    });
    return box;
  }

  /** Take the form away; the focus goes back to the diagram. */
  close(focus = true): void {
    if (!this.#box) return;
    const box = this.#box;
    this.#box = null;
    box.remove();
    if (focus) this.canvas.focus();
  }

  /** Right of what it is about, else below, so that this stays in sight. */
  #put(box: HTMLElement, at: Spot): void {
    if (window.innerWidth < NARROW) return;
    const host = this.canvas.host;
    const room = host.clientWidth - Number(host.dataset["covered"] ?? 0);
    const from = this.canvas.camera.toWindow(at.x, at.y);
    const to = this.canvas.camera.toWindow(at.x + (at.width ?? 0), at.y + (at.height ?? 0));
    const beside = at.width !== undefined && to.x + GAP + WIDTH <= room - GAP;
    const left = at.width === undefined ? from.x : beside ? to.x + GAP : from.x;
    const top = at.width === undefined || beside ? from.y : to.y + GAP;
    box.style.left = `${Math.max(GAP, Math.min(left, room - WIDTH - GAP))}px`;
    box.style.top = `${Math.max(TOOLS, Math.min(top, host.clientHeight - box.offsetHeight - GAP))}px`;
  }
}
