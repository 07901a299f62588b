import { html, render, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { callTime, duration } from "../lib/times";
import type { WireLine } from "../lib/types";
import type { CallStore } from "./store";

const FOLD = 5;

/** The SIP messages between the peer and the session, with the step each belongs to, and the raw text of one. */
export class Ladder {
  constructor(
    private readonly host: HTMLElement,
    private readonly raw: HTMLElement,
    private readonly store: CallStore,
  ) {
    host.replaceChildren();
    store.on(() => this.draw());
    this.draw();
  }

  draw(): void {
    const { wire, message } = this.store;
    const first = wire[0];
    render(
      first
        ? html`<div class="heads"><span></span><div><b>${this.#peer()}</b><span class="small ink3">${first.remote}, ${first.transport}</span></div>
            <div class="own"><b>Session</b><span class="small ink3">${this.store.session.role}${this.store.session.number ? `, v${this.store.session.number}` : ""}</span></div><span></span></div>
            ${wire.map((line, at) => html`${gap(wire[at - 1], line)}${this.#line(line, at, at === message)}`)}`
        : html`<p class="panel-body ink3">No SIP message is recorded yet.</p>`,
      this.host,
    );
    this.host.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
    const chosen = message === null ? undefined : wire[message];
    render(chosen ? pretty(chosen) : html`<p class="ink3">Choose a message to read it.</p>`, this.raw);
  }

  #peer(): string {
    return this.store.session.role === "UAS" ? "Caller" : "Callee";
  }

  #line(line: WireLine, at: number, chosen: boolean): TemplateResult {
    const response = /^SIP\/2\.0 (\d{3})\s*(.*)$/.exec(line.summary) ?? /^(\d{3})\s+(.*)$/.exec(line.summary);
    const kind = response ? (Number(response[1]) >= 300 ? "bad" : "answer") : "request";
    const said = response ? `${response[1]} ${response[2]}` : (line.summary.split(" ")[0] ?? line.summary);
    const step = this.store.stepOf(at);
    const shown = step && !this.store.wire.slice(0, at).some((_, other) => this.store.stepOf(other) === step);
    return html`<button class="wire ${line.direction} ${kind}" type="button" aria-selected=${chosen} role="option" data-testid="wire" @click=${() => this.store.selectMessage(at)}>
      <span class="mono at">${callTime(line.time - this.store.began)}</span><span class="arrow"><span class="said">${kind === "bad" ? icon("x", "err") : ""}${said}</span></span>
      <span class="disc">${shown ? html`<i>${step.sequence}</i>` : ""}</span></button>`;
  }
}

function gap(before: WireLine | undefined, line: WireLine): TemplateResult | string {
  return before && line.time - before.time >= FOLD ? html`<p class="gap">${duration(line.time - before.time)} without a message</p>` : "";
}

function pretty(line: WireLine): TemplateResult {
  const [head = "", ...lines] = line.data.replace(/\r/g, "").trimEnd().split("\n");
  return html`<pre data-testid="raw"><b>${head}</b>
${lines.map((text) => {
    const field = /^([\w-]+)(:.*)$/.exec(text);
    return field ? html`<span class="yk">${field[1]}</span>${field[2]}\n` : html`${text}\n`;
  })}</pre>`;
}
