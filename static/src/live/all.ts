import { html, render, type TemplateResult } from "lit";
import { boot } from "../lib/boot";
import { count } from "../lib/count";
import { element } from "../lib/element";
import { icon } from "../lib/icon";
import { party } from "../lib/party";
import { Socket, type Frame } from "../lib/socket";
import { clock } from "../lib/times";
import { lasting, versionOf } from "./calls";
import type { Line } from "./traffic";

interface Boot {
  ws: string;
  versions: Record<string, number>;
  flows: { name: string; description: string; deployed: number | null }[];
  urls: { call: string; flow: string };
}

interface FlowNow {
  versions: Record<string, number>;
  total: number;
  begun: number;
  failed: number;
  unusual: number;
}

const ACKNOWLEDGE_EACH = 15;

/** All flows with their calls, and the calls that need a look. */
export function allFlows(): void {
  const data = boot<Boot>("all-live");
  if (data) new All(data);
}

class All {
  #flows: Record<string, FlowNow> = {};
  #unusual: Line[] = [];
  #now = 0;
  #received = 0;
  #away = false;
  #told = false;
  /** What the page said before anything was known. */
  #first: HTMLElement | null = element('[data-part="sentence"]');
  readonly #socket: Socket;

  constructor(private readonly data: Boot) {
    this.#socket = new Socket(data.ws, { frame: (frame) => this.#take(frame), lost: () => this.#draw() });
    window.setInterval(() => this.#draw(), 1000);
  }

  #take(frame: Frame): void {
    const seq = Number(frame["seq"] ?? 0);
    if (seq && seq % ACKNOWLEDGE_EACH === 0) this.#socket.send({ type: "ack", seq });
    if (frame.type === "away") this.#away = true;
    if (frame.type === "all") {
      this.#away = false;
      this.#told = true;
      this.#flows = frame["flows"] as Record<string, FlowNow>;
      this.#unusual = frame["unusual"] as Line[];
      this.#now = Number(frame["now"]);
      this.#received = performance.now();
    }
    this.#draw();
  }

  #draw(): void {
    if (document.hidden || !(this.#told || this.#away)) return;
    this.#first?.replaceChildren();
    this.#first = null;
    render(this.#sentence(), element('[data-part="sentence"]'));
    render(this.#table(), element('[data-part="flows"]'));
    render(this.#list(), element('[data-part="unusual"]'));
  }

  #clock(): number {
    return this.#now + (performance.now() - this.#received) / 1000;
  }

  #sentence(): TemplateResult {
    if (this.#away) return html`<b>The runtime is away.</b> Counts come back when it does.`;
    const busy = Object.values(this.#flows).filter((flow) => flow.total > 0);
    const total = busy.reduce((sum, flow) => sum + flow.total, 0);
    const odd = Object.values(this.#flows).reduce((sum, flow) => sum + flow.unusual, 0);
    const calls = total ? `${count(total)} ${total === 1 ? "call" : "calls"} in ${count(busy.length)} ${busy.length === 1 ? "flow" : "flows"}.` : "No call lives now.";
    return html`<b>${calls}</b> ${odd ? html`<span class="warn">${icon("warning")} ${odd === 1 ? "One needs" : `${count(odd)} need`} a look.</span>` : total ? "None needs a look." : ""} <span class="ink3">${clock(this.#clock())}</span>`;
  }

  #table(): TemplateResult {
    const known = this.data.flows.map((flow) => ({ ...flow, now: this.#flows[flow.name] }));
    known.sort((a, b) => (b.now?.total ?? 0) - (a.now?.total ?? 0) || a.name.localeCompare(b.name));
    return html`${known.map(({ name, description, deployed, now }) => html`<tr data-testid="live-flow-${name}">
      <td><a class="name cover" href=${this.data.urls.flow.replace("{name}", encodeURIComponent(name))}>${name}</a><p class="small ink3 desc clip">${description}</p></td>
      <td class="num" data-label="Calls"><b class="big-cell">${count(now?.total ?? 0)}</b></td>
      <td data-label="Versions">${now && now.total ? this.#versions(now) : html`<span class="ink3">${deployed ? `new ones take v${deployed}` : "nothing is deployed"}</span>`}</td>
      <td class="num" data-label="New a minute">${count(now?.begun ?? 0)}</td>
      <td class="num" data-label="Failures, hour">${now?.failed ? html`<span class="err">${count(now.failed)}</span>` : "0"}</td>
      <td class="num" data-label="Need a look">${now?.unusual ? html`<span class="chip warn">${icon("warning")}${count(now.unusual)}</span>` : "0"}</td></tr>`)}`;
  }

  #versions(flow: FlowNow): TemplateResult {
    const lines = Object.entries(flow.versions)
      .filter(([, calls]) => calls > 0)
      .map(([digest, calls]) => ({ digest, number: this.data.versions[digest] ?? null, calls }))
      .sort((a, b) => (b.number ?? 0) - (a.number ?? 0));
    return html`${lines.map((line) => html`<span class="tag">${versionOf(line)}</span> ${count(line.calls)} `)}`;
  }

  #list(): TemplateResult {
    if (!this.#unusual.length) return html`<div class="all-clear">${icon("check")}<b>No call needs a look</b><p class="small">A call comes here when it stands in a state longer than 99 of 100 did, or when nothing can move it on.</p></div>`;
    return html`<ul class="call-lines">${this.#unusual.map((line) => html`<li><a class="call-line" href=${this.data.urls.call.replace("{id}", encodeURIComponent(line.id))} data-testid="unusual-call">
      ${icon("warning", "warn", "Needs a look")}<span class="grow"><span class="clip"><b>${party(line.caller)}</b> <span class="ink3">to</span> ${party(line.callee)}</span>
      <span class="row gap12 small ink2 wrap"><span>${line.flow}</span><span>${line.state}</span><span>${this.data.versions[line.digest] ? `v${this.data.versions[line.digest]}` : line.digest.slice(0, 7)}</span><span>${line.node}</span><span class="warn">${line.why}</span></span></span>
      <b class="dwell">${lasting(this.#clock() - line.since)}</b></a></li>`)}</ul>`;
  }
}
