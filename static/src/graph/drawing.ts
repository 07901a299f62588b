/** A picture as plain geometry: the only things taken over from Graphviz are numbers, texts and words of known form. */

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Label {
  x: number;
  y: number;
  size: number;
  bold: boolean;
  anchor: string;
  text: string;
}

export interface DrawnRow {
  index: number;
  box: Box;
  labels: Label[];
}

export interface DrawnNode {
  id: string;
  classes: string[];
  /** The state's name; of a folded group `group:` and its name. */
  state: string;
  box: Box;
  head: Box;
  labels: Label[];
  rows: DrawnRow[];
  marks: Label[];
  /** Texts that belong to no row: "no rows", "not declared". */
  notes: Label[];
  lines: number[];
  /** Equal for nodes that look alike, wherever they stand and however their rows are numbered. */
  key: string;
}

export interface DrawnEdge {
  id: string;
  classes: string[];
  rows: number[];
  path: string;
  heads: string[];
  /** Ids of the nodes at its ends. */
  source: string;
  target: string;
}

export interface Drawing {
  box: Box;
  nodes: DrawnNode[];
  edges: DrawnEdge[];
}

/** Whether two boxes share a place. */
export function meets(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
