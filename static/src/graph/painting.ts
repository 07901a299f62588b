import { dress, edgeGroup, make, name, nodeGroup, type Names } from "./build";
import { meets, type Box, type Drawing, type DrawnEdge, type DrawnNode } from "./drawing";

/** Milliseconds of one slice: a key pressed meanwhile waits no longer than this. */
const SLICE = 12;
/** Above this many nodes movement is not animated: it would take more time than it explains. */
const MOST_MOVING = 120;
const GLIDE = 260;
/** From this many nodes on, texts outside of the window are not laid out. */
const MANY = 60;

/** The elements of a drawing on the page. What looks as before is kept and only moved. */
export class Painting {
  readonly root = make("g", { class: "picture" });
  readonly overlay = make("g", { class: "overlay" });
  readonly rows = new Map<number, SVGGElement>();
  readonly heads = new Map<string, SVGGElement>();
  readonly edgesOf = new Map<number, SVGGElement[]>();
  readonly #edges = make("g", { class: "edges" });
  readonly #nodes = make("g", { class: "nodes" });
  readonly #nodeOf = new Map<string, { key: string; group: SVGGElement }>();
  readonly #edgeOf = new Map<string, SVGGElement>();
  #turn = 0;
  #window: Box = { x: 0, y: 0, width: 0, height: 0 };
  #many = false;
  #looking = 0;

  constructor() {
    this.root.append(this.#edges, this.#nodes, this.overlay);
  }

  /** Paint a drawing in slices, the first of them at once; false when a newer one came meanwhile. */
  async show(drawing: Drawing, names: Names, window: Box): Promise<boolean> {
    const turn = ++this.#turn;
    this.#many = drawing.nodes.length > MANY;
    this.#window = wider(window);
    const moves = this.#nodeOf.size > 0 && this.#nodeOf.size <= MOST_MOVING && drawing.nodes.length <= MOST_MOVING;
    this.#clear(drawing);
    this.#glide(moves);
    let begun = performance.now();
    for (const work of this.#works(drawing, names, moves)) {
      work();
      if (performance.now() - begun < SLICE) continue;
      await pause();
      if (turn !== this.#turn) return false;
      begun = performance.now();
    }
    return true;
  }

  /** Lay out the texts that came into the window, in the next frame. */
  look(drawing: Drawing, window: Box): void {
    if (!this.#many) return;
    this.#window = wider(window);
    this.#looking ||= requestAnimationFrame(() => {
      this.#looking = 0;
      for (const node of drawing.nodes) this.#seen(node);
    });
  }

  #seen(node: DrawnNode): void {
    const group = this.#nodeOf.get(node.id)?.group;
    const away = this.#many && !meets(this.#window, node.box);
    if (group && group.classList.contains("away") !== away) group.classList.toggle("away", away);
  }

  *#works(drawing: Drawing, names: Names, moves: boolean): Generator<() => void> {
    for (const node of drawing.nodes) yield () => this.#node(node, names);
    for (const edge of drawing.edges) yield () => this.#edge(edge, moves);
  }

  /** Take away what is gone, and all that is known by number. */
  #clear(drawing: Drawing): void {
    this.rows.clear();
    this.heads.clear();
    this.edgesOf.clear();
    const nodes = new Set(drawing.nodes.map((node) => node.id));
    for (const [id, { group }] of this.#nodeOf) {
      if (nodes.has(id)) continue;
      group.remove();
      this.#nodeOf.delete(id);
    }
    const edges = new Set(drawing.edges.map(pairOf));
    for (const [pair, group] of this.#edgeOf) {
      if (edges.has(pair)) continue;
      group.remove();
      this.#edgeOf.delete(pair);
    }
  }

  #node(node: DrawnNode, names: Names): void {
    const known = this.#nodeOf.get(node.id);
    const group = known?.key === node.key ? known.group : nodeGroup(node);
    group.classList.toggle("away", this.#many && !meets(this.#window, node.box));
    if (group !== known?.group) {
      // From where it stood before, so that a changed node glides like the others.
      if (known) {
        group.style.transform = known.group.style.transform;
        known.group.replaceWith(group);
        if (this.#nodes.classList.contains("moving")) group.getBoundingClientRect();
      } else this.#nodes.append(group);
      this.#nodeOf.set(node.id, { key: node.key, group });
    }
    group.style.transform = `translate(${node.box.x}px, ${node.box.y}px)`;
    name(group, node, names);
    const [top, ...rows] = group.querySelectorAll<SVGGElement>(":scope > .item");
    if (top) this.heads.set(node.state, top);
    node.rows.forEach((row, at) => {
      const element = rows[at];
      if (element) this.rows.set(row.index, element);
    });
  }

  #edge(edge: DrawnEdge, moves: boolean): void {
    const pair = pairOf(edge);
    let group = this.#edgeOf.get(pair);
    if (!group) {
      group = edgeGroup();
      this.#edgeOf.set(pair, group);
      this.#edges.append(group);
    }
    if (dress(group, edge) && moves) group.classList.add("appearing");
    for (const row of edge.rows) this.edgesOf.set(row, [...(this.edgesOf.get(row) ?? []), group]);
  }

  #glide(moves: boolean): void {
    this.#nodes.classList.toggle("moving", moves);
    if (!moves) return;
    const turn = this.#turn;
    window.setTimeout(() => {
      if (turn !== this.#turn) return;
      this.#nodes.classList.remove("moving");
      for (const group of this.#edges.querySelectorAll(".appearing")) group.classList.remove("appearing");
    }, GLIDE);
  }
}

/** The window and as much again around it, so that a short pan shows nothing empty. */
function wider({ x, y, width, height }: Box): Box {
  return { x: x - width / 2, y: y - height / 2, width: 2 * width, height: 2 * height };
}

function pairOf(edge: DrawnEdge): string {
  return `${edge.source}>${edge.target}`;
}

/** Let the page do what waits: keys, frames, scrolling. */
function pause(): Promise<void> {
  const given = (globalThis as { scheduler?: { yield?: () => Promise<void> } }).scheduler;
  return given?.yield ? given.yield() : new Promise((go) => window.setTimeout(go, 0));
}
