import { same, toHash, type Selection } from "../lib/selection";
import type { Finding, Palette, Picture, PictureRow, PictureState, TraceStep, VersionLine } from "../lib/types";
import type { EditorBoot, Way } from "./boot";
import { idle } from "../lib/idle";
import type { Verdicts } from "./cells";
import type { CheckFrame, DeploymentFrame, DocumentFrame, Drawn, Verdict, WalkFrame } from "./document";

type Topic = "document" | "selection" | "deployment" | "check" | "people" | "connection" | "pending" | "role" | "view" | "tests";
/** Where a selection came from, so that the panel that made it does not scroll under the hand. */
export type Source = "canvas" | "matrix" | "outline" | "yaml" | "problems" | "inspector" | "address" | "server";

/** The states of a check that says something. */
const VERDICTS = ["passed", "errors", "limited"];

const NONE = { errors: 0, warnings: 0 };

/** What the editor page knows now, and who wants to hear of changes. */
export class Store {
  readonly palette: Palette;
  readonly can: EditorBoot["can"];
  readonly flow: string;
  readonly user: string;
  /** How the person is called in lists. */
  readonly name: string;
  readonly urls: Record<string, string>;
  picture: Picture | null;
  dot: string | null;
  /** What becomes of the events that no row takes, as the graph tells. */
  #quick: Verdicts | null;
  /** The same as the deeper check saw it, while the text is the one it looked at. */
  #walked: Verdicts | null = null;
  /** How the DOT draws the table: role, folded groups. */
  drawn: Drawn | null;
  findings: Finding[];
  readonly #rules: Set<string>;
  compiles: boolean;
  canUndo: boolean;
  canRedo: boolean;
  savedAt: string | number | null;
  base: { number: number; digest: string } | null;
  latest: VersionLine | null;
  versions: VersionLine[];
  deployed: EditorBoot["deployed"];
  deployment: DeploymentFrame | null;
  /** What the flow asks for before calls take a version. */
  way: Way;
  /** The deeper check of the newest version. */
  check: CheckFrame | null = null;
  /** The deeper checks of versions, by number. */
  readonly checks: Map<number, Verdict>;
  /** The walk over the draft. */
  walk: WalkFrame | null = null;
  revision = -1;
  /** What a deeper look found beside, while the text is the one it looked at. */
  deep: Finding[] = [];
  people: { name: string; initials: string }[] = [];
  /** Who wants to know where other people are. */
  heard: ((frame: Record<string, unknown> & { type: string }) => void) | null = null;
  connected = true;
  /** An edit or undo is on its way: text and forms wait a moment. */
  pending = false;
  selection: Selection = null;
  /** What is marked beside the selection, the selection among it; empty where it stands alone. */
  also: Selection[] = [];
  source: Source = "address";
  /** The finding the reader looks at, by place in `shown`. */
  finding = -1;
  role: "all" | "UAC" | "UAS" = "all";
  /** The draft differs from the version it began with; unknown until the hash is there. */
  changed: boolean | null = null;
  /** SHA-256 of the text; null where the browser cannot tell. */
  #digest: string | null = null;
  #same = false;
  #speaks = false;
  #byState: { picture: Picture | null; rows: Map<string, PictureRow[]> } = { picture: null, rows: new Map() };
  #counted: { findings: Finding[]; deep: Finding[]; by: Map<string, { errors: number; warnings: number }> } | null = null;
  readonly #listeners = new Map<Topic, (() => void)[]>();

  constructor(boot: EditorBoot) {
    this.palette = boot.palette;
    this.can = boot.can;
    this.flow = boot.flow;
    this.user = boot.user;
    this.name = boot.name ?? boot.user;
    this.urls = boot.urls;
    this.picture = boot.picture;
    this.dot = boot.dot;
    this.#quick = boot.verdicts ?? null;
    this.drawn = boot.drawn ?? null;
    this.findings = boot.findings;
    this.#rules = new Set(boot.rules);
    this.compiles = boot.compiles ?? boot.picture !== null;
    this.canUndo = boot.can_undo ?? false;
    this.canRedo = boot.can_redo ?? false;
    this.savedAt = boot.saved_at ?? null;
    this.base = boot.base ?? null;
    this.versions = boot.versions ?? [];
    this.latest = boot.latest ?? this.versions[0] ?? null;
    this.checks = new Map(Object.entries(boot.checks ?? {}).map(([number, verdict]) => [Number(number), verdict]));
    this.deployed = boot.deployed ?? null;
    this.deployment = boot.deployment ?? null;
    this.way = boot.way ?? { required: false, review: null };
  }

  on(topics: Topic[], listener: () => void): void {
    for (const topic of topics) {
      const known = this.#listeners.get(topic) ?? [];
      known.push(listener);
      this.#listeners.set(topic, known);
    }
  }

  /** Like `on`, for what may come a moment after: once for all that happened, in a task of its own. */
  later(topics: Topic[], listener: () => void): void {
    let waits = false;
    this.on(topics, () => {
      if (waits) return;
      waits = true;
      idle(() => {
        waits = false;
        listener();
      });
    });
  }

  emit(topic: Topic): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener();
  }

  /** Take over what the server says; a text that does not compile keeps the last good picture. */
  take(frame: DocumentFrame): void {
    const before = this.selection;
    const old = this.picture;
    const chosen = this.shown[this.finding];
    const place = this.finding < this.findings.length ? this.finding : -1;
    this.findings = frame.findings;
    this.compiles = frame.compiles;
    this.revision = frame.revision;
    if (frame.picture) {
      this.picture = frame.picture;
      this.dot = frame.dot;
      this.#quick = frame.verdicts ?? null;
      this.drawn = frame.drawn ?? this.drawn;
    }
    this.canUndo = frame.can_undo;
    this.canRedo = frame.can_redo;
    this.savedAt = frame.saved_at;
    this.base = frame.base;
    this.latest = frame.latest ?? this.latest;
    this.#relate();
    this.finding = place >= 0 ? Math.min(place, this.findings.length - 1) : chosen ? this.shown.indexOf(chosen) : -1;
    const focus = focusOf(frame.focus);
    this.selection = focus ?? this.#follow(before, old);
    this.also = (frame.focus?.rows ?? []).map((index) => ({ kind: "row", index }));
    if (focus) this.source = "server";
    this.emit("document");
    if (!same(before, this.selection)) {
      this.#address();
      this.emit("selection");
    }
  }

  select(selection: Selection, source: Source, also: Selection[] = []): void {
    const leaves = (selection === null && this.finding >= 0) || also.length > 0 || this.also.length > 0;
    if (same(selection, this.selection) && source !== "problems" && !leaves) return;
    this.selection = selection;
    this.also = also;
    this.source = source;
    if (source !== "problems") this.finding = -1;
    this.#address();
    this.emit("selection");
  }

  /** Everything that is marked: the selection, and what is marked beside it. */
  get chosen(): Selection[] {
    return this.also.length ? this.also : this.selection ? [this.selection] : [];
  }

  row(index: number): PictureRow | undefined {
    return this.picture?.rows.find((row) => row.index === index);
  }

  state(name: string): PictureState | undefined {
    return this.picture?.states.find((state) => state.name === name);
  }

  rowsOf(state: string): PictureRow[] {
    if (this.#byState.picture !== this.picture) {
      this.#byState = { picture: this.picture, rows: new Map() };
      for (const row of this.picture?.rows ?? []) {
        const known = this.#byState.rows.get(row.from_state);
        if (known) known.push(row);
        else this.#byState.rows.set(row.from_state, [row]);
      }
    }
    return this.#byState.rows.get(state) ?? [];
  }

  /** The row or state that a line of the text belongs to. */
  at(line: number): Selection {
    const row = this.picture?.rows.find((item) => item.line <= line && line <= item.end_line);
    if (row) return { kind: "row", index: row.index };
    const state = this.picture?.states.find((item) => item.declared && item.line === line);
    return state ? { kind: "state", name: state.name } : null;
  }

  /** What is known of the text as it stands: found while typing, then by the deeper check. */
  get shown(): Finding[] {
    return [...this.findings, ...this.deep];
  }

  get verdicts(): Verdicts | null {
    return this.#walked ?? this.#quick;
  }

  /** Whether the verdicts are those of the deeper check. */
  get walked(): boolean {
    return this.#walked !== null;
  }

  /** The way to the finding the reader chose. */
  get trace(): TraceStep[] {
    return this.shown[this.finding]?.trace ?? [];
  }

  /** Take over what the deeper check says. */
  checked(check: CheckFrame): void {
    this.checks.set(check.version, { ...check.detail, state: check.verdict, progress: check.progress });
    // Checks overtake each other: the line is about the newest version, whichever was done last.
    if (check.version >= (this.check?.version ?? 0)) this.check = check;
    this.relate();
  }

  /** Take over what the walk over the draft says. */
  looked(walk: WalkFrame): void {
    this.walk = walk;
    this.relate();
  }

  /** Nothing is known yet of the deeper check of a version that was saved a moment ago. */
  await(version: number): void {
    if (!this.checks.has(version)) this.checks.set(version, { state: "queued", progress: 0 });
  }

  /** The text as it stands is that of the newest version. */
  get saved(): boolean {
    return this.#same;
  }

  /** The newest version's check speaks of the text as it stands. */
  get proved(): boolean {
    return this.#speaks;
  }

  /** Show no way to a finding any more. */
  leave(): void {
    this.finding = -1;
    this.emit("selection");
  }

  /** Take over the hash of the text as it stands. */
  know(digest: string | null): void {
    if (digest === this.#digest) return;
    const before = JSON.stringify([this.#same, this.#speaks, this.deep]);
    this.#digest = digest;
    this.#relate();
    if (JSON.stringify([this.#same, this.#speaks, this.deep]) !== before) this.relate();
  }

  /** Find out anew whether the deeper check speaks of this text. */
  relate(): void {
    const chosen = this.shown[this.finding];
    this.#relate();
    this.finding = chosen ? this.shown.indexOf(chosen) : -1;
    this.emit("check");
  }

  #relate(): void {
    const { check } = this;
    const version = [this.latest, ...this.versions].find((item) => item?.number === check?.version);
    const own = this.#digest ?? (this.compiles ? this.picture?.digest : undefined);
    const said = new Set(this.findings.map(identity));
    this.#same = version != null && version.digest === own;
    // What an older checker said is not taken over; the walk over the draft is of today.
    const speaks = this.#same && check !== null && VERDICTS.includes(check.verdict);
    this.#speaks = speaks;
    const walked = this.walk?.revision === this.revision ? (this.walk.findings ?? []) : [];
    const told = speaks ? check.detail?.verdicts : this.walk?.revision === this.revision ? this.walk.verdicts : null;
    this.#walked = told?.states ? told : null;
    const found = speaks ? (check.detail?.findings ?? []) : walked;
    this.deep = found.filter((finding) => !said.has(identity(finding)));
  }

  /** The page of a rule; empty for a code of a plug-in. */
  pageOf(code: string): string {
    return this.#rules.has(code) ? (this.urls["rule"] ?? "").replace("{code}", code) : "";
  }

  /** The worst finding of a row or a state, and how many. */
  problems(of: { row?: number; state?: string }): { errors: number; warnings: number } {
    return this.#counts().get(of.row !== undefined ? `r/${of.row}` : `s/${of.state}`) ?? NONE;
  }

  /** Counted once for what is found now: the outline asks for every state and row. */
  #counts(): Map<string, { errors: number; warnings: number }> {
    const { findings, deep } = this;
    if (this.#counted?.findings === findings && this.#counted.deep === deep) return this.#counted.by;
    const by = new Map<string, { errors: number; warnings: number }>();
    for (const finding of this.shown) {
      const key = finding.row !== null ? `r/${finding.row}` : `s/${finding.state}`;
      const now = by.get(key) ?? { errors: 0, warnings: 0 };
      by.set(key, { errors: now.errors + Number(finding.severity === "error"), warnings: now.warnings + Number(finding.severity === "warning") });
    }
    this.#counted = { findings, deep, by };
    return by;
  }

  get errors(): number {
    return this.shown.filter((finding) => finding.severity === "error").length;
  }

  get warnings(): number {
    return this.shown.filter((finding) => finding.severity === "warning").length;
  }

  /** The selection is in the address, so that a link leads to it. */
  #address(): void {
    history.replaceState(history.state, "", toHash(this.selection) || location.pathname + location.search);
  }

  /** After an edit rows are numbered anew: stay on the row that reads the same. */
  #follow(selection: Selection, old: Picture | null): Selection {
    if (!selection || !this.picture) return selection;
    if (selection.kind === "state") return this.state(selection.name) ? selection : null;
    const was = old?.rows.find((row) => row.index === selection.index);
    const now = this.row(selection.index);
    if (!was || (now && now.from_state === was.from_state && now.label === was.label)) return now ? selection : null;
    const moved = this.picture.rows.find(
      (row) => row.from_state === was.from_state && row.label === was.label && row.role === was.role,
    );
    if (moved) return { kind: "row", index: moved.index };
    return now && this.picture.rows.length === old?.rows.length ? selection : null;
  }
}

function identity(finding: Finding): string {
  return JSON.stringify([finding.code, finding.row, finding.state, finding.message]);
}

function focusOf(focus: DocumentFrame["focus"]): Selection {
  if (focus?.row !== undefined) return { kind: "row", index: focus.row };
  return focus?.state ? { kind: "state", name: focus.state } : null;
}
