import { rowDisc } from "../graph/badges";
import type { Canvas } from "../graph/canvas";
import type { CallStore } from "./store";

/** Draw the way of the call so far on the diagram: numbered discs at the rows it took, the present state ringed. */
export function drawPath(canvas: Canvas, store: CallStore): void {
  for (const old of canvas.svg.querySelectorAll(".went, .here")) old.classList.remove("went", "here");
  const step = store.step;
  const discs: SVGGElement[] = [];
  const seen = new Set<number>();
  for (const line of store.steps) {
    if (step && line.sequence > step.sequence) break;
    if (line.row < 0) continue;
    const row = canvas.element({ kind: "row", index: line.row });
    row?.classList.add("went");
    for (const edge of canvas.edgesOf(line.row)) if (line.from_state !== line.to_state) edge.classList.add("went");
    if (seen.has(line.row)) continue;
    seen.add(line.row);
    const disc = rowDisc(canvas, line.row, String(line.sequence), "step");
    if (disc) discs.push(disc);
  }
  if (step) canvas.element({ kind: "state", name: step.to_state })?.parentElement?.classList.add("here");
  canvas.overlay?.replaceChildren(...discs);
  canvas.select(step && step.row >= 0 ? { kind: "row", index: step.row } : step ? { kind: "state", name: step.from_state } : null, true);
}
