import type { Box, Drawing } from "./drawing";

const LEAST = 0.05;
const MOST = 3;
/** What is brought into the window from afar is made this large. */
const READABLE = 0.95;
const FADED_BELOW = 0.6;
const MARGIN = 40;
/** Kept free at the edges of what is shown as a whole or from its beginning. */
const EDGE = 8;
const TOOLS = 44;
const GLIDE = 260;
/** Pixels of a Graphviz point at 100 %: row texts are 11 px then. */
const UNIT = 1.1;
/** A page opens with texts that can be read, even if it cannot show all of them. */
const FIRST = 0.75 * UNIT;

/** Which part of the picture is in the window, and how large. */
export class Camera {
  #scale = 1;
  #x = 0;
  #y = 0;
  /** Size of the window; asked of the page it would cost a layout in the middle of a change. */
  #room = { width: 0, height: 0 };
  /** What the window keeps to when it changes: the first view, all of it, or where somebody went. */
  #keeps: "begin" | "all" | null = "begin";

  constructor(
    private readonly host: HTMLElement,
    private readonly view: SVGGElement,
    private readonly moved: () => void,
  ) {
    this.#room = { width: host.clientWidth, height: host.clientHeight };
  }

  /** The window has this size now. */
  resized(width: number, height: number): void {
    this.#room = { width, height };
  }

  get scale(): number {
    return this.#scale;
  }

  get percent(): number {
    return Math.round((this.#scale / UNIT) * 100);
  }

  /** So far away that texts cannot be read. */
  get far(): boolean {
    return this.#scale < FADED_BELOW;
  }

  get kept(): boolean {
    return this.#keeps !== null;
  }

  /** The part of the picture that is in the window. */
  get window(): Box {
    const { width, height } = this.#room;
    return { x: -this.#x / this.#scale, y: -this.#y / this.#scale, width: width / this.#scale, height: height / this.#scale };
  }

  /** A place on the screen as a place of the picture. */
  toPicture(clientX: number, clientY: number): { x: number; y: number } {
    const frame = this.host.getBoundingClientRect();
    return { x: (clientX - frame.left - this.#x) / this.#scale, y: (clientY - frame.top - this.#y) / this.#scale };
  }

  /** A place of the picture as pixels from the corner of the window. */
  toWindow(x: number, y: number): { x: number; y: number } {
    return { x: this.#x + x * this.#scale, y: this.#y + y * this.#scale };
  }

  full(): void {
    this.zoom(UNIT / this.#scale);
  }

  zoom(factor: number, x = this.#room.width / 2, y = this.#room.height / 2): void {
    const scale = Math.min(MOST, Math.max(LEAST, this.#scale * factor));
    this.#x = x - ((x - this.#x) * scale) / this.#scale;
    this.#y = y - ((y - this.#y) * scale) / this.#scale;
    this.#scale = scale;
    this.#go();
  }

  pan(dx: number, dy: number): void {
    this.#x += dx;
    this.#y += dy;
    this.#go();
  }

  centre(x: number, y: number): void {
    this.#x = this.#room.width / 2 - x * this.#scale;
    this.#y = this.#room.height / 2 - y * this.#scale;
    this.#go();
  }

  /** Show all of it, never larger than life. */
  all(drawing: Drawing | null, begin: Box | undefined): void {
    this.#keeps = "all";
    this.settle(drawing, begin);
  }

  /** Show this part as large as it fits, never larger than life. */
  fit(box: Box): void {
    const width = this.#room.width - Number(this.host.dataset["covered"] ?? 0);
    const room = { width: width - 2 * MARGIN, height: this.#room.height - TOOLS - 2 * MARGIN };
    this.glide();
    this.#scale = Math.max(LEAST, Math.min(UNIT, room.width / box.width, room.height / box.height));
    this.#x = width / 2 - (box.x + box.width / 2) * this.#scale;
    this.#y = TOOLS + (this.#room.height - TOOLS) / 2 - (box.y + box.height / 2) * this.#scale;
    this.#go();
  }

  /** Show the first view or all of it, whichever the window keeps to. */
  settle(drawing: Drawing | null, begin: Box | undefined): void {
    const box = drawing?.box;
    if (!box || !this.#room.width || !this.#keeps) {
      this.apply();
      return;
    }
    const top = this.host.dataset["toolbar"] ? TOOLS : 0;
    const covered = this.#keeps === "all" ? Number(this.host.dataset["covered"] ?? 0) : 0;
    const width = this.#room.width - covered;
    const height = this.#room.height - top;
    const fitting = Math.min(UNIT, (width - 2 * EDGE) / box.width, (height - 2 * EDGE) / box.height);
    this.#scale = this.#keeps === "all" ? fitting : Math.max(fitting, FIRST);
    const first = begin ?? { ...box, width: 0, height: 0 };
    this.#x = place(box.x, box.width, this.#scale, 0, width, first.x + first.width / 2);
    this.#y = place(box.y, box.height, this.#scale, top, height, first.y + first.height / 2);
    this.apply();
  }

  /** The picture was laid out anew: what stood at `before` stands at `after` now and shall not leave the eye. */
  follow(before: Box, after: Box): void {
    const dx = (after.x - before.x) * this.#scale;
    const dy = (after.y - before.y) * this.#scale;
    if (!dx && !dy) return;
    this.glide();
    this.#x -= dx;
    this.#y -= dy;
    this.apply();
  }

  /** Begin to keep to the first view, if nothing is kept to. */
  begin(): void {
    this.#keeps ??= "begin";
  }

  /** Move only as far as needed to see this box. */
  reveal(box: Box): void {
    if (this.far) {
      this.#scale = READABLE;
      this.centre(box.x + box.width / 2, box.y + box.height / 2);
      return;
    }
    const from = this.toWindow(box.x, box.y);
    const to = this.toWindow(box.x + box.width, box.y + box.height);
    const width = this.#room.width - Number(this.host.dataset["covered"] ?? 0);
    const dx = outside(from.x, to.x, MARGIN, width - MARGIN);
    const dy = outside(from.y, to.y, MARGIN + 20, this.#room.height - MARGIN);
    if (!dx && !dy) return;
    this.glide();
    this.pan(dx, dy);
  }

  /** Let the next movement be seen as one. */
  glide(): void {
    this.view.classList.add("gliding");
    window.setTimeout(() => this.view.classList.remove("gliding"), GLIDE);
  }

  apply(): void {
    this.view.style.transform = `translate(${this.#x}px, ${this.#y}px) scale(${this.#scale})`;
    this.host.classList.toggle("far", this.far);
    // Custom properties are inherited by every part of the picture: one is written only when it changes.
    const zoom = String(this.#scale);
    if (this.host.style.getPropertyValue("--zoom") !== zoom) this.host.style.setProperty("--zoom", zoom);
    this.host.style.backgroundPosition = `${this.#x}px ${this.#y}px`;
    this.moved();
  }

  #go(): void {
    this.#keeps = null;
    this.apply();
  }
}

function outside(from: number, to: number, least: number, most: number): number {
  return from < least ? least - from : to > most ? Math.max(most - to, least - from) : 0;
}

/** Shift of one axis: in the middle if all of it fits, else around `focus` without empty space beside the picture. */
function place(start: number, length: number, scale: number, from: number, room: number, focus: number): number {
  if (length * scale <= room - 2 * EDGE) return from + (room - length * scale) / 2 - start * scale;
  const first = from + EDGE - start * scale;
  const last = from + room - EDGE - (start + length) * scale;
  return Math.min(first, Math.max(last, from + room / 2 - focus * scale));
}
