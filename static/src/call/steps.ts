import { html, render, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { callTime, duration, micros } from "../lib/times";
import type { StepLine } from "../lib/types";
import type { CallStore } from "./store";

/** Idle time longer than this is folded into one line. */
const FOLD = 5;

/** The steps of the call: what came, where it led, what was done and how that went. */
export class Steps {
  constructor(
    private readonly host: HTMLElement,
    private readonly store: CallStore,
  ) {
    host.replaceChildren();
    store.on(() => this.draw());
    host.addEventListener("keydown", (event) => this.#key(event));
    this.draw();
  }

  draw(): void {
    const { steps, step } = this.store;
    render(
      steps.length
        ? steps.map((line, at) => html`${this.#gap(steps[at - 1], line)}${this.#step(line, line === step)}`)
        : html`<p class="panel-body ink3">No step yet.</p>`,
      this.host,
    );
    this.host.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }

  #gap(before: StepLine | undefined, step: StepLine): TemplateResult | string {
    if (!before || step.time - before.time < FOLD) return "";
    return html`<p class="gap">${icon("clock")}in ${before.to_state}, ${duration(step.time - before.time)}</p>`;
  }

  #step(step: StepLine, chosen: boolean): TemplateResult {
    const unhandled = step.kind === "unhandled";
    const moved = step.from_state !== step.to_state;
    return html`<div class="step ${unhandled ? "unhandled" : ""}" role="option" tabindex=${chosen ? 0 : -1} aria-selected=${chosen}
      data-testid="step" data-sequence=${step.sequence} data-event=${step.event} data-row=${step.row} data-kind=${step.kind}
      @click=${() => this.store.select(step.sequence)}>
      <span class="no">${step.sequence}</span><span class="mono at">${callTime(step.time - this.store.began)}</span>
      <div class="grow"><p class="row wrap gap4"><b>${label(step)}</b><span class="ink3">${step.from_state}</span>${moved ? html`${icon("chev")}<span>${step.to_state}</span>` : html`<span class="ink3">stays</span>`}
        ${unhandled ? html`<span class="chip warn" data-testid="unhandled">${icon("warning")}No row took it</span>` : ""}${step.kind === "ignored" ? html`<span class="chip">ignored on purpose</span>` : ""}</p>
        <p class="small ink2">${unhandled ? (step.answer ? `The open request was answered ${step.answer}.` : "Nothing was done.") : step.actions.join(", ") || "no action"}</p>
        ${chosen ? this.#more(step) : ""}</div></div>`;
  }

  #more(step: StepLine): TemplateResult {
    const fields = Object.entries(step.fields).filter(([, value]) => value !== null && value !== "");
    return html`<dl class="facts more">
      ${step.row >= 0 ? html`<dt>Row</dt><dd>${step.row + 1}${step.row_id ? ` · ${step.row_id}` : ""}${step.line ? html` <span class="ink3">line ${step.line}</span>` : ""}</dd>` : ""}
      ${step.guards?.length ? html`<dt>Guards</dt><dd class="mono">${step.guards.join(", ")}</dd>` : ""}
      ${step.actions.map((action, at) => this.#action(action, step.results[at]))}
      ${step.published.length ? html`<dt>Published</dt><dd>${step.published.join(", ")}</dd>` : ""}
      ${fields.map(([name, value]) => html`<dt>${name}</dt><dd class="mono clip" title=${String(value)}>${typeof value === "string" ? value.split("\n")[0] : JSON.stringify(value)}</dd>`)}
      <dt>Version</dt><dd class="mono" title=${step.digest} data-testid="step-digest">${step.digest.slice(0, 12)}</dd></dl>`;
  }

  #action(name: string, result: StepLine["results"][number] | undefined): TemplateResult {
    const [ok, took, error] = result ?? [null, null, null];
    return html`<dt class="mono">${name}</dt><dd data-testid="action-result">${
      ok === null ? html`<span class="ink3">not told yet</span>`
      : ok ? html`${icon("check", "ok", "done")} ${micros(took ?? 0)}`
      : html`${icon("error", "err", "failed")} <span class="err">${error ?? "failed"}</span> ${micros(took ?? 0)}`}</dd>`;
  }

  #key(event: KeyboardEvent): void {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.store.move(by);
    this.host.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
  }
}

function label(step: StepLine): string {
  const code = step.fields["code"];
  if (step.event === "after") return typeof step.fields["after"] === "number" ? `after ${step.fields["after"]} s` : "after its time";
  return code && !step.event.includes(String(code)) ? `${step.event} ${String(code)}` : step.event;
}
