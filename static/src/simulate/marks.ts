import { disc, rowDisc } from "../graph/badges";
import type { Canvas } from "../graph/canvas";
import type { Trial } from "./trial";

const MARKS = [".went", ".here", ".blocked", ".possible"];

/** Draw the run on the diagram: numbered discs at the rows it took, the present states ringed, what may fire next marked. */
export function drawRun(canvas: Canvas, trial: Trial): void {
  clearRun(canvas);
  const played = trial.played;
  if (!played) return;
  const last = new Map<number, string>();
  for (const step of trial.steps) {
    if (step.row < 0) continue;
    canvas.element({ kind: "row", index: step.row })?.classList.add("went");
    if (step.from !== step.to) for (const edge of canvas.edgesOf(step.row)) edge.classList.add("went");
    last.set(step.row, last.has(step.row) ? `${step.number}+` : String(step.number));
  }
  const discs = [...last].map(([row, number]) => rowDisc(canvas, row, number, "step"));
  for (const side of played.sides) {
    canvas.element({ kind: "state", name: side.state })?.parentElement?.classList.add("here");
    const node = canvas.node(side.state);
    if (node && trial.both) discs.push(disc({ ...node.box, x: node.box.x - (side.role === "UAS" ? 20 : 0) }, side.role.slice(-1), "side"));
  }
  for (const choice of played.choices) {
    for (const tried of choice.tried) {
      if (tried.verdict === "guards failed") canvas.element({ kind: "row", index: tried.row })?.classList.add("blocked");
    }
    if (choice.row >= 0 && choice.group !== "Not now") canvas.element({ kind: "row", index: choice.row })?.classList.add("possible");
  }
  for (const stop of trial.stops) {
    const [kind, name = ""] = stop.split(" ");
    const node = kind === "state" ? canvas.node(name) : undefined;
    discs.push(node ? disc({ ...node.box, x: node.box.x - node.box.width }, "‖", "stop") : rowDisc(canvas, Number(name), "‖", "stop"));
  }
  canvas.overlay?.replaceChildren(...discs.filter((item) => item !== null));
}

export function clearRun(canvas: Canvas): void {
  for (const old of canvas.svg.querySelectorAll(MARKS.join())) old.classList.remove("went", "here", "blocked", "possible");
  canvas.overlay?.replaceChildren();
}
