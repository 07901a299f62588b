import { html, nothing, render, type TemplateResult } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import { icon } from "../lib/icon";
import { same, type Selection } from "../lib/selection";
import type { PictureRow, PictureState } from "../lib/types";
import { snippetList } from "./snippets";
import type { Store } from "./store";

/** One line of the tree, as it is drawn and walked. */
interface Line {
  key: string;
  level: number;
  /** undefined where there is nothing below. */
  open: boolean | undefined;
  selection: Selection;
  parent: string;
  label: string;
  content: () => TemplateResult;
  /** What `content` shows beside the label. */
  end: string;
  testid: string;
  kind: string;
  /** What is typed to come here. */
  name: string;
}

const PAUSE = 700;

/** The tree of states by group with their rows: everything the diagram says, for those who do not see it. */
export class Outline {
  readonly #open = new Set<string>();
  readonly #shut = new Set<string>();
  #words = "";
  #focus = "";
  #typed = "";
  #typedAt = 0;
  #lines: Line[] = [];

  constructor(
    private readonly host: HTMLElement,
    search: HTMLInputElement,
    private readonly store: Store,
    private readonly foot: HTMLElement | null = null,
  ) {
    host.replaceChildren();
    store.later(["document", "check"], () => this.draw());
    store.later(["selection"], () => this.#follow());
    search.addEventListener("input", () => {
      this.#words = search.value.trim().toLowerCase();
      this.draw();
    });
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "ArrowDown") {
        event.preventDefault();
        this.#go(this.#lines[0]);
      } else if (event.key === "Escape" && search.value) {
        event.stopPropagation();
        search.value = this.#words = "";
        this.draw();
      }
    });
    host.addEventListener("keydown", (event) => this.#key(event));
    this.#follow();
  }

  draw(): void {
    const { picture } = this.store;
    if (this.foot) render(this.store.can.edit ? snippetList(this.store) : "", this.foot);
    if (!picture) {
      render(html`<p class="hint">No state yet. Add one with N, or write it in the text.</p>`, this.host);
      return;
    }
    this.#lines = this.#all(picture.states);
    const sum = this.host.parentElement?.querySelector(".sum");
    const found = this.#lines.filter((line) => line.kind === "state").length;
    if (sum) sum.textContent = this.#words ? `${found} of ${picture.states.length} states` : `${counted(picture.states.length, "state")} · ${counted(picture.rows.length, "row")}`;
    if (!this.#lines.some((line) => line.key === this.#focus)) this.#focus = this.#lines[0]?.key ?? "";
    render(
      this.#lines.length ? repeat(this.#lines, (line) => line.key, (line) => this.#line(line)) : html`<p class="hint" role="none">Nothing is called “${this.#words}”.</p>`,
      this.host,
    );
  }

  /** The selection came from somewhere: open what hides it and bring it into the window. */
  #follow(): void {
    const { selection } = this.store;
    const row = selection?.kind === "row" ? this.store.row(selection.index) : undefined;
    const name = row?.from_state ?? (selection?.kind === "state" ? selection.name : "");
    const group = this.store.state(name)?.group;
    if (group !== undefined) this.#shut.delete(`g/${group}`);
    if (row || (selection?.kind === "state" && this.store.source !== "outline")) this.#open.add(`s/${name}`);
    if (selection) this.#focus = selection.kind === "row" ? `r/${selection.index}` : `s/${selection.name}`;
    this.draw();
    // In the next frame, which lays the page out anyway.
    if (this.store.source !== "outline") requestAnimationFrame(() => this.host.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" }));
  }

  #all(states: PictureState[]): Line[] {
    const groups = new Map<string, PictureState[]>();
    for (const state of states) groups.set(state.group, [...(groups.get(state.group) ?? []), state]);
    const lines: Line[] = [];
    for (const [name, members] of groups) {
      const shown = members.filter((state) => this.#matches(state));
      if (!shown.length) continue;
      if (!name) lines.push(...shown.flatMap((state) => this.#ofState(state, 1, "")));
      else lines.push(...this.#ofGroup(name, shown));
    }
    const wild = this.store.rowsOf("*").filter((row) => this.#rowMatches(row));
    return wild.length ? [...lines, ...this.#ofWild(wild)] : lines;
  }

  #ofGroup(name: string, states: PictureState[]): Line[] {
    const key = `g/${name}`;
    const open = !this.#shut.has(key) || this.#words !== "";
    const counts = states.map((state) => this.#counts(state));
    const errors = counts.reduce((sum, each) => sum + each.errors, 0);
    const said = `${title(name)}, ${states.length} ${states.length === 1 ? "state" : "states"}${errors ? `, ${errors} ${errors === 1 ? "error" : "errors"}` : ""}`;
    const line: Line = { key, level: 1, open, selection: null, parent: "", label: said, testid: `outline-group-${name}`, kind: "group", name: title(name), end: "",
      content: () => html`${icon(open ? "down" : "chev")}<span class="clip">${title(name)}</span> <span class="end">${open ? "" : states.length}${errors && !open ? icon("error", "err") : ""}</span>` };
    return [line, ...(open ? states.flatMap((state) => this.#ofState(state, 2, key)) : [])];
  }

  #ofState(state: PictureState, level: number, parent: string): Line[] {
    const key = `s/${state.name}`;
    const rows = this.store.rowsOf(state.name);
    const fitting = rows.filter((row) => this.#rowMatches(row) || this.#nameMatches(state));
    const open = this.#open.has(key) || this.#words !== "";
    const { errors, warnings } = this.#counts(state);
    const end = (): TemplateResult => errors
      ? html`<span class="end f-error">${icon("error")}${errors}</span>`
      : warnings
        ? html`<span class="end f-warning">${icon("warning")}${warnings}</span>`
        : html`<span class="end">${state.final ? "final" : rows.length}</span>`;
    const line: Line = { key, level, open: rows.length ? open : undefined, selection: { kind: "state", name: state.name }, parent, label: stateSentence(state, rows.length, errors, warnings),
      testid: `outline-state-${state.name}`, kind: "state", name: state.name, end: "",
      content: () => html`<span class="shape ${(state.role ?? "Both").toLowerCase()}"></span><span class="clip">${state.name}</span>${end()}` };
    return [line, ...(open ? fitting.map((row) => this.#ofRow(row, level + 1, key)) : [])];
  }

  #ofRow(row: PictureRow, level: number, parent: string): Line {
    const final = this.store.state(row.next_state ?? "")?.final;
    const target = row.ignore !== null ? "ignored" : row.next_state === null ? "stay" : final ? "end" : row.next_state;
    const { errors, warnings } = this.store.problems({ row: row.index });
    const kind = errors ? "f-error" : warnings ? "f-warning" : "";
    return { key: `r/${row.index}`, level, open: undefined, selection: { kind: "row", index: row.index }, parent, label: rowSentence(row, errors, warnings), testid: `outline-row-${row.index}`, kind: "row", name: row.label, end: target,
      content: () => html`<span class="clip">${row.label}${row.guards.length ? ` [${row.guards.join(", ")}]` : ""}</span>
        <span class="end ${kind}">${errors ? icon("error") : warnings ? icon("warning") : ""}<span class="clip">${target}</span></span>` };
  }

  #ofWild(rows: PictureRow[]): Line[] {
    const open = !this.#shut.has("g/*") || this.#words !== "";
    const line: Line = { key: "g/*", level: 1, open, selection: null, parent: "", label: `Any state, ${rows.length} rows`, testid: "outline-group-any", kind: "group", name: "Any state", end: "",
      content: () => html`${icon(open ? "down" : "chev")}<span class="clip">Any state</span> <span class="end">${open ? "" : rows.length}</span>` };
    return [line, ...(open ? rows.map((row) => this.#ofRow(row, 2, "g/*")) : [])];
  }

  /** A line that says what it said is not touched: of a large table a key changes one or two. */
  #line(line: Line): unknown {
    const selected = line.selection !== null && same(this.store.selection, line.selection);
    const focus = line.key === this.#focus;
    return guard([line.label, line.end, line.level, line.open, line.parent, selected, focus], () => this.#drawn(line, selected, focus));
  }

  #drawn(line: Line, selected: boolean, focus: boolean): TemplateResult {
    return html`<button class="tr ${line.kind} l${line.level}" type="button" role="treeitem" aria-level=${line.level} tabindex=${focus ? 0 : -1} data-key=${line.key}
      aria-selected=${selected} aria-expanded=${line.open === undefined ? nothing : String(line.open)} data-testid=${line.testid} @click=${() => this.#clicked(line.key)}>${line.content()}<span class="vh">${line.label.slice(line.name.length)}</span></button>`;
  }

  /** All problems of a state and of its rows. */
  #counts(state: PictureState): { errors: number; warnings: number } {
    const all = [this.store.problems({ state: state.name }), ...this.store.rowsOf(state.name).map((row) => this.store.problems({ row: row.index }))];
    return { errors: all.reduce((sum, each) => sum + each.errors, 0), warnings: all.reduce((sum, each) => sum + each.warnings, 0) };
  }

  #clicked(key: string): void {
    const line = this.#lines.find((item) => item.key === key);
    if (line) this.#choose(line);
  }

  #choose(line: Line): void {
    this.#focus = line.key;
    const again = line.selection === null || same(line.selection, this.store.selection);
    if (again || (line.kind === "state" && !line.open)) this.#toggle(line, !line.open);
    if (line.selection) this.store.select(line.selection, "outline");
    else this.draw();
  }

  #toggle(line: Line, open: boolean): void {
    if (line.open === undefined) return;
    if (line.kind === "group" && open) this.#shut.delete(line.key);
    else if (line.kind === "group") this.#shut.add(line.key);
    else if (open) this.#open.add(line.key);
    else this.#open.delete(line.key);
    this.draw();
  }

  #go(line: Line | undefined): void {
    if (!line) return;
    this.#focus = line.key;
    this.draw();
    this.host.querySelector<HTMLElement>(`[data-key="${CSS.escape(line.key)}"]`)?.focus();
  }

  #key(event: KeyboardEvent): void {
    const key = (event.target as HTMLElement).closest<HTMLElement>("[data-key]")?.dataset["key"];
    const at = this.#lines.findIndex((line) => line.key === key);
    const line = this.#lines[at];
    if (!line || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves: Record<string, () => void> = {
      ArrowDown: () => this.#go(this.#lines[at + 1]),
      ArrowUp: () => this.#go(this.#lines[at - 1]),
      Home: () => this.#go(this.#lines[0]),
      End: () => this.#go(this.#lines.at(-1)),
      ArrowRight: () => (line.open === false ? this.#toggle(line, true) : line.open ? this.#go(this.#lines[at + 1]) : undefined),
      ArrowLeft: () => (line.open ? this.#toggle(line, false) : this.#go(this.#lines.find((other) => other.key === line.parent))),
      "*": () => this.#openAll(line),
    };
    const move = moves[event.key];
    if (move) {
      event.preventDefault();
      event.stopPropagation();
      move();
    } else if (event.key.length === 1 && /\w/.test(event.key)) {
      event.stopPropagation();
      this.#type(event.key, at, event.timeStamp);
    }
  }

  /** Letters typed one after the other lead to the next name that begins with them. */
  #type(letter: string, at: number, now: number): void {
    this.#typed = now - this.#typedAt < PAUSE ? this.#typed + letter.toLowerCase() : letter.toLowerCase();
    this.#typedAt = now;
    const from = this.#typed.length > 1 ? at : at + 1;
    const ordered = [...this.#lines.slice(from), ...this.#lines.slice(0, from)];
    this.#go(ordered.find((line) => line.name.toLowerCase().startsWith(this.#typed)));
  }

  #openAll(line: Line): void {
    for (const other of this.#lines) if (other.parent === line.parent && other.open === false) this.#toggle(other, true);
  }

  #matches(state: PictureState): boolean {
    return this.#nameMatches(state) || this.store.rowsOf(state.name).some((row) => this.#rowMatches(row));
  }

  #nameMatches(state: PictureState): boolean {
    return state.name.toLowerCase().includes(this.#words);
  }

  #rowMatches(row: PictureRow): boolean {
    const text = [row.label, row.next_state ?? "", row.id, ...row.guards, ...row.actions.map((action) => action.name)].join(" ");
    return text.toLowerCase().includes(this.#words);
  }
}

function stateSentence(state: PictureState, rows: number, errors: number, warnings: number): string {
  const role = state.role === "UAC" || state.role === "UAS" ? `role ${state.role}` : "both roles";
  const parts = [state.name, state.initial ? "begins here" : "", state.final ? "final" : `${role}, ${rows} ${rows === 1 ? "row" : "rows"}`, state.declared ? "" : "not declared", found(errors, warnings)];
  return parts.filter(Boolean).join(", ");
}

function rowSentence(row: PictureRow, errors: number, warnings: number): string {
  const leads = row.ignore !== null ? `ignored, ${row.ignore}` : row.next_state === null ? "stays" : `goes to ${row.next_state}`;
  const acts = row.actions.length ? `does ${row.actions.map((action) => action.name).join(", ")}` : "";
  return [`${row.label}${row.guards.length ? ` if ${row.guards.join(" and ")}` : ""}`, row.role === "Both" ? "" : `as ${row.role}`, acts, leads, found(errors, warnings)].filter(Boolean).join(", ");
}

function found(errors: number, warnings: number): string {
  const said = (count: number, word: string): string => (count ? `${count} ${word}${count === 1 ? "" : "s"}` : "");
  return [said(errors, "error"), said(warnings, "warning")].filter(Boolean).join(", ");
}

function title(group: string): string {
  return group.charAt(0).toUpperCase() + group.slice(1);
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
