import { html, render, type TemplateResult } from "lit";
import { count } from "../lib/count";
import type { PictureRow } from "../lib/types";
import type { Store } from "./store";

interface Fired {
  from_state: string;
  role: string;
  event: string;
  after: number | null;
  guards: string[];
  next_state: string | null;
  count: number;
  days: number[];
}

const FRESH = 60_000;

/** How often rows fired in the last seven days; asked for when first wanted, and again after a minute. */
export class Fires {
  #rows: Map<string, Fired> | null = null;
  #at = -Infinity;
  #failed = false;
  #waiting: (() => void)[] = [];

  constructor(
    private readonly store: Store,
    private readonly came: () => void,
  ) {}

  /** The count for the row that stands on a line of the text, in an element that fills itself when the numbers come. */
  note(line: number): HTMLElement | null {
    const row = this.store.picture?.rows.find((item) => item.line <= line && line <= item.end_line);
    if (!row || !this.store.compiles) return null;
    const box = document.createElement("div");
    const fill = (): void => void render(this.draw(row), box);
    fill();
    if (!this.#rows && !this.#failed) this.#waiting.push(fill);
    return box;
  }

  draw(row: PictureRow): TemplateResult {
    this.#want();
    if (this.#failed) return html`<p class="small ink3">What happened in the last seven days is not known now.</p>`;
    if (!this.#rows) return html`<div class="skeleton"></div>`;
    const fired = this.#rows.get(named(row));
    if (!fired) return html`<p class="small ink3" data-testid="fires">Last 7 days: this row never fired.</p>`;
    const most = Math.max(...fired.days);
    return html`<div class="fires" data-testid="fires"><p><b>${count(fired.count)}</b> <span class="ink2">times fired in the last 7 days</span></p>
      <svg class="fire-days" viewBox="0 0 112 28" role="img" aria-label="By day: ${fired.days.join(", ")}">${fired.days.map((number, day) => this.#bar(number, day, most))}</svg></div>`;
  }

  #bar(number: number, day: number, most: number): TemplateResult {
    const height = number ? Math.max(2, (26 * number) / most) : 1;
    return html`<svg x=${day * 16 + 1} y=${28 - height} width="13" height=${height}><rect width="13" height=${height} rx="1"></rect><title>${number}</title></svg>`;
  }

  #want(): void {
    const now = performance.now();
    if (now - this.#at < FRESH) return;
    this.#at = now;
    void fetch(this.store.urls["fires"] ?? "", { headers: { Accept: "application/json" } })
      .then(async (answer) => {
        this.#failed = !answer.ok;
        if (!answer.ok) return;
        const told = (await answer.json()) as { rows: Fired[] };
        this.#rows = new Map(told.rows.map((fired) => [named(fired), fired]));
      })
      .catch(() => {
        this.#failed = true;
      })
      .then(() => {
        for (const fill of this.#waiting.splice(0)) fill();
        this.came();
      });
  }
}

function named(row: Omit<Fired, "count" | "days">): string {
  return JSON.stringify([row.from_state, row.role, row.event, row.after, row.guards, row.next_state]);
}
