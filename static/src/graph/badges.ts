import type { Box } from "./drawing";
import type { Canvas } from "./canvas";
import type { TraceStep } from "../lib/types";
import { make } from "./build";

/** A small disc with a number at the upper right corner of a box. */
export function disc(box: Box, text: string, kind = ""): SVGGElement {
  const group = make("g", { class: `badge ${kind}`, transform: `translate(${box.x + box.width} ${box.y})` });
  const label = make("text", { y: 3.5 });
  label.textContent = text;
  group.append(make("circle", { r: 8 }), label);
  return group;
}

/** A disc at the left of a drawn row. */
export function rowDisc(canvas: Canvas, row: number, text: string, kind = ""): SVGGElement | null {
  const box = canvas.boxOf({ kind: "row", index: row });
  return box ? disc({ ...box, x: box.x - box.width - 8, y: box.y + box.height / 2 }, text, kind) : null;
}

/** A dashed label below a box, as wide as its text. */
function label(box: Box, text: string): SVGGElement {
  const group = make("g", { class: "trace-label", "data-testid": "trace-label", transform: `translate(${box.x} ${box.y + box.height + 6})` });
  const words = make("text", { x: 8, y: 15 });
  words.textContent = text;
  group.append(make("rect", { width: 0, height: 22, rx: 4 }), words);
  return group;
}

/** Draw the way to a finding: numbered discs at the rows it takes, its last state framed, what is missing there below it. */
export function markTrace(canvas: Canvas, trace: TraceStep[], missing = ""): void {
  for (const old of canvas.svg.querySelectorAll(".traced, .trace-end")) old.classList.remove("traced", "trace-end");
  canvas.svg.classList.toggle("tracing", trace.length > 0);
  const last = trace.at(-1);
  if (!last) return;
  const discs = new Map<string, SVGGElement | null>();
  trace.forEach((step, at) => {
    const key = step.row >= 0 ? `row ${step.row}` : `state ${step.before}`;
    if (step.row >= 0) {
      canvas.element({ kind: "row", index: step.row })?.classList.add("traced");
      if (step.before !== step.after) for (const edge of canvas.edgesOf(step.row)) edge.classList.add("traced");
    }
    if (discs.has(key)) return;
    const node = canvas.node(step.before);
    discs.set(key, step.row >= 0 ? rowDisc(canvas, step.row, String(at + 1)) : node ? disc(node.box, String(at + 1)) : null);
  });
  // A final state is not drawn: the way ends where its last row stands.
  const end = canvas.node(last.after) ? last.after : last.before;
  canvas.element({ kind: "state", name: end })?.parentElement?.classList.add("trace-end");
  canvas.overlay.replaceChildren(...[...discs.values()].filter((item) => item !== null));
  const box = canvas.node(end)?.box;
  if (!missing || !box) return;
  const told = label(box, missing);
  canvas.overlay.append(told);
  const width = told.querySelector("text")?.getComputedTextLength() ?? 0;
  told.querySelector("rect")?.setAttribute("width", String(Math.ceil(width) + 16));
}

interface Mark {
  row: number | null;
  state: string | null;
  severity: string;
}

const TINTS = ["f-error", "f-warning"];

/**
 * Mark the rows and states that have findings, by tint and by a counted disc; what is marked so already is not touched.
 * What the deeper check found is only counted: it speaks of ways through the table, and hundreds of tinted rows would hide
 * the one that is looked at.
 */
export function markFindings(canvas: Canvas, findings: Mark[], deep: Mark[] = []): void {
  const tints = new Map<Element, Set<string>>();
  const tint = (element: Element | null | undefined, kind: string): void => {
    if (element) tints.set(element, (tints.get(element) ?? new Set()).add(kind));
  };
  const counts = new Map<string, { errors: number; warnings: number }>();
  const tinted = new Set(findings);
  for (const finding of [...findings, ...deep]) {
    if (finding.severity === "info") continue;
    const row = finding.row === null ? null : canvas.element({ kind: "row", index: finding.row });
    const head = finding.state === null ? null : canvas.element({ kind: "state", name: finding.state });
    const state = row?.closest<SVGGElement>(".node")?.dataset["state"] ?? finding.state;
    if (tinted.has(finding)) tint(row, `f-${finding.severity}`);
    if (tinted.has(finding) && !row && finding.severity === "error") tint(head?.parentElement, "f-error");
    if (!state) continue;
    const count = counts.get(state) ?? { errors: 0, warnings: 0 };
    if (finding.severity === "error") count.errors += 1;
    else count.warnings += 1;
    counts.set(state, count);
  }
  dye(canvas, tints);
  const discs = [...counts].flatMap(([state, count]): Disc[] => {
    const node = canvas.node(state);
    return node ? [{ box: node.box, text: String(count.errors || count.warnings), kind: count.errors ? "" : "warning" }] : [];
  });
  pin(canvas.overlay, discs);
}

/** Give elements these tints, and take them from all others. */
function dye(canvas: Canvas, tints: Map<Element, Set<string>>): void {
  for (const old of canvas.svg.querySelectorAll(".f-error, .f-warning")) {
    for (const kind of TINTS) if (!tints.get(old)?.has(kind)) old.classList.remove(kind);
  }
  for (const [element, kinds] of tints) {
    for (const kind of kinds) if (!element.classList.contains(kind)) element.classList.add(kind);
  }
}

interface Disc {
  box: Box;
  text: string;
  kind: string;
}

/** Have these discs on the overlay and nothing else; those that hang there stay. */
function pin(overlay: SVGGElement, discs: Disc[]): void {
  const hanging = new Map([...overlay.children].map((element) => [element.getAttribute("data-disc") ?? "", element]));
  const key = ({ box, text, kind }: Disc): string => `${box.x + box.width} ${box.y} ${text} ${kind}`;
  const wanted = new Map(discs.map((item) => [key(item), item]));
  for (const element of [...overlay.children]) {
    if (!wanted.has(element.getAttribute("data-disc") ?? "")) element.remove();
  }
  for (const [place, item] of wanted) {
    if (hanging.has(place)) continue;
    const made = disc(item.box, item.text, item.kind);
    made.setAttribute("data-disc", place);
    overlay.append(made);
  }
}
