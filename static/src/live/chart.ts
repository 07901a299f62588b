import { svg, type SVGTemplateResult } from "lit";
import { count } from "../lib/count";

export interface Figures {
  from: number;
  until: number;
  versions: { digest: string; number: number | null; live: number[] }[];
  marks: { at: number; label: string }[];
  begun_usual: { low: number; high: number; days: number } | null;
  answered: { share: number; calls: number } | null;
  answered_usual: { low: number; high: number; calls: number } | null;
}

const LEFT = 40;
const RIGHT = 8;
const TOP = 18;
const BOTTOM = 20;

/** The living calls of the last hour as areas: all of them, and the newest version among them. */
export function chart(figures: Figures, width: number, height: number): SVGTemplateResult {
  const all = total(figures);
  const newest = newestOf(figures);
  const top = nice(Math.max(4, ...all));
  const x = (at: number): number => LEFT + ((at - figures.from) / (figures.until - figures.from)) * (width - LEFT - RIGHT);
  const y = (value: number): number => height - BOTTOM - (value / top) * (height - TOP - BOTTOM);
  const minute = (index: number): number => figures.from + (index + 1) * 60;
  const path = (values: number[]): string => values.map((value, index) => `${index ? "L" : "M"}${x(minute(index)).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const area = (values: number[]): string => `${path(values)}L${x(minute(values.length - 1)).toFixed(1)} ${y(0)}L${x(minute(0)).toFixed(1)} ${y(0)}Z`;
  return svg`<g class="grid">${[0, top / 2, top].map((value) => svg`<line x1=${LEFT} x2=${width - RIGHT} y1=${y(value)} y2=${y(value)}></line><text x=${LEFT - 6} y=${y(value) + 4} text-anchor="end">${count(value)}</text>`)}
    ${ticks(figures).map((at) => svg`<text x=${x(at)} y=${height - 5} text-anchor="middle">${hour(at)}</text>`)}</g>
    <path class="area all" d=${area(all)}></path><path class="line all" d=${path(all)}></path>
    ${newest ? svg`<path class="area new" d=${area(newest.live)}></path><path class="line new" d=${path(newest.live)}></path>` : ""}
    ${marks(figures, x, width).map((mark) => svg`<g class="mark"><line x1=${mark.x} x2=${mark.x} y1=${TOP - 6} y2=${y(0)}></line>${mark.label ? svg`<text x=${mark.left ? mark.x - 4 : mark.x + 4} y=${TOP - 4} text-anchor=${mark.left ? "end" : "start"}>${mark.label}</text>` : ""}</g>`)}`;
}

/** The marks of deployments; of several that stand close, the last keeps its label. */
function marks(figures: Figures, x: (at: number) => number, width: number): { x: number; label: string; left: boolean }[] {
  return figures.marks.map((mark, index) => {
    const at = x(mark.at);
    const room = mark.label.length * 6.5 + 12;
    const next = figures.marks[index + 1];
    return { x: at, label: next && x(next.at) - at < room ? "" : mark.label, left: at + room > width };
  });
}

/** The newest version among several, which is drawn by itself. */
export function newestOf(figures: Figures): Figures["versions"][number] | null {
  const known = figures.versions.filter((version) => version.number !== null);
  return known.length > 1 ? (known.at(-1) ?? null) : null;
}

/** What the chart shows, in a sentence. */
export function said(figures: Figures): string {
  const all = total(figures);
  const marks = figures.marks.map((mark) => `${mark.label} deployed at ${hour(mark.at)}`);
  return [`Live calls in the last hour: now ${count(all.at(-1) ?? 0)}, at most ${count(Math.max(0, ...all))}, at least ${count(Math.min(...all))}`, ...marks].join("; ");
}

function total(figures: Figures): number[] {
  const length = figures.versions[0]?.live.length ?? 60;
  return Array.from({ length }, (_, index) => figures.versions.reduce((sum, version) => sum + (version.live[index] ?? 0), 0));
}

function ticks(figures: Figures): number[] {
  const step = 1200;
  const found = [];
  for (let at = Math.ceil((figures.from + 120) / step) * step; at < figures.until - 60; at += step) found.push(at);
  return found;
}

function hour(at: number): string {
  return new Date(at * 1000).toTimeString().slice(0, 5);
}

function nice(value: number): number {
  for (let power = 1; ; power *= 10) for (const step of [4, 10, 20]) if (step * power >= value) return step * power;
}
