import type { Box, Drawing, DrawnEdge, DrawnNode, DrawnRow, Label } from "./drawing";

const SVG = "http://www.w3.org/2000/svg";
const ROLES = new Set(["UAC", "UAS", "Both"]);

export interface Names {
  /** What a screen reader says of a state. */
  state(name: string): string;
  /** What a screen reader says of a row. */
  row(index: number): string;
}

/** Make the SVG group of a drawing: looks are classes only, every state and row is focusable and named. */
export function build(drawing: Drawing, names: Names): SVGGElement {
  const picture = make("g", { class: "picture" });
  const edges = make("g", { class: "edges" });
  for (const edge of drawing.edges) edges.append(edgeGroup(edge));
  const nodes = make("g", { class: "nodes" });
  for (const node of drawing.nodes) nodes.append(nodeGroup(node, names));
  picture.append(edges, nodes, make("g", { class: "overlay" }));
  return picture;
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

function edgeGroup(edge: DrawnEdge): SVGGElement {
  const group = make("g", { id: edge.id, class: ["edge", ...edge.classes.filter((name) => name !== "edge")].join(" ") });
  group.dataset["rows"] = edge.rows.join(" ");
  group.dataset["source"] = edge.source;
  group.dataset["target"] = edge.target;
  group.append(make("path", { class: "hit", d: edge.path }), make("path", { class: "line", d: edge.path }));
  for (const points of edge.heads) group.append(make("polygon", { class: "tip", points }));
  return group;
}

function nodeGroup(node: DrawnNode, names: Names): SVGGElement {
  const kinds = node.classes.filter((name) => name !== "node");
  const group = make("g", { id: node.id, class: ["node", ...kinds].join(" ") });
  group.dataset["state"] = node.state;
  group.append(rect("body", node.box), head(node, names));
  for (const row of node.rows) group.append(rowGroup(row, names));
  const lines = make("g", { class: "lines" });
  for (const y of node.lines.filter((at) => at > node.head.y + node.head.height + 1)) {
    lines.append(make("line", { class: "nl", x1: node.box.x, x2: node.box.x + node.box.width, y1: y, y2: y }));
  }
  const marks = make("g", { class: "marks" });
  for (const mark of node.marks) marks.append(text(mark, "tx tx-k"));
  for (const note of node.notes) marks.append(text(note, "tx tx-m"));
  const far = make("text", { class: "far-name", x: node.box.x + node.box.width / 2, y: node.box.y + (node.box.height + node.head.height) / 2 });
  far.textContent = node.labels[0]?.text ?? node.state;
  group.append(lines, marks, rect("frame", node.box), far);
  return group;
}

function head(node: DrawnNode, names: Names): SVGGElement {
  const group = make("g", { class: "head item", tabindex: -1, role: "button", "aria-label": names.state(node.state) });
  group.dataset["state"] = node.state;
  group.dataset["testid"] = `state-${node.state}`;
  group.append(rect("nh", node.head));
  node.labels.forEach((label, at) => {
    const role = at > 0 || ROLES.has(label.text.trim());
    group.append(text(label, role ? "tx tx-r" : "tx tx-h"));
  });
  return group;
}

function rowGroup(row: DrawnRow, names: Names): SVGGElement {
  const group = make("g", { class: "trow item", tabindex: -1, role: "button", "aria-label": names.row(row.index) });
  group.dataset["row"] = String(row.index);
  group.dataset["testid"] = `row-${row.index}`;
  group.append(rect("rb", row.box));
  let events = 0;
  for (const label of row.labels) {
    const tag = ROLES.has(label.text.trim()) && events === 0;
    const kind = tag ? `tx tx-t ${label.text.trim().toLowerCase()}` : events === 0 ? "tx" : "tx tx-m";
    if (!tag) events += 1;
    group.append(text(label, kind));
  }
  return group;
}

function text(label: Label, kind: string): SVGTextElement {
  const element = make("text", { class: kind, x: label.x, y: label.y, "font-size": label.size, "text-anchor": label.anchor });
  if (label.bold) element.setAttribute("font-weight", "700");
  element.textContent = label.text;
  return element;
}

function rect(kind: string, box: Box): SVGRectElement {
  return make("rect", { class: kind, x: box.x, y: box.y, width: box.width, height: box.height });
}
