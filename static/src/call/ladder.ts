import { html, render, svg, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { callTime } from "../lib/times";
import { Windowed } from "../lib/windowed";
import type { Column, Item } from "./boot";
import { lanes, type Lanes } from "./lanes";
import type { CallStore } from "./store";

const HEIGHTS = { usual: { row: 34, gap: 26, line: 24, text: 17 }, dense: { row: 24, gap: 22, line: 17, text: 11 } };
export type Density = keyof typeof HEIGHTS;
const HEAD = 46;
const DISC = 22;
const LETTER = 6.4;

/** The ladder of all legs: drawn by hand, only as much of it as is in the window, under heads that stay. */
export class Ladder {
  density: Density = "usual";
  readonly #rows = new Windowed();
  #items: Item[] = [];
  #lanes: Lanes = { at: [], width: 0, gutter: 0 };
  #spans = new Map<string, [number, number]>();
  #shown: Item | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly store: CallStore,
  ) {
    host.replaceChildren();
    host.style.scrollPaddingTop = `${HEAD}px`;
    store.on(() => this.draw());
    host.addEventListener("scroll", () => this.#paint(), { passive: true });
    host.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.draw(true)).observe(host);
    this.draw();
  }

  /** Rows that are shown, gaps left out. */
  get count(): number {
    return this.#items.filter((item) => item.kind !== "gap").length;
  }

  draw(measured = false): void {
    const { store } = this;
    const items = store.shown();
    const changed = measured || items.length !== this.#items.length || items.some((item, at) => item !== this.#items[at]);
    this.#items = items;
    if (changed) this.#measure();
    if (store.item && (store.item !== this.#shown || changed)) {
      const at = items.indexOf(store.item);
      if (at >= 0) this.#rows.reveal(this.host, at, HEAD);
    }
    this.#shown = store.item;
    this.#paint();
  }

  #measure(): void {
    const { row, gap } = HEIGHTS[this.density];
    this.#rows.measure(this.#items.map((item) => (item.kind === "gap" ? gap : row)));
    this.#lanes = lanes(this.store.model.ladder.columns, this.host.clientWidth || 640);
    this.#spans = new Map();
    this.#items.forEach((item, at) => {
      if (item.kind === "gap") return;
      for (const column of [item.from, item.to]) {
        const leg = this.#columns[column];
        if (!leg?.own) continue;
        const span = this.#spans.get(leg.leg);
        this.#spans.set(leg.leg, span ? [span[0], at] : [at, at]);
      }
    });
  }

  get #columns(): Column[] {
    return this.store.model.ladder.columns;
  }

  #paint(): void {
    const { first, last } = this.#rows.within(this.host.scrollTop, (this.host.clientHeight || 600) - HEAD);
    const top = this.#rows.top(first);
    const { width } = this.#lanes;
    const part = this.#items.slice(first, last);
    render(
      this.#items.length
        ? html`<div class="ladder-sheet" .style=${`width:${width}px`} role="grid" aria-label="Messages of the call" aria-rowcount=${this.#items.length} aria-colcount="5">
            <div class="ladder-heads" role="row" .style=${`width:${width}px`}>${this.#heads()}</div>
            <div class="ladder-body" .style=${`height:${this.#rows.height + 24}px`}>
              <svg class="ladder-svg" width=${width} height=${this.#rows.top(last) - top + 24} .style=${`transform:translateY(${top}px)`} aria-hidden="true">${this.#lifelines(last, top)}${part.map((item, at) => this.#item(item, this.#rows.top(first + at) - top))}</svg>
              ${part.map((item, at) => this.#row(item, first + at))}</div></div>`
        : html`<p class="panel-body ink3">${this.store.items.length ? "The filters leave nothing to show." : "No SIP message is recorded yet."}</p>`,
      this.host,
    );
  }

  #heads(): TemplateResult {
    const at = this.#lanes.at;
    const own = this.#columns.flatMap((column, index) => (column.own ? [at[index] ?? 0] : []));
    const left = Math.min(...own);
    const right = Math.max(...own);
    return html`<span class="ladder-own" .style=${`left:${left - 44}px;width:${right - left + 88}px`}></span><span class="vh" role="columnheader">Time</span>${this.#columns.map((column, index) => {
      const room = this.#room(index);
      return html`<div class="ladder-head" role="columnheader" .style=${`left:${(at[index] ?? 0) - room / 2}px;width:${room}px`} title="${column.title}, ${column.detail}"><b>${this.#lanes.gutter || !column.own ? column.title : column.title.replace("Session ", "")}</b><span>${column.detail}</span></div>`;
    })}`;
  }

  /** How wide the head of a column may be without touching its neighbours. */
  #room(index: number): number {
    const at = this.#lanes.at;
    const here = at[index] ?? 0;
    const before = at[index - 1] ?? Math.min(here, 2 * here - (at[index + 1] ?? 0) - 40);
    const after = at[index + 1] ?? 2 * here - before + 40;
    return Math.max(60, Math.min(here - before, after - here, 2 * here, 2 * (this.#lanes.width - here)) - 6);
  }

  #lifelines(last: number, top: number): TemplateResult[] {
    const height = this.#rows.top(last) - top + (last >= this.#items.length ? 14 : 24);
    return this.#columns.map((column, index) => {
      const x = this.#lanes.at[index] ?? 0;
      if (!column.own) return svg`<line class="life" x1=${x} y1="0" x2=${x} y2=${height} />`;
      const span = this.#spans.get(column.leg);
      const from = span ? Math.max(0, this.#rows.top(span[0]) - top + 4) : 0;
      const to = span ? Math.min(height, this.#rows.top(span[1] + 1) - top) : height;
      return svg`<line class="life own" x1=${x} y1="0" x2=${x} y2=${height} />${to > from ? svg`<rect class="life-leg ${column.role.toLowerCase()}" x=${x - 2.5} y=${from} width="5" height=${to - from} rx="1.5" />` : ""}`;
    });
  }

  #item(item: Item, y: number): TemplateResult {
    const { row, gap, line, text } = HEIGHTS[this.density];
    const chosen = item === this.store.item;
    const also = !chosen && item.steps.some((key) => key === this.store.step?.key);
    if (item.kind === "gap") {
      return svg`<g class="fold-band" transform="translate(0 ${y})"><rect width=${this.#lanes.width} height=${gap} /><path d="M0 .5H${this.#lanes.width}M0 ${gap - 0.5}H${this.#lanes.width}" /><text x=${this.#lanes.gutter + (this.#lanes.width - this.#lanes.gutter) / 2} y=${gap / 2 + 4}>${item.label}</text></g>`;
    }
    return svg`<g class="rung ${item.kind} ${item.style} ${item.again ? "again" : ""} ${chosen ? "chosen" : ""} ${also ? "also" : ""}" transform="translate(0 ${y})">
      ${chosen || also ? svg`<rect class="rung-band" width=${this.#lanes.width} height=${row} /><rect class="rung-bar" width="3" height=${row} />` : ""}
      ${this.#lanes.gutter ? svg`<text class="at" x="14" y=${line + 1}>${callTime(item.time)}</text>` : ""}
      ${item.kind === "sip" ? this.#arrow(item, line, text) : this.#fact(item, line)}${this.#discs(item, line)}</g>`;
  }

  #arrow(item: Item, line: number, text: number): TemplateResult {
    const [from, to] = [this.#lanes.at[item.from] ?? 0, this.#lanes.at[item.to] ?? 0];
    const right = to > from;
    const start = from + (right ? 1 : -1) * (this.#columns[item.from]?.own ? 3 : 1);
    const tip = to - (right ? 1 : -1) * (this.#columns[item.to]?.own ? 3 : 1);
    const back = tip - (right ? 9 : -9);
    const middle = (start + tip) / 2;
    const room = Math.floor((Math.abs(tip - start) - 8) / LETTER);
    const said = item.again ? `${item.label} · sent again` : item.label;
    return svg`<path class="arrow" d="M${start} ${line}H${back}" /><path class="tip" d="M${tip} ${line}L${back} ${line - 4.5}V${line + 4.5}Z" />
      ${item.style === "bad" ? svg`<path class="cross" d="M${middle - 4} ${line - 4}L${middle + 4} ${line + 4}M${middle + 4} ${line - 4}L${middle - 4} ${line + 4}" />` : ""}
      <text class="said" x=${middle} y=${text}>${cut(said, Math.max(6, room))}</text>`;
  }

  /** What is no message: it stands beside the lifeline of its leg. */
  #fact(item: Item, line: number): TemplateResult {
    const x = this.#lanes.at[item.from] ?? 0;
    const left = this.#columns[item.from]?.role === "UAS";
    const neighbour = this.#lanes.at[item.from + (left ? -1 : 1)];
    const room = Math.floor((Math.abs(x - (neighbour ?? (left ? this.#lanes.gutter : this.#lanes.width))) - 24) / LETTER);
    return svg`<path class="mark" d="M${x} ${line - 5}L${x + 5} ${line}L${x} ${line + 5}L${x - 5} ${line}Z" />
      <text class="fact ${left ? "end" : ""}" x=${left ? x - 13 : x + 13} y=${line + 4}>${cut(item.label, Math.max(10, room))}</text>`;
  }

  #discs(item: Item, line: number): (TemplateResult | string)[] {
    return item.steps.map((key) => {
      const step = this.store.stepOf(key);
      const first = this.store.rowOf(key);
      const column = this.#columns.findIndex((each) => each.own && each.leg === step?.leg);
      if (!step || first !== item || column < 0) return "";
      const side = this.#columns[column]?.role === "UAS" ? 1 : -1;
      const x = (this.#lanes.at[column] ?? 0) + side * (DISC - 4);
      const here = step === this.store.step;
      return svg`<g class="no ${here ? "here" : ""} ${step.kind}"><rect x=${x - (step.number > 99 ? 13 : 9)} y=${line - 9} width=${step.number > 99 ? 26 : 18} height="18" rx="9" /><text x=${x} y=${line + 3.5}>${step.number}</text></g>`;
    });
  }

  /** The same row for the keyboard and for screen readers: a line of a table over the drawing. */
  #row(item: Item, at: number): TemplateResult {
    const height = this.#rows.top(at + 1) - this.#rows.top(at);
    if (item.kind === "gap") return html`<div class="vh" role="row" aria-rowindex=${at + 1}><span role="gridcell">${item.label}</span></div>`;
    const chosen = item === this.store.item;
    const names = [item.from, item.to].map((index) => this.#columns[index]?.title ?? "");
    const steps = item.steps.map((key) => this.store.stepOf(key)?.number).filter((number) => number !== undefined);
    return html`<div class="ladder-row" role="row" aria-rowindex=${at + 1} aria-selected=${chosen} tabindex=${chosen || (!this.store.item && at === 0) ? 0 : -1} .style=${`top:${this.#rows.top(at)}px;height:${height}px`}
      data-testid=${item.kind === "sip" ? "wire" : "fact"} data-kind=${item.kind} data-message=${item.messages[0] ?? ""} @click=${() => this.store.selectItem(item)}>
      <span class="vh" role="gridcell">${callTime(item.time)}</span><span class="vh" role="gridcell">${item.kind === "sip" ? `from ${names[0]} to ${names[1]}` : `at ${names[0]}`}</span>
      <span class="vh" role="gridcell">${item.label} ${item.about}${item.again ? ", sent again" : ""}</span><span class="vh" role="gridcell">${steps.length ? `step ${steps.join(", ")}` : ""}</span></div>`;
  }

  #key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor((this.host.clientHeight - HEAD) / HEIGHTS[this.density].row) - 1);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.#items.length, End: this.#items.length }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const rows = this.#items.filter((item) => item.kind !== "gap");
    const now = this.store.item ? rows.indexOf(this.store.item) : -1;
    const next = rows[Math.min(rows.length - 1, Math.max(0, now + by))];
    if (!next) return;
    this.store.selectItem(next);
    this.host.querySelector<HTMLElement>('[aria-selected="true"]')?.focus({ preventScroll: true });
  }
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** The switches over the ladder: what is shown, how close together, and which methods and answers. */
export class LadderTools {
  constructor(
    private readonly host: HTMLElement,
    private readonly store: CallStore,
    private readonly ladder: Ladder,
    private readonly tell: () => void,
    private readonly choices: () => { methods: string[]; classes: string[] },
  ) {
    host.replaceChildren();
    store.on(() => this.draw());
    this.draw();
  }

  draw(): void {
    const { filter } = this.store;
    const kinds = [["sip", "SIP"], ["media", "Media"], ["ice", "ICE"], ["dtmf", "DTMF"]] as const;
    const { methods, classes } = this.choices();
    const narrowed = filter.methods.size + filter.classes.size;
    const box = (set: Set<string>, name: string): TemplateResult =>
      html`<label class="check"><input type="checkbox" .checked=${set.has(name)} @change=${() => this.#turn(set, name)}><span>${name === "request" ? "requests" : name}</span></label>`;
    render(
      html`<span class="seg small" role="group" aria-label="Shown">${kinds.map(([kind, name]) => html`<button type="button" aria-pressed=${filter.kinds.has(kind)} data-testid="show-${kind}" @click=${() => this.#turn(filter.kinds, kind)}>${name}</button>`)}</span>
        <button class="btn small icon" type="button" aria-pressed=${this.ladder.density === "dense"} aria-label="Rows close together" title="Rows close together" data-testid="dense" @click=${() => this.#dense()}>${icon("list")}</button>
        <details class="menu"><summary class="btn small icon ${narrowed ? "on" : ""}" aria-label="Filter by method and answer${narrowed ? `, ${narrowed} chosen` : ""}" title="Filter" data-testid="ladder-filter">${icon("filter")}</summary>
          <div class="menu-list ladder-menu"><p class="small ink3">Only these methods</p>${methods.map((name) => box(filter.methods, name))}<p class="small ink3">Only these answers</p>${classes.map((name) => box(filter.classes, name))}</div></details>`,
      this.host,
    );
  }

  #turn(set: Set<string>, name: string): void {
    if (set.has(name)) set.delete(name);
    else set.add(name);
    this.tell();
  }

  #dense(): void {
    this.ladder.density = this.ladder.density === "dense" ? "usual" : "dense";
    this.ladder.draw(true);
    this.draw();
  }
}
