import { html, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import type { Store } from "../editor/store";
import type { Trial } from "./trial";
import type { Choice, Input, Plain } from "./types";

const GLYPH = { fires: "arrow", ignored: "minus", blocked: "lock", unhandled: "warning" } as const;

/** What may happen next: each event with where it leads, or what keeps it from leading anywhere. */
export class Happens {
  /** The choice whose fields are open. */
  #open = "";
  #filled: Record<string, Plain> = {};
  #fails = "";
  #all = false;

  constructor(
    private readonly trial: Trial,
    private readonly store: Store,
    private readonly redraw: () => void,
  ) {}

  draw(side: string): TemplateResult {
    const mine = (this.trial.played?.choices ?? []).filter((choice) => choice.side === side);
    const now = mine.filter((choice) => choice.group !== "Not now");
    const later = mine.filter((choice) => choice.group === "Not now");
    const groups = [...new Set(now.map((choice) => choice.group))];
    return html`${groups.map((group) => html`<h4 class="sim-group">${group}</h4>${now.filter((choice) => choice.group === group).map((choice) => this.#choice(choice))}`)}
      ${later.length
        ? html`<button class="sim-more" type="button" aria-expanded=${this.#all} @click=${() => this.#toggleAll()}>${icon(this.#all ? "down" : "chev")}${later.length} more that cannot come now</button>
            ${this.#all ? later.map((choice) => this.#choice(choice)) : ""}`
        : ""}`;
  }

  #toggleAll(): void {
    this.#all = !this.#all;
    this.redraw();
  }

  #choice(choice: Choice): TemplateResult {
    const key = `${choice.side} ${choice.event} ${choice.method} ${choice.row} ${choice.described}`;
    const open = this.#open === key;
    const label = choice.method && choice.group === "Far side" && !choice.event.includes(choice.method) ? ` to ${choice.method}` : "";
    const sdp = choice.described && this.#hasTwin(choice) ? " with media" : "";
    const code = choice.fields.find((field) => field.name === "code")?.value;
    const number = code && this.#hasTwin(choice) && !choice.event.includes(String(code)) ? ` ${String(code)}` : "";
    return html`<div class="happen ${choice.verdict}" data-testid="happen" data-event=${choice.event} data-verdict=${choice.verdict} data-side=${choice.side}>
      <div class="line"><button class="do" type="button" @click=${() => void this.#give(choice)} title=${choice.message ? `The far side sends ${choice.message}` : choice.event}>
          ${icon(GLYPH[choice.verdict], "", choice.verdict)}<span class="clip"><b>${choice.event}${number}</b>${label}${sdp}</span><span class="to clip">${this.#to(choice)}</span></button>
        <button class="btn quiet icon small" type="button" aria-expanded=${open} aria-label="Fields and failures of ${choice.event}" @click=${() => this.#toggle(key, choice)}>${icon("dots")}</button></div>
      ${choice.verdict === "blocked" ? this.#why(choice) : ""}
      ${open ? this.#form(choice) : ""}</div>`;
  }

  #hasTwin(choice: Choice): boolean {
    return (this.trial.played?.choices ?? []).some((other) => other !== choice && other.event === choice.event && other.side === choice.side && other.method === choice.method);
  }

  #to(choice: Choice): string {
    switch (choice.verdict) {
      case "fires":
        return choice.to === this.#state(choice.side) ? "stays" : choice.to;
      case "ignored":
        return "ignored on purpose";
      case "blocked":
        return "no guard holds";
      case "unhandled":
        return choice.answer ? `no row: ${choice.answer}` : choice.ends ? "no row: ends" : "no row";
    }
  }

  #state(side: string): string {
    return this.trial.played?.sides.find((item) => item.role === side)?.state ?? "";
  }

  /** Each row that was asked, and what its guards said of which values. */
  #why(choice: Choice): TemplateResult {
    return html`<ul class="why" data-testid="why">${choice.tried
      .filter((tried) => tried.row >= 0)
      .map((tried) => html`<li><button class="edgeless" type="button" @click=${() => this.store.select({ kind: "row", index: tried.row }, "inspector")}>Row ${tried.row + 1}</button>
        ${tried.guards.map((guard) => {
          const reads = Object.entries(guard.reads).filter(([name]) => name !== guard.text).map(([name, value]) => `${name} = ${String(value)}`);
          return html`<span class=${guard.holds ? "holds" : "fails"}>${icon(guard.holds ? "check" : "x", "", guard.holds ? "holds" : "fails")}<code>${guard.text}</code>${reads.length ? html` <span class="ink3">${reads.join(", ")}</span>` : ""}</span>`;
        })}</li>`)}</ul>`;
  }

  #toggle(key: string, choice: Choice): void {
    this.#open = this.#open === key ? "" : key;
    this.#filled = Object.fromEntries(choice.fields.map((field) => [field.name, field.value]));
    this.#fails = "";
    this.redraw();
  }

  #form(choice: Choice): TemplateResult {
    const row = choice.row >= 0 ? this.store.row(choice.row) : undefined;
    const fields = choice.fields.filter((field) => field.type !== "sdp");
    return html`<form class="happen-form" @submit=${(event: Event) => {
        event.preventDefault();
        void this.#give(choice, this.#filled);
      }}>
      ${fields.map((field) => html`<div class="field"><label>${field.name}
        <input class="input mono" .value=${field.value === null ? "" : String(field.value)} inputmode=${field.type === "integer" ? "numeric" : "text"} data-testid="happen-field-${field.name}"
          @input=${(event: Event) => {
            const text = (event.target as HTMLInputElement).value;
            this.#filled[field.name] = text === "" ? null : field.type === "integer" && /^-?\d+$/.test(text) ? Number(text) : text;
          }}></label></div>`)}
      ${row?.actions.length
        ? html`<div class="field"><label>An action that fails
            <select class="select" data-testid="happen-fails" @change=${(event: Event) => (this.#fails = (event.target as HTMLSelectElement).value)}>
              <option value="">None: all are done</option>${row.actions.map((action) => html`<option>${action.name}</option>`)}</select></label></div>`
        : ""}
      ${choice.tried.length > 1 && choice.verdict !== "blocked" ? this.#why(choice) : ""}
      <button class="btn small" type="submit" data-testid="happen-do">${icon("play")}Let it happen</button></form>`;
  }

  #give(choice: Choice, filled?: Record<string, Plain>): Promise<void> {
    const values = filled ?? Object.fromEntries(choice.fields.map((field) => [field.name, field.value]));
    const fields = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
    // An empty description says: without one.
    if (choice.message && !choice.described && choice.fields.some((field) => field.name === "sdp")) fields["sdp"] = "";
    if (choice.method) fields["method"] = choice.method === "re-INVITE" ? "INVITE" : choice.method;
    const input: Input = { event: choice.event };
    if (this.trial.both) input.side = choice.side;
    if (Object.keys(fields).length) input.fields = fields;
    if (filled && this.#fails) input.fails = { action: this.#fails };
    this.#open = "";
    this.#fails = "";
    return this.trial.give(input);
  }
}
