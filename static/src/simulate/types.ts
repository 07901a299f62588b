export type Plain = string | number | boolean | null;

/** One thing that is done; the shapes are those of the server's `designer.simulation`. */
export interface Input {
  side?: string;
  event?: string;
  fields?: Record<string, Plain>;
  fails?: { action: string; reason?: string };
  wait?: number;
  due?: boolean;
  deliver?: string;
  lose?: string;
  set?: Record<string, Plain>;
}

export interface Run {
  roles: string[];
  inputs: Input[];
  mocks: Record<string, boolean>;
}

export interface Tried {
  row: number;
  verdict: string;
  guards: { text: string; holds: boolean; reads: Record<string, Plain> }[];
}

export interface Choice {
  side: string;
  event: string;
  message: string;
  method: string;
  described: boolean;
  group: string;
  fields: { name: string; type: string; value: Plain }[];
  verdict: "fires" | "ignored" | "blocked" | "unhandled";
  row: number;
  to: string;
  ends: boolean;
  answer: number | null;
  tried: Tried[];
}

export interface Step {
  number: number;
  side: string;
  time: number;
  event: string;
  fields: Record<string, Plain>;
  kind: string;
  row: number;
  row_id: string;
  from: string;
  to: string;
  actions: { name: string; arguments: Record<string, Plain>; done: string }[];
  reason: string;
  published: string[];
  withheld: string[];
  changed: Record<string, Plain>;
  answer: number | null;
  ended: boolean;
  outcome: string | null;
  sends: string[];
  complaints: { code: string; detail: string }[];
  notes: string[];
  held: string[];
}

export interface Entry {
  kind: string;
  time: number;
  side: string;
  what: string;
  wait: number | null;
  note: string;
  steps: Step[];
}

export interface Side {
  role: string;
  state: string;
  ended: boolean;
  outcome: string | null;
  values: { name: string; value: Plain; initial: Plain }[];
  held: string[];
  owes: string[];
  left: number | null;
  timers: string[];
  guards: string[];
}

export interface Message {
  number: number;
  time: number;
  from: string;
  to: string;
  label: string;
  kind: "request" | "answer" | "bad";
  fate: "underway" | "arrived" | "lost";
  sent_in: number;
  heard_in: number;
  by_stack: boolean;
}

export interface Played {
  digest: string;
  at: number;
  now: number;
  deadline: number | null;
  sides: Side[];
  entries: Entry[];
  ladder: Message[];
  choices: Choice[];
  problem: { input: number; message: string } | null;
}

export interface Kept {
  name: string;
  by: string;
  at: string;
  description: string;
  inputs: number;
  holds: boolean | null;
  /** It names a state that the draft has renamed, and follows with the next version. */
  follows: boolean;
  differences: { input: number; message: string }[];
}

/** How the kept tests stand on the newest version, played by the worker. */
export interface Saved {
  version: number;
  state: "none" | "passed" | "failed" | "running" | "unknown";
  total: number;
  held: number;
  sentence: string;
}
