import type { Box } from "./drawing";
import type { Canvas } from "./canvas";
import { make } from "./build";

/** A small disc with a number at the upper right corner of a box. */
export function disc(box: Box, text: string, kind = ""): SVGGElement {
  const group = make("g", { class: `badge ${kind}`, transform: `translate(${box.x + box.width} ${box.y})` });
  const label = make("text", { y: 3.5 });
  label.textContent = text;
  group.append(make("circle", { r: 8 }), label);
  return group;
}

/** Mark the rows and states that have findings, by tint and by a counted disc. */
export function markFindings(canvas: Canvas, findings: { row: number | null; state: string | null; severity: string }[]): void {
  for (const old of canvas.svg.querySelectorAll(".f-error, .f-warning")) old.classList.remove("f-error", "f-warning");
  const counts = new Map<string, { errors: number; warnings: number }>();
  for (const finding of findings) {
    if (finding.severity === "info") continue;
    const row = finding.row === null ? null : canvas.element({ kind: "row", index: finding.row });
    const head = finding.state === null ? null : canvas.element({ kind: "state", name: finding.state });
    const state = row?.closest<SVGGElement>(".node")?.dataset["state"] ?? finding.state;
    row?.classList.add(`f-${finding.severity}`);
    if (!row && finding.severity === "error") head?.parentElement?.classList.add("f-error");
    if (!state) continue;
    const count = counts.get(state) ?? { errors: 0, warnings: 0 };
    if (finding.severity === "error") count.errors += 1;
    else count.warnings += 1;
    counts.set(state, count);
  }
  const discs = [...counts].flatMap(([state, count]) => {
    const node = canvas.node(state);
    if (!node) return [];
    return [disc(node.box, String(count.errors || count.warnings), count.errors ? "" : "warning")];
  });
  canvas.overlay?.replaceChildren(...discs);
}
