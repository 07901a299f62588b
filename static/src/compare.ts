import "./css/diagram.css";
import "./css/compare.css";
import { Words } from "./compare/words";
import { markDifference, type Marks } from "./compare/marks";
import { markLines, type RowLines } from "./compare/lines";
import { Canvas } from "./graph/canvas";
import { Renderer, type Drawn } from "./graph/renderer";
import { boot } from "./lib/boot";
import { element } from "./lib/element";
import { fromHash, toHash, type Selection } from "./lib/selection";

interface CompareBoot {
  dot: string;
  marks: Marks;
  lines: RowLines;
}

const data = boot<CompareBoot>("boot");
if (!data) throw new Error("The page has no boot data");
const { dot, marks, lines } = data;

const host = element<HTMLElement>('[data-part="canvas"]');
const canvas = new Canvas(
  host,
  {
    state: (name) => marks.labels.states[name] ?? `State ${name}`,
    row: (index) => marks.labels.rows[index] ?? `Row ${index + 1}`,
  },
  { select: choose },
  { begin: () => marks.initial },
);
const words = new Words(element<HTMLElement>(".words"), (hash) => choose(read(hash)));

void new Renderer().draw(dot).then(shown);
window.addEventListener("hashchange", () => choose(read(location.hash)));
for (const select of document.querySelectorAll<HTMLSelectElement>(".sides select")) {
  select.addEventListener("change", () => select.form?.requestSubmit());
}
times(element<HTMLElement>('[data-part="time"]'));
element<HTMLElement>('[data-part="fit-changes"]').addEventListener("click", toChanges);
element<HTMLElement>('[data-part="fit-all"]').addEventListener("click", () => canvas.fit());

async function shown({ drawing }: Drawn): Promise<void> {
  await canvas.show(drawing);
  markDifference(canvas, marks);
  toChanges();
  if (location.hash) choose(read(location.hash));
}

/** Show what differs as large as it fits; all of it where nothing does. */
function toChanges(): void {
  const rows = Object.entries(marks.rows).filter(([, row]) => row.kind !== "same");
  const states = Object.entries(marks.states).filter(([, kind]) => kind !== "same");
  const found: Selection[] = [
    ...rows.map(([index]) => ({ kind: "row" as const, index: Number(index) })),
    ...states.map(([name]) => ({ kind: "state" as const, name })),
  ];
  if (found.length) canvas.fitTo(found);
  else canvas.fit();
}

/** A row in the address is one of the new text, `#t/4`, or of the old one, `#old/4`. */
function read(hash: string): Selection {
  const old = /^#old\/(\d+)$/.exec(hash);
  if (!old) return fromHash(hash);
  const rows = Object.entries(marks.rows).filter(([, row]) => row.old === Number(old[1]));
  const found = rows.find(([, row]) => row.new === null) ?? rows[0];
  return found ? { kind: "row", index: Number(found[0]) } : null;
}

function written(selection: Selection): string {
  const row = selection?.kind === "row" ? marks.rows[selection.index] : undefined;
  return row && row.new === null ? `#old/${row.old}` : toHash(selection);
}

function choose(selection: Selection): void {
  const row = selection?.kind === "row" ? marks.rows[selection.index] : undefined;
  canvas.select(selection, true);
  history.replaceState(history.state, "", written(selection) || location.pathname);
  words.show(row ?? null, selection?.kind === "state" ? selection.name : null);
  markLines(row ?? null, lines);
}

/** Before, both or after: only a word on the canvas changes, nothing moves. */
function times(group: HTMLElement): void {
  const buttons = [...group.querySelectorAll<HTMLButtonElement>("button")];
  const show = (button: HTMLButtonElement): void => {
    for (const other of buttons) {
      other.setAttribute("aria-checked", String(other === button));
      other.tabIndex = other === button ? 0 : -1;
    }
    host.dataset["show"] = button.value;
  };
  buttons.forEach((button, at) => {
    button.addEventListener("click", () => show(button));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const next = step === undefined ? undefined : buttons[(at + step + buttons.length) % buttons.length];
      if (!next) return;
      event.preventDefault();
      show(next);
      next.focus();
    });
  });
}
