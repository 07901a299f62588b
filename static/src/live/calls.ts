import { html, render, type TemplateResult } from "lit";
import { count } from "../lib/count";
import { icon } from "../lib/icon";
import { party } from "../lib/party";
import { duration } from "../lib/times";
import type { Line, Traffic } from "./traffic";

/** What the list asks the server for. */
export interface Wanted {
  state: string;
  digest: string;
  role: string;
  node: string;
  text: string;
  unusual: boolean;
}

interface Acts {
  ask(wanted: Wanted): void;
  follow(id: string | null): void;
}

const TYPING = 250;

/** The list of calls beside the diagram. The server chooses the few that are shown. */
export class Calls {
  readonly wanted: Wanted = { state: "", digest: "", role: "", node: "", text: "", unusual: true };
  followed: string | null = null;
  #typing = 0;

  constructor(
    private readonly list: HTMLElement,
    private readonly bar: HTMLElement,
    search: HTMLInputElement,
    private readonly traffic: Traffic,
    private readonly states: string[],
    private readonly acts: Acts,
  ) {
    list.replaceChildren();
    search.addEventListener("input", () => {
      window.clearTimeout(this.#typing);
      this.#typing = window.setTimeout(() => this.want({ text: search.value.trim() }), TYPING);
    });
  }

  /** Ask for other calls. */
  want(change: Partial<Wanted>): void {
    Object.assign(this.wanted, change);
    this.acts.ask(this.wanted);
    this.draw();
  }

  draw(): void {
    const { lines, matching } = this.traffic;
    render(this.#bar(), this.bar);
    render(
      html`${lines.length ? html`<ul class="call-lines" aria-label="Calls of this flow">${lines.map((line) => this.#line(line))}</ul>` : this.#none()}
        ${matching > lines.length ? html`<p class="side-note ink3" data-testid="more-calls">${count(matching - lines.length)} more</p>` : ""}`,
      this.list,
    );
  }

  #bar(): TemplateResult {
    const { unusual, state, node } = this.wanted;
    return html`<button class="chip filter" type="button" aria-pressed=${unusual} data-testid="unusual-first" @click=${() => this.want({ unusual: !unusual })}>${icon("warning")}Unusual first</button>
      ${this.#choice("State", state, ["", ...this.states], (chosen) => this.want({ state: chosen }))}
      ${this.traffic.nodes.length > 1 || node ? this.#choice("Node", node, ["", ...this.traffic.nodes], (chosen) => this.want({ node: chosen })) : ""}`;
  }

  #choice(name: string, value: string, choices: string[], choose: (value: string) => void): TemplateResult {
    return html`<label class="chip filter pick ${value ? "on" : ""}"><span>${name}:</span>
      <select data-testid="filter-${name.toLowerCase()}" @change=${(event: Event) => choose((event.target as HTMLSelectElement).value)}>
      ${choices.map((choice) => html`<option value=${choice} ?selected=${choice === value}>${choice || "all"}</option>`)}</select>${icon("down")}</label>`;
  }

  #none(): TemplateResult {
    const { text, state, node, digest, role } = this.wanted;
    if (this.traffic.away) return html`<div class="all-clear">${icon("phone")}<b>The runtime is away</b><p class="small">Counts come back when it does.</p></div>`;
    if ((text || state || node || digest || role) && this.traffic.total) return html`<div class="all-clear">${icon("search")}<b>No call matches</b><p class="small">${count(this.traffic.total)} calls live in this flow.</p></div>`;
    return html`<div class="all-clear">${icon("phone")}<b>No call now</b><p class="small">Call a route that leads here, from a phone or with the phone of this page.</p>
      <button class="btn small" type="button" data-phone-toggle>${icon("phone")}Open the phone</button></div>`;
  }

  #line(line: Line): TemplateResult {
    const chosen = line.id === this.followed;
    const odd = line.why !== "" || line.unhandled > 0;
    return html`<li><button class="call-line" type="button" aria-pressed=${chosen} data-testid="live-call" data-id=${line.id}
      @click=${() => this.acts.follow(chosen ? null : line.id)}>
      ${odd ? icon("warning", "warn", "Needs a look") : icon("phone", "ink3")}
      <span class="grow"><span class="clip"><b>${party(line.caller)}</b> <span class="ink3">to</span> ${party(line.callee)}</span>
      <span class="row gap12 small ink2 wrap"><span>${line.state}</span><span>${versionOf(line)}</span>${this.traffic.nodes.length > 1 ? html`<span>${line.node}</span>` : ""}${line.why ? html`<span class="warn">${line.why}</span>` : ""}${line.unhandled ? html`<span class="warn">${line.unhandled} unhandled</span>` : ""}</span></span>
      <b class="dwell">${lasting(this.traffic.clock() - line.since)}</b></button></li>`;
  }
}

/** The version of a call as people name it. */
export function versionOf(line: { number: number | null; digest: string }): string {
  return line.number ? `v${line.number}` : line.digest.slice(0, 7);
}

/** Seconds as a list says them: whole seconds from ten on, whole minutes from ten minutes on. */
export function lasting(seconds: number): string {
  return seconds >= 600 && seconds < 3600 ? `${Math.floor(seconds / 60)} min` : duration(seconds);
}
