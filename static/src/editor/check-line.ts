import { html, render, type TemplateResult } from "lit";
import { count } from "../lib/count";
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
    const detail: Record<string, unknown> = { ...check.detail };
    const page = (this.store.urls["version"] ?? "").replace("{number}", String(check.version));
    const said =
      check.state === "done"
        ? verdict(check.version, detail, page)
        : check.state === "failed"
          ? html`${icon("error", "err")}<span class="err" data-testid="check">The deeper check of v${check.version} broke off</span>`
          : html`${icon(check.state === "running" ? "spin" : "clock")}<span data-testid="check">Checking v${check.version} · ${Math.round(check.progress * 100)} %</span>`;
    render(said, this.host);
    this.host.dataset["state"] = check.state;
  }
}

function verdict(version: number, detail: Record<string, unknown>, page: string): TemplateResult {
  const number = (name: string): number => Number(detail[name] ?? 0);
  const found = number("errors") + number("warnings");
  const searched = `${count(number("explored"))} states searched${detail["complete"] === false ? ", not all" : ""} · ${number("seconds").toFixed(1)} s`;
  const bad = number("errors") > 0;
  return html`${icon(bad ? "error" : found ? "warning" : "proved", bad ? "err" : found ? "warn" : "ok")}<a class=${bad ? "err" : found ? "warn" : "ok"} href=${page} data-testid="check"
    >v${version}: ${found ? `${found} ${found === 1 ? "finding" : "findings"}` : "every rule holds"} · ${searched}</a>`;
}
