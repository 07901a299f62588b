import { html, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { callTime, duration } from "../lib/times";
import type { Trial } from "./trial";
import type { Entry, Plain, Step } from "./types";

/** What happened so far, step by step: what came, where it led, what was done, and what is wrong about it. */
export function log(trial: Trial, chosen: number, choose: (step: Step, at: number) => void): TemplateResult {
  const entries = trial.played?.entries ?? [];
  const ahead = trial.run.inputs.length - trial.at;
  return html`${entries.length
      ? entries.map((entry, at) => one(trial, entry, at, chosen, choose))
      : html`<p class="panel-body ink3">Nothing has happened yet. Choose above what happens first, or select a state and run to it.</p>`}
    ${ahead > 0 ? html`<p class="sim-ahead" data-testid="ahead">${ahead} ${ahead === 1 ? "step" : "steps"} ahead; <kbd>.</kbd> goes on</p>` : ""}`;
}

function one(trial: Trial, entry: Entry, at: number, chosen: number, choose: (step: Step, at: number) => void): TemplateResult {
  const quiet = !entry.steps.length;
  return html`${entry.wait !== null || entry.kind === "due" ? html`<p class="gap">${icon("clock")}${passed(trial, entry, at)}</p>` : ""}
    ${quiet && entry.kind !== "wait" ? html`<p class="sim-note"><button class="edgeless" type="button" @click=${() => void trial.go(at + 1)}>${entry.what || "Values"}</button> ${entry.side ? html`<span class="tag ${entry.side.toLowerCase()}">${entry.side}</span>` : ""} <span class="ink3">${entry.note}</span></p>` : ""}
    ${entry.steps.map((step) => stepLine(trial, step, at, step.number === chosen, choose))}`;
}

function passed(trial: Trial, entry: Entry, at: number): string {
  const next = trial.played?.entries[at + 1]?.time ?? trial.played?.now ?? entry.time;
  return `${duration(next - entry.time)} pass`;
}

function stepLine(trial: Trial, step: Step, at: number, chosen: boolean, choose: (step: Step, at: number) => void): TemplateResult {
  const unhandled = step.kind === "unhandled";
  return html`<div class="step ${unhandled ? "unhandled" : ""}" role="option" tabindex=${chosen ? 0 : -1} aria-selected=${chosen} data-testid="sim-step" data-number=${step.number} data-row=${step.row} data-kind=${step.kind}
      @click=${() => choose(step, at)} @keydown=${(event: KeyboardEvent) => event.key === "Enter" && choose(step, at)}>
    <span class="no"><i class="disc-no">${step.number}</i></span>
    <div class="grow"><p class="row wrap gap4">${trial.both ? html`<span class="tag ${step.side.toLowerCase()}">${step.side}</span>` : ""}<b>${label(step)}</b>
        ${step.from === step.to ? html`<span class="ink3">stays in ${step.to}</span>` : html`<span class="ink3">${step.from}</span>${icon("chev")}<span>${step.to}</span>`}
        ${unhandled ? html`<span class="chip warn">${icon("warning")}No row takes it</span>` : ""}${step.kind === "ignored" ? html`<span class="chip">ignored on purpose</span>` : ""}</p>
      ${unhandled ? html`<p class="small">${step.answer ? `The runtime answers ${step.answer}.` : step.ended ? "The session ends." : "The runtime does nothing about it."}</p>` : actions(step)}
      ${step.published.length ? html`<p class="small ink2">publishes ${step.published.join(", ")}</p>` : ""}
      ${step.withheld.length ? html`<p class="small warn">${step.withheld.join(", ")} ${step.withheld.length === 1 ? "is" : "are"} withheld</p>` : ""}
      ${Object.keys(step.changed).length ? html`<p class="small ink2">${Object.entries(step.changed).map(([name, value]) => `${name} = ${plain(value)}`).join(", ")}</p>` : ""}
      ${step.complaints.map((complaint) => html`<p class="small err row gap4">${icon("error")}<span>${complaint.detail}. <span class="code">${complaint.code}</span></span></p>`)}
      ${step.notes.map((note) => html`<p class="small ink2">${note}</p>`)}
      ${step.outcome ? html`<p class="small"><span class="chip ${step.outcome === "completed" ? "ok" : ""}">ended: ${step.outcome}</span> <span class="ink3">at ${callTime(step.time)}</span></p>` : ""}
    </div></div>`;
}

function actions(step: Step): TemplateResult | string {
  if (!step.actions.length) return "";
  return html`<p class="small ink2">${step.actions.map((action, at) => html`${at ? ", " : ""}<span class=${action.done === "done" ? "" : action.done === "failed" ? "err" : "undone"}>${action.name}${action.done === "failed" ? html` <b>failed</b>: ${step.reason}` : ""}</span>`)}</p>`;
}

function label(step: Step): string {
  const { code, seconds } = step.fields;
  if (step.event === "after") return `after ${String(seconds)} s`;
  return code && !step.event.includes(String(code)) ? `${step.event} ${String(code)}` : step.event;
}

export function plain(value: Plain): string {
  return value === null ? "nothing" : String(value);
}
