import { make } from "../graph/build";
import type { Canvas } from "../graph/canvas";

export type Kind = "added" | "removed" | "changed" | "same";

/** How a row differs, and its index in either text. */
export interface RowMark {
  kind: Kind;
  old: number | null;
  new: number | null;
}

export interface Marks {
  rows: Record<number, RowMark>;
  states: Record<string, Kind>;
  edges: Record<string, Kind>;
  initial: string;
  labels: { rows: Record<number, string>; states: Record<string, string> };
}

const CLASS: Record<Kind, string> = { added: "d-add", removed: "d-rem", changed: "d-chg", same: "d-same" };
const SIGN: Record<Kind, string> = { added: "+", removed: "−", changed: "~", same: "" };
const GAP = 3;
const BOX = 14;

/** Give every row, state and edge the class of its difference, states a second frame, edges a box with the sign. */
export function markDifference(canvas: Canvas, marks: Marks): void {
  for (const [index, row] of Object.entries(marks.rows)) {
    canvas.element({ kind: "row", index: Number(index) })?.classList.add(CLASS[row.kind]);
  }
  for (const [name, kind] of Object.entries(marks.states)) {
    const node = canvas.element({ kind: "state", name })?.parentElement;
    const box = canvas.node(name)?.box;
    node?.classList.add(CLASS[kind]);
    if (!node || !box || kind === "same" || kind === "removed") continue;
    const { width, height } = box;
    node.append(make("rect", { class: "twin", x: -GAP, y: -GAP, width: width + 2 * GAP, height: height + 2 * GAP }));
  }
  for (const [id, kind] of Object.entries(marks.edges)) {
    const edge = canvas.svg.querySelector<SVGGElement>(`#${CSS.escape(id)}`);
    edge?.classList.add(CLASS[kind]);
    const line = edge?.querySelector<SVGPathElement>(".line");
    if (line && kind !== "same") canvas.overlay.append(signBox(line, kind));
  }
}

/** A small box with the sign, at the middle of an edge. */
function signBox(line: SVGPathElement, kind: Kind): SVGGElement {
  const { x, y } = line.getPointAtLength(line.getTotalLength() / 2);
  const group = make("g", { class: `edge-sign ${CLASS[kind]}`, transform: `translate(${x} ${y})` });
  const text = make("text", { y: 4 });
  text.textContent = SIGN[kind];
  group.append(make("rect", { x: -BOX / 2, y: -BOX / 2, width: BOX, height: BOX, rx: 3 }), text);
  return group;
}
