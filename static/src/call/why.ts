import { html, render, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { micros } from "../lib/times";
import type { Drawn, Moment, RowLine, Step, TriedRow } from "./boot";
import { plain } from "./message";
import type { CallStore } from "./store";

export interface WhyPage {
  /** Where the reasons of a step are asked for. */
  address(step: Step): string;
  drawn(step: Step): Drawn | undefined;
  /** The editor of the leg's flow with this query; null for whoever may not edit. */
  editor(step: Step, query: string): string | null;
  told(): void;
}

/** Why the step under the cursor went as it did: the row that fired, those that did not and for what reason. */
export class Why {
  moment: Moment | null = null;
  readonly #known = new Map<string, Moment>();
  #asked = "";

  constructor(
    private readonly host: HTMLElement,
    private readonly store: CallStore,
    private readonly page: WhyPage,
  ) {
    host.replaceChildren();
    store.on(() => this.draw());
    this.draw();
  }

  draw(): void {
    const step = this.store.step;
    this.moment = step ? (this.#known.get(step.key) ?? null) : null;
    if (step) this.#fetch(step);
    render(step ? this.#of(step) : html`<p class="panel-body ink3">Choose a step to see why it went as it did.</p>`, this.host);
  }

  #of(step: Step): TemplateResult {
    const { moment } = this;
    const moved = step.from_state !== step.to_state;
    const title = step.kind === "unhandled" ? html`Why nothing took step ${step.number}` : moved ? html`Why step ${step.number} went to ${step.to_state}` : html`Why step ${step.number} stayed in ${step.to_state}`;
    return html`<h2>${title}</h2>
      ${step.kind === "unhandled" ? this.#unhandled(step) : ""}
      ${moment?.tried.length ? html`<ul class="tried" data-testid="tried">${moment.tried.map((row) => tried(row))}</ul>` : moment && step.kind !== "unhandled" ? html`<p class="small ink2">${outside(step)}</p>` : ""}
      ${this.#text(step)}
      <p class="small ink2" data-testid="why-sentence">${sentence(step, moment)}</p>
      ${step.actions.length ? html`<dl class="facts doings">${step.actions.map((action, at) => doing(action, step.results[at]))}</dl>` : ""}
      ${fields(step)}
      <p class="small ink3">${step.role}, version <span class="mono" title=${step.digest} data-testid="step-digest">${step.digest.slice(0, 12)}</span></p>
      ${moment?.unknown ? html`<p class="small ink3">${moment.unknown}</p>` : ""}`;
  }

  #unhandled(step: Step): TemplateResult {
    const { moment } = this;
    const query = new URLSearchParams({ add: "row", state: step.from_state, event: step.event, as: step.role }).toString();
    const address = this.page.editor(step, query);
    const takes = [...new Set(moment?.here.map((row) => row.event ?? row.label) ?? [])];
    return html`<p class="banner warn small" data-testid="why-not">${icon("warning")}<span>No row of <b>${step.from_state}</b> takes ${step.label} as ${step.role}. ${answered(step)}</span></p>
      ${address ? html`<a class="btn primary" href=${address} data-testid="add-row-for">${icon("plus")}Add a row for this event</a>` : ""}
      ${takes.length ? html`<p class="small ink2">${step.from_state} takes ${takes.slice(0, 8).join(", ")}${takes.length > 8 ? ` and ${takes.length - 8} more` : ""}.</p>` : ""}
      ${moment?.elsewhere.length ? html`<p class="small ink2">Rows that take it elsewhere: ${moment.elsewhere.map((row, at) => html`${at ? ", " : ""}${place(row)}`)}.</p>` : ""}`;
  }

  /** The lines of the version's text that hold the row. */
  #text(step: Step): TemplateResult | string {
    const drawn = this.page.drawn(step);
    const row = step.row >= 0 ? drawn?.picture?.rows.find((item) => item.index === step.row) : undefined;
    if (!drawn || !row) return "";
    const lines = drawn.text.split(/\r?\n/).slice(row.line - 1, row.end_line);
    const indent = Math.min(...lines.filter((line) => line.trim()).map((line) => line.length - line.trimStart().length));
    return html`<pre class="row-text" tabindex="0" aria-label="The row in the YAML" data-testid="row-text">${lines.slice(0, 12).map((line, at) => html`<span class="row-line"><span class="row-no">${row.line + at}</span><span>${line.slice(indent)}</span></span>`)}</pre>`;
  }

  #fetch(step: Step): void {
    if (this.#known.has(step.key) || this.#asked === step.key) return;
    this.#asked = step.key;
    void fetch(this.page.address(step), { headers: { Accept: "application/json" } })
      .then(async (answer) => {
        if (this.#asked === step.key) this.#asked = "";
        if (!answer.ok) return;
        this.#known.set(step.key, (await answer.json()) as Moment);
        this.draw();
        this.page.told();
      })
      .catch(() => {
        this.#asked = "";
      });
  }
}

function tried(row: TriedRow): TemplateResult {
  const fired = row.verdict === "fired" || row.verdict === "ignored";
  return html`<li class=${fired ? "fired" : ""} data-testid="tried-row" data-verdict=${row.verdict}><span class="sign">${icon(fired ? "check" : "minus")}</span>
    <div class="grow"><p><b class=${fired ? "" : "plain"}>${row.label}</b>${row.id ? html`, row ${row.id}` : ""}</p>
      ${row.guards.map((guard) => html`<p class="small ${guard.held ? "ink2" : ""}">${icon(guard.held ? "check" : "x", guard.held ? "ok" : "err", guard.held ? "held" : "did not hold")} <span class="mono">${guard.text}</span> <span class="ink3">${Object.entries(guard.values).map(([name, value]) => `${name} is ${plain(value)}`).join(", ")}</span></p>`)}
      ${row.verdict === "ignored" || (row.verdict === "guards failed" && !row.guards.length) ? html`<p class="small ink2">${row.why}</p>` : ""}</div>
    <span class="line small ${fired ? "mono" : "ink2"}">${row.verdict === "not reached" ? row.why : html`line ${row.line}`}</span></li>`;
}

function place(row: RowLine): TemplateResult {
  return html`${row.class.split(",")[0]} <span class="ink3">line ${row.line}</span>`;
}

function answered(step: Step): string {
  if (step.answer) return `The runtime answered ${step.answer}.`;
  return "The runtime did nothing about it.";
}

function outside(step: Step): string {
  return step.kind === "migrated" ? `Somebody took the call to another version, in ${step.to_state}.` : "No row of the table decided this: the runtime did.";
}

function sentence(step: Step, moment: Moment | null): string {
  const changed = moment?.values.filter((value) => value.changed).map((value) => `${value.name} was ${plain(value.before)}, set to ${plain(value.after)}`) ?? [];
  const took = step.results.reduce((sum, result) => sum + result[1], 0);
  const said: string[] = [];
  if (changed.length) said.push(`${changed.slice(0, 4).join("; ")}${changed.length > 4 ? ` and ${changed.length - 4} more` : ""}.`);
  if (step.results.length) said.push(`Its actions took ${micros(took)}${step.published.length ? ` and published ${step.published.join(", ")}` : ""}.`);
  else if (step.published.length) said.push(`It published ${step.published.join(", ")}.`);
  return said.join(" ");
}

function doing(name: string, result: Step["results"][number] | undefined): TemplateResult {
  const [ok, took, error] = result ?? [null, null, null];
  return html`<dt class="mono">${name}</dt><dd data-testid="action-result">${
    ok === null ? html`<span class="ink3">not told yet</span>`
    : ok ? html`${icon("check", "ok", "done")} ${micros(took ?? 0)}`
    : html`${icon("error", "err", "failed")} <span class="err">${error ?? "failed"}</span> ${micros(took ?? 0)}`}</dd>`;
}

function fields(step: Step): TemplateResult | string {
  const told = Object.entries(step.fields).filter(([name, value]) => name !== "sdp" && value !== "" && value !== null);
  if (!told.length) return "";
  return html`<dl class="facts">${told.map(([name, value]) => html`<dt>${name}</dt><dd class="mono clip" title=${String(value)}>${typeof value === "object" ? JSON.stringify(value) : String(value).split("\n")[0]}</dd>`)}</dl>`;
}

