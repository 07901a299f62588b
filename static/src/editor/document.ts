import type { Verdicts } from "./cells";
import type { Finding, Picture, VersionLine } from "../lib/types";

/** What the server says about the draft after each change. */
export interface DocumentFrame {
  type: "document";
  seq: number | null;
  origin: string;
  revision: number;
  text?: string;
  findings: Finding[];
  dot: string | null;
  picture: Picture | null;
  verdicts?: Verdicts | null;
  can_undo: boolean;
  can_redo: boolean;
  saved_at: string | number | null;
  base: { number: number; digest: string } | null;
  latest: VersionLine | null;
  errors: number;
  warnings: number;
  focus: { row?: number; rows?: number[]; state?: string } | null;
  drawn?: Drawn | null;
  compiles: boolean;
}

/** How the table is drawn. */
export interface Drawn {
  role: string | null;
  /** Groups drawn as one node. */
  fold: string[];
  failures: boolean;
  rows: boolean;
  /** All groups there are. */
  groups: string[];
  /** So large that it opens folded. */
  large: boolean;
  /** Drawn as it opens. */
  usual: boolean;
}

export interface ViewFrame {
  dot: string | null;
  drawn: Drawn | null;
}

/** One node that loaded, or failed to load, a deployed version. */
export interface NodeAck {
  node: string;
  digest: string;
  milliseconds: number | null;
  error: string | null;
  at: string | number | null;
  /** runs, failed, waiting, lost or past. */
  state?: string;
  /** How long it has been waiting or lost. */
  seconds?: number;
}

export interface DeploymentFrame {
  version: number;
  digest: string;
  by: string;
  forced: boolean;
  unchecked?: boolean;
  nodes: NodeAck[];
}

/** How the deeper check of a version stands. */
export interface Verdict {
  /** passed, errors, limited, running, queued, failed, cancelled, stale or unknown. */
  state: string;
  progress: number;
  errors?: number;
  warnings?: number;
  explored?: number;
  complete?: boolean;
  seconds?: number;
  /** Sentences on what cut the walk short. */
  limits?: string[];
  /** Of a running check: configurations so far, and about how many seconds are left. */
  searched?: number;
  left?: number | null;
  error?: string;
  by?: string;
  findings?: Finding[];
  verdicts?: Verdicts;
}

export interface CheckFrame {
  version: number;
  /** Of the task; `verdict` says what it is worth now. */
  state: string;
  verdict: string;
  progress: number;
  detail: Omit<Verdict, "state" | "progress"> | null;
}

/** What the walk over the draft found, a moment after the last key. */
export interface WalkFrame {
  revision: number;
  state: "running" | "done" | "failed";
  findings: Finding[] | null;
  complete: boolean | null;
  explored: number | null;
  limits: string[] | null;
  /** What becomes of the events that no row takes; nothing where the walk was cut short. */
  verdicts?: Verdicts | null;
}
