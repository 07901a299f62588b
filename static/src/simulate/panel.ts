import { html, render, type TemplateResult } from "lit";
import type { Store } from "../editor/store";
import { icon } from "../lib/icon";
import { callTime, duration } from "../lib/times";
import { toast } from "../lib/toast";
import { Happens } from "./happens";
import { ladder } from "./ladder";
import { log, plain } from "./log";
import { Tests } from "./tests";
import type { Trial } from "./trial";
import type { Side, Step } from "./types";

type Tab = "try" | "ladder" | "tests";
const ROLES: [string, string[]][] = [
  ["UAC", ["UAC"]],
  ["UAS", ["UAS"]],
  ["Both", ["UAC", "UAS"]],
];

/** The panel of the simulator: what happened, what may happen next, how the session stands; the ladder has its own place. */
export class Panel {
  readonly #happens: Happens;
  readonly #tests: Tests;
  #tab: Tab = "try";
  /** The side whose events are listed, in a run of both. */
  #side = "UAC";
  #chosen = 0;

  constructor(
    private readonly host: HTMLElement,
    private readonly wide: HTMLElement,
    private readonly trial: Trial,
    private readonly store: Store,
    private readonly leave: () => void,
  ) {
    const redraw = (): void => this.draw();
    this.#happens = new Happens(trial, store, redraw);
    this.#tests = new Tests(trial, store.flow, store.can.edit, redraw);
    trial.listen(() => {
      this.#chosen = trial.steps.at(-1)?.number ?? 0;
      this.draw();
      this.#foot();
    });
    store.on(["selection"], redraw);
  }

  draw(): void {
    if (!this.trial.on) return;
    const roles = this.trial.run.roles;
    if (!roles.includes(this.#side)) this.#side = roles[0] ?? "UAC";
    render(
      html`<div class="panel-head"><h2>Simulate</h2><span class="grow"></span>${this.#roles()}
          <button class="btn quiet icon small" type="button" aria-label="Back to design" data-testid="sim-close" @click=${this.leave}>${icon("x")}</button></div>
        ${this.#controls()}
        <div class="tabs sim-tabs" role="tablist">${this.#tabButton("try", "Steps")}${this.#tabButton("ladder", "Ladder")}${this.#tabButton("tests", "Tests")}</div>
        ${this.#body()}`,
      this.host,
    );
    render(html`<div class="dock-head"><h2 title="What the actions send, and what the far side answers">Predicted ladder</h2></div><div class="scroll" tabindex="0">${ladder(this.trial, (step) => this.#step(step))}</div>`, this.wide);
  }

  #body(): TemplateResult {
    const { trial } = this;
    if (trial.refusal) return html`<p class="banner warn small sim-banner" data-testid="sim-refused">${icon("warning")}<span>${trial.refusal}</span></p>`;
    if (this.#tab === "tests") return html`<div class="scroll" data-testid="tests">${this.#tests.draw()}</div>`;
    if (this.#tab === "ladder") return html`<div class="scroll" data-testid="panel-ladder">${ladder(trial, (step) => this.#step(step))}</div>`;
    const problem = trial.played?.problem;
    return html`<div class="scroll sim-next" tabindex="0" role="region" aria-label="What may happen next">
        ${problem ? html`<p class="banner warn small sim-banner">${icon("warning")}<span><b>Step ${problem.input + 1} cannot be done.</b> ${problem.message} The run stands before it.</span></p>` : ""}
        ${(trial.played?.sides ?? []).map((side) => this.#standing(side))}
        ${trial.both ? this.#sideTabs() : ""}
        ${this.#happens.draw(this.#side)}</div>
      <div class="scroll sim-log" role=${(trial.played?.entries ?? []).some((entry) => entry.steps.length) ? "listbox" : "group"} tabindex="0" aria-label="Steps so far" data-testid="sim-log">${log(trial, this.#chosen, (step, at) => void this.#back(step, at))}</div>`;
  }

  #roles(): TemplateResult {
    const now = this.trial.run.roles.join();
    return html`<div class="seg small" role="radiogroup" aria-label="Who takes part">${ROLES.map(
      ([name, roles]) => html`<button type="button" role="radio" aria-checked=${roles.join() === now} data-testid="sim-${name}" title=${name === "Both" ? "Both sides of the draft against each other" : `The draft as ${name}, against any far side`}
        @click=${() => roles.join() !== now && void this.trial.begin({ roles })}>${name}</button>`,
    )}</div>`;
  }

  #controls(): TemplateResult {
    const { trial } = this;
    const { selection } = this.store;
    const left = trial.played?.deadline == null ? null : trial.played.deadline - trial.played.now;
    const goal = selection?.kind === "state" ? { state: selection.name } : selection?.kind === "row" ? { row: selection.index } : null;
    const where = selection?.kind === "state" ? selection.name : selection?.kind === "row" ? `row ${selection.index + 1}` : "";
    const stop = selection?.kind === "state" ? `state ${selection.name}` : selection?.kind === "row" ? `row ${selection.index}` : "";
    return html`<div class="sim-bar">
        <button class="btn small icon" type="button" aria-label="To the beginning" title="To the beginning" aria-disabled=${trial.at === 0} data-testid="sim-reset" @click=${() => void trial.go(0)}>${icon("undo")}</button>
        <button class="btn small icon" type="button" aria-label="One step back" title="One step back (,)" aria-disabled=${trial.at === 0} data-testid="sim-back" @click=${() => void trial.go(trial.at - 1)}>${icon("prev")}</button>
        <button class="btn small icon" type="button" aria-label=${trial.playing ? "Stop" : "Play on"} title="Play or stop (Space)" aria-pressed=${trial.playing} data-testid="sim-play" @click=${() => trial.toggle()}>${icon(trial.playing ? "pause" : "play")}</button>
        <button class="btn small icon" type="button" aria-label="One step on" title="One step on (.)" aria-disabled=${trial.at >= trial.run.inputs.length} data-testid="sim-on" @click=${() => void trial.go(trial.at + 1)}>${icon("next")}</button>
        <span class="grow"></span><button class="btn small" type="button" data-testid="sim-link" title="Copy a link to this run" @click=${() => void this.#copy()}>${icon("copy")}Link</button></div>
      <div class="sim-bar sim-time"><span class="mono sim-clock" title="The clock of the simulation" data-testid="sim-clock">${icon("clock")}${callTime(trial.played?.now ?? 0)}</span><span class="grow"></span>
        <button class="btn small" type="button" aria-disabled=${left === null} data-testid="sim-due" title="Let time pass until the next timer fires" @click=${() => left !== null && void trial.give({ due: true })}>${left === null ? "No timer runs" : `To the timer in ${duration(left)}`}</button>
        <button class="btn small" type="button" aria-label="+10 s: let ten seconds pass" aria-disabled=${left === null} @click=${() => left !== null && void trial.give({ wait: 10 })}>+10 s</button></div>
      ${goal ? html`<div class="sim-bar sim-goal"><span class="clip grow">${where}</span>
          <button class="btn small" type="button" data-testid="sim-reach" @click=${() => void trial.reach(goal)}>${icon("arrow")}Run to it</button>
          <button class="btn small" type="button" aria-pressed=${trial.stops.has(stop)} data-testid="sim-stop" title="Playing stops here" @click=${() => trial.stopAt(stop)}>${icon("pause")}Stop here</button></div>` : ""}`;
  }

  #tabButton(tab: Tab, title: string): TemplateResult {
    return html`<button type="button" role="tab" class="tab-${tab}" aria-selected=${this.#tab === tab} data-testid="sim-tab-${tab}" @click=${() => this.open(tab)}>${title}</button>`;
  }

  open(tab: Tab): void {
    this.#tab = tab;
    if (tab === "tests") void this.trial.tests();
    this.draw();
    this.#foot();
  }

  #standing(side: Side): TemplateResult {
    return html`<details class="standing" data-testid="standing-${side.role}"><summary>${icon("chev")}<span class="tag ${side.role.toLowerCase()}">${side.role}</span><b class="clip" data-testid="sim-state">${side.state}</b>
        ${side.ended ? html`<span class="chip">${side.outcome ?? "ended"}</span>` : html`<span class="small ink3 clip">${side.held.length ? `holds ${side.held.join(", ")}` : "holds nothing"}</span>`}</summary>
      <dl class="facts">${side.values.map((item) => html`<dt class="mono">${item.name}</dt><dd>${this.#value(side, item.name, item.value)}</dd>`)}</dl>
      ${side.guards.length ? html`<h4 class="sim-group">Guards asked here</h4>${side.guards.map((guard) => this.#guard(guard))}` : ""}</details>
      ${side.owes.map((text) => html`<p class="owes small">${icon("clock")}${text}</p>`)}`;
  }

  #value(side: Side, name: string, value: Side["values"][number]["value"]): TemplateResult {
    if (typeof value !== "boolean" || side.ended) return html`${plain(value)}`;
    const set = (): void => void this.trial.give({ ...(this.trial.both ? { side: side.role } : {}), set: { [name]: !value } });
    return html`<button class="edgeless" type="button" title="Put ${name} to ${String(!value)}" data-testid="put-${name}" @click=${set}>${plain(value)}</button>`;
  }

  /** What a guard answers in this run: as it is, or always the same. */
  #guard(guard: string): TemplateResult {
    const now = this.trial.run.mocks[guard];
    const choice = (label: string, answer: boolean | null): TemplateResult =>
      html`<button type="button" role="radio" aria-checked=${(now ?? null) === answer} @click=${() => void this.trial.mock(guard, answer)}>${label}</button>`;
    return html`<div class="mock"><code class="clip" title=${guard}>${guard}</code><div class="seg small" role="radiogroup" aria-label="What ${guard} answers">${choice("asked", null)}${choice("holds", true)}${choice("fails", false)}</div></div>`;
  }

  #sideTabs(): TemplateResult {
    return html`<div class="sim-sides"><span class="small ink2 grow">What happens to</span><div class="seg small" role="radiogroup" aria-label="Side">${this.trial.run.roles.map(
      (role) => html`<button type="button" role="radio" aria-checked=${this.#side === role} data-testid="side-${role}" @click=${() => this.#choose(role)}>${role}</button>`,
    )}</div></div>
    ${(this.trial.played?.ladder ?? []).filter((message) => message.fate === "underway").map(
      (message) => html`<div class="happen fires"><div class="line"><span class="do">${icon("swap")}<span class="clip"><b>${message.label}</b></span><span class="to">to ${message.to}</span></span>
        <button class="btn small" type="button" data-testid="panel-deliver" @click=${() => void this.trial.give({ side: message.to, deliver: message.label })}>Deliver</button>
        <button class="btn small quiet" type="button" @click=${() => void this.trial.give({ side: message.to, lose: message.label })}>Lose</button></div></div>`,
    )}`;
  }

  #choose(role: string): void {
    this.#side = role;
    this.draw();
  }

  /** Show a step that was taken: its row is selected, the run stays where it is. */
  #step(number: number): void {
    const step = this.trial.steps.find((item) => item.number === number);
    if (!step) return;
    this.#chosen = number;
    if (step.row >= 0) this.store.select({ kind: "row", index: step.row }, "inspector");
    this.draw();
  }

  async #back(step: Step, at: number): Promise<void> {
    if (at + 1 !== this.trial.at) await this.trial.go(at + 1);
    this.#step(step.number);
  }

  async #copy(): Promise<void> {
    await navigator.clipboard.writeText(location.href).then(
      () => toast("The link to this run is copied."),
      () => toast("The browser does not let the page copy; the address of this page is the link."),
    );
  }

  #foot(): void {
    const list = this.host.querySelector(".sim-log");
    list?.scrollTo(0, list.scrollHeight);
  }
}
