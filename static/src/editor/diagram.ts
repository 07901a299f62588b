import { markFindings, markTrace } from "../graph/badges";
import { Canvas } from "../graph/canvas";
import { namesOf } from "../graph/names";
import { Renderer, Superseded } from "../graph/renderer";
import { toast } from "../lib/toast";
import type { Store } from "./store";

/** Widths below which the inspector lies over the canvas, and below which it comes from the foot. */
const OVERLAY_BELOW = 1600;
const SHEET_BELOW = 720;
const INSPECTOR = 304;

/** What is missing where the way to the chosen finding ends. */
function lacking(store: Store): string {
  const last = store.trace.at(-1);
  const finding = store.shown[store.finding];
  if (!last || !finding) return "";
  if (last.row < 0) return last.name ? `no row for ${last.name}` : "";
  return finding.code.startsWith("RES") && last.resources?.length ? `nothing gives back ${last.resources.join(", ")}` : "";
}

/** The diagram of the draft: drawn anew when the DOT changes, the last good picture while the text is broken. */
export class Diagram {
  readonly canvas: Canvas;
  readonly #renderer = new Renderer();
  #shown = "";
  /** Draws other marks than those of findings, while it is there: a run, for one. */
  marks: ((canvas: Canvas) => void) | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly banner: HTMLElement,
    minimap: HTMLElement | null,
    private readonly store: Store,
    open: () => void,
    zoomed: (percent: number) => void,
  ) {
    const problems = (state: string): string => {
      const { errors } = store.problems({ state });
      return errors ? `${errors} ${errors === 1 ? "error" : "errors"}` : "";
    };
    this.canvas = new Canvas(host, namesOf(() => store.picture, problems), {
      select: (selection) => store.select(selection, "canvas"),
      open,
      zoomed,
    }, { minimap, begin: () => store.picture?.initial });
    store.on(["document"], () => void this.draw());
    store.on(["selection"], () => this.#select());
    store.on(["check"], () => this.#decorate());
    store.on(["role"], () => this.#dim());
    void this.draw();
  }

  async draw(): Promise<void> {
    this.banner.hidden = this.store.compiles;
    this.banner.querySelector("[data-picture]")?.toggleAttribute("hidden", !this.store.dot);
    this.banner.querySelector("[data-no-picture]")?.toggleAttribute("hidden", Boolean(this.store.dot));
    this.host.classList.toggle("old", !this.store.compiles);
    const dot = this.store.dot;
    if (!dot) return;
    if (dot === this.#shown) {
      this.#decorate();
      return;
    }
    try {
      const svg = await this.#renderer.draw(dot);
      const first = this.#shown === "";
      this.#shown = dot;
      this.canvas.show(svg);
      this.host.dataset["drawn"] = String(Number(this.host.dataset["drawn"] ?? 0) + 1);
      this.#cover();
      this.canvas.select(this.store.selection, first);
      this.#decorate();
    } catch (fault) {
      if (!(fault instanceof Superseded)) toast(`The diagram was not drawn: ${String(fault)}`, { kind: "err" });
    }
  }

  /** Tell the canvas how much of it lies under the inspector. */
  #cover(): void {
    const overlay = window.innerWidth < OVERLAY_BELOW && window.innerWidth >= SHEET_BELOW && this.store.selection !== null;
    this.host.dataset["covered"] = overlay ? String(INSPECTOR) : "0";
  }

  #select(): void {
    this.#cover();
    this.canvas.select(this.store.selection, this.store.source !== "canvas");
    this.#decorate();
  }

  /** Draw the marks anew. */
  decorate(): void {
    this.#decorate();
  }

  #decorate(): void {
    if (!this.canvas.drawing) return;
    markFindings(this.canvas, this.marks ? [] : this.store.shown);
    markTrace(this.canvas, this.marks ? [] : this.store.trace, lacking(this.store));
    this.marks?.(this.canvas);
    this.#dim();
  }

  /** The role filter: what the other role alone can take steps back, nothing moves. */
  #dim(): void {
    const { role, picture } = this.store;
    const fits = (own: string | undefined): boolean => role === "all" || own === undefined || own === "Both" || own === role;
    for (const element of this.canvas.svg.querySelectorAll<SVGGElement>(".trow")) {
      const row = picture?.rows.find((item) => item.index === Number(element.dataset["row"]));
      element.classList.toggle("dim", !fits(row?.role));
    }
    for (const element of this.canvas.svg.querySelectorAll<SVGGElement>(".node")) {
      const rows = picture?.rows.filter((row) => row.from_state === element.dataset["state"]) ?? [];
      element.classList.toggle("dim", rows.length > 0 && !rows.some((row) => fits(row.role)));
    }
    for (const element of this.canvas.svg.querySelectorAll<SVGGElement>(".edge")) {
      const indices = (element.dataset["rows"] ?? "").split(" ").map(Number);
      const rows = picture?.rows.filter((row) => indices.includes(row.index)) ?? [];
      element.classList.toggle("dim", rows.length > 0 && !rows.some((row) => fits(row.role)));
    }
  }
}
