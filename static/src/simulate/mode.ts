import type { Acts } from "../editor/acts";
import type { Diagram } from "../editor/diagram";
import type { Store } from "../editor/store";
import { noted } from "../lib/address";
import { element } from "../lib/element";
import type { Frame } from "../lib/socket";
import { Panel } from "./panel";
import { clearRun, drawRun } from "./marks";
import { Trial } from "./trial";

/** The mode in which the draft is tried: the same picture, with the run on it, and a panel in the inspector's place. */
export class Simulate {
  readonly trial: Trial;
  readonly #panel: Panel;
  #seen = "";
  readonly #main = element<HTMLElement>("#main");

  constructor(
    private readonly store: Store,
    private readonly diagram: Diagram,
    acts: Acts,
    ask: (frame: Frame) => Promise<Frame>,
  ) {
    const trial = (this.trial = new Trial(ask, () => beginsAs(store)));
    const part = (name: string): HTMLElement => element<HTMLElement>(`[data-part="${name}"]`);
    this.#panel = new Panel(part("simulate"), part("sim-ladder"), trial, store, () => this.close());
    trial.listen(() => {
      diagram.decorate();
      this.#reveal();
    });
    store.on(["tests"], () => trial.on && trial.kept && void trial.tests());
    store.on(["document"], () => trial.on && void trial.refresh());
    const on = (): boolean => trial.on;
    const group = "Simulator";
    acts.add(
      { id: "simulate", title: "Try the draft: simulate", group, keys: ["Alt+T"], scope: "anywhere", run: () => void (trial.on ? this.close() : this.open()) },
      { id: "sim-on", title: "One step on", group, keys: ["."], run: () => void trial.go(trial.at + 1), can: on },
      { id: "sim-back", title: "One step back", group, keys: [","], run: () => void trial.go(trial.at - 1), can: on },
      { id: "sim-play", title: "Play on, or stop", group, keys: ["Space"], scope: "canvas", run: () => trial.toggle(), can: on },
      { id: "sim-due", title: "Let time pass until the next timer", group, run: () => void trial.give({ due: true }), can: () => on() && trial.played?.deadline != null },
      { id: "sim-reach", title: "Run to what is selected", group, run: () => this.#reach(), can: () => on() && store.selection !== null },
    );
    for (const link of document.querySelectorAll<HTMLElement>('[data-testid="mode-simulate"], [data-testid="mode-design"]')) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        if (link.dataset["testid"] === "mode-simulate") void this.open();
        else this.close();
      });
    }
    if (noted("mode") === "simulate") void this.open();
  }

  async open(): Promise<void> {
    this.diagram.marks = (canvas) => drawRun(canvas, this.trial);
    this.#shape(true);
    await this.trial.open();
  }

  close(): void {
    this.diagram.marks = null;
    clearRun(this.diagram.canvas);
    this.#shape(false);
    this.trial.close();
  }

  /** Play the way to a finding. */
  async follow(trace: unknown): Promise<void> {
    await this.trial.follow(trace);
    await this.open();
    this.#panel.open("try");
  }

  /** Bring the state the run came to into the window, if it came to another one. */
  #reveal(): void {
    const { played, steps } = this.trial;
    const last = steps.at(-1);
    const state = last?.to ?? played?.sides[0]?.state ?? "";
    const key = `${last?.number ?? 0} ${state}`;
    if (!this.trial.on || key === this.#seen) return;
    this.#seen = key;
    const box = this.diagram.canvas.node(state)?.box;
    // Final states are not drawn: then the row that led there is shown.
    if (box) this.diagram.canvas.reveal(box);
    else if (last && last.row >= 0) this.diagram.canvas.select({ kind: "row", index: last.row }, true);
  }

  #reach(): void {
    const selection = this.store.selection;
    if (selection) void this.trial.reach(selection.kind === "state" ? { state: selection.name } : { row: selection.index });
  }

  #shape(on: boolean): void {
    this.#main.dataset["mode"] = on ? "simulate" : "design";
    for (const [name, current] of [["simulate", on], ["design", !on]] as const) {
      const link = document.querySelector(`[data-testid="mode-${name}"]`);
      if (current) link?.setAttribute("aria-current", "page");
      else link?.removeAttribute("aria-current");
    }
  }
}

/** The side a call of this flow begins on: the caller's, unless only the called side has a row to begin with. */
function beginsAs(store: Store): string {
  const first = store.picture ? store.rowsOf(store.picture.initial) : [];
  return first.length > 0 && first.every((row) => row.role === "UAS") ? "UAS" : "UAC";
}
