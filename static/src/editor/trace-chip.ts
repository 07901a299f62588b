import { html, render } from "lit";
import { icon } from "../lib/icon";
import type { Store } from "./store";

/** Says in the bar above the diagram whose way is drawn there, and takes it off again. */
export class TraceChip {
  constructor(
    private readonly host: HTMLElement,
    private readonly store: Store,
  ) {
    store.on(["selection", "check", "document"], () => this.draw());
    this.draw();
  }

  draw(): void {
    const finding = this.store.trace.length ? this.store.shown[this.store.finding] : undefined;
    this.host.hidden = !finding;
    render(
      finding
        ? html`<span class="chip tracing-chip" data-testid="trace-chip">${icon("route", "err")}<span class="clip lead">Shows the trace of</span><b>${finding.code}</b>
            <button type="button" aria-label="Show no trace" title="Show no trace" data-testid="trace-off" @click=${() => this.store.leave()}>${icon("x")}</button></span>`
        : "",
      this.host,
    );
  }
}
