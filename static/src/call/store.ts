import { note, noted } from "../lib/address";
import type { Frame } from "../lib/socket";
import type { CallBoot, Item, Model, Possible, Step } from "./boot";

const REFRESH = 400;
const KINDS = ["sip", "media", "ice", "dtmf"] as const;
export type Toggle = (typeof KINDS)[number];
const KIND_OF: Record<string, Toggle> = { sip: "sip", media: "media", rtcp: "media", ice: "ice", dtmf: "dtmf" };

/** What of the ladder is shown. */
export interface Filter {
  kinds: Set<Toggle>;
  methods: Set<string>;
  /** "request", "1xx" to "6xx". */
  classes: Set<string>;
}

/** One call as it is known now, with the one cursor of the page: a step, and a message of it. */
export class CallStore {
  model: Model;
  /** Key of the step under the cursor; null follows the newest. */
  cursor: string | null = null;
  /** Row of the ladder under the cursor. */
  item: Item | null = null;
  readonly filter: Filter = { kinds: new Set(KINDS), methods: new Set(), classes: new Set() };
  readonly #listeners: (() => void)[] = [];
  readonly #url: string;
  #steps = new Map<string, Step>();
  /** The row of the ladder where a step stands first. */
  #rows = new Map<string, Item>();
  #timer = 0;

  constructor(boot: CallBoot) {
    this.model = boot;
    this.#url = boot.urls["model"] ?? "";
    this.#index();
    this.#address();
  }

  on(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get steps(): Step[] {
    return this.model.ladder.steps;
  }

  get items(): Item[] {
    return this.model.ladder.items;
  }

  get began(): number {
    return this.model.ladder.began;
  }

  get own(): Model["legs"][number] {
    const own = this.model.legs.find((leg) => leg.letter === this.model.own) ?? this.model.legs[0];
    if (!own) throw new Error("The call has no leg");
    return own;
  }

  get possible(): Possible[] {
    return this.model.possible;
  }

  get step(): Step | undefined {
    return this.cursor === null ? this.steps.at(-1) : this.#steps.get(this.cursor);
  }

  stepOf(key: string): Step | undefined {
    return this.#steps.get(key);
  }

  rowOf(key: string): Item | undefined {
    return this.#rows.get(key);
  }

  legOf(letter: string): Model["legs"][number] | undefined {
    return this.model.legs.find((leg) => leg.letter === letter);
  }

  get ended(): boolean {
    return this.model.legs.every((leg) => leg.ended != null || Boolean(leg.outcome));
  }

  get end(): number {
    const over = this.model.legs.map((leg) => leg.ended ?? 0);
    return Math.max(this.began, this.began + (this.items.at(-1)?.time ?? 0), ...over, ...this.steps.slice(-1).map((step) => step.time));
  }

  /** Put the cursor on a step; the ladder follows to the first of its rows. null follows the newest. */
  select(key: string | null): void {
    this.cursor = key;
    const step = this.step;
    this.item = step ? (this.rowOf(step.key) ?? this.#near(step)) : null;
    this.#noted();
    this.emit();
  }

  /** Put the cursor on a row of the ladder and on the step it belongs to, or the one before it. */
  selectItem(item: Item): void {
    this.item = item;
    const key = item.steps[0] ?? this.#before(item)?.key;
    if (key) this.cursor = key;
    this.#noted();
    this.emit();
  }

  move(by: number): void {
    const now = this.steps.findIndex((step) => step === this.step);
    const next = this.steps[Math.min(this.steps.length - 1, Math.max(0, now + by))];
    if (next) this.select(next.key);
  }

  /** The rows of the ladder that the filters leave, with idle times that meet joined. */
  shown(): Item[] {
    const { kinds, methods, classes } = this.filter;
    const wanted = this.items.filter((item) => {
      if (item.kind === "gap") return true;
      const kind = KIND_OF[item.kind];
      if (kind && !kinds.has(kind)) return false;
      if (item.kind !== "sip") return true;
      if (methods.size && !methods.has(methodOf(item))) return false;
      return !classes.size || classes.has(classOf(item));
    });
    return wanted.filter((item, at) => item.kind !== "gap" || (wanted[at - 1] !== undefined && wanted[at - 1]?.kind !== "gap" && at < wanted.length - 1));
  }

  take(frame: Frame): void {
    switch (frame.type) {
      case "step":
        this.#stepped(frame["step"] as Step);
        if (Array.isArray(frame["possible"])) this.model.possible = frame["possible"] as Possible[];
        break;
      case "ended":
        Object.assign(this.own, { outcome: String(frame["outcome"] ?? "completed"), ended: this.steps.at(-1)?.time ?? null });
        this.model.possible = [];
        break;
      case "snapshot":
        this.model.possible = (frame["possible"] ?? this.model.possible) as Possible[];
        break;
      case "wire":
        break;
      default:
        return;
    }
    this.emit();
    this.refresh();
  }

  /** Fetch the call anew, soon: the record brings messages and media a little later than the node tells steps. */
  refresh(): void {
    if (this.#timer) return;
    // A long call is fetched less often: what it costs grows with what it holds.
    this.#timer = window.setTimeout(() => void this.#fetch(), Math.max(REFRESH, this.items.length));
  }

  async #fetch(): Promise<void> {
    const answer = await fetch(this.#url, { headers: { Accept: "application/json" } }).catch(() => null);
    this.#timer = 0;
    if (!answer?.ok) return;
    const fresh = (await answer.json()) as Model;
    const missing = this.steps.some((step) => step.leg === this.model.own && !fresh.ladder.steps.some((other) => other.key === step.key));
    if (missing) {
      this.refresh();
      return;
    }
    const had = this.item;
    this.model = fresh;
    this.#index();
    this.item = had ? (this.items.find((item) => item.kind === had.kind && item.time === had.time && item.label === had.label) ?? had) : null;
    if (this.cursor === null) this.select(null);
    else this.emit();
  }

  emit(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Show a step as the node tells it, until the record has all of it. */
  #stepped(line: Step): void {
    const leg = this.model.own;
    const key = `${leg}${line.sequence}`;
    const known = this.#steps.get(key);
    if (known) Object.assign(known, { results: line.results });
    else {
      const step = { ...line, key, leg, number: this.steps.length + 1, label: line.event, gap: "" };
      this.steps.push(step);
      this.#steps.set(key, step);
      Object.assign(this.own, { state: line.to_state, unhandled: this.own.unhandled + (line.kind === "unhandled" ? 1 : 0) });
    }
  }

  #index(): void {
    this.#steps = new Map(this.steps.map((step) => [step.key, step]));
    this.#rows = new Map();
    for (const item of this.items) for (const key of item.steps) if (!this.#rows.has(key)) this.#rows.set(key, item);
  }

  #near(step: Step): Item | null {
    const at = step.time - this.began;
    return this.items.findLast((item) => item.kind !== "gap" && item.time <= at) ?? null;
  }

  #before(item: Item): Step | undefined {
    return this.steps.findLast((step) => step.leg === item.leg && step.time - this.began <= item.time + 0.0005);
  }

  /** The moment in the address: `?step=A8`, with `&message=` where it is another one than the step's first. */
  #noted(): void {
    note("step", this.cursor);
    const message = this.item?.messages[0];
    const first = this.cursor ? this.items.find((item) => item.kind === "sip" && item.steps.includes(this.cursor ?? ""))?.messages[0] : undefined;
    note("message", message !== undefined && message !== first ? String(message) : null);
  }

  #address(): void {
    const asked = noted("step");
    const key = asked && /^\d+$/.test(asked) ? `${this.model.own}${asked}` : asked;
    const at = seconds(noted("at"));
    const timed = at === null ? undefined : this.steps.findLast((step) => step.time - this.began <= at);
    const step = (key ? this.#steps.get(key) : undefined) ?? timed;
    const message = Number(noted("message") ?? 0);
    const item = message ? this.items.find((each) => each.messages.includes(message)) : undefined;
    if (item) this.item = item;
    if (step) this.cursor = step.key;
    else if (item) this.cursor = item.steps[0] ?? null;
    if (step && !item) this.item = this.rowOf(step.key) ?? this.#near(step);
    if (!step && !item) {
      // A call that is over is read from its beginning; one that runs is followed.
      const first = this.ended ? this.steps[0] : undefined;
      this.cursor = first?.key ?? null;
      this.item = this.step ? (this.rowOf(this.step.key) ?? null) : null;
    }
  }
}

/** The method of a message, or the one a response answers. */
export function methodOf(item: Item): string {
  return item.style === "request" ? (item.label.split(/[ ,]/)[0] ?? "") : item.about.replace(/^to /, "");
}

export function classOf(item: Item): string {
  const code = /^(\d)\d\d/.exec(item.label)?.[1];
  return code ? `${code}xx` : "request";
}

/** A call time of the address, "2:18.490", in seconds. */
function seconds(text: string | null): number | null {
  const parts = /^(?:(\d+):)?(\d+(?:\.\d+)?)$/.exec(text ?? "");
  return parts ? Number(parts[1] ?? 0) * 60 + Number(parts[2]) : null;
}
