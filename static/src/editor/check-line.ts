import { html, render } from "lit";
import { icon } from "../lib/icon";
import type { Store } from "./store";

/** The deeper check of the saved version: its progress while it runs, its verdict after. */
export class CheckLine {
  constructor(
    private readonly host: HTMLElement,
    private readonly store: Store,
  ) {
    host.replaceChildren();
    store.on(["check"], () => this.draw());
    this.draw();
  }

  draw(): void {
    const check = this.store.check;
    if (!check) {
      render("", this.host);
      return;
    }
    const detail = (check.detail ?? {}) as Record<string, unknown>;
    const percent = Math.round(check.progress * 100);
    const errors = Number(detail["errors"] ?? 0);
    const said =
      check.state === "done"
        ? errors
          ? html`${icon("error", "err")}<span class="err" data-testid="check">v${check.version}: ${errors} ${errors === 1 ? "rule fails" : "rules fail"}</span>`
          : html`${icon("proved", "ok")}<span class="ok" data-testid="check">v${check.version}: the deeper check holds</span>`
        : check.state === "failed"
          ? html`${icon("error", "err")}<span class="err" data-testid="check">The check of v${check.version} failed</span>`
          : html`${icon("spin")}<span data-testid="check">Checking v${check.version} · ${percent} %</span>`;
    render(said, this.host);
    this.host.dataset["state"] = check.state;
  }
}
