import { html, render, svg, type TemplateResult } from "lit";
import { count } from "../lib/count";
import { chart, newestOf, said, type Figures } from "./chart";
import { versionOf } from "./calls";
import type { Traffic } from "./traffic";

const AGAIN = 15_000;

/** The figures under the diagram, and the chart of the last hour. */
export class FigureBar {
  #figures: Figures | null = null;
  #width = 0;
  #drawn = "";

  constructor(
    private readonly host: HTMLElement,
    private readonly chart: HTMLElement,
    private readonly traffic: Traffic,
    private readonly url: string,
    private readonly unusualFirst: () => void,
  ) {
    new ResizeObserver(([entry]) => {
      this.#width = Math.round(entry?.contentRect.width ?? 0);
      this.#chart();
    }).observe(chart);
    void this.#fetch();
    window.setInterval(() => {
      if (!document.hidden) void this.#fetch();
    }, AGAIN);
  }

  draw(): void {
    const { traffic } = this;
    const versions = traffic.versions();
    const split = versions.length > 1 ? versions.slice(0, 3).map((each) => `${count(each.calls)} on ${versionOf(each)}`).join(", ") : versions[0] ? `all on ${versionOf(versions[0])}` : traffic.deployed ? `new ones take v${traffic.deployed.number}` : "nothing is deployed";
    const known = this.#figures;
    render(
      html`${figure("Live calls", "live-total", count(traffic.total), split)}
        ${figure("New calls a minute", "live-begun", count(traffic.begun()), usual(known))}
        ${figure("Answered, last hour", "live-answered", known?.answered ? percent(known.answered.share) : "–", answered(known))}
        ${figure("Held too long", "live-unusual", count(traffic.unusual), traffic.unusual ? html`<button class="link warn" type="button" @click=${this.unusualFirst}>look first</button>` : "none needs a look")}`,
      this.host,
    );
  }

  async #fetch(): Promise<void> {
    const answer = await fetch(this.url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return;
    this.#figures = (await answer.json()) as Figures;
    this.draw();
    this.#chart();
  }

  #chart(): void {
    const figures = this.#figures;
    const height = 150;
    if (!figures || this.#width < 120) return;
    const key = JSON.stringify([figures, this.#width]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const newest = newestOf(figures);
    render(
      html`<div class="row chart-head"><h2 class="label grow">Live calls, last hour</h2><span class="key all">all</span>${newest ? html`<span class="key new">${versionOf(newest)}</span>` : ""}</div>
        ${svg`<svg role="img" aria-label=${said(figures)} viewBox="0 0 ${this.#width} ${height}" width=${this.#width} height=${height} data-testid="live-chart">${chart(figures, this.#width, height)}</svg>`}`,
      this.chart,
    );
  }
}

function figure(label: string, id: string, big: string, small: string | TemplateResult): TemplateResult {
  return html`<div class="figure"><span class="label">${label}</span><span class="nowrap-first"><b class="big" data-testid=${id}>${big}</b><span class="small">${small}</span></span></div>`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function usual(figures: Figures | null): string {
  const known = figures?.begun_usual;
  if (!known) return "no usual figure yet";
  const low = Math.round(known.low), high = Math.round(known.high);
  return low === high ? `usual ${count(low)} at this time` : `usual ${count(low)} to ${count(high)} at this time`;
}

function answered(figures: Figures | null): string {
  if (!figures) return "";
  if (!figures.answered) return "no call began";
  const known = figures.answered_usual;
  if (!known) return `of ${count(figures.answered.calls)} calls`;
  return `usual ${Math.round(known.low * 100)} to ${Math.round(known.high * 100)} %`;
}
