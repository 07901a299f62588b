import type { Picture, StepLine, WireLine } from "../lib/types";

export interface SessionLine {
  id: string;
  flow: string;
  digest: string;
  number: number | null;
  role: string;
  caller: string;
  callee: string;
  state: string;
  started: number;
  ended?: number | null;
  outcome: string | null;
  unhandled: number;
}

/** Something a person may send to the session now. */
export interface Possible {
  event: string;
  meaning: string;
  fields: Record<string, string>;
}

/** The JSON beside the page of one call. */
export interface CallBoot {
  ws: string;
  session: SessionLine;
  steps: StepLine[];
  wire: WireLine[];
  possible: Possible[];
  dot: string | null;
  picture: Picture | null;
  text: string;
  urls: { send: string };
}
