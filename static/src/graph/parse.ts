import type { Box, Drawing, DrawnEdge, DrawnNode, DrawnRow, Label } from "./drawing";
import { readMarkup, type Tag } from "./markup";

const PATH = /^[MLCQSTHVZmlcqsthvz0-9eE+\-., ]+$/;
const POINTS = /^[0-9eE+\-., ]+$/;
const WORD = /^[A-Za-z0-9_-]+$/;

const HEAD = /^#[sg]\//;
/** What stands before the event: the sign of a difference, a role, or both. */
const TAG = /^(?:[+−~] ?(?:UAC|UAS|Both)?|UAC|UAS|Both)$/;
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
  const root = readMarkup(svg);
  const groups = root.all("g");
  const graph = groups.find((group) => group.get("class")?.split(" ").includes("graph"));
  const [x = 0, y = 0, width = 0, height = 0] = numbers(root.get("viewBox") ?? "");
  const shift = /translate\(([-0-9.e]+)[ ,]+([-0-9.e]+)\)/.exec(graph?.get("transform") ?? "");
  const box = { x: x - Number(shift?.[1] ?? 0), y: y - Number(shift?.[2] ?? 0), width, height };
  const nodes = groups.filter((group) => words(group).includes("node")).map(node).filter((item) => item !== null);
  const byId = new Map(nodes.map((item) => [item.id, item]));
  const edges = groups.filter((group) => words(group).includes("edge")).map((group) => edge(group, byId)).filter((item) => item !== null);
  return { box, nodes, edges };
}

function node(group: Tag): DrawnNode | null {
  const cells = cellsOf(group);
  const heads = cells.filter((cell) => HEAD.test(cell.href));
  const first = heads[0];
  if (!first) return null;
  const box = around(cells.map((cell) => cell.box));
  const head = { ...around(heads.map((cell) => cell.box)), x: box.x, width: box.width };
  const inHead = (href: string): boolean => HEAD.test(href);
  const lines = linesOf(group, head);
  const rows = rowsOf(group, box, head, lines);
  const name = decode(first.href.slice(3));
  const drawn = {
    id: word(group.get("id") ?? ""),
    classes: words(group),
    state: first.href.startsWith("#g/") ? `group:${name}` : name,
    box,
    head,
    labels: labelsIn(group, inHead),
    rows,
    marks: labelsIn(group, (href) => !inHead(href)).filter((label) => isMark(label.text)),
    notes: labelsIn(group, (href) => href === ""),
    lines,
  };
  return { ...drawn, key: keyOf(drawn) };
}

/** What a node looks like wherever it stands and however its rows are numbered: equal keys need no new elements. */
function keyOf(node: Omit<DrawnNode, "key">): string {
  const { x, y } = node.box;
  const box = (part: Box): number[] => [part.x - x, part.y - y, part.width, part.height].map(round);
  const label = (part: Label): unknown[] => [round(part.x - x), round(part.y - y), part.size, part.bold, part.anchor, part.text];
  return JSON.stringify([
    node.id, node.classes, node.state, box(node.box), box(node.head), node.labels.map(label),
    node.rows.map((row) => [box(row.box), row.labels.map(label)]),
    node.marks.map(label), node.notes.map(label), node.lines.map((line) => round(line - y)),
  ]);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/**
 * Lines of the body are told apart by their texts, since only the separators are drawn. Several rows may share a line:
 * then each has the width of its own event.
 */
function rowsOf(group: Tag, box: Box, head: Box, separators: number[]): DrawnRow[] {
  const found = new Map<number, Label[]>();
  for (const text of group.all("text")) {
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
  const summary = ordered[0]?.[1].filter((item) => !TAG.test(item.text.trim()))[1]?.x;
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
function linesOf(group: Tag, head: Box): number[] {
  const found: number[] = [];
  for (const shape of group.all("polyline", "polygon", "path", "line")) {
    if ((shape.get("fill") ?? "none") !== "none") continue;
    const values = numbers(shape.get("points") ?? shape.get("d") ?? "");
    const ys = values.filter((_, at) => at % 2 === 1);
    const flat = ys.length > 1 && Math.max(...ys) - Math.min(...ys) < 0.5;
    const y = ys[0] ?? 0;
    if (flat && y > head.y + head.height + 2 && !found.some((at) => Math.abs(at - y) < 2)) found.push(y);
  }
  return found.sort((a, b) => a - b);
}

function edge(group: Tag, nodes: Map<string, DrawnNode>): DrawnEdge | null {
  const line = group.first("path");
  const path = line?.get("d") ?? "";
  if (!line || !PATH.test(path)) return null;
  const heads = group
    .all("polygon")
    .map((shape) => shape.get("points") ?? "")
    .filter((points) => POINTS.test(points));
  const ends = /^(.+?)(?::[^>]*?)?->(.+?)(?::.*)?$/.exec(group.first("title")?.text ?? "");
  const source = nodes.get(ends?.[1] ?? "");
  const target = nodes.get(ends?.[2] ?? "");
  const classes = words(group);
  const rows = (classes.find((name) => name.startsWith("rows-")) ?? "").split("-").slice(1).map(Number);
  return { id: word(group.get("id") ?? ""), classes: classes.filter((name) => !name.startsWith("rows-")), rows, path, heads, source: source?.id ?? "", target: target?.id ?? "" };
}

function cellsOf(group: Tag): Cell[] {
  const cells: Cell[] = [];
  for (const shape of group.all("polygon", "path", "rect")) {
    if ((shape.get("fill") ?? "none") === "none") continue;
    const box = boxOf(shape);
    if (box) cells.push({ box, href: hrefOf(shape) });
  }
  return cells;
}

function labelsIn(group: Tag, wanted: (href: string) => boolean): Label[] {
  return group.all("text").filter((text) => wanted(hrefOf(text))).map(label);
}

function label(text: Tag): Label {
  return {
    x: Number(text.get("x") ?? 0),
    y: Number(text.get("y") ?? 0),
    size: Number(text.get("font-size") ?? 11),
    bold: text.get("font-weight") === "bold",
    anchor: text.get("text-anchor") === "middle" ? "middle" : text.get("text-anchor") === "end" ? "end" : "start",
    text: (text.text ?? "").replace(/\u00a0/g, " "),
  };
}

function hrefOf(shape: Tag): string {
  const link = shape.closest("a");
  return link?.get("xlink:href") ?? link?.get("href") ?? "";
}

function rowOf(href: string): number | null {
  const found = /^#t\/(\d+)$/.exec(href);
  return found ? Number(found[1]) : null;
}

function isMark(text: string): boolean {
  return /^[▸▶►◉↻⟳●✕×…](?: .+)?$/u.test(text.trim());
}

function boxOf(shape: Tag): Box | null {
  const points = shape.get("points");
  const values = numbers(points ?? shape.get("d") ?? "");
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

function words(group: Tag): string[] {
  return (group.get("class") ?? "").split(/\s+/).filter((name) => WORD.test(name));
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
