import { html, render, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { callTime } from "../lib/times";
import { Windowed } from "../lib/windowed";
import type { Step } from "./boot";
import type { CallStore } from "./store";

const ROW = 49;
const GAP = 25;

/** The steps of the call: what came, on which leg, where it led, what was done. Only those in the window are drawn. */
export class Steps {
  readonly #rows = new Windowed();
  #known: unknown = null;
  #length = -1;
  #cursor: Step | undefined;

  constructor(
    private readonly host: HTMLElement,
    private readonly store: CallStore,
  ) {
    host.replaceChildren();
    store.on(() => this.draw());
    host.addEventListener("scroll", () => this.#paint(), { passive: true });
    host.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#paint()).observe(host);
    this.draw();
  }

  draw(): void {
    const { steps, step } = this.store;
    if (this.#known !== steps || this.#length !== steps.length) {
      this.#known = steps;
      this.#length = steps.length;
      this.#rows.measure(steps.map((each) => ROW + (each.gap ? GAP : 0)));
    }
    if (step !== this.#cursor && step) this.#rows.reveal(this.host, steps.indexOf(step));
    this.#cursor = step;
    this.#paint();
  }

  #paint(): void {
    const { steps, step } = this.store;
    const { first, last } = this.#rows.within(this.host.scrollTop, this.host.clientHeight || 600);
    render(
      steps.length
        ? html`<div class="windowed" .style=${`height:${this.#rows.height}px`}><div .style=${`transform:translateY(${this.#rows.top(first)}px)`}>${steps.slice(first, last).map((line) => html`${line.gap ? html`<p class="gap">${icon("clock")}${line.gap}</p>` : ""}${this.#step(line, line === step)}`)}</div></div>`
        : html`<p class="panel-body ink3">No step yet.</p>`,
      this.host,
    );
  }

  #step(step: Step, chosen: boolean): TemplateResult {
    const unhandled = step.kind === "unhandled";
    return html`<div class="step ${step.kind}" role="option" tabindex=${chosen ? 0 : -1} aria-selected=${chosen} aria-posinset=${step.number} aria-setsize=${this.store.steps.length}
      data-testid="step" data-key=${step.key} data-sequence=${step.sequence} data-event=${step.event} data-row=${step.row} data-kind=${step.kind}
      @click=${() => this.store.select(step.key)}>
      <span class="no">${step.number}</span><span class="mono at">${callTime(step.time - this.store.began)}</span>${legBox(step.leg, step.role)}
      <div class="what"><p class="clip"><b>${step.label}</b> ${step.from_state === step.to_state
          ? html`<span class="ink3">stays in ${step.to_state}</span>`
          : html`<span class="ink3">${step.from_state}</span>${icon("chev")}<span>${step.to_state}</span>`}</p>
        <p class="clip small ${unhandled ? "warn" : "ink2"}">${unhandled ? html`${icon("warning")}<span data-testid="unhandled">No row took it</span>` : done(step)}</p></div></div>`;
  }

  #key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.host.clientHeight / ROW) - 1);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.store.steps.length, End: this.store.steps.length }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.store.move(by);
    this.host.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
  }
}

/** The letter of a leg in its box: solid for UAS, dashed for UAC. */
export function legBox(letter: string, role: string): TemplateResult {
  return html`<span class="leg ${role.toLowerCase()}" title="Leg ${letter}, ${role}">${letter}</span>`;
}

/** What was done, in one line; a failure says so first. */
function done(step: Step): TemplateResult {
  const failed = step.results.findIndex((result) => !result[0]);
  if (failed >= 0) return html`<span class="err">${icon("error")}${step.actions[failed]} failed: ${step.results[failed]?.[2] ?? "no reason told"}</span>`;
  if (step.kind === "ignored") return html`ignored on purpose`;
  const parts = [...operated(step), ...step.actions, ...step.published.map((name) => `publishes ${name}`)];
  return html`${parts.join(", ") || "nothing to do"}`;
}

/** Who did it and why, where a person or a deadline was behind the step. */
function operated(step: Step): string[] {
  const said = step.fields["operator"];
  if (typeof said !== "object" || said === null) return [];
  const { by, reason } = said as { by?: string; reason?: string };
  return [`by ${by ?? "somebody"}: ${reason ?? "no reason told"}`];
}
