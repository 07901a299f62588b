import type { Canvas } from "../graph/canvas";
import { disc } from "../graph/badges";
import { make } from "../graph/build";
import type { Frame } from "../lib/socket";
import type { PictureRow } from "../lib/types";
import type { Guest } from "./guests";
import type { Store } from "./store";

/** A place as every draft can find it: rows have other numbers in another draft. */
type Place = { kind: "state"; name: string } | { kind: "row"; id: string; from: string; role: string; label: string; guards: string[] };

interface Other {
  name: string;
  initials: string;
  at: Place;
  heard: number;
}

const BEAT = 20_000;
/** A tab that was not heard for so long is gone or asleep. */
const EXPIRES = 60_000;
const SETTLES = 250;

/** Who else is on which row or state: advisory marks on diagram, outline and text. Nothing is ever locked. */
export class Presence {
  readonly #others = new Map<string, Other>();
  #said = "";
  #timer = 0;

  constructor(
    private readonly store: Store,
    private readonly canvas: Canvas,
    private readonly say: (frame: Frame) => void,
    private readonly text: (guests: Guest[]) => void,
  ) {
    store.on(["selection"], () => {
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => this.#tell(), SETTLES);
    });
    store.on(["document", "selection", "check", "role"], () => queueMicrotask(() => this.draw()));
    store.on(["connection"], () => {
      this.#said = "";
      if (store.connected) this.#tell();
      else this.#others.clear();
      this.draw();
    });
    window.setInterval(() => this.#beat(), BEAT);
    // The picture is put in after it was drawn: marks follow it.
    new MutationObserver(() => this.#onCanvas()).observe(canvas.svg, { childList: true, subtree: false });
  }

  /** Take what a tab said; null for a tab that is nowhere or gone. */
  heard(frame: Frame): void {
    const at = frame["at"] as Place | null;
    const tab = String(frame["tab"]);
    if (at) this.#others.set(tab, { name: String(frame["name"]), initials: String(frame["initials"]), at, heard: Date.now() });
    else this.#others.delete(tab);
    this.draw();
  }

  draw(): void {
    this.#onCanvas();
    this.#onOutline();
    const marks = [...this.#others.values()].flatMap((other) => {
      const line = this.#row(other.at)?.line ?? (other.at.kind === "state" ? this.store.state(other.at.name)?.line : undefined);
      return line ? [{ line, initials: other.initials, name: other.name }] : [];
    });
    this.text(this.store.compiles ? marks : []);
  }

  #beat(): void {
    const before = this.#others.size;
    for (const [tab, other] of this.#others) if (Date.now() - other.heard > EXPIRES) this.#others.delete(tab);
    if (before !== this.#others.size) this.draw();
    if (document.visibilityState === "visible" && this.#said) {
      this.#said = "";
      this.#tell();
    }
  }

  #tell(): void {
    const at = this.#place();
    const said = JSON.stringify(at);
    if (said === this.#said || (!this.#said && at === null)) return;
    this.#said = said;
    this.say({ type: "cursor", at });
  }

  #place(): Place | null {
    const { selection } = this.store;
    if (selection?.kind === "state") return { kind: "state", name: selection.name };
    const row = selection ? this.store.row(selection.index) : undefined;
    return row ? { kind: "row", id: row.id, from: row.from_state, role: row.role, label: row.label, guards: row.guards } : null;
  }

  #row(at: Place): PictureRow | undefined {
    if (at.kind !== "row") return undefined;
    const rows = this.store.picture?.rows ?? [];
    const same = (row: PictureRow): boolean => row.from_state === at.from && row.role === at.role && row.label === at.label && row.guards.join() === at.guards.join();
    return (at.id ? rows.find((row) => row.id === at.id) : undefined) ?? rows.find(same);
  }

  #onCanvas(): void {
    const view = this.canvas.overlay?.parentElement;
    this.canvas.svg.querySelector(".presence")?.remove();
    if (!view || !this.#others.size) return;
    const group = make("g", { class: "presence" });
    for (const other of this.#others.values()) {
      const row = this.#row(other.at);
      const node = this.canvas.node(other.at.kind === "state" ? other.at.name : (row?.from_state ?? ""));
      const box = row ? node?.rows.find((item) => item.index === row.index)?.box : node?.box;
      if (!box) continue;
      const mark = disc(row ? { ...box, y: box.y + box.height / 2 } : { ...box, x: box.x - 24 }, other.initials, "guest");
      const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
      title.textContent = `${other.name} is here`;
      mark.append(title);
      group.append(mark);
    }
    view.append(group);
  }

  #onOutline(): void {
    for (const old of document.querySelectorAll("[data-here]")) old.removeAttribute("data-here");
    for (const other of this.#others.values()) {
      const row = this.#row(other.at);
      const state = other.at.kind === "state" ? other.at.name : row?.from_state;
      const item = (row && document.querySelector(`[data-testid="outline-row-${row.index}"]`)) || (state && document.querySelector(`[data-testid="outline-state-${CSS.escape(state)}"]`));
      if (!item) continue;
      const here = item.getAttribute("data-here");
      item.setAttribute("data-here", here && here !== other.initials ? `${here} ${other.initials}` : other.initials);
    }
  }
}
