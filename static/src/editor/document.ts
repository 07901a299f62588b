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
  focus: { row?: number; state?: string } | null;
  compiles: boolean;
}

/** One node that loaded, or failed to load, a deployed version. */
export interface NodeAck {
  node: string;
  digest: string;
  milliseconds: number | null;
  error: string | null;
  at: string | number | null;
}

export interface DeploymentFrame {
  version: number;
  digest: string;
  by: string;
  forced: boolean;
  nodes: NodeAck[];
}

export interface CheckFrame {
  version: number;
  state: string;
  progress: number;
  detail: { findings?: Finding[]; verdicts?: Verdicts } | null;
}
