import type { Picture, PictureRow, PictureState, Word } from "../lib/types";

/** What becomes of events that no row takes: sets of events, and for each state and role [missing, open]. */
export interface Verdicts {
  sets: string[][];
  states: Record<string, Record<string, [number, number]>>;
}

export type Role = "all" | "UAC" | "UAS";
/** Taken by rows, by rows for one role only, by a row of any state, swallowed on purpose, nothing takes it, nothing waits for it, never comes. */
export type CellKind = "handled" | "part" | "any" | "ignored" | "missing" | "open" | "impossible";

export interface Column {
  event: string;
  group: string;
  word: Word | undefined;
}

export interface Cell {
  state: string;
  event: string;
  kind: CellKind;
  rows: PictureRow[];
  /** The rows of any state that answer instead. */
  wild: PictureRow[];
  reason: string;
  /** Roles in which nothing takes it though it may come. */
  lacking: string[];
}

const ROLES = ["UAC", "UAS"] as const;
const TIMER = "after";
export const ANY = "*";

/** The matrix of one picture for one choice of roles. */
export class Cells {
  readonly states: PictureState[];
  readonly columns: Column[];
  readonly #rows = new Map<string, PictureRow[]>();
  readonly #sets: Set<string>[];
  readonly #finals: Set<string>;
  #counts: Record<CellKind, number> | null = null;

  constructor(
    picture: Picture,
    words: Word[],
    private readonly verdicts: Verdicts | null,
    readonly role: Role,
    all: boolean,
  ) {
    this.#finals = new Set(picture.states.filter((state) => state.final).map((state) => state.name));
    for (const row of picture.rows) if (role === "all" || row.role === role || row.role === "Both") this.#put(row);
    this.#sets = (verdicts?.sets ?? []).map((events) => new Set(events));
    const wild: PictureState[] = picture.rows.some((row) => row.from_state === ANY)
      ? [{ name: ANY, initial: false, final: false, group: "", description: "", declared: true, line: 0, rows: [] }]
      : [];
    this.states = [...wild, ...picture.states.filter((state) => !state.final)];
    this.columns = this.#columns(picture, words, all);
  }

  cell(state: PictureState, event: string): Cell {
    const rows = this.#rows.get(`${state.name}\n${event}`) ?? [];
    const wild = state.name === ANY ? [] : (this.#rows.get(`${ANY}\n${event}`) ?? []);
    const reason = state.ignore?.[event] ?? rows.find((row) => row.ignore !== null)?.ignore ?? "";
    const lacking = this.#roles().filter((role) => this.#says(state.name, role, 0, event));
    return { state: state.name, event, rows, wild, reason, lacking, kind: this.#kind(state, event, rows, wild, reason, lacking) };
  }

  ends(target: string | null): boolean {
    return target !== null && this.#finals.has(target);
  }

  /** How many cells of each kind there are, of those that can come about. */
  count(): Record<CellKind, number> {
    if (this.#counts) return this.#counts;
    const counts: Record<CellKind, number> = { handled: 0, part: 0, any: 0, ignored: 0, missing: 0, open: 0, impossible: 0 };
    for (const state of this.states) for (const column of this.columns) counts[this.cell(state, column.event).kind] += 1;
    this.#counts = counts;
    return counts;
  }

  #kind(state: PictureState, event: string, rows: PictureRow[], wild: PictureRow[], reason: string, lacking: string[]): CellKind {
    if (rows.some((row) => row.ignore === null)) return lacking.length ? "part" : "handled";
    if (rows.length || state.ignore?.[event] !== undefined || reason) return "ignored";
    if (lacking.length) return "missing";
    if (wild.length) return wild.every((row) => row.ignore !== null) ? "ignored" : "any";
    if (state.name === ANY) return "open";
    return this.#roles().some((role) => this.#says(state.name, role, 1, event)) ? "open" : "impossible";
  }

  #roles(): readonly string[] {
    return this.role === "all" ? ROLES : [this.role];
  }

  #says(state: string, role: string, place: 0 | 1, event: string): boolean {
    const at = this.verdicts?.states[state]?.[role]?.[place];
    return at !== undefined && (this.#sets[at]?.has(event) ?? false);
  }

  #put(row: PictureRow): void {
    const key = `${row.from_state}\n${row.event}`;
    const known = this.#rows.get(key);
    if (known) known.push(row);
    else this.#rows.set(key, [row]);
  }

  /** The events the table speaks of or should; with `all` every event that this runtime gives. */
  #columns(picture: Picture, words: Word[], all: boolean): Column[] {
    const used = new Set<string>();
    for (const key of this.#rows.keys()) used.add(key.slice(key.indexOf("\n") + 1));
    for (const state of picture.states) for (const event of Object.keys(state.ignore ?? {})) used.add(event);
    for (const roles of Object.values(this.verdicts?.states ?? {})) {
      for (const role of this.#roles()) for (const event of this.verdicts?.sets[roles[role]?.[0] ?? -1] ?? []) used.add(event);
    }
    const fits = (word: Word): boolean => this.role === "all" || !word.roles || word.roles.includes(this.role);
    const known = words.filter((word) => fits(word) && (used.has(word.name) || (all && word.performed !== false)));
    const columns = known.map((word): Column => ({ event: word.name, group: word.group ?? "", word }));
    const timers: Column[] = used.has(TIMER) || all ? [{ event: TIMER, group: "Time", word: undefined }] : [];
    const names = new Set([TIMER, ...words.map((word) => word.name)]);
    const unknown = [...used].filter((event) => !names.has(event)).map((event): Column => ({ event, group: "Unknown", word: undefined }));
    const groups = new Map<string, Column[]>();
    for (const column of [...columns, ...timers, ...unknown]) groups.set(column.group, [...(groups.get(column.group) ?? []), column]);
    return [...groups.values()].flat();
  }
}

/** A row as the matrix writes it: where it leads. */
export function written(row: PictureRow): string {
  if (row.ignore !== null) return `ignore: ${row.ignore}`;
  const target = row.next_state ?? "stay";
  return row.after !== null ? `${row.label} ${target}` : target;
}

/** A cell as a spreadsheet gets it. */
export function cellText(cell: Cell): string {
  if (cell.rows.length) return cell.rows.map(written).join("; ");
  return cell.kind === "ignored" && cell.reason ? `ignore: ${cell.reason}` : "";
}

/** A cell as a sentence, for those who hear it. */
export function cellSentence(cell: Cell, rowsOf: (row: PictureRow) => string = rowSentence): string {
  const place = `${cell.state === ANY ? "Any state" : cell.state}, ${cell.event}: `;
  const lacking = cell.lacking.length ? `, nothing takes it as ${cell.lacking.join(" and ")}` : "";
  switch (cell.kind) {
    case "handled":
    case "part":
      return `${place}${cell.rows.length > 1 ? `${cell.rows.length} rows: ` : ""}${cell.rows.map(rowsOf).join("; ")}${lacking}`;
    case "any":
      return `${place}a row of any state takes it: ${cell.wild.map(rowsOf).join("; ")}`;
    case "ignored":
      return `${place}ignored on purpose${cell.reason ? `, ${cell.reason}` : ""}`;
    case "missing":
      return `${place}missing${cell.lacking.length === 1 ? ` as ${cell.lacking[0]}` : ""}; it may come and no row takes it`;
    case "open":
      return `${place}empty; it may come and nothing waits for an answer`;
    case "impossible":
      return `${place}can not come here`;
  }
}

function rowSentence(row: PictureRow): string {
  const condition = row.guards.length ? `if ${row.guards.join(" and ")} ` : "";
  const timer = row.after !== null ? `${row.label} ` : "";
  const leads = row.ignore !== null ? `ignored, ${row.ignore}` : row.next_state === null ? "stays" : `goes to ${row.next_state}`;
  return `${timer}${condition}${leads}${row.role === "Both" ? "" : ` as ${row.role}`}`;
}
