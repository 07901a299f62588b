import { markDifference, type Marks, type RowMark } from "../compare/marks";
import { markLines, type RowLines } from "../compare/lines";
import { Canvas } from "../graph/canvas";
import type { Drawing } from "../graph/drawing";
import { Renderer } from "../graph/renderer";
import { element } from "../lib/element";
import { fromHash, toHash, type Selection } from "../lib/selection";

export interface StageBoot {
  dot: string;
  marks: Marks;
  lines: RowLines;
}

type Chosen = (row: RowMark | null, state: string | null) => void;

/** Both texts in one picture, beside each other, or as lines; one cursor through all of them. */
export class Stage {
  readonly canvas: Canvas;
  readonly drawn: Promise<void>;
  #after: Canvas | null = null;
  #drawing: Drawing | null = null;
  #selection: Selection = null;
  readonly #chosen: Chosen[] = [];

  constructor(
    private readonly part: HTMLElement,
    private readonly data: StageBoot,
  ) {
    this.canvas = this.#made('[data-part="canvas"]');
    this.drawn = new Renderer().draw(data.dot).then(async ({ drawing }) => {
      this.#drawing = drawing;
      await this.canvas.show(drawing);
      markDifference(this.canvas, data.marks);
      this.fitChanges();
    });
    this.#fade(element<HTMLInputElement>('[data-part="fade"]', part));
    this.#only(element<HTMLButtonElement>('[data-part="only"]', part));
    this.#views(element<HTMLElement>('[data-part="views"]', part));
  }

  get selection(): Selection {
    return this.#selection;
  }

  /** Be told what is chosen: the row's mark, or the state's name. */
  onChoose(heard: Chosen): void {
    this.#chosen.push(heard);
  }

  choose(selection: Selection): void {
    this.#selection = selection;
    const row = selection?.kind === "row" ? (this.data.marks.rows[selection.index] ?? null) : null;
    for (const canvas of [this.canvas, this.#after]) canvas?.select(selection, true);
    history.replaceState(history.state, "", this.written(selection) || location.pathname);
    markLines(row, this.data.lines);
    for (const heard of this.#chosen) heard(row, selection?.kind === "state" ? selection.name : null);
  }

  /** A row in the address is one of the new text, `#t/4`, or of the old one, `#old/4`. */
  read(hash: string): Selection {
    const old = /^#old\/(\d+)$/.exec(hash);
    if (!old) return fromHash(hash);
    const rows = Object.entries(this.data.marks.rows).filter(([, row]) => row.old === Number(old[1]));
    const found = rows.find(([, row]) => row.new === null) ?? rows[0];
    return found ? { kind: "row", index: Number(found[0]) } : null;
  }

  written(selection: Selection): string {
    const row = selection?.kind === "row" ? this.data.marks.rows[selection.index] : undefined;
    return row && row.new === null ? `#old/${row.old}` : toHash(selection);
  }

  /** How a place is called. */
  name(selection: Selection): string {
    if (!selection) return "";
    const { rows, states } = this.data.marks.labels;
    return (selection.kind === "row" ? rows[selection.index] : states[selection.name]) ?? "";
  }

  /** Show what differs as large as it fits; all of it where nothing does. */
  fitChanges(): void {
    const { rows, states } = this.data.marks;
    const found: Selection[] = [
      ...Object.entries(rows).filter(([, row]) => row.kind !== "same").map(([index]): Selection => ({ kind: "row", index: Number(index) })),
      ...Object.entries(states).filter(([, kind]) => kind !== "same").map(([name]): Selection => ({ kind: "state", name })),
    ];
    for (const canvas of [this.canvas, this.#after]) {
      if (found.length) canvas?.fitTo(found);
      else canvas?.fit();
    }
  }

  #made(selector: string): Canvas {
    const { labels, initial } = this.data.marks;
    return new Canvas(
      element<HTMLElement>(selector, this.part),
      { state: (name) => labels.states[name] ?? `State ${name}`, row: (index) => labels.rows[index] ?? `Row ${index + 1}` },
      { select: (selection) => this.choose(selection) },
      { begin: () => initial },
    );
  }

  /** From before over both to after: what the other side has grows pale, and nothing moves. */
  #fade(slider: HTMLInputElement): void {
    const show = (): void => {
      const share = Number(slider.value) / 100;
      const host = this.canvas.host;
      host.style.setProperty("--d-new", String(Math.max(0.08, Math.min(1, share * 2))));
      host.style.setProperty("--d-old", String(Math.max(0.08, Math.min(1, (1 - share) * 2))));
      slider.setAttribute("aria-valuetext", share === 0.5 ? "Both" : share === 0 ? "Before" : share === 1 ? "After" : share < 0.5 ? "Rather before" : "Rather after");
    };
    slider.addEventListener("input", show);
    show();
  }

  #only(button: HTMLButtonElement): void {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      this.part.classList.toggle("only", on);
      if (on) this.fitChanges();
      else for (const canvas of [this.canvas, this.#after]) canvas?.fit();
    });
  }

  #views(group: HTMLElement): void {
    const buttons = [...group.querySelectorAll<HTMLButtonElement>("button")];
    const show = (button: HTMLButtonElement): void => {
      for (const other of buttons) {
        other.setAttribute("aria-checked", String(other === button));
        other.tabIndex = other === button ? 0 : -1;
      }
      void this.#view(button.value);
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

  async #view(view: string): Promise<void> {
    this.part.dataset["view"] = view;
    const after = element<HTMLElement>('[data-part="canvas-after"]', this.part);
    const lines = element<HTMLElement>('[data-part="yaml"]', this.part);
    this.canvas.host.hidden = view === "yaml";
    this.canvas.host.dataset["show"] = view === "side" ? "before" : "both";
    after.hidden = view !== "side";
    lines.hidden = view !== "yaml";
    await this.drawn;
    if (view === "side" && !this.#after && this.#drawing) {
      this.#after = this.#made('[data-part="canvas-after"]');
      await this.#after.show(this.#drawing);
      markDifference(this.#after, this.data.marks);
    }
    if (view === "yaml") markLines(this.#selection?.kind === "row" ? (this.data.marks.rows[this.#selection.index] ?? null) : null, this.data.lines);
    // The canvas is told of its new width after the frame in which it has it.
    else requestAnimationFrame(() => requestAnimationFrame(() => this.fitChanges()));
  }
}
