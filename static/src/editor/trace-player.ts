import { html, type TemplateResult } from "lit";
import { announce } from "../lib/announce";
import { icon } from "../lib/icon";
import type { TraceStep } from "../lib/types";
import type { Act } from "./acts";
import type { Store } from "./store";

const PACE = 900;
/** What travels on the wire when an event arrives. */
const REQUEST: Record<string, string> = {
  IncomingCall: "INVITE",
  DialogACK: "ACK",
  DialogBYE: "BYE",
  DialogCANCEL: "CANCEL",
  ReinviteReceived: "re-INVITE",
  UpdateReceived: "UPDATE",
  InfoReceived: "INFO",
  MessageReceived: "MESSAGE",
  TransferRequested: "REFER",
};
const ANSWER = /^(Dialog[1-6]\w\w|AuthRequired|ReinviteGlare|SessionIntervalTooSmall)/;

/** Steps along the way to a finding: on the diagram, in every other view, and as a ladder of messages. */
export class TracePlayer {
  /** The step looked at, from 0; -1 looks at all of the way. */
  at = -1;
  #of = "";
  #timer = 0;

  constructor(
    private readonly store: Store,
    private readonly redraw: () => void,
  ) {
    store.on(["selection", "document", "check"], () => this.#begin());
  }

  get there(): boolean {
    return this.store.trace.length > 0;
  }

  get playing(): boolean {
    return this.#timer !== 0;
  }

  acts(): Act[] {
    const group = "Way to a finding";
    const can = (): boolean => this.there;
    return [
      { id: "trace-on", title: "One step on along the way to a finding", group, keys: ["."], run: () => this.go(this.at + 1), can },
      { id: "trace-back", title: "One step back", group, keys: [","], run: () => this.go(this.at - 1), can },
      { id: "trace-play", title: "Play the way, or stop", group, keys: ["Space"], scope: "canvas", run: () => this.toggle(), can },
    ];
  }

  /** Look at one step; what lies beyond the ends is the end. */
  go(at: number): void {
    const trace = this.store.trace;
    this.at = Math.max(-1, Math.min(trace.length - 1, at));
    const step = trace[this.at];
    if (step) {
      const row = step.row >= 0 && this.store.row(step.row);
      const selection = row ? ({ kind: "row", index: step.row } as const) : this.store.state(step.before) ? ({ kind: "state", name: step.before } as const) : null;
      this.store.select(selection, "problems");
      announce(`Step ${this.at + 1} of ${trace.length}: ${step.event}, ${step.row < 0 ? `no row takes it in ${step.before}` : `${step.before} to ${step.after}`}`);
    }
    if (this.at === trace.length - 1) this.#stop();
    this.redraw();
  }

  toggle(): void {
    if (this.playing) this.#stop();
    else {
      if (this.at >= this.store.trace.length - 1) this.at = -1;
      this.go(this.at + 1);
      this.#timer = window.setInterval(() => this.go(this.at + 1), PACE);
    }
    this.redraw();
  }

  draw(trace: TraceStep[]): TemplateResult {
    const mine = trace === this.store.trace;
    const at = mine ? this.at : -1;
    return html`<div class="player" role="group" aria-label="Way to the finding" @keydown=${(event: KeyboardEvent) => this.#key(event)}>
      <div class="player-bar"><button class="btn small icon" type="button" data-testid="trace-back" aria-label="One step back" title="One step back (,)" aria-disabled=${at < 0} @click=${() => this.go(at - 1)}>${icon("prev")}</button>
        <button class="btn small icon" type="button" data-testid="trace-play" aria-label=${this.playing ? "Stop" : "Play"} title="Play (Space)" @click=${() => this.toggle()}>${icon(this.playing ? "pause" : "play")}</button>
        <button class="btn small icon" type="button" data-testid="trace-on" aria-label="One step on" title="One step on (.)" aria-disabled=${at >= trace.length - 1} @click=${() => this.go(at + 1)}>${icon("next")}</button>
        <span class="small ink2" data-testid="trace-at">${at < 0 ? `${trace.length} ${trace.length === 1 ? "step" : "steps"}` : `Step ${at + 1} of ${trace.length}`}</span></div>
      <ol class="trace-ladder" aria-label="How it comes about"><li class="trace-heads" aria-hidden="true"><span></span><b>Far side</b><b>${trace[0]?.side ?? "Session"}</b></li>
        ${trace.map((step, number) => this.#step(step, number, number === at))}</ol></div>`;
  }

  #step(step: TraceStep, number: number, here: boolean): TemplateResult {
    const missing = step.kind === "unhandled";
    const heard = arrives(step);
    return html`<li class="${missing ? "missing" : ""} ${here ? "here" : ""}" data-testid="trace-step" aria-current=${here ? "step" : "false"}>
      <button type="button" class="trace-line" @click=${() => this.go(number)}><b class="no">${number + 1}</b>
        <span class="lane">${heard ? html`<span class="msg in ${heard.bad ? "bad" : heard.answer ? "answer" : ""}"><span>${heard.label}</span></span>` : ""}
          ${step.sends.map((message) => html`<span class="msg out ${/^\d/.test(message) || message.startsWith("RESP") ? "answer" : ""}"><span>${message}</span></span>`)}</span>
        <span class="trace-said"><span>${missing ? html`<b>${step.name || step.event}: no row</b>` : html`${step.name || step.event} <span class="ink3">▸</span> ${step.before !== step.after ? html`<b>${step.after}</b>` : html`<span class="ink3">stays in ${step.after}</span>`}`}</span>
          ${step.actions.length ? html`<span class="small ink3" title=${step.actions.join(", ")}>${step.actions.join(", ")}</span>` : ""}</span></button></li>`;
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== " " || (event.target as Element).closest("button")) return;
    event.preventDefault();
    event.stopPropagation();
    this.toggle();
  }

  /** Another finding is looked at: its way begins anew. */
  #begin(): void {
    const of = JSON.stringify(this.store.shown[this.store.finding] ?? null);
    if (of === this.#of) return;
    this.#of = of;
    this.at = -1;
    this.#stop();
  }

  #stop(): void {
    window.clearInterval(this.#timer);
    this.#timer = 0;
  }
}

/** The message that a step begins with; null where nothing came over the wire. */
function arrives(step: TraceStep): { label: string; answer: boolean; bad: boolean } | null {
  const request = REQUEST[step.name];
  if (request) return { label: request, answer: false, bad: false };
  if (!ANSWER.test(step.name)) return null;
  const code = /code (\d{3})/.exec(step.event)?.[1] ?? /(\d\d\d)/.exec(step.name)?.[1] ?? "";
  const method = /method ([\w-]+)/.exec(step.event)?.[1] ?? "";
  return { label: [code || step.name, method && `to ${method}`].filter(Boolean).join(" "), answer: true, bad: Number(code) >= 300 };
}
