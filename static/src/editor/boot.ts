import type { Verdicts } from "./cells";
import type { DeploymentFrame, Drawn, Verdict } from "./document";
import type { Finding, Palette, Picture, VersionLine } from "../lib/types";

/** Where the flow is on the way to a deployment: whether it asks for a review, and the one that is open. */
export interface Way {
  required: boolean;
  review: { number: number; state: string; word: string; version: number; digest: string } | null;
}

/** The JSON beside the editor page. */
export interface EditorBoot {
  flow: string;
  ws: string;
  palette: Palette;
  user: string;
  name?: string;
  can: { edit: boolean; save: boolean; check: boolean; deploy: boolean; force: boolean; ask?: boolean };
  urls: Record<string, string>;
  text: string;
  dot: string | null;
  drawn?: Drawn | null;
  picture: Picture | null;
  verdicts?: Verdicts | null;
  /** The text compiles; if not, the picture is of the version it began with. */
  compiles?: boolean;
  findings: Finding[];
  /** The codes that have a page; those of plug-ins have none. */
  rules?: string[];
  versions?: VersionLine[];
  /** The deeper checks of these versions, by number. */
  checks?: Record<string, Verdict>;
  deployed?: { number: number; digest: string; by?: string; at?: string } | null;
  deployment?: DeploymentFrame | null;
  base?: { number: number; digest: string } | null;
  latest?: VersionLine | null;
  way?: Way;
  routes?: { pattern: string; flow: string }[];
  can_undo?: boolean;
  can_redo?: boolean;
  saved_at?: string | null;
}
