import { markFindings, markTrace, rowDisc } from "../graph/badges";
import { Canvas, type How } from "../graph/canvas";
import type { Pull } from "../graph/gestures";
import { namesOf } from "../graph/names";
import { finer, Renderer, Superseded, TooLarge, type Form } from "../graph/renderer";
import { announce } from "../lib/announce";
import { same, toHash, type Selection } from "../lib/selection";
import { toast } from "../lib/toast";
import type { PictureRow } from "../lib/types";
import type { Store } from "./store";
import { around, way } from "./ways";

/** Widths below which the inspector lies over the canvas, and below which it comes from the foot. */
const OVERLAY_BELOW = 1600;
const SHEET_BELOW = 720;
const INSPECTOR = 304;
/** Milliseconds without a change after which straight edges are drawn curved. */
const QUIET = 1500;

export interface DiagramParts {
  host: HTMLElement;
  banner: HTMLElement;
  minimap: HTMLElement | null;
}

export interface DiagramEvents {
  open(selection: Selection): void;
  zoomed(percent: number): void;
  double(selection: Selection, at: { x: number; y: number }): void;
  pulled(pull: Pull, state: string | null, at: { x: number; y: number }): void;
  unfold(group: string): void;
  /** The picture was drawn, and in which form. */
  drawn(form: Form | null): void;
}

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
  /** How many steps around the selection stay bright. */
  hops: () => number = () => 0;
  readonly #renderer = new Renderer();
  readonly #behind: Selection[] = [];
  readonly #ahead: Selection[] = [];
  #shown = "";
  #coming = "";
  #decorated = "";
  /** Draws other marks than those of findings, while it is there: a run, for one. */
  marks: ((canvas: Canvas) => void) | null = null;
  #last: Selection = null;
  #way: PictureRow[] = [];
  #quiet = 0;

  constructor(
    private readonly parts: DiagramParts,
    private readonly store: Store,
    private readonly events: DiagramEvents,
  ) {
    const problems = (state: string): string => {
      const { errors, warnings } = store.problems({ state });
      const count = errors + warnings;
      return count ? `${count} ${count === 1 ? "problem" : "problems"}` : "";
    };
    this.canvas = new Canvas(parts.host, namesOf(() => store.picture, problems), {
      select: (selection, how) => this.#chose(selection, how),
      open: (selection) => (groupOf(selection) ? events.unfold(groupOf(selection)) : events.open(selection)),
      double: (selection, at) => (groupOf(selection) ? events.unfold(groupOf(selection)) : events.double(selection, at)),
      pulled: events.pulled,
      banded: (found, adds) => this.#banded(found, adds),
      zoomed: events.zoomed,
    }, {
      minimap: parts.minimap,
      begin: () => store.picture?.initial,
      home: (state) => {
        const group = store.state(state)?.group;
        return group ? `group:${group}` : undefined;
      },
      edits: store.can.edit,
    });
    store.on(["document", "view"], () => void this.draw());
    store.on(["selection"], () => this.#select());
    store.on(["check"], () => this.decorate());
    void this.draw();
  }

  async draw(): Promise<void> {
    const { banner, host } = this.parts;
    banner.hidden = this.store.compiles;
    banner.querySelector("[data-picture]")?.toggleAttribute("hidden", !this.store.dot);
    banner.querySelector("[data-no-picture]")?.toggleAttribute("hidden", Boolean(this.store.dot));
    host.classList.toggle("old", !this.store.compiles);
    const dot = this.store.dot;
    window.clearTimeout(this.#quiet);
    if (!dot) return;
    if (dot === this.#shown) {
      this.decorate();
      return;
    }
    // The same picture is on its way: the line opens with what the page brought.
    if (dot === this.#coming) return;
    this.#coming = dot;
    try {
      await this.#show(dot, dot);
      this.#refine(dot);
    } catch (fault) {
      if (fault instanceof TooLarge) this.events.drawn(null);
      else if (!(fault instanceof Superseded)) toast(`The diagram was not drawn: ${String(fault)}`, { kind: "err" });
    } finally {
      if (this.#coming === dot) this.#coming = "";
    }
  }

  async #show(dot: string, source: string): Promise<void> {
    const { drawing, form } = await this.#renderer.draw(dot);
    if (source !== this.store.dot) return;
    const first = this.#shown === "";
    this.#shown = source;
    if (!(await this.canvas.show(drawing))) return;
    const { host } = this.parts;
    host.dataset["drawn"] = String(Number(host.dataset["drawn"] ?? 0) + 1);
    this.#cover();
    this.canvas.select(this.store.selection, first, this.store.also);
    this.decorate();
    this.events.drawn(form);
  }

  /** In a quiet moment straight edges of a large picture become curves; the nodes stay. */
  #refine(dot: string): void {
    const better = finer(dot);
    if (better === null) return;
    this.#quiet = window.setTimeout(() => {
      this.#show(better, dot).catch((fault: unknown) => {
        // The straight picture stands: a finer one that took too long or was overtaken is no loss.
        if (!(fault instanceof Superseded || fault instanceof TooLarge)) throw fault;
      });
    }, QUIET);
  }

  /** Show the shortest way between two states by numbered rows; false if there is none. */
  show(from: string, to: string): boolean {
    const found = way(this.#rows(), from, to);
    if (found === null) return false;
    this.#way = found;
    this.decorate();
    this.canvas.fitTo([{ kind: "state", name: from }, ...found.map((row): Selection => ({ kind: "state", name: row.next_state ?? from }))]);
    announce(`${found.length} ${found.length === 1 ? "row leads" : "rows lead"} from ${from} to ${to}: ${found.map((row) => row.label).join(", ")}`);
    return true;
  }

  /** Take the way away; false if none is shown. */
  forget(): boolean {
    if (!this.#way.length) return false;
    this.#way = [];
    this.decorate();
    return true;
  }

  back(): void {
    this.#travel(this.#behind, this.#ahead);
  }

  forward(): void {
    this.#travel(this.#ahead, this.#behind);
  }

  /** The states that are marked, or that the marked rows leave. */
  get states(): string[] {
    const names = this.store.chosen.map((item) => (item?.kind === "row" ? this.store.row(item.index)?.from_state : item?.name));
    return [...new Set(names.filter((name) => name !== undefined))];
  }

  #rows(): PictureRow[] {
    const { picture, role } = this.store;
    return (picture?.rows ?? []).filter((row) => role === "all" || row.role === "Both" || row.role === role);
  }

  #travel(from: Selection[], to: Selection[]): void {
    const next = from.pop();
    if (next === undefined) return;
    to.push(this.#last);
    this.#last = next;
    this.store.select(next, "address");
  }

  #chose(selection: Selection, how: How): void {
    const group = groupOf(selection);
    if (group) {
      this.store.select(null, "canvas");
      this.canvas.select(selection);
      announce(`Group ${group} is folded. Enter opens it.`);
      return;
    }
    if (how === "alone" || !selection) {
      this.store.select(selection, "canvas");
      return;
    }
    const known = this.store.chosen;
    const without = known.filter((item) => !same(item, selection));
    const also = without.length < known.length ? without : [...known, selection];
    this.store.select(also.at(-1) ?? null, "canvas", also.length > 1 ? also : []);
    announce(`${also.length} selected`);
  }

  #banded(found: Selection[], adds: boolean): void {
    const hashes = new Map([...(adds ? this.store.chosen : []), ...found.filter((item) => !groupOf(item))].map((item) => [toHash(item), item]));
    const also = [...hashes.values()];
    this.store.select(also.at(-1) ?? null, "canvas", also.length > 1 ? also : []);
    announce(`${also.length} selected`);
  }

  /** Tell the canvas how much of it lies under the inspector. */
  #cover(): void {
    const overlay = window.innerWidth < OVERLAY_BELOW && window.innerWidth >= SHEET_BELOW && this.store.selection !== null;
    this.parts.host.dataset["covered"] = overlay ? String(INSPECTOR) : "0";
  }

  #select(): void {
    const now = this.store.selection;
    if (!same(now, this.#last)) {
      if (this.#last) this.#behind.push(this.#last);
      this.#ahead.length = 0;
      this.#last = now;
    }
    this.#cover();
    this.canvas.select(now, this.store.source !== "canvas", this.store.also);
    this.decorate();
  }

  /** Everything that is said on the picture without moving it. */
  decorate(): void {
    if (!this.canvas.drawing) return;
    const said = this.#said();
    if (said === this.#decorated) return;
    this.#decorated = said;
    markFindings(this.canvas, this.marks ? [] : this.store.findings, this.marks ? [] : this.store.deep);
    markTrace(this.canvas, this.marks ? [] : this.store.trace, lacking(this.store));
    if (this.marks) this.marks(this.canvas);
    else this.#markWay();
    this.#brighten();
  }

  /** What the picture says beside itself; while it is the same nothing is drawn again. Marks of others may always change. */
  #said(): string {
    if (this.marks) return `${performance.now()}`;
    const { store } = this;
    const [findings, deep] = [store.findings, store.deep].map((list) => list.map(({ row, state, severity }) => [row, state, severity]));
    const trace = store.trace.map(({ row, before, after }) => [row, before, after]);
    return JSON.stringify([this.parts.host.dataset["drawn"], findings, deep, trace, lacking(store), this.#way.map((row) => row.index), this.hops(), this.hops() ? this.states : []]);
  }

  #markWay(): void {
    for (const old of this.canvas.svg.querySelectorAll(".went")) old.classList.remove("went");
    if (!this.#way.length) return;
    const discs = this.#way.map((row, at) => {
      this.canvas.element({ kind: "row", index: row.index })?.classList.add("went");
      for (const edge of this.canvas.edgesOf(row.index)) edge.classList.add("went");
      return rowDisc(this.canvas, row.index, String(at + 1), "step");
    });
    this.canvas.overlay.replaceChildren(...discs.filter((item) => item !== null));
  }

  /** What is further from the selection than asked for steps back; nothing moves. */
  #brighten(): void {
    const hops = this.hops();
    const states = this.states;
    const on = hops > 0 && states.length > 0;
    this.canvas.svg.classList.toggle("dimmed", on);
    if (!on) return;
    const kept = new Set([...around(this.#rows(), states, hops)].map((state) => this.canvas.node(state)?.id));
    for (const node of this.canvas.svg.querySelectorAll(".node")) node.classList.toggle("kept", kept.has(node.id));
    for (const edge of this.canvas.svg.querySelectorAll<SVGGElement>(".edge")) {
      edge.classList.toggle("kept", kept.has(edge.dataset["source"]) && kept.has(edge.dataset["target"]));
    }
  }
}

/** The name of a folded group, where one is meant. */
function groupOf(selection: Selection): string {
  return selection?.kind === "state" && selection.name.startsWith("group:") ? selection.name.slice(6) : "";
}
