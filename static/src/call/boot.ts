import type { Picture, StepLine } from "../lib/types";

/** One session of the call; names of people are masked already. */
export interface LegLine {
  letter: string;
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
  steps: number;
  node?: string;
  messages: number;
}

/** Something a person may send to the session now. */
export interface Possible {
  event: string;
  meaning: string;
  fields: Record<string, string>;
}

export interface Column {
  leg: string;
  own: boolean;
  title: string;
  detail: string;
  role: string;
}

export type ItemKind = "sip" | "media" | "ice" | "dtmf" | "rtcp" | "step" | "gap";

/** One row of the ladder, as `runtime.onecall.ladder.LADDER` describes it. */
export interface Item {
  kind: ItemKind;
  time: number;
  from: number;
  to: number;
  label: string;
  style: "request" | "answer" | "bad";
  leg: string;
  steps: string[];
  messages: number[];
  again: boolean;
  about: string;
}

/** A step among those of all legs. */
export interface Step extends StepLine {
  key: string;
  leg: string;
  number: number;
  label: string;
  gap: string;
  role: string;
}

export interface LadderModel {
  began: number;
  columns: Column[];
  items: Item[];
  steps: Step[];
}

export interface Model {
  own: string;
  legs: LegLine[];
  ladder: LadderModel;
  possible: Possible[];
}

export interface Drawn {
  text: string;
  dot: string | null;
  picture: Picture | null;
}

/** The JSON beside the page of one call. */
export interface CallBoot extends Model {
  ws: string;
  session: LegLine;
  drawings: Record<string, Drawn>;
  can: { edit: boolean; masked: boolean; unmask: boolean; export: boolean; test: boolean };
  urls: Record<string, string>;
}

/** One message as the panels show it. */
export interface Message {
  id: number;
  time: number;
  direction: string;
  transport: string;
  local: string;
  remote: string;
  text: string;
  sdp: Description | null;
  body: string;
}

export interface Description {
  address: string;
  origin: string;
  media: { kind: string; port: string; protocol: string; address: string; direction: string; codecs: string[]; ice: number; dtls: string; rtcp_mux: boolean }[];
}

export interface RowLine {
  row: number;
  id: string;
  line: number;
  class: string;
  label: string;
  event?: string;
  next?: string | null;
  conditions?: string[];
}

export interface TriedRow extends RowLine {
  verdict: string;
  why: string;
  guards: { text: string; held: boolean; values: Record<string, unknown> }[];
}

/** Why a step went as it did, as `runtime.onecall.why.moment` tells it. */
export interface Moment {
  sequence: number;
  leg: string;
  event: string;
  label: string;
  state: string;
  to: string;
  role: string;
  kind: string;
  row: number;
  answer: number | null;
  published: string[];
  microseconds: number;
  tried: TriedRow[];
  here: RowLine[];
  elsewhere: RowLine[];
  values: { name: string; variable: boolean; before: unknown; after: unknown; changed: boolean }[];
  unknown: string;
}
