import { count } from "../lib/count";
import { duration } from "../lib/times";
import type { Standing } from "./traffic";

/** What the heat of a state means. */
export type Measure = "sessions" | "time" | "failures";

export const MEASURES: { key: Measure; label: string; title: string }[] = [
  { key: "sessions", label: "Sessions", title: "Sessions in the state now" },
  { key: "time", label: "Time in state", title: "Mean time in the state until now" },
  { key: "failures", label: "Failures", title: "Failures in the last hour" },
];

const SESSIONS = [1, 5, 15, 40, 80];
const SECONDS = [0, 10, 60, 300, 1800];
const FAILURES = [1, 2, 5, 15, 50];
const NICE = [1, 2, 5];
/** By how much the busiest state may be above the last step before the steps are made longer. */
const ROOM = 2.5;

export interface Scale {
  measure: Measure;
  title: string;
  /** From where on each of the five steps of heat counts. */
  steps: number[];
  labels: string[];
}

/** The steps of heat for these states; they grow with the busiest one and are always told. */
export function scaleOf(measure: Measure, states: Iterable<Standing>): Scale {
  const title = MEASURES.find((each) => each.key === measure)?.title ?? "";
  if (measure === "time") return { measure, title, steps: SECONDS, labels: ["none", "< 10 s", "10–59 s", "1–4 min", "5–29 min", "30 min +"] };
  const most = Math.max(0, ...[...states].map((each) => valueOf(measure, each)));
  const base = measure === "sessions" ? SESSIONS : FAILURES;
  const factor = grown(most / ((base[4] ?? 1) * ROOM));
  // The first step begins with one: what is there at all is never shown as nothing.
  const steps = base.map((step, at) => (at === 0 ? 1 : step * factor));
  return { measure, title, steps, labels: ["0", ...steps.map((step, at) => between(step, steps[at + 1]))] };
}

/** What a state is coloured by. */
export function valueOf(measure: Measure, standing: Standing): number {
  if (measure === "failures") return standing.failed;
  return measure === "time" ? standing.dwell : standing.calls;
}

/** The step of heat, 0 to 5. */
export function levelOf(scale: Scale, standing: Standing | undefined): number {
  if (!standing || (scale.measure !== "failures" && standing.calls === 0)) return 0;
  const value = valueOf(scale.measure, standing);
  return scale.steps.filter((step) => value >= step).length;
}

/** What the pill of a state says; nothing where there is nothing. */
export function pillOf(scale: Scale, standing: Standing | undefined): string {
  if (!standing) return "";
  if (scale.measure === "failures") return standing.failed ? count(standing.failed) : "";
  if (standing.calls === 0) return "";
  return scale.measure === "time" ? short(standing.dwell) : count(standing.calls);
}

function short(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : duration(seconds);
}

function grown(factor: number): number {
  if (factor <= 1) return 1;
  for (let power = 1; ; power *= 10) {
    for (const nice of NICE) if (nice * power >= factor) return nice * power;
  }
}

function between(from: number, next: number | undefined): string {
  // Large numbers say from where on only: both ends would not fit.
  if (from >= 1000) return `${count(from / 1000)} k+`;
  if (next === undefined) return `${count(from)}+`;
  return next - 1 === from ? count(from) : `${count(from)}–${count(next - 1)}`;
}
