import { make } from "../graph/build";
import type { Canvas } from "../graph/canvas";
import type { DrawnNode } from "../graph/drawing";

/** Who exercised a row: how many tests, how many recorded calls. */
export interface CoverMark {
  by: "tests" | "calls" | "both" | "none";
  tests: number;
  calls: number;
  changed: boolean;
}

export interface Coverage {
  rows: Record<number, CoverMark>;
  /** How many recorded calls were looked at. */
  calls: number;
}

export type Show = "both" | "tests" | "calls";

const HEIGHT = 16;
const GAP = 5;
/** What the tags of a state take beside it, at most. */
const ROOM = 90;

/** Give each row the class of who exercised it, and each line of the picture a tag that says it without colour. */
export function markCoverage(canvas: Canvas, coverage: Coverage, show: Show): void {
  for (const old of canvas.overlay.querySelectorAll(".cover-tag")) old.remove();
  for (const [index, mark] of Object.entries(coverage.rows)) {
    const row = Number(index);
    const on = covered(mark, show);
    const item = canvas.element({ kind: "row", index: row });
    item?.classList.toggle("c-on", on);
    item?.classList.toggle("c-off", !on);
    item?.classList.toggle("c-new", mark.changed);
    for (const edge of canvas.edgesOf(row)) {
      const rows = (edge.dataset["rows"] ?? "").split(" ").map(Number);
      edge.classList.toggle("c-off", rows.every((each) => !covered(coverage.rows[each], show)));
    }
  }
  for (const node of canvas.drawing?.nodes ?? []) {
    for (const [y, marks] of lines(node, coverage)) canvas.overlay.append(tag(node.box.x, y, marks, show));
  }
}

/** Move so far that the tags left of the first state are seen. */
export function showTags(canvas: Canvas, initial: string | undefined): void {
  const box = canvas.node(initial ?? "")?.box;
  if (box) canvas.reveal({ ...box, x: box.x - ROOM, width: box.width + ROOM });
}

/** Rows that stand in one line of the picture share one tag. */
function lines(node: DrawnNode, coverage: Coverage): Map<number, CoverMark[]> {
  const found = new Map<number, CoverMark[]>();
  for (const row of node.rows) {
    const mark = coverage.rows[row.index];
    if (!mark) continue;
    const y = Math.round(row.box.y + row.box.height / 2);
    found.set(y, [...(found.get(y) ?? []), mark]);
  }
  return found;
}

/** Take all of it away again. */
export function clearCoverage(canvas: Canvas): void {
  for (const old of canvas.overlay.querySelectorAll(".cover-tag")) old.remove();
  for (const marked of canvas.svg.querySelectorAll(".c-on, .c-off, .c-new")) marked.classList.remove("c-on", "c-off", "c-new");
}

/** What a person hears of a row beside its name. */
export function saidOf(mark: CoverMark | undefined): string {
  if (!mark) return "";
  const tests = `${mark.tests} ${mark.tests === 1 ? "test" : "tests"}`;
  const calls = `${mark.calls} recorded ${mark.calls === 1 ? "call" : "calls"}`;
  const who = mark.by === "none" ? "tried by nobody" : `taken in ${tests} and ${calls}`;
  return mark.changed ? `${who}, changed` : who;
}

function covered(mark: CoverMark | undefined, show: Show): boolean {
  if (!mark) return false;
  return (mark.tests > 0 && show !== "calls") || (mark.calls > 0 && show !== "tests");
}

function tag(x: number, y: number, marks: CoverMark[], show: Show): SVGGElement {
  const on = marks.filter((mark) => covered(mark, show)).length;
  const changed = marks.some((mark) => mark.changed);
  const first = marks[0];
  const said = marks.length > 1 ? `${on}/${marks.length}` : on && first ? figures(first, show) : "0";
  const text = `${changed ? "~ " : ""}${said}`;
  const width = 10 + text.length * 6;
  const state = on === marks.length ? "c-on" : on ? "c-part" : "c-off";
  const group = make("g", { class: `cover-tag ${state}${changed ? " c-new" : ""}`, transform: `translate(${x - GAP - width} ${y - HEIGHT / 2})` });
  const label = make("text", { x: width / 2, y: HEIGHT / 2 + 3.5 });
  label.textContent = text;
  const title = make("title", {});
  title.textContent = marks.map(saidOf).join("\n");
  group.append(make("rect", { width, height: HEIGHT, rx: 4 }), label, title);
  return group;
}

function figures(mark: CoverMark, show: Show): string {
  const tests = mark.tests && show !== "calls" ? `T${short(mark.tests)}` : "";
  const calls = mark.calls && show !== "tests" ? `C${short(mark.calls)}` : "";
  return [tests, calls].filter(Boolean).join(" ");
}

function short(count: number): string {
  return count < 1000 ? String(count) : `${Math.floor(count / 1000)}k`;
}

/** A choice of one among several, by mouse and by arrow keys. */
export function choice(group: HTMLElement, chosen: (value: string) => void): void {
  const buttons = [...group.querySelectorAll<HTMLButtonElement>("button")];
  const take = (button: HTMLButtonElement): void => {
    for (const other of buttons) {
      other.setAttribute("aria-checked", String(other === button));
      other.tabIndex = other === button ? 0 : -1;
    }
    chosen(button.value);
  };
  buttons.forEach((button, at) => {
    button.addEventListener("click", () => take(button));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const next = step === undefined ? undefined : buttons[(at + step + buttons.length) % buttons.length];
      if (!next) return;
      event.preventDefault();
      take(next);
      next.focus();
    });
  });
}
