/** The shapes of what the server sends, as its own pages describe them. */

/** One step of the way to a finding. */
export interface TraceStep {
  side: string;
  /** With what came with it; `name` is the event alone. */
  event: string;
  name: string;
  kind: string;
  /** -1 where no row takes it. */
  row: number;
  actions: string[];
  sends: string[];
  before: string;
  after: string;
  /** What the side holds after it. */
  resources?: string[];
}

export interface Finding {
  code: string;
  severity: "error" | "warning" | "info";
  line: number;
  column: number;
  end_line: number;
  end_column: number;
  message: string;
  explanation: string;
  row: number | null;
  state: string | null;
  confidence: string;
  fix: { operation?: string; arguments?: Record<string, unknown>; label?: string } | null;
  trace?: TraceStep[];
}

export interface PictureState {
  name: string;
  initial: boolean;
  final: boolean;
  group: string;
  description: string;
  declared: boolean;
  role?: string;
  line: number;
  rows?: number[];
  ignore?: Record<string, string>;
}

export interface PictureAction {
  name: string;
  arguments: Record<string, unknown>;
}

export interface PictureRow {
  index: number;
  id: string;
  from_state: string;
  role: string;
  event: string;
  label: string;
  after: number | null;
  guards: string[];
  actions: PictureAction[];
  set: Record<string, string>;
  next_state: string | null;
  publish: string[];
  ignore: string | null;
  description: string;
  line: number;
  end_line: number;
}

export interface Picture {
  name: string;
  description: string;
  initial: string;
  digest?: string;
  states: PictureState[];
  rows: PictureRow[];
  variables: Record<string, unknown>;
}

export interface ParameterWord {
  name: string;
  type: string;
  meaning?: string;
  required?: boolean;
  default?: unknown;
  unit?: string;
  low?: number | null;
  high?: number | null;
  choices?: string[];
}

export interface Word {
  name: string;
  meaning: string;
  kind?: string;
  group?: string;
  fields?: Record<string, string>;
  user?: boolean;
  roles?: string[];
  parameters?: ParameterWord[] | Record<string, Omit<ParameterWord, "name">>;
  performed?: boolean;
  rfc?: string;
  owes?: string;
  sends?: string;
  requires?: Record<string, boolean>;
  sets?: Record<string, boolean>;
  outcome?: string;
}

/** A ready part of a flow, with what is asked before it is inserted. */
export interface Snippet {
  name: string;
  title: string;
  group: string;
  about: string;
  not_performed: string[];
  parameters: SnippetParameter[];
}

export interface SnippetParameter {
  name: string;
  kind: "state" | "role" | "duration" | "integer" | "text" | "choice";
  label: string;
  usual: string[];
  chosen: boolean;
  choices: string[];
  low: number | null;
  high: number | null;
}

export interface Palette {
  snippets?: Snippet[];
  events: Word[];
  actions: Word[];
  guards: Word[];
  published: (Word | string)[];
  roles: string[];
}

export interface VersionLine {
  number: number;
  digest: string;
  author: string;
  message: string;
  created_at: string;
  errors?: number;
  warnings?: number;
}

export interface Summary {
  id: string;
  flow: string;
  digest: string;
  number: number | null;
  role: string;
  caller: string;
  callee: string;
  state: string;
  since: number;
  started: number;
  steps: number;
  unhandled: number;
  outcome: string | null;
}

export interface StepLine {
  sequence: number;
  time: number;
  event: string;
  fields: Record<string, unknown>;
  row: number;
  row_id: string;
  from_state: string;
  to_state: string;
  actions: string[];
  results: [boolean, number, string | null][];
  published: string[];
  kind: string;
  digest: string;
  answer: number | null;
  line: number | null;
  guards?: string[];
}

export interface WireLine {
  time: number;
  direction: string;
  transport: string;
  local: string;
  remote: string;
  summary: string;
  data: string;
  sequence?: number | null;
}
