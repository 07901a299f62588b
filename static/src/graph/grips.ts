import { same, type Selection } from "../lib/selection";
import { make } from "./build";
import type { Canvas } from "./canvas";

const RADIUS = 7;
/** Pixels outside of a state: its corner belongs to the count of findings. The reach begins inside of it. */
const BESIDE = 9;

/**
 * The handles one draws with. A state's handle draws a new way out; a row's handle and the end of an edge lead the row
 * elsewhere. All of it can be done by key as well (T, Shift T), so they are hidden from screen readers.
 */
export class Grips {
  #selected: Selection = null;
  #hovered: Selection = null;

  constructor(
    private readonly layer: SVGGElement,
    private readonly canvas: Canvas,
  ) {
    layer.setAttribute("aria-hidden", "true");
  }

  clear(): void {
    this.#hovered = null;
    this.layer.replaceChildren();
  }

  show(selected: Selection): void {
    this.#selected = selected;
    this.#draw();
  }

  hover(hovered: Selection): void {
    this.#hovered = hovered;
    this.#draw();
  }

  /** The end of an edge that is pointed at: it can be led to another state, with all its rows. */
  edge(edge: SVGGElement): void {
    this.#hovered = null;
    this.#draw();
    const node = this.canvas.drawing?.nodes.find((item) => item.id === edge.dataset["source"]);
    if (node && !node.state.startsWith("group:")) this.layer.append(...this.#end(node.state, edge, edge.dataset["rows"] ?? ""));
  }

  /** The ends of a row's own edge: of rows that share one, only this row is led elsewhere. */
  #ends(state: string, row: number): SVGGElement[] {
    return this.canvas.edgesOf(row).flatMap((edge) => this.#end(state, edge, String(row)));
  }

  #end(state: string, edge: SVGGElement, rows: string): SVGGElement[] {
    const path = edge.querySelector<SVGPathElement>(".line");
    if (!path?.getTotalLength()) return [];
    const start = path.getPointAtLength(0);
    const end = path.getPointAtLength(path.getTotalLength());
    return [this.#grip(state, rows, start, end, "end")];
  }

  #draw(): void {
    this.layer.replaceChildren();
    const both = same(this.#selected, this.#hovered) ? [this.#selected] : [this.#selected, this.#hovered];
    for (const selection of both) {
      this.layer.append(...this.#of(selection));
    }
  }

  #of(selection: Selection): SVGGElement[] {
    const nodes = this.canvas.drawing?.nodes ?? [];
    if (selection?.kind === "state") {
      const node = nodes.find((item) => item.state === selection.name);
      if (!node || node.classes.includes("folded")) return [];
      const at = { x: node.box.x + node.box.width, y: node.head.y + node.head.height / 2 };
      return [this.#grip(node.state, "", at, at, "new")];
    }
    for (const node of selection ? nodes : []) {
      const row = node.rows.find((item) => item.index === selection?.index);
      if (!row) continue;
      const at = { x: node.box.x + node.box.width, y: row.box.y + row.box.height / 2 };
      return [this.#grip(node.state, String(row.index), at, at, "row"), ...this.#ends(node.state, row.index)];
    }
    return [];
  }

  #grip(state: string, rows: string, from: { x: number; y: number }, at: { x: number; y: number }, kind: string): SVGGElement {
    const group = make("g", { class: `grip ${kind}`, transform: `translate(${at.x} ${at.y})` });
    Object.assign(group.dataset, { pull: state, rows, x: String(from.x), y: String(from.y), testid: `grip-${kind}` });
    const x = kind === "end" ? 0 : BESIDE;
    const sign = kind === "new" ? `M${x - 3} 0h6M${x} -3v6` : `M${x - 3} 0h6M${x} -3L${x + 3} 0L${x} 3`;
    group.append(make("circle", { class: "reach", cx: x, r: 2 * RADIUS }), make("circle", { class: "knob", cx: x, r: RADIUS }), make("path", { d: sign }));
    const said = make("title", {});
    said.textContent = kind === "new" ? "Drag to a state, or to an empty place for a new one: a new way out (T)" : "Drag to a state, or to an empty place for a new one: lead there instead (Shift T)";
    group.append(said);
    return group;
  }
}
