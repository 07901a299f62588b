import type { Box, Drawing, DrawnEdge, DrawnNode, DrawnRow, Label } from "./drawing";

const PATH = /^[MLCQSTHVZmlcqsthvz0-9eE+\-., ]+$/;
const POINTS = /^[0-9eE+\-., ]+$/;
const WORD = /^[A-Za-z0-9_-]+$/;

const ROLE = /^(UAC|UAS|Both)$/;
/** From the baseline of a row's text to its middle. */
const HALF_LETTER = 3.5;
/** Baselines closer than this are one line. */
const SAME_LINE = 8;
const LETTER_GAP = 3;

interface Cell {
  box: Box;
  href: string;
}

/** Read the SVG text of Graphviz into geometry. Anything that is not of the expected form is left out. */
export function parse(svg: string): Drawing {
  const root = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  const graph = root.querySelector("g.graph");
  const [x = 0, y = 0, width = 0, height = 0] = numbers(root.getAttribute("viewBox") ?? "");
  const shift = /translate\(([-0-9.e]+)[ ,]+([-0-9.e]+)\)/.exec(graph?.getAttribute("transform") ?? "");
  const box = { x: x - Number(shift?.[1] ?? 0), y: y - Number(shift?.[2] ?? 0), width, height };
  const nodes = [...root.querySelectorAll("g.node")].map(node).filter((item) => item !== null);
  const edges = [...root.querySelectorAll("g.edge")].map((group) => edge(group, nodes)).filter((item) => item !== null);
  return { box, nodes, edges };
}

function node(group: Element): DrawnNode | null {
  const cells = cellsOf(group);
  const heads = cells.filter((cell) => cell.href.startsWith("#s/"));
  const first = heads[0];
  if (!first) return null;
  const box = around(cells.map((cell) => cell.box));
  const head = { ...around(heads.map((cell) => cell.box)), x: box.x, width: box.width };
  const inHead = (href: string): boolean => href.startsWith("#s/");
  const lines = linesOf(group, head);
  const rows = rowsOf(group, box, head, lines);
  return {
    id: word(group.id),
    classes: words(group),
    state: decode(first.href.slice(3)),
    box,
    head,
    labels: labelsIn(group, inHead),
    rows,
    marks: labelsIn(group, (href) => !inHead(href)).filter((label) => isMark(label.text)),
    notes: labelsIn(group, (href) => href === ""),
    lines,
  };
}

/**
 * Lines of the body are told apart by their texts, since only the separators are drawn. Several rows may share a line:
 * then each has the width of its own event.
 */
function rowsOf(group: Element, box: Box, head: Box, separators: number[]): DrawnRow[] {
  const found = new Map<number, Label[]>();
  for (const text of group.querySelectorAll("text")) {
    const index = rowOf(hrefOf(text));
    const item = label(text);
    if (index === null || isMark(item.text) || item.text.trim() === "") continue;
    found.set(index, [...(found.get(index) ?? []), item]);
  }
  const lines: { y: number; rows: [number, Label[]][] }[] = [];
  for (const entry of [...found].sort(([, a], [, b]) => (a[0]?.y ?? 0) - (b[0]?.y ?? 0))) {
    const y = (entry[1][0]?.y ?? 0) - HALF_LETTER;
    const last = lines.at(-1);
    if (last && y - last.y < SAME_LINE) last.rows.push(entry);
    else lines.push({ y, rows: [entry] });
  }
  return lines.flatMap((line, at) => {
    const top = at === 0 ? head.y + head.height : between(lines[at - 1]?.y ?? line.y, line.y, separators);
    const next = lines[at + 1];
    const bottom = next ? between(line.y, next.y, separators) : box.y + box.height;
    return inLine(line.rows, { x: box.x, y: top, width: box.width, height: bottom - top });
  });
}

function inLine(rows: [number, Label[]][], place: Box): DrawnRow[] {
  if (rows.length === 1) return rows.map(([index, labels]) => ({ index, box: place, labels }));
  const ordered = rows.sort(([, a], [, b]) => (a[0]?.x ?? 0) - (b[0]?.x ?? 0));
  const summary = ordered[0]?.[1].filter((item) => !ROLE.test(item.text.trim()))[1]?.x;
  return ordered.map(([index, labels], at) => {
    const left = at === 0 ? place.x : (labels[0]?.x ?? place.x) - LETTER_GAP;
    const right = (ordered[at + 1]?.[1][0]?.x ?? summary ?? place.x + place.width) - LETTER_GAP;
    return { index, box: { ...place, x: left, width: Math.max(8, right - left) }, labels };
  });
}

function between(above: number, below: number, separators: number[]): number {
  return separators.find((y) => y > above && y < below) ?? (above + below) / 2;
}

/** Where the rows of one target end and those of the next begin: the lines drawn above their shared mark. */
function linesOf(group: Element, head: Box): number[] {
  const found: number[] = [];
  for (const shape of group.querySelectorAll("polyline, polygon, path, line")) {
    if ((shape.getAttribute("fill") ?? "none") !== "none") continue;
    const values = numbers(shape.getAttribute("points") ?? shape.getAttribute("d") ?? "");
    const ys = values.filter((_, at) => at % 2 === 1);
    const flat = ys.length > 1 && Math.max(...ys) - Math.min(...ys) < 0.5;
    const y = ys[0] ?? 0;
    if (flat && y > head.y + head.height + 2 && !found.some((at) => Math.abs(at - y) < 2)) found.push(y);
  }
  return found.sort((a, b) => a - b);
}

function edge(group: Element, nodes: DrawnNode[]): DrawnEdge | null {
  const path = group.querySelector("path")?.getAttribute("d") ?? "";
  if (!PATH.test(path)) return null;
  const heads = [...group.querySelectorAll("polygon")]
    .map((shape) => shape.getAttribute("points") ?? "")
    .filter((points) => POINTS.test(points));
  const first = rowOf(group.querySelector("a") ? hrefOf(group.querySelector("path") as Element) : "");
  const ends = /^(.+?)(?::[^>]*?)?->(.+?)(?::.*)?$/.exec(group.querySelector("title")?.textContent ?? "");
  const source = nodes.find((node) => node.id === ends?.[1]);
  const target = nodes.find((node) => node.id === ends?.[2]);
  const rows = first === null ? [] : together(source, first);
  return { id: word(group.id), classes: words(group), rows, path, heads, source: source?.id ?? "", target: target?.id ?? "" };
}

/** The rows that share the mark, and so the edge, of this row. */
function together(node: DrawnNode | undefined, first: number): number[] {
  const row = node?.rows.find((item) => item.index === first);
  if (!node || !row) return [first];
  const bounds = [node.head.y + node.head.height, ...node.lines, node.box.y + node.box.height + 1];
  const middle = row.box.y + row.box.height / 2;
  const at = bounds.findIndex((bound) => bound > middle);
  const top = bounds[at - 1] ?? 0;
  const bottom = bounds[at] ?? 0;
  const inside = node.rows.filter((item) => {
    const y = item.box.y + item.box.height / 2;
    return y > top && y < bottom;
  });
  return inside.map((item) => item.index);
}

function cellsOf(group: Element): Cell[] {
  const cells: Cell[] = [];
  for (const shape of group.querySelectorAll("polygon, path, rect")) {
    if ((shape.getAttribute("fill") ?? "none") === "none") continue;
    const box = boxOf(shape);
    if (box) cells.push({ box, href: hrefOf(shape) });
  }
  return cells;
}

function labelsIn(group: Element, wanted: (href: string) => boolean): Label[] {
  return [...group.querySelectorAll("text")].filter((text) => wanted(hrefOf(text))).map(label);
}

function label(text: Element): Label {
  return {
    x: Number(text.getAttribute("x") ?? 0),
    y: Number(text.getAttribute("y") ?? 0),
    size: Number(text.getAttribute("font-size") ?? 11),
    bold: text.getAttribute("font-weight") === "bold",
    anchor: text.getAttribute("text-anchor") === "middle" ? "middle" : text.getAttribute("text-anchor") === "end" ? "end" : "start",
    text: (text.textContent ?? "").replace(/\u00a0/g, " "),
  };
}

function hrefOf(shape: Element): string {
  const link = shape.closest("a");
  return link?.getAttribute("xlink:href") ?? link?.getAttribute("href") ?? "";
}

function rowOf(href: string): number | null {
  const found = /^#t\/(\d+)$/.exec(href);
  return found ? Number(found[1]) : null;
}

function isMark(text: string): boolean {
  return /^[▸▶►◉↻⟳●✕×]$/u.test(text.trim());
}

function boxOf(shape: Element): Box | null {
  const points = shape.getAttribute("points");
  const values = numbers(points ?? shape.getAttribute("d") ?? "");
  if (values.length < 4) return null;
  const xs = values.filter((_, at) => at % 2 === 0);
  const ys = values.filter((_, at) => at % 2 === 1);
  const x = Math.min(...xs);
  const y = Math.min(...ys);
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

function around(boxes: Box[]): Box {
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x, y, width: right - x, height: bottom - y };
}

function numbers(text: string): number[] {
  return (text.match(/-?\d+(?:\.\d+)?(?:e-?\d+)?/g) ?? []).map(Number);
}

function words(group: Element): string[] {
  return (group.getAttribute("class") ?? "").split(/\s+/).filter((name) => WORD.test(name));
}

function word(id: string): string {
  return WORD.test(id) ? id : "";
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
