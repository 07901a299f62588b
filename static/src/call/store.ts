import type { Frame } from "../lib/socket";
import type { StepLine, WireLine } from "../lib/types";
import type { CallBoot, Possible, SessionLine } from "./boot";

/** Wire times and step times differ by the work between them. */
const NEAR = 0.25;
const CLOSE = 0.0002;

/** One call as it is known now, with the cursor on one of its steps. */
export class CallStore {
  session: SessionLine;
  steps: StepLine[];
  wire: WireLine[];
  possible: Possible[];
  /** Sequence of the step under the cursor; null follows the newest. */
  cursor: number | null = null;
  message: number | null = null;
  readonly #listeners: (() => void)[] = [];

  constructor(boot: CallBoot) {
    this.session = boot.session;
    this.steps = boot.steps;
    this.wire = boot.wire;
    this.possible = boot.possible ?? [];
  }

  on(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get began(): number {
    const known = [this.session.started, this.steps[0]?.time, this.wire[0]?.time].filter((time) => time);
    return Math.min(...(known as number[]), Date.now() / 1000);
  }

  get step(): StepLine | undefined {
    return this.cursor === null ? this.steps.at(-1) : this.steps.find((step) => step.sequence === this.cursor);
  }

  get ended(): boolean {
    return this.session.ended != null || Boolean(this.session.outcome);
  }

  select(sequence: number | null): void {
    this.cursor = sequence;
    const step = this.step;
    this.message = step ? this.#messageOf(step) : null;
    this.emit();
  }

  /** Put the cursor on a message and on the step it belongs to. */
  selectMessage(at: number): void {
    const step = this.stepOf(at);
    if (step) this.cursor = step.sequence;
    this.message = at;
    this.emit();
  }

  move(by: number): void {
    const now = this.steps.findIndex((step) => step === this.step);
    const next = this.steps[Math.min(this.steps.length - 1, Math.max(0, now + by))];
    if (next) this.select(next.sequence);
  }

  /** The step a message caused (in) or came from (out). */
  stepOf(at: number): StepLine | undefined {
    const message = this.wire[at];
    if (!message) return undefined;
    if (message.direction === "in") {
      return this.steps.find((step) => step.time >= message.time - CLOSE && step.time - message.time < NEAR);
    }
    return this.steps.findLast((step) => step.time <= message.time + CLOSE && message.time - step.time < NEAR);
  }

  take(frame: Frame): void {
    switch (frame.type) {
      case "snapshot":
        this.session = (frame["session"] as SessionLine | null) ?? this.session;
        this.steps = merged(this.steps, frame["steps"] as StepLine[]);
        if (Array.isArray(frame["wire"]) && frame["wire"].length >= this.wire.length) this.wire = frame["wire"] as WireLine[];
        this.possible = (frame["possible"] ?? []) as Possible[];
        break;
      case "step":
        this.#stepped(frame["step"] as StepLine);
        if (Array.isArray(frame["possible"])) this.possible = frame["possible"] as Possible[];
        break;
      case "wire":
        this.wire = [...this.wire, ...(frame["wire"] as WireLine[])].sort((a, b) => a.time - b.time);
        break;
      case "ended":
        this.session = { ...this.session, outcome: String(frame["outcome"] ?? "completed"), ended: this.steps.at(-1)?.time ?? null };
        this.possible = [];
        break;
      default:
        return;
    }
    this.emit();
  }

  emit(): void {
    for (const listener of this.#listeners) listener();
  }

  #stepped(step: StepLine): void {
    this.steps = merged(this.steps, [step]);
    this.session = { ...this.session, state: step.to_state, unhandled: this.steps.filter((item) => item.kind === "unhandled").length };
  }

  #messageOf(step: StepLine): number | null {
    const at = this.wire.findIndex((_, index) => this.stepOf(index) === step);
    return at < 0 ? this.message : at;
  }
}

function merged(old: StepLine[], fresh: StepLine[]): StepLine[] {
  const all = new Map(old.map((step) => [step.sequence, step]));
  for (const step of fresh) all.set(step.sequence, step);
  return [...all.values()].sort((a, b) => a.sequence - b.sequence);
}
