import { announce } from "../lib/announce";
import { note, noted } from "../lib/address";
import { pack, unpack } from "../lib/packed";
import type { Frame } from "../lib/socket";
import { toast } from "../lib/toast";
import type { Input, Kept, Played, Run, Saved, Step } from "./types";

const PACE = 700;

/** Something to stop at while the run plays: a state or a row. */
export type Stop = string;

/**
 * One person's run of the draft. Everything shown comes from the server for (text, run, place); the run keeps what lies
 * ahead of the place, so that a step back can be taken again.
 */
export class Trial {
  run: Run = { roles: ["UAC"], inputs: [], mocks: {} };
  /** How many of the inputs are done. */
  at = 0;
  played: Played | null = null;
  /** Why nothing can be played now. */
  refusal = "";
  playing = false;
  on = false;
  kept: Kept[] | null = null;
  /** How they stand on the newest version. */
  saved: Saved | null = null;
  /** The test this run was opened from or kept as. */
  name = "";
  readonly stops = new Set<Stop>();
  readonly #listeners: (() => void)[] = [];
  #asked = 0;
  #timer = 0;
  #begun = false;

  constructor(
    private readonly ask: (frame: Frame) => Promise<Frame>,
    private readonly first: () => string,
  ) {}

  listen(listener: () => void): void {
    this.#listeners.push(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** All steps up to the place. */
  get steps(): Step[] {
    return this.played?.entries.flatMap((entry) => entry.steps) ?? [];
  }

  get both(): boolean {
    return this.run.roles.length === 2;
  }

  /** Begin, with the run of the address if there is one. */
  async open(): Promise<void> {
    this.on = true;
    note("mode", "simulate");
    const word = noted("run");
    if (word && !this.run.inputs.length) {
      const link = (await unpack(word)) as { run?: Partial<Run>; at?: number } | null;
      if (link?.run && Array.isArray(link.run.inputs)) {
        this.run = { roles: link.run.roles ?? ["UAC"], inputs: link.run.inputs, mocks: link.run.mocks ?? {} };
        this.at = Math.min(Number(link.at ?? this.run.inputs.length), this.run.inputs.length);
      } else toast("The link holds no run that can be read; a new one begins.", { kind: "err" });
    }
    if (!word && !this.run.inputs.length && !this.#begun) this.run = { ...this.run, roles: [this.first()] };
    this.#begun = true;
    await this.refresh();
  }

  close(): void {
    this.on = false;
    this.#stop();
    note("mode", null);
    note("run", null);
    this.changed();
  }

  /** Ask for what the run looks like at its place. */
  async refresh(): Promise<void> {
    const asked = ++this.#asked;
    const answer = await this.#try("run", { run: this.run, at: this.at });
    if (asked !== this.#asked) return;
    if (answer.type === "refused") this.refusal = String(answer["message"]);
    else {
      this.refusal = "";
      this.played = answer["played"] as Played;
      // What cannot be done any more, because the draft changed, lies ahead and not behind.
      this.at = this.played.at;
    }
    this.changed();
    await this.#link();
  }

  /** Do one thing; what lay ahead is let go. */
  async give(input: Input): Promise<void> {
    this.run = { ...this.run, inputs: [...this.run.inputs.slice(0, this.at), input] };
    this.at += 1;
    await this.refresh();
    this.#tell();
  }

  async go(to: number): Promise<void> {
    const at = Math.max(0, Math.min(this.run.inputs.length, to));
    if (at === this.at) return;
    this.at = at;
    await this.refresh();
    this.#tell();
  }

  async begin(run: Partial<Run>, at?: number): Promise<void> {
    this.#stop();
    this.run = { roles: run.roles ?? this.run.roles, inputs: run.inputs ?? [], mocks: run.mocks ?? {} };
    this.at = at ?? this.run.inputs.length;
    await this.refresh();
  }

  async mock(guard: string, answer: boolean | null): Promise<void> {
    const mocks = { ...this.run.mocks };
    if (answer === null) delete mocks[guard];
    else mocks[guard] = answer;
    this.run = { ...this.run, mocks };
    await this.refresh();
  }

  /** Find the shortest way from here to a state or row, and take it. */
  async reach(goal: { state?: string; row?: number }): Promise<void> {
    const run = { ...this.run, inputs: this.run.inputs.slice(0, this.at) };
    const answer = await this.#try("reach", { run, ...goal });
    if (answer.type === "refused") {
      toast(String(answer["message"]), { kind: "err" });
      return;
    }
    const inputs = answer["inputs"] as Input[];
    if (!inputs.length) toast("The run stands there already.");
    await this.begin({ ...run, inputs: [...run.inputs, ...inputs] });
  }

  /** Play the way to a finding. */
  async follow(trace: unknown): Promise<void> {
    const answer = await this.#try("trace", { trace });
    if (answer.type === "refused") {
      toast(String(answer["message"]), { kind: "err" });
      return;
    }
    this.name = "";
    const run = answer["run"] as Partial<Run>;
    this.run = { roles: run.roles ?? ["UAC"], inputs: run.inputs ?? [], mocks: {} };
    this.at = this.run.inputs.length;
  }

  /** Play on, or stop. */
  toggle(): void {
    if (this.playing) this.#stop();
    else {
      this.playing = true;
      this.#turn();
    }
    this.changed();
  }

  stopAt(stop: Stop): void {
    if (!this.stops.delete(stop)) this.stops.add(stop);
    this.changed();
  }

  async tests(): Promise<void> {
    this.#listed(await this.#try("scenarios", {}));
  }

  /** Keep the run as a test of the flow; false and said if that was refused. */
  async keep(name: string, description: string): Promise<string> {
    const run = { ...this.run, inputs: this.run.inputs.slice(0, this.at) };
    const answer = await this.#try("keep", { name, description, run });
    if (answer.type === "refused") return String(answer["message"]);
    this.name = name;
    this.#listed(answer);
    return "";
  }

  async openTest(name: string): Promise<void> {
    const answer = await this.#try("open", { name });
    if (answer.type === "refused") toast(String(answer["message"]), { kind: "err" });
    else {
      this.name = name;
      const run = answer["run"] as Partial<Run>;
      await this.begin({ roles: run.roles ?? ["UAC"], inputs: run.inputs ?? [], mocks: run.mocks ?? {} });
    }
  }

  async drop(name: string): Promise<void> {
    this.#listed(await this.#try("drop", { name }));
  }

  async file(): Promise<string> {
    const answer = await this.#try("file", {});
    return typeof answer["file"] === "string" ? answer["file"] : "";
  }

  #listed(answer: Frame): void {
    if (answer.type === "refused") toast(String(answer["message"]), { kind: "err" });
    else {
      this.kept = answer["scenarios"] as Kept[];
      this.saved = (answer["saved"] as Saved | null | undefined) ?? null;
    }
    this.changed();
  }

  #try(ask: string, parameters: Record<string, unknown>): Promise<Frame> {
    return this.ask({ type: "try", ask, arguments: parameters });
  }

  #turn(): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#next(), PACE);
  }

  async #next(): Promise<void> {
    if (!this.playing) return;
    const waiting = this.played?.ladder.find((message) => message.fate === "underway");
    if (this.at < this.run.inputs.length) await this.go(this.at + 1);
    else if (waiting) await this.give({ side: waiting.to, deliver: waiting.label });
    else this.#stop();
    const last = this.played?.entries.at(-1)?.steps ?? [];
    if (last.some((step) => this.stops.has(`state ${step.to}`) || this.stops.has(`row ${step.row}`))) this.#stop();
    if (this.playing) this.#turn();
    else this.changed();
  }

  #stop(): void {
    this.playing = false;
    window.clearTimeout(this.#timer);
  }

  #tell(): void {
    const entry = this.played?.entries.at(-1);
    const step = entry?.steps.at(-1);
    if (step) announce(`${step.side}: ${step.event}, ${step.kind === "unhandled" ? "no row takes it" : step.to}`);
    else if (entry?.note) announce(entry.note);
  }

  /** The run is in the address: a link leads to it. */
  async #link(): Promise<void> {
    const { run, at } = this;
    const empty = !run.inputs.length && !Object.keys(run.mocks).length && run.roles.join() === "UAC";
    const word = empty ? null : await pack(at === run.inputs.length ? { run } : { run, at });
    if (this.on && run === this.run && at === this.at) note("run", word);
  }
}
