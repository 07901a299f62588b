import { html, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { callTime } from "../lib/times";
import type { Trial } from "./trial";
import type { Message } from "./types";

/** The SIP messages the run predicts, between the two lifelines; what is under way waits for its fate. */
export function ladder(trial: Trial, choose: (step: number) => void): TemplateResult {
  const played = trial.played;
  if (!played) return html``;
  const left = trial.both || trial.run.roles[0] === "UAC" ? "UAC" : "peer";
  const right = left === "peer" ? "UAS" : trial.both ? "UAS" : "peer";
  const title = (name: string): string => (name === "peer" ? "Far side" : name);
  const state = (name: string): string => played.sides.find((side) => side.role === name)?.state ?? "does what SIP allows";
  return html`<div class="heads sim-heads"><span></span><div class=${left === "peer" ? "" : "own"}><b>${title(left)}</b><span class="small ink3">${state(left)}</span></div>
      <div class=${right === "peer" ? "end" : "own end"}><b>${title(right)}</b><span class="small ink3">${state(right)}</span></div><span></span></div>
    ${played.ladder.length ? played.ladder.map((message) => line(trial, message, left, choose)) : html`<p class="panel-body ink3">No message yet. Whatever is sent stands here, with the step that sent it.</p>`}`;
}

function line(trial: Trial, message: Message, left: string, choose: (step: number) => void): TemplateResult {
  const direction = message.from === left ? "in" : "out";
  const step = message.sent_in || message.heard_in;
  const fate = { underway: "under way", lost: "lost", arrived: "" }[message.fate];
  return html`<div class="wire sim-wire ${direction} ${message.kind} ${message.fate}" data-testid="sim-wire" data-fate=${message.fate} data-label=${message.label}>
    <span class="mono at">${callTime(message.time)}</span>
    <button class="arrow" type="button" ?disabled=${!step} aria-label="${message.label}, from ${message.from} to ${message.to}${fate ? `, ${fate}` : ""}" @click=${() => choose(step)}>
      <span class="said">${message.kind === "bad" ? icon("x", "err") : ""}<span class="clip">${message.label}</span>${message.by_stack ? html`<span class="ink3">by the stack</span>` : ""}${message.fate === "lost" ? html`<b class="err">lost</b>` : ""}</span></button>
    ${message.fate === "underway"
      ? html`<span class="row gap4"><button class="btn small" type="button" data-testid="deliver" @click=${() => void trial.give({ side: message.to, deliver: message.label })}>Deliver</button>
          <button class="btn small quiet" type="button" data-testid="lose" @click=${() => void trial.give({ side: message.to, lose: message.label })}>Lose</button></span>`
      : html`<span class="disc" title="Sent in step ${message.sent_in || "–"}, led to step ${message.heard_in || "–"}">${discs(message)}</span>`}
  </div>`;
}

function discs(message: Message): TemplateResult {
  const shown = [message.sent_in, message.heard_in].filter((step) => step > 0);
  return html`${shown.map((step) => html`<i>${step}</i>`)}`;
}
