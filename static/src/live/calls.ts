import { html, render, type TemplateResult } from "lit";
import { count } from "../lib/count";
import { icon } from "../lib/icon";
import { party } from "../lib/party";
import { duration } from "../lib/times";
import type { Picture, Summary } from "../lib/types";
import type { Traffic } from "./traffic";

const LISTED = 60;

/** The list of calls beside the diagram, and what can happen to the followed one. */
export class Calls {
  followed: string | null = null;
  state: string | null = null;
  #words = "";

  constructor(
    private readonly list: HTMLElement,
    private readonly detail: HTMLElement,
    search: HTMLInputElement,
    private readonly traffic: Traffic,
    private readonly picture: Picture | null,
    private readonly numbers: Record<string, number>,
    private readonly url: (id: string) => string,
    private readonly changed: () => void,
  ) {
    list.replaceChildren();
    search.addEventListener("input", () => {
      this.#words = search.value.trim().toLowerCase();
      this.draw();
    });
  }

  get session(): Summary | null {
    return this.followed === null ? null : (this.traffic.sessions.get(this.followed) ?? null);
  }

  /** Show only the calls in this state, or all of them. */
  narrow(state: string | null): void {
    this.state = state;
    this.changed();
  }

  draw(): void {
    const all = [...this.traffic.sessions.values()].filter((session) => this.#wanted(session));
    const unusual = (session: Summary): number => (session.unhandled ? 1 : 0);
    all.sort((a, b) => unusual(b) - unusual(a) || b.started - a.started);
    render(
      html`${this.state ? html`<p class="side-note"><button class="chip filter" type="button" aria-pressed="true" data-testid="clear-state" @click=${() => this.narrow(null)}>State: ${this.state} ${icon("x")}</button></p>` : ""}
        ${all.length ? html`<div role="listbox" aria-label="Calls of this flow">${all.slice(0, LISTED).map((session) => this.#line(session))}</div>` : this.#none()}
        ${all.length > LISTED ? html`<p class="side-note ink3">${count(all.length - LISTED)} more</p>` : ""}`,
      this.list,
    );
    render(this.session ? this.#session(this.session) : "", this.detail);
    this.detail.hidden = this.session === null;
  }

  #wanted(session: Summary): boolean {
    if (this.state && session.state !== this.state) return false;
    return `${session.caller} ${session.callee} ${session.id}`.toLowerCase().includes(this.#words);
  }

  #none(): TemplateResult {
    return html`<div class="all-clear">${icon("phone")}<b>${this.traffic.away ? "The runtime is away" : "No call now"}</b>
      <p class="small">${this.traffic.away ? "Counts come back when it does." : "Call a route that leads here, from a phone or with the phone of this page."}</p>
      ${this.traffic.away ? "" : html`<button class="btn small" type="button" data-phone-toggle>${icon("phone")}Open the phone</button>`}</div>`;
  }

  #line(session: Summary): TemplateResult {
    const chosen = session.id === this.followed;
    const strange = session.unhandled > 0;
    return html`<button class="call-line" type="button" role="option" aria-selected=${chosen} data-testid="live-call" data-id=${session.id}
      @click=${() => this.#follow(chosen ? null : session.id)}>
      ${icon(strange ? "warning" : "phone", strange ? "warn" : "ink3")}
      <span class="grow"><span class="clip"><b>${party(session.caller)}</b> <span class="ink3">to</span> ${party(session.callee)}</span>
      <span class="row gap12 small ink3"><span>${session.state}</span><span>${this.#version(session)}</span><span>${session.role}</span>${strange ? html`<span class="warn">${session.unhandled} unhandled</span>` : ""}</span></span>
      <b>${duration(this.traffic.clock() - session.started)}</b></button>`;
  }

  #version(session: Summary): string {
    const number = session.number ?? this.numbers[session.digest];
    return number ? `v${number}` : session.digest.slice(0, 7);
  }

  #session(session: Summary): TemplateResult {
    const rows = this.picture?.rows.filter(
      (row) => (row.from_state === session.state || row.from_state === "*") && (row.role === "Both" || row.role === session.role),
    ) ?? [];
    const timer = rows.some((row) => row.after !== null);
    return html`<div class="row">${icon("eye", "ink3")}<h2 class="grow clip">${party(session.caller)} <span class="mono ink3">${session.id.slice(0, 10)}</span></h2>
        <a class="btn small" href=${this.url(session.id)} data-testid="open-call">Open call</a></div>
      <p class="small ink2">In <b>${session.state}</b> for ${duration(this.traffic.clock() - session.since)} on ${this.#version(session)}. ${timer ? "A timer is armed." : html`<b class="warn">No timer is armed.</b>`}</p>
      <div class="why">${rows.filter((row) => row.next_state !== null && row.next_state !== session.state).slice(0, 5).map(
        (row) => html`<div class="small"><b>${row.label}</b><span class="ink3">to ${row.next_state}</span></div>`,
      )}</div>`;
  }

  #follow(id: string | null): void {
    this.followed = id;
    this.changed();
  }
}
