import { html, render, type TemplateResult } from "lit";
import { announce } from "../lib/announce";
import { boot } from "../lib/boot";
import { icon } from "../lib/icon";
import { Ear } from "./ear";
import { Line, type Heard } from "./line";
import { settings } from "./settings";

const KEYS = [["1", ""], ["2", "ABC"], ["3", "DEF"], ["4", "GHI"], ["5", "JKL"], ["6", "MNO"], ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"], ["*", ""], ["0", "+"], ["#", ""]] as const;
const BARS = 24;
const SAID = { away: "Not connected", ready: "Ready", calling: "Calling", ringing: "Ringing", incoming: "Calls you", talking: "Connected", ended: "Ended" } as const;

/** The phone at the right edge: calls a route with this browser's microphone and speaker. */
class Drawer {
  readonly #host: HTMLElement;
  readonly #audio = document.createElement("audio");
  readonly #ear = new Ear(this.#audio);
  readonly #line: Line;
  #number = "";
  #keypad = false;
  #heard: Heard | null = null;
  #level = { level: 0, hertz: 0 };
  /** The loudest of this call and its pitch: what was heard at all. */
  #loudest = { level: 0, hertz: 0 };
  #opener: Element | null = null;

  constructor(host: HTMLElement) {
    this.#host = host;
    this.#audio.autoplay = true;
    this.#audio.dataset["testid"] = "phone-audio";
    document.body.append(this.#audio);
    let said = "";
    this.#line = new Line(settings(), () => {
      if (this.#line && this.#line.state !== said) {
        said = this.#line.state;
        announce(`Phone: ${SAID[this.#line.state]} ${this.#line.note}`);
        if (said === "incoming") this.open();
      }
      this.#draw();
    }, (stream) => (stream ? this.#ear.listen(stream) : this.#ear.stop()));
    window.setInterval(() => void this.#measure(), 250);
    window.addEventListener("beforeunload", (event) => {
      if (this.#line.busy) event.preventDefault();
    });
    host.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    this.#draw();
  }

  open(number?: string): void {
    if (number && !/[*?]/.test(number)) this.#number = number;
    if (this.#host.hidden) this.#opener = document.activeElement;
    this.#host.hidden = false;
    this.#toggles(true);
    this.#draw();
    this.#host.querySelector<HTMLElement>("[data-testid=phone-number], button")?.focus();
  }

  close(): void {
    this.#host.hidden = true;
    this.#toggles(false);
    if (this.#opener instanceof HTMLElement) this.#opener.focus();
  }

  get shown(): boolean {
    return !this.#host.hidden;
  }

  #toggles(open: boolean): void {
    for (const button of document.querySelectorAll("[data-phone-toggle][aria-expanded]")) button.setAttribute("aria-expanded", String(open));
  }

  async #measure(): Promise<void> {
    if (!this.#line.busy) return;
    this.#level = this.#ear.measure();
    if (this.#level.level >= this.#loudest.level) this.#loudest = this.#level;
    this.#heard = await this.#line.statistics();
    this.#draw();
  }

  #draw(): void {
    const line = this.#line;
    if (!line) return;
    render(
      html`<div class="panel-head phone-head">${icon("phone")}<h2>Phone</h2><span class="grow"></span>
          <span class="small ${line.state === "away" ? "warn" : "ok"} row gap4">${icon(line.state === "away" ? "clock" : "check")}${line.state === "away" ? "Connecting" : line.registered ? "Reachable" : "Connected"}</span>
          <button class="btn quiet icon small" type="button" aria-label="Close the phone" data-testid="phone-close" @click=${() => this.close()}>${icon("x")}</button></div>
        <div class="phone-scroll">${line.busy ? this.#call() : this.#dial()}</div>${this.#foot()}`,
      this.#host,
    );
  }

  #state(): TemplateResult {
    const line = this.#line;
    return html`<p class="phone-state" role="status" data-testid="phone-state" data-state=${line.state}><b>${SAID[line.state]}</b> <span class="ink2" data-testid="phone-note">${line.note}</span></p>`;
  }

  #dial(): TemplateResult {
    const routes = boot<{ routes?: { pattern: string; flow: string }[] }>("boot")?.routes ?? [];
    return html`<div class="phone-part"><form class="stack" @submit=${(event: SubmitEvent) => this.#submit(event)}>
        <div class="field"><label for="phone-number">Number or address</label>
          <input class="input mono" id="phone-number" name="number" data-testid="phone-number" autocomplete="off" inputmode="tel" placeholder="100" .value=${this.#number}
            @input=${(event: InputEvent) => { this.#number = (event.target as HTMLInputElement).value; }}></div>
        <button class="btn primary" type="submit" data-testid="phone-call" ?disabled=${this.#line.state === "away"}>${icon("phone")}Call</button></form>
        ${routes.length ? html`<div class="row wrap">${routes.map((route) => html`<button class="tag mono" type="button" @click=${() => this.#pick(route.pattern)}>${route.pattern} <span class="ink3">${route.flow}</span></button>`)}</div>` : ""}
        ${this.#state()}<p class="small ink3">The route decides which flow answers. The call goes on while this page is open.</p></div>`;
  }

  #call(): TemplateResult {
    const line = this.#line;
    const seconds = line.state === "talking" ? Math.floor((Date.now() - line.since) / 1000) : 0;
    return html`<div class="phone-part"><div class="row"><h2 class="grow clip" data-testid="phone-peer">${line.peer}</h2><span class="phone-time mono" data-testid="phone-time">${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}</span></div>
        ${this.#state()}${line.missing ? html`<p class="small warn" data-testid="phone-missing">${line.missing}</p>` : ""}
        ${line.state === "talking" ? this.#meter() : ""}</div>
      ${line.state === "incoming"
        ? html`<div class="phone-part"><button class="btn primary" type="button" data-testid="phone-answer" @click=${() => void line.answer()}>${icon("phone")}Answer</button></div>`
        : html`<div class="phone-part phone-acts">
            <button class="btn" type="button" aria-pressed=${line.muted} data-testid="phone-mute" @click=${() => line.mute(!line.muted)}>${icon("mic")}${line.muted ? "Muted" : "Mute"}</button>
            <button class="btn" type="button" aria-pressed=${this.#keypad} data-testid="phone-keypad" @click=${() => { this.#keypad = !this.#keypad; this.#draw(); }}>${icon("keypad")}Keypad</button></div>`}
      ${this.#keypad ? html`<div class="phone-part phone-keys">${KEYS.map(([digit, letters]) => html`<button class="btn" type="button" data-testid="key-${digit}" @click=${() => line.key(digit)}><b>${digit}</b><span>${letters}</span></button>`)}</div>` : ""}`;
  }

  #meter(): TemplateResult {
    const lit = Math.round((Math.min(100, this.#level.level * 1.6) / 100) * BARS);
    const heard = this.#heard;
    const loss = heard && heard.packets ? (100 * heard.lost) / (heard.packets + heard.lost) : 0;
    return html`<div class="row phone-meter" data-testid="phone-meter" data-level=${this.#level.level} data-hertz=${this.#level.hertz} data-packets=${heard?.packets ?? 0} data-loudest=${this.#loudest.level} data-loudest-hertz=${this.#loudest.hertz}>
      <span class="bars" aria-hidden="true">${Array.from({ length: BARS }, (_, at) => html`<i class=${at < lit ? "on" : ""}></i>`)}</span>
      <span class="small ink2 grow">${heard?.codec ?? ""}</span><span class="small ink2">loss ${loss.toFixed(1)} %</span></div>`;
  }

  #foot(): TemplateResult | string {
    if (!this.#line.busy) return "";
    const word = this.#line.state === "incoming" ? "Reject" : "Hang up";
    return html`<div class="phone-foot"><button class="btn danger filled" type="button" data-testid="phone-hangup" @click=${() => this.#line.hangup()}>${icon("hangup")}${word}</button></div>`;
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    this.#loudest = { level: 0, hertz: 0 };
    void this.#line.call(this.#number);
  }

  #pick(pattern: string): void {
    this.#number = pattern === "*" ? "100" : pattern.replaceAll("?", "0").replaceAll("*", "");
    this.#draw();
  }
}

let drawer: Drawer | null = null;

/** Open the phone (or close it, when it is open and nobody is named). */
export function open(number?: string): void {
  const host = document.getElementById("phone");
  if (!host) return;
  drawer ??= new Drawer(host);
  if (drawer.shown && number === undefined) drawer.close();
  else drawer.open(number);
}
