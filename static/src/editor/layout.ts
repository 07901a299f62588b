import { announce } from "../lib/announce";
import { note, noted } from "../lib/address";
import { Kept } from "../lib/kept";

/** What lies in the middle: the diagram, the matrix, or both. */
export type View = "diagram" | "matrix" | "split";
/** How much of it the text and the problems take. */
export type Dock = "none" | "below" | "only";

const VIEWS: readonly View[] = ["diagram", "matrix", "split"];
const DOCKS: readonly Dock[] = ["below", "only", "none"];
const SAID: Record<Dock, string> = { none: "Text and problems hidden", below: "Text and problems below", only: "Text alone" };

interface Shape {
  view: View;
  dock: Dock;
  /** Only what is in the middle: no outline, no inspector, no dock. */
  bare: boolean;
}

/** Which of the views of the document are on the screen: remembered for the person, the view also in the address. */
export class Layout {
  readonly #kept: Kept<Shape>;
  #shape: Shape;
  readonly #listeners: (() => void)[] = [];

  constructor(
    private readonly host: HTMLElement,
    user: string,
  ) {
    this.#kept = new Kept<Shape>(user, "layout", { view: "diagram", dock: "below", bare: false });
    const kept = this.#kept.get();
    const asked = noted("view") as View | null;
    this.#shape = {
      view: asked && VIEWS.includes(asked) ? asked : VIEWS.includes(kept.view) ? kept.view : "diagram",
      dock: DOCKS.includes(kept.dock) ? kept.dock : "below",
      bare: kept.bare === true,
    };
    for (const button of host.querySelectorAll<HTMLElement>("[data-view-choice]")) {
      button.addEventListener("click", () => this.show(button.dataset["viewChoice"] as View));
    }
    this.#apply();
  }

  get view(): View {
    return this.#shape.view;
  }

  get dock(): Dock {
    return this.#shape.dock;
  }

  on(listener: () => void): void {
    this.#listeners.push(listener);
  }

  show(view: View): void {
    if (view === this.#shape.view && this.#shape.dock !== "only") return;
    this.#set({ ...this.#shape, view, dock: this.#shape.dock === "only" ? "below" : this.#shape.dock });
    announce({ diagram: "Diagram", matrix: "Matrix", split: "Diagram and matrix" }[view]);
  }

  /** Graph with text below, text alone, graph alone, and again. */
  cycle(): void {
    const next = DOCKS[(DOCKS.indexOf(this.#shape.dock) + 1) % DOCKS.length] ?? "below";
    this.open(next);
    announce(SAID[next]);
  }

  open(dock: Dock): void {
    this.#set({ ...this.#shape, dock, bare: false });
  }

  /** Hide everything but the middle, or bring it back. */
  bare(): void {
    this.#set({ ...this.#shape, bare: !this.#shape.bare });
    announce(this.#shape.bare ? "Panels hidden" : "Panels shown");
  }

  #set(shape: Shape): void {
    this.#shape = shape;
    this.#kept.set(shape);
    this.#apply();
    for (const listener of this.#listeners) listener();
  }

  #apply(): void {
    const { view, dock, bare } = this.#shape;
    this.host.dataset["view"] = view;
    this.host.dataset["dock"] = dock;
    document.body.classList.toggle("hide-panels", bare);
    note("view", view === "diagram" ? null : view);
    for (const button of this.host.querySelectorAll<HTMLElement>("[data-view-choice]")) {
      button.setAttribute("aria-checked", String(button.dataset["viewChoice"] === view));
    }
  }
}
