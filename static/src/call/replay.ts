import { html, render, svg, type TemplateResult } from "lit";
import { announce } from "../lib/announce";
import { icon } from "../lib/icon";
import { callTime } from "../lib/times";
import type { CallStore } from "./store";

const SPEEDS = [0.1, 0.5, 1, 4, 10];
/** Idle time from here on is folded, to this many seconds on the bar and in playing. */
const FOLD = 5;
const FOLDED = 1.2;
const LONGEST = 4000;

interface Fold {
  at: number;
}

/** The bar over the page: where in the call the cursor is, its steps as ticks, idle time folded; it plays, too. */
export class Replay {
  speed = 1;
  #playing = 0;
  #places: number[] = [];
  #folds: Fold[] = [];
  #steps: unknown = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly store: CallStore,
  ) {
    host.replaceChildren();
    store.on(() => this.draw());
    this.draw();
  }

  get playing(): boolean {
    return this.#playing !== 0;
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.#play();
  }

  pause(): void {
    window.clearTimeout(this.#playing);
    this.#playing = 0;
    this.draw();
  }

  faster(by: number): void {
    const at = SPEEDS.indexOf(this.speed);
    this.speed = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + by))] ?? 1;
    announce(`Speed ${this.speed}`);
    this.draw();
  }

  move(by: number): void {
    this.pause();
    this.store.move(by);
    this.#tell();
  }

  draw(): void {
    const { store } = this;
    this.#measure();
    const at = store.step ? store.steps.indexOf(store.step) : -1;
    const count = store.steps.length;
    const place = at >= 0 ? (this.#places[at] ?? 0) : 0;
    const moment = store.step ? callTime(store.step.time - store.began) : "";
    render(
      html`<div class="replay-keys">
          <button class="btn icon" type="button" aria-label="Step before" title="Step before ( , )" data-testid="step-before" ?disabled=${at <= 0} @click=${() => this.move(-1)}>${icon("prev")}</button>
          <button class="btn icon" type="button" aria-label=${this.playing ? "Pause" : "Play"} title="${this.playing ? "Pause" : "Play"} (Space)" data-testid="play" aria-pressed=${this.playing} @click=${() => this.toggle()}>${icon(this.playing ? "pause" : "play")}</button>
          <button class="btn icon" type="button" aria-label="Next step" title="Next step ( . )" data-testid="step-after" ?disabled=${at < 0 || at >= count - 1} @click=${() => this.move(1)}>${icon("next")}</button>
        </div>
        <span class="replay-where" data-testid="step-where">${count ? html`<b>Step ${at + 1}</b> of ${count}` : "No step yet"}</span>
        <div class="replay-track"><svg class="replay-bar" viewBox="0 0 1000 24" preserveAspectRatio="none" aria-hidden="true">${this.#bar(place)}</svg>${this.#folds.map((fold) => html`<i class="fold" .style=${`left:${fold.at / 10}%`} aria-hidden="true"></i>`)}
          <i class="thumb" .style=${`left:${place / 10}%`} aria-hidden="true"></i>
          <input type="range" min="1" max=${Math.max(1, count)} .value=${String(at + 1)} aria-label="Step" aria-valuetext="Step ${at + 1} of ${count}, ${moment}" data-testid="slider"
            @input=${(event: Event) => this.#seek(event)} @pointerdown=${(event: PointerEvent) => this.#drag(event)}></div>
        <span class="mono replay-at" data-testid="replay-at">${moment}</span>
        ${store.ended ? "" : html`<button class="btn small" type="button" data-testid="newest" aria-pressed=${store.cursor === null} @click=${() => this.#newest()}>${icon("live")}Newest</button>`}
        <span class="seg small" role="group" aria-label="Speed">${SPEEDS.map((speed) => html`<button type="button" aria-pressed=${speed === this.speed} @click=${() => this.#pace(speed)}>${speed}×</button>`)}</span>
        <span class="replay-hint ink3" aria-hidden="true"><kbd>,</kbd><kbd>.</kbd> step</span>`,
      this.host,
    );
  }

  #bar(place: number): TemplateResult {
    return svg`<path class="rail" d="M0 12H1000" /><path class="gone" d="M0 12H${place.toFixed(1)}" />${svg`<path class="ticks" d=${this.#ticks()} />`}`;
  }

  #ticks(): string {
    const seen = new Set<string>();
    for (const place of this.#places) seen.add(place.toFixed(0));
    return [...seen].map((x) => `M${x} 7V17`).join("");
  }

  /** Where each step stands on the bar, 0 to 1000: as long as it took, idle time folded. */
  #measure(): void {
    const { steps, began } = this.store;
    if (this.#steps === steps && this.#places.length === steps.length) return;
    this.#steps = steps;
    let along = 0;
    let before = began;
    const folds: number[] = [];
    const places = steps.map((step) => {
      const idle = Math.max(0, step.time - before);
      before = Math.max(before, step.time);
      if (idle >= FOLD) folds.push(along + FOLDED / 2);
      along += idle >= FOLD ? FOLDED : idle;
      return along;
    });
    // Steps that came at once still stand apart far enough to be seen as several.
    const least = Math.max(along, 1) / Math.max(60, steps.length * 2);
    let pushed = 0;
    let last = -least;
    const moved = places.map((place) => {
      pushed += Math.max(0, last + least - (place + pushed));
      last = place + pushed;
      return last;
    });
    const shift = (at: number): number => {
      const next = places.findIndex((place) => place >= at);
      return at + ((moved[next] ?? at) - (places[next] ?? at));
    };
    const whole = Math.max(last, 0.001) * 1.02;
    this.#places = moved.map((place) => 10 + (place / whole) * 980);
    this.#folds = folds.map((at) => ({ at: 10 + (shift(at) / whole) * 980 }));
  }

  #seek(event: Event): void {
    this.pause();
    this.store.select(this.store.steps[Number((event.target as HTMLInputElement).value) - 1]?.key ?? null);
  }

  /** A press on the bar goes to the step that is drawn nearest, not to an equal share of them. */
  #drag(event: PointerEvent): void {
    event.preventDefault();
    this.pause();
    const input = event.target as HTMLInputElement;
    input.focus();
    input.setPointerCapture(event.pointerId);
    const go = (moved: PointerEvent): void => {
      const frame = input.getBoundingClientRect();
      const at = ((moved.clientX - frame.left) / frame.width) * 1000;
      let best = 0;
      this.#places.forEach((place, index) => {
        if (Math.abs(place - at) < Math.abs((this.#places[best] ?? 0) - at)) best = index;
      });
      const step = this.store.steps[best];
      if (step && step !== this.store.step) this.store.select(step.key);
    };
    go(event);
    input.onpointermove = go;
    input.onpointerup = input.onpointercancel = () => {
      input.onpointermove = input.onpointerup = input.onpointercancel = null;
      this.#tell();
    };
  }

  #newest(): void {
    this.pause();
    this.store.select(null);
  }

  #pace(speed: number): void {
    this.speed = speed;
    if (this.playing) {
      window.clearTimeout(this.#playing);
      this.#next();
    }
    this.draw();
  }

  #play(): void {
    const { store } = this;
    if (store.step === store.steps.at(-1)) store.select(store.steps[0]?.key ?? null);
    this.#next();
    this.draw();
  }

  #next(): void {
    const { steps, step } = this.store;
    const at = step ? steps.indexOf(step) : -1;
    const next = steps[at + 1];
    if (!next) {
      this.pause();
      return;
    }
    const idle = Math.max(0.04, next.time - (step?.time ?? next.time));
    const wait = ((idle >= FOLD ? FOLDED : idle) * 1000) / this.speed;
    this.#playing = window.setTimeout(() => {
      this.store.select(next.key);
      this.#next();
      this.draw();
    }, Math.min(LONGEST, Math.max(40, wait)));
  }

  #tell(): void {
    const { step } = this.store;
    if (step) announce(`Step ${step.number}: ${step.label}, ${step.from_state === step.to_state ? `stays in ${step.to_state}` : `to ${step.to_state}`}`);
  }
}
