import { make } from "../graph/build";
import type { Canvas } from "../graph/canvas";

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

/** Give each row the class of who exercised it, and beside it a tag that says it without colour. */
export function markCoverage(canvas: Canvas, coverage: Coverage, show: Show): void {
  for (const old of canvas.overlay.querySelectorAll(".cover-tag")) old.remove();
  for (const [index, mark] of Object.entries(coverage.rows)) {
    const row = Number(index);
    const item = canvas.element({ kind: "row", index: row });
    const said = letters(mark, show);
    item?.classList.toggle("c-on", said !== "0");
    item?.classList.toggle("c-off", said === "0");
    item?.classList.toggle("c-new", mark.changed);
    for (const edge of canvas.edgesOf(row)) {
      const rows = (edge.dataset["rows"] ?? "").split(" ").map(Number);
      edge.classList.toggle("c-off", rows.every((each) => letters(coverage.rows[each], show) === "0"));
    }
    const box = canvas.boxOf({ kind: "row", index: row });
    if (box) canvas.overlay.append(tag(box.x, box.y + box.height / 2, said, mark, show));
  }
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

function letters(mark: CoverMark | undefined, show: Show): string {
  if (!mark) return "0";
  const tests = mark.tests && show !== "calls" ? "T" : "";
  const calls = mark.calls && show !== "tests" ? "C" : "";
  return tests + calls || "0";
}

function tag(x: number, y: number, said: string, mark: CoverMark, show: Show): SVGGElement {
  const text = `${mark.changed ? "~ " : ""}${said === "0" ? "0" : figures(mark, show)}`;
  const width = 10 + text.length * 6;
  const kinds = `cover-tag ${said === "0" ? "c-off" : "c-on"}${mark.changed ? " c-new" : ""}`;
  const group = make("g", { class: kinds, transform: `translate(${x - GAP - width} ${y - HEIGHT / 2})` });
  const label = make("text", { x: width / 2, y: HEIGHT / 2 + 3.5 });
  label.textContent = text;
  const title = make("title", {});
  title.textContent = saidOf(mark);
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
