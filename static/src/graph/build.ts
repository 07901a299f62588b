import type { Box, DrawnEdge, DrawnNode, DrawnRow, Label } from "./drawing";

const SVG = "http://www.w3.org/2000/svg";
const ROLES = new Set(["UAC", "UAS", "Both"]);
/** What stands before the event of a row: the sign of a difference, a role, or both. */
const TAG = /^(?:[+−~] ?)?(UAC|UAS|Both|)$/;

export interface Names {
  /** What a screen reader says of a state. */
  state(name: string): string;
  /** What a screen reader says of a row. */
  row(index: number): string;
}

/** Create an SVG element with these attributes. */
export function make<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Record<string, string | number>,
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/** The lines over what stands for more than is drawn. */
export function hatch(): SVGDefsElement {
  const defs = make("defs", {});
  const pattern = make("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  pattern.append(make("line", { class: "hatching", x1: 0, y1: 0, x2: 0, y2: 6 }));
  defs.append(pattern);
  return defs;
}

/** The group of an edge; `dress` gives it its course. */
export function edgeGroup(): SVGGElement {
  const group = make("g", {});
  group.append(make("path", { class: "hit" }), make("path", { class: "line" }));
  return group;
}

/** Give the group of an edge the course and the rows of this one; false if it had this course already. */
export function dress(group: SVGGElement, edge: DrawnEdge): boolean {
  group.id = edge.id;
  group.dataset["rows"] = edge.rows.join(" ");
  group.dataset["source"] = edge.source;
  group.dataset["target"] = edge.target;
  const kind = ["edge", ...edge.classes.filter((name) => name !== "edge")].join(" ");
  const course = [edge.path, ...edge.heads].join(";");
  if (group.dataset["kind"] !== kind) group.setAttribute("class", kind);
  group.dataset["kind"] = kind;
  if (group.dataset["course"] === course) return false;
  group.dataset["course"] = course;
  for (const path of group.querySelectorAll("path")) path.setAttribute("d", edge.path);
  for (const tip of group.querySelectorAll(".tip")) tip.remove();
  for (const points of edge.heads) group.append(make("polygon", { class: "tip", points }));
  return true;
}

/** The group of a node, drawn from its own upper left corner: looks are classes only, state and rows are focusable. */
export function nodeGroup(drawn: DrawnNode): SVGGElement {
  const node = atOrigin(drawn);
  const kinds = node.classes.filter((name) => name !== "node");
  const group = make("g", { id: node.id, class: ["node", ...kinds].join(" ") });
  group.dataset["state"] = node.state;
  group.append(rect("body", node.box));
  if (kinds.includes("folded")) group.append(make("rect", { class: "hatched", x: 0, y: 0, width: node.box.width, height: node.box.height, fill: "url(#hatch)" }));
  group.append(head(node));
  for (const row of node.rows) group.append(rowGroup(row));
  const lines = make("g", { class: "lines" });
  for (const y of node.lines.filter((at) => at > node.head.y + node.head.height + 1)) {
    lines.append(make("line", { class: "nl", x1: 0, x2: node.box.width, y1: y, y2: y }));
  }
  const marks = make("g", { class: "marks" });
  for (const mark of node.marks) marks.append(text(mark, "tx tx-k"));
  for (const note of node.notes) marks.append(text(note, "tx tx-m"));
  const far = make("text", { class: "far-name", x: node.box.width / 2, y: (node.box.height + node.head.height) / 2 });
  far.textContent = node.labels[0]?.text ?? node.state;
  group.append(lines, marks, rect("frame", node.box), far);
  return group;
}

function atOrigin(node: DrawnNode): DrawnNode {
  const { x, y } = node.box;
  const box = (part: Box): Box => ({ ...part, x: part.x - x, y: part.y - y });
  const label = (part: Label): Label => ({ ...part, x: part.x - x, y: part.y - y });
  return {
    ...node,
    box: box(node.box),
    head: box(node.head),
    labels: node.labels.map(label),
    rows: node.rows.map((row) => ({ ...row, box: box(row.box), labels: row.labels.map(label) })),
    marks: node.marks.map(label),
    notes: node.notes.map(label),
    lines: node.lines.map((line) => line - y),
  };
}

/** Name the state and the rows of a node's group as they are numbered now. */
export function name(group: SVGGElement, node: DrawnNode, names: Names): void {
  const [top, ...rows] = group.querySelectorAll<SVGGElement>(":scope > .item");
  say(top, spoken(node.labels, names.state(node.state)));
  node.rows.forEach((row, at) => {
    const element = rows[at];
    if (!element) return;
    element.dataset["row"] = String(row.index);
    element.dataset["testid"] = `row-${row.index}`;
    say(element, spoken(row.labels, names.row(row.index)));
  });
}

/** What is said holds what is seen, so that who speaks to the page can name it (WCAG 2.5.3). */
function spoken(labels: Label[], words: string): string {
  const seen = labels.map((label) => label.text.trim()).join(" ");
  return ` ${words},`.includes(` ${seen},`) ? words : `${seen}. ${words}`;
}

function say(element: Element | undefined, words: string): void {
  if (element?.getAttribute("aria-label") !== words) element?.setAttribute("aria-label", words);
}

function head(node: DrawnNode): SVGGElement {
  const group = make("g", { class: "head item", tabindex: -1, role: "button" });
  group.dataset["state"] = node.state;
  group.dataset["testid"] = `state-${node.state}`;
  group.append(rect("nh", node.head));
  node.labels.forEach((label, at) => {
    const role = at > 0 || ROLES.has(label.text.trim());
    group.append(text(label, role ? "tx tx-r" : "tx tx-h"));
  });
  return group;
}

function rowGroup(row: DrawnRow): SVGGElement {
  const group = make("g", { class: "trow item", tabindex: -1, role: "button" });
  group.append(rect("rb", row.box));
  let events = 0;
  for (const label of row.labels) {
    const role = TAG.exec(label.text.trim())?.[1]?.toLowerCase();
    const tag = role !== undefined && events === 0;
    const kind = tag ? `tx tx-t ${role}`.trimEnd() : events === 0 ? "tx" : "tx tx-m";
    if (!tag) events += 1;
    group.append(text(label, kind));
  }
  return group;
}

function text(label: Label, kind: string): SVGTextElement {
  const element = make("text", { class: kind, x: label.x, y: label.y, "font-size": label.size, "text-anchor": label.anchor });
  if (label.bold) element.setAttribute("font-weight", "700");
  // The space keeps this word apart from the next where all texts are read as one.
  element.textContent = `${label.text} `;
  return element;
}

function rect(kind: string, box: Box): SVGRectElement {
  return make("rect", { class: kind, x: box.x, y: box.y, width: box.width, height: box.height });
}
