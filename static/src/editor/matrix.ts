import { html, render, type TemplateResult } from "lit";
import { announce } from "../lib/announce";
import { icon } from "../lib/icon";
import { same, type Selection } from "../lib/selection";
import { toast } from "../lib/toast";
import type { PictureRow, PictureState } from "../lib/types";
import type { Actions } from "./actions";
import { askWhom, shared, split, type RowsEdit } from "./both-roles";
import { CellEditor } from "./cell-editor";
import { copied, edit, field, table, written, type Change, type Known } from "./cell-changes";
import { ANY, cellSentence, cellText, Cells, written as rowText, type Cell, type CellKind, type Column } from "./cells";
import type { Layout } from "./layout";
import { pastePreview } from "./paste-preview";
import type { Store } from "./store";

const ROW = 30;
/** Rows drawn beyond the window, so that scrolling shows no gap. */
const AROUND = 6;
const PAGE = 10;
const MARK: Partial<Record<CellKind, string>> = { missing: "missing", part: "part", impossible: "—", open: "·" };

interface Place {
  row: number;
  column: number;
}

/** The matrix: what every state makes of every event, edited like a spreadsheet. */
export class Matrix {
  #cells: Cells | null = null;
  #at: Place = { row: 0, column: 0 };
  #anchor: Place = { row: 0, column: 0 };
  #all = false;
  #stale = true;
  /** What was copied here, to be pasted with guards and actions. */
  #clip: { text: string; rows: PictureRow[][][] } | null = null;
  readonly #grid: HTMLElement;
  readonly #editor: CellEditor;

  constructor(
    private readonly host: HTMLElement,
    private readonly store: Store,
    private readonly actions: Actions,
    private readonly layout: Layout,
  ) {
    this.#grid = host.querySelector<HTMLElement>("[data-part=grid]") as HTMLElement;
    this.#editor = new CellEditor(() => this.#targets(), {
      commit: (text, by) => void this.#commit(text, by),
      cancel: () => this.#focus(),
    });
    store.on(["document", "role", "check"], () => this.#renew());
    store.on(["selection"], () => this.#follow());
    layout.on(() => {
      this.#renew();
      this.#follow();
    });
    this.#grid.addEventListener("scroll", () => this.draw(), { passive: true });
    this.#grid.addEventListener("keydown", (event) => this.#key(event));
    this.#grid.addEventListener("click", (event) => this.#clicked(event));
    this.#grid.addEventListener("dblclick", () => this.edit());
    for (const kind of ["copy", "cut", "paste"] as const) this.#grid.addEventListener(kind, (event) => this.#clipboard(event));
    new ResizeObserver(() => this.draw()).observe(this.#grid);
    this.#renew();
    this.#follow();
  }

  get shown(): boolean {
    return this.layout.view !== "diagram" && this.layout.dock !== "only";
  }

  /** Show all events of the vocabulary, or those the flow speaks of. */
  toggleAll(): void {
    this.#all = !this.#all;
    this.#renew();
    announce(this.#all ? "All events are shown" : "The events of this flow are shown");
  }

  /** Go to the next cell that lacks a row. */
  nextMissing(): void {
    const cells = this.#model();
    if (!cells?.columns.length) return;
    const size = cells.columns.length;
    const total = cells.states.length * size;
    const from = this.#at.row * size + this.#at.column;
    for (let step = 1; step <= total; step += 1) {
      const at = (from + step) % total;
      const place = { row: Math.floor(at / size), column: at % size };
      const cell = this.#cell(place);
      if (cell && (cell.kind === "missing" || cell.kind === "part")) {
        this.#go(place);
        return;
      }
    }
    announce("Nothing is missing");
    toast("No cell lacks a row.");
  }

  /** Ask for a block to paste: for those who have it as a file, or whose browser keeps the clipboard. */
  askPaste(): void {
    pastePreview({ text: null, changes: (text) => this.#pasted(text), apply: (changes) => this.#apply(changes) });
  }

  /** Write into the active cell. */
  edit(text?: string): void {
    const cell = this.#active();
    if (!cell || !this.#may()) return;
    if (cell.rows.length > 1) {
      toast(`${cell.rows.length} rows are told apart by guards here. Choose one below the matrix and change it in the inspector.`);
      this.host.querySelector<HTMLElement>(".cell-rows button")?.focus();
      return;
    }
    const element = this.#element(this.#at);
    if (!element) return;
    this.#editor.begin(element, text ?? cellText(cell), text === undefined);
  }

  draw(): void {
    const cells = this.#model();
    if (!this.shown || !cells) return;
    const first = Math.max(0, Math.floor(this.#grid.scrollTop / ROW) - AROUND);
    const count = Math.ceil((this.#grid.clientHeight || 600) / ROW) + 2 * AROUND;
    const last = Math.min(cells.states.length, first + count);
    const groups = grouped(cells.columns);
    render(
      cells.states.length && cells.columns.length
        ? html`<table role="grid" aria-label="States and events" aria-multiselectable="true" aria-rowcount=${cells.states.length + 1} aria-colcount=${cells.columns.length + 1}>
            <thead><tr class="kinds" aria-hidden="true"><td></td>${groups.map((group) => html`<td colspan=${group.size}><span>${group.name}</span></td>`)}</tr>
            <tr role="row" aria-rowindex="1"><th role="columnheader" scope="col" class="corner-cell">State</th>${cells.columns.map((column, at) => this.#head(column, at))}</tr></thead>
            <tbody>${first ? html`<tr class="spacer" aria-hidden="true"><td colspan=${cells.columns.length + 1} data-height=${first * ROW}></td></tr>` : ""}
            ${cells.states.slice(first, last).map((state, at) => this.#line(cells, state, first + at))}
            ${last < cells.states.length ? html`<tr class="spacer" aria-hidden="true"><td colspan=${cells.columns.length + 1} data-height=${(cells.states.length - last) * ROW}></td></tr>` : ""}</tbody></table>`
        : html`<div class="empty"><h2>No cell yet</h2><p>The matrix shows what each state does with each event. Add a row to a state, or show all events to begin here.</p></div>`,
      this.#grid,
    );
    for (const spacer of this.#grid.querySelectorAll<HTMLElement>("[data-height]")) spacer.style.height = `${spacer.dataset["height"]}px`;
    this.#foot();
  }

  #head(column: Column, at: number): TemplateResult {
    const here = at === this.#at.column;
    return html`<th role="columnheader" scope="col" class=${here ? "here" : ""} title=${`${column.event}${column.word ? `: ${column.word.meaning.replaceAll("`", "")}` : ""}`}><span class="clip">${column.event.startsWith("Dialog") ? html`<span class="ink3">Dialog</span>${column.event.slice(6)}` : column.event === "after" ? "after a time" : column.event}</span></th>`;
  }

  #line(cells: Cells, state: PictureState, at: number): TemplateResult {
    const name = state.name === ANY ? "Any state" : state.name;
    const role = (state.role ?? "Both").toLowerCase();
    const { errors } = this.store.problems({ state: state.name });
    return html`<tr role="row" aria-rowindex=${at + 2} class=${at === this.#at.row ? "here" : ""}>
      <th role="rowheader" scope="row" @click=${() => this.#chooseState(at, state)} data-testid="matrix-state-${state.name}"><span class="shape ${role}"></span><span class="clip">${name}</span>${errors ? icon("error", "err", `${errors} errors`) : ""}</th>
      ${cells.columns.map((column, place) => this.#square(cells, cells.cell(state, column.event), { row: at, column: place }))}</tr>`;
  }

  #square(cells: Cells, cell: Cell, place: Place): TemplateResult {
    const active = place.row === this.#at.row && place.column === this.#at.column;
    const inside = this.#inside(place);
    const chosen = this.store.selection?.kind === "row" && cell.rows.some((row) => same(this.store.selection, { kind: "row", index: row.index }));
    return html`<td role="gridcell" class="cell ${cell.kind} ${active ? "active" : ""} ${inside ? "inside" : ""} ${chosen ? "chosen" : ""}" tabindex=${active ? 0 : -1} aria-colindex=${place.column + 2}
      aria-selected=${inside} aria-label=${named(cells, cell)} title=${cellSentence(cell)} data-row=${place.row} data-column=${place.column} data-testid="cell-${cell.state}-${cell.event}">${this.#content(cells, cell)}</td>`;
  }

  #content(cells: Cells, cell: Cell): TemplateResult | string {
    const [only] = cell.rows;
    if (cell.kind === "ignored") return html`<span class="mark">∅</span><span class="clip">ignored</span>`;
    if (only) {
      const target = only.next_state ?? "stays";
      const more = cell.rows.length > 1 ? html`<b class="more">${cell.rows.length}</b>` : "";
      const shared = cells.role !== "all" && only.role === "Both";
      const tag = shared ? html`<i class="tag-role both" title="One row for both roles">Both</i>` : cells.role !== "all" || only.role === "Both" || cell.rows.length > 1 ? "" : html`<i class="tag-role ${only.role.toLowerCase()}">${only.role}</i>`;
      const guarded = only.guards.length && cell.rows.length === 1 ? html`<i class="guarded" aria-hidden="true">if</i>` : "";
      const lacking = cell.kind === "part" ? html`<i class="lacks">${icon("warning")}${cell.lacking.join(" ")}</i>` : "";
      return html`<span class="mark">${only.next_state === null ? "↻" : cells.ends(only.next_state) ? "◉" : "▸"}</span><span class="clip">${cell.event === "after" ? `${only.label.replace("after ", "")} ` : ""}${target}</span> ${guarded} ${tag} ${more} ${lacking}`;
    }
    if (cell.kind === "any") return html`<span class="mark">∗</span><span class="clip">${cell.wild[0]?.next_state ?? "stays"}</span>`;
    if (cell.kind === "missing") return html`${icon("warning")}<span class="clip">missing${cell.lacking.length === 1 && cells.role === "all" ? ` ${cell.lacking[0]}` : ""}</span>`;
    return html`<span class="mark">${MARK[cell.kind] ?? ""}</span>`;
  }

  /** What the active cell says, in a place that does not move. */
  #foot(): void {
    const foot = this.host.querySelector<HTMLElement>("[data-part=cell]");
    const counts = this.host.querySelector<HTMLElement>("[data-part=cell-counts]");
    const cells = this.#model();
    if (!foot || !counts || !cells) return;
    const cell = this.#active();
    const column = cells.columns[this.#at.column];
    render(
      cell
        ? html`<p class="clip"><b>${cell.state === ANY ? "Any state" : cell.state} · ${cell.event}</b> <span class="ink2">${cellSentence(cell, (row) => rowText(row)).replace(/^[^:]*: /, "")}</span></p>
          <div class="cell-rows">${cell.rows.map((row) => html`<button class="tag mono" type="button" data-testid="cell-row" @click=${() => this.store.select({ kind: "row", index: row.index }, "matrix")}>${row.role === "Both" ? (cells.role === "all" ? "" : "Both roles ") : `${row.role} `}${row.guards.length ? `[${row.guards.join(", ")}] ` : ""}→ ${rowText(row)}</button>`)}
            ${cell.rows.length || !column?.word ? "" : html`<span class="small ink3 clip">${column.word.meaning.replaceAll("`", "")}</span>`}</div>`
        : html`<p class="ink3">Choose a cell to read what becomes of the event.</p>`,
      foot,
    );
    const all = cells.count();
    const lacking = all.missing + all.part;
    render(
      html`<span class="kind handled">▸ ${all.handled + all.part + all.any} taken</span><span class="kind ignored">∅ ${all.ignored} ignored</span>
        <button class="kind ${lacking ? "missing" : "clear"}" type="button" data-do="next-missing" data-testid="count-missing" title="Go to the next one">${icon(lacking ? "warning" : "proved")}${lacking} missing</button><span class="small ink3 wide-only">${this.store.walked ? "as the deeper check saw it" : "as the graph tells; saving checks deeper"}</span>`,
      counts,
    );
    const all_ = this.host.querySelector<HTMLElement>("[data-do=matrix-all]");
    all_?.setAttribute("aria-pressed", String(this.#all));
  }

  #key(event: KeyboardEvent): void {
    if (!(event.target as Element).closest("[role=gridcell]")) return;
    const control = event.ctrlKey || event.metaKey;
    const next = this.#moved(event.key, control);
    if (next && !event.altKey) {
      event.preventDefault();
      event.stopPropagation();
      this.#go(next, event.shiftKey);
    } else if (control && event.key.toLowerCase() === "d") this.#does(event, () => void this.#fillDown());
    else if (control && event.key.toLowerCase() === "a") this.#does(event, () => this.#everything());
    else if (control || event.altKey) return;
    else if (event.key === "Enter" || event.key === "F2") this.#does(event, () => this.edit());
    else if (event.key === "Delete" || event.key === "Backspace") this.#does(event, () => void this.#clear());
    else if (event.key === "Escape") this.#does(event, () => this.#go(this.#at));
    else if (event.key.length === 1 && /[\p{L}\p{N}_]/u.test(event.key)) this.#does(event, () => this.edit(event.key));
  }

  #does(event: KeyboardEvent, act: () => void): void {
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** Where a key leads: with Ctrl to the edge of what is filled, as in a spreadsheet. */
  #moved(key: string, control: boolean): Place | null {
    const cells = this.#model();
    if (!cells) return null;
    const lowest = cells.states.length - 1;
    const furthest = cells.columns.length - 1;
    const { row, column } = this.#at;
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
    if (step) return control ? this.#edge(step[0] as number, step[1] as number) : this.#bounded(row + (step[0] as number), column + (step[1] as number));
    if (key === "Home") return { row: control ? 0 : row, column: 0 };
    if (key === "End") return { row: control ? lowest : row, column: furthest };
    if (key === "PageUp") return this.#bounded(row - PAGE, column);
    if (key === "PageDown") return this.#bounded(row + PAGE, column);
    return null;
  }

  #edge(down: number, right: number): Place {
    const filled = (place: Place): boolean => (this.#cell(place)?.rows.length ?? 0) > 0;
    let at = this.#at;
    const wanted = !(filled(at) && filled(this.#bounded(at.row + down, at.column + right)));
    for (;;) {
      const next = this.#bounded(at.row + down, at.column + right);
      if (next.row === at.row && next.column === at.column) return at;
      if (!wanted && !filled(next)) return at;
      at = next;
      if (wanted && filled(at)) return at;
    }
  }

  #bounded(row: number, column: number): Place {
    const cells = this.#model();
    return {
      row: Math.min(Math.max(0, row), Math.max(0, (cells?.states.length ?? 1) - 1)),
      column: Math.min(Math.max(0, column), Math.max(0, (cells?.columns.length ?? 1) - 1)),
    };
  }

  #clicked(event: MouseEvent): void {
    const square = (event.target as Element).closest<HTMLElement>("[role=gridcell]");
    if (square) this.#go({ row: Number(square.dataset["row"]), column: Number(square.dataset["column"]) }, event.shiftKey);
  }

  #chooseState(row: number, state: PictureState): void {
    this.#at = this.#anchor = { row, column: this.#at.column };
    if (state.name !== ANY) this.store.select({ kind: "state", name: state.name }, "matrix");
    this.draw();
  }

  /** Put the cursor on a cell: its row is the page's selection, or its state if it has none. */
  #go(place: Place, extend = false): void {
    this.#at = place;
    if (!extend) this.#anchor = place;
    const cell = this.#cell(place);
    const [row] = cell?.rows ?? [];
    const selection: Selection = row ? { kind: "row", index: row.index } : cell && cell.state !== ANY ? { kind: "state", name: cell.state } : null;
    this.store.select(selection, "matrix");
    this.#reveal();
    this.#focus();
  }

  #focus(): void {
    this.draw();
    this.#element(this.#at)?.focus({ preventScroll: true });
  }

  /** Scroll only as far as needed to see the active cell beside the heads. */
  #reveal(): void {
    const head = this.#grid.querySelector("thead")?.clientHeight ?? 56;
    const top = this.#at.row * ROW;
    const room = this.#grid.clientHeight - head - 14;
    if (top < this.#grid.scrollTop) this.#grid.scrollTop = top;
    else if (top + ROW > this.#grid.scrollTop + room) this.#grid.scrollTop = top + ROW - room;
    this.draw();
    const square = this.#element(this.#at);
    const side = this.#grid.querySelector<HTMLElement>(".corner-cell")?.offsetWidth ?? 0;
    if (!square) return;
    if (square.offsetLeft - side < this.#grid.scrollLeft) this.#grid.scrollLeft = square.offsetLeft - side;
    else if (square.offsetLeft + square.offsetWidth > this.#grid.scrollLeft + this.#grid.clientWidth) this.#grid.scrollLeft = square.offsetLeft + square.offsetWidth - this.#grid.clientWidth;
  }

  /** Another view chose something: the cursor goes there. */
  #follow(): void {
    // What nobody sees is followed when it is shown.
    if (!this.shown) return;
    const cells = this.#model();
    if (!cells || this.store.source === "matrix") {
      this.draw();
      return;
    }
    const { selection } = this.store;
    const row = selection?.kind === "row" ? this.store.row(selection.index) : undefined;
    const name = row?.from_state ?? (selection?.kind === "state" ? selection.name : undefined);
    const at = cells.states.findIndex((state) => state.name === name);
    const column = row ? cells.columns.findIndex((item) => item.event === row.event) : this.#at.column;
    if (at >= 0) this.#at = this.#anchor = this.#bounded(at, Math.max(0, column));
    if (at >= 0) this.#reveal();
    this.draw();
  }

  #renew(): void {
    this.#stale = true;
    if (!this.shown) return;
    const inside = this.#grid.contains(document.activeElement);
    this.#at = this.#bounded(this.#at.row, this.#at.column);
    this.#anchor = this.#bounded(this.#anchor.row, this.#anchor.column);
    this.draw();
    if (inside && !this.#editor.open) this.#element(this.#at)?.focus({ preventScroll: true });
  }

  #model(): Cells | null {
    const { picture, palette, verdicts, role } = this.store;
    if (!picture) return null;
    if (this.#stale || !this.#cells) {
      this.#stale = false;
      this.#cells = new Cells(picture, palette.events, verdicts, role, this.#all);
    }
    return this.#cells;
  }

  #cell(place: Place): Cell | undefined {
    const cells = this.#model();
    const state = cells?.states[place.row];
    const column = cells?.columns[place.column];
    return cells && state && column ? cells.cell(state, column.event) : undefined;
  }

  #active(): Cell | undefined {
    return this.#cell(this.#at);
  }

  #element(place: Place): HTMLElement | null {
    return this.#grid.querySelector<HTMLElement>(`[data-row="${place.row}"][data-column="${place.column}"]`);
  }

  #inside(place: Place): boolean {
    const { from, to } = this.#block();
    return place.row >= from.row && place.row <= to.row && place.column >= from.column && place.column <= to.column;
  }

  #block(): { from: Place; to: Place } {
    const [a, b] = [this.#anchor, this.#at];
    return {
      from: { row: Math.min(a.row, b.row), column: Math.min(a.column, b.column) },
      to: { row: Math.max(a.row, b.row), column: Math.max(a.column, b.column) },
    };
  }

  /** The cells of the block, line by line. */
  #lines(): Cell[][] {
    const { from, to } = this.#block();
    const lines: Cell[][] = [];
    for (let row = from.row; row <= to.row; row += 1) {
      const line: Cell[] = [];
      for (let column = from.column; column <= to.column; column += 1) {
        const cell = this.#cell({ row, column });
        if (cell) line.push(cell);
      }
      lines.push(line);
    }
    return lines;
  }

  #everything(): void {
    this.#anchor = { row: 0, column: 0 };
    this.#go(this.#bounded(Infinity, Infinity), true);
  }

  // -- changes ------------------------------------------------------------------------------------

  #may(): boolean {
    return this.store.can.edit && this.store.compiles && this.store.connected;
  }

  #targets(): string[] {
    return [...(this.store.picture?.states.map((state) => state.name) ?? []), "stay"];
  }

  #known(): Known {
    const words = this.store.palette.events;
    return {
      states: new Set(this.store.picture?.states.map((state) => state.name)),
      rolesOf: (event) => words.find((word) => word.name === event)?.roles ?? ["UAC", "UAS"],
    };
  }

  async #commit(text: string, by: number): Promise<void> {
    const cells = this.#model();
    const cell = this.#active();
    if (!cells || !cell) return;
    const change = written(cells, cell, text, this.#known());
    if (by === 0) this.#focus();
    if (change.refused) {
      toast(`Nothing was changed: ${change.refused}.`, { kind: "err" });
      this.#focus();
      return;
    }
    const here = this.#at;
    await this.#apply([change]);
    const next = by === 1 ? this.#bounded(here.row + 1, here.column) : this.#bounded(here.row, here.column + Math.sign(by));
    if (by !== 0) this.#go(next);
  }

  async #apply(changes: Change[]): Promise<boolean> {
    const at = this.#at;
    const anchor = this.#anchor;
    const wanted = edit(changes);
    if (!wanted) return true;
    const parameters = await this.#forWhom(wanted);
    if (!parameters) {
      this.#focus();
      return false;
    }
    const done = await this.actions.edit("change_rows", { ...parameters });
    // The cursor of a spreadsheet stays where it was, whatever the edit was about.
    this.#at = at;
    this.#anchor = anchor;
    this.#focus();
    return done;
  }

  /** A row for both roles is not changed behind the back of the role that is not shown. */
  async #forWhom(wanted: RowsEdit): Promise<RowsEdit | null> {
    const { role } = this.store;
    const rows = role === "all" ? [] : shared(wanted, (index) => this.store.row(index));
    if (role === "all" || !rows.length) return wanted;
    const whom = await askWhom(rows, role);
    return whom === "split" ? split(wanted, rows, role) : whom === "both" ? wanted : null;
  }

  async #clear(): Promise<void> {
    const cells = this.#model();
    if (!cells || !this.#may()) return;
    const known = this.#known();
    const changes = this.#lines().flat().filter((cell) => cell.rows.length).map((cell) => written(cells, cell, "", known));
    const rows = changes.reduce((sum, change) => sum + change.remove.length, 0);
    if (!rows || !(await this.#apply(changes))) return;
    toast(rows === 1 ? "Row deleted." : `${rows} rows deleted.`, { action: { label: "Undo", run: () => void this.actions.undo() } });
  }

  /** Copy the first line of the block into the ones below it. */
  async #fillDown(): Promise<void> {
    const cells = this.#model();
    if (!cells || !this.#may()) return;
    const [first, ...below] = this.#lines();
    const known = this.#known();
    await this.#offer(below.flatMap((line) => line.map((cell, at) => copied(cells, cell, first?.[at]?.rows ?? [], known))));
  }

  #clipboard(event: ClipboardEvent): void {
    if (!(event.target as Element).closest("[role=gridcell]") || !event.clipboardData) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.type === "paste") {
      if (this.#may()) void this.#offer(this.#pasted(event.clipboardData.getData("text/plain")));
      return;
    }
    const lines = this.#lines();
    const text = lines.map((line) => line.map((cell) => field(cellText(cell))).join("\t")).join("\n");
    this.#clip = { text, rows: lines.map((line) => line.map((cell) => cell.rows)) };
    event.clipboardData.setData("text/plain", text);
    const count = lines.flat().length;
    announce(`${count} ${count === 1 ? "cell" : "cells"} copied`);
    if (event.type === "cut" && this.#may()) void this.#clear();
  }

  /** What a block changes: by names where its first line and column are events and states, else from the active cell on. */
  #pasted(text: string): Change[] {
    const cells = this.#model();
    if (!cells) return [];
    const known = this.#known();
    const clip = this.#clip?.text === text.replace(/\r\n?/g, "\n") ? this.#clip : null;
    const block = table(text);
    const heads = block[0] ?? [];
    const events = cells.columns.map((column) => column.event);
    if (heads.length > 1 && heads.slice(1).every((head) => events.includes(head) || this.store.palette.events.some((word) => word.name === head))) {
      return block.slice(1).flatMap((line) => this.#named(cells, known, heads, line));
    }
    const { from } = this.#block();
    const one = block.length === 1 && heads.length === 1;
    if (one) return this.#lines().flat().map((cell) => (clip?.rows[0]?.[0]?.length ? copied(cells, cell, clip.rows[0][0], known) : written(cells, cell, heads[0] ?? "", known)));
    return block.flatMap((line, down) =>
      line.flatMap((said, right) => {
        const cell = this.#cell({ row: from.row + down, column: from.column + right });
        if (!cell) return [];
        const rows = clip?.rows[down]?.[right];
        return [rows?.length ? copied(cells, cell, rows, known) : written(cells, cell, said, known)];
      }),
    );
  }

  #named(cells: Cells, known: Known, heads: string[], line: string[]): Change[] {
    const name = line[0] === "Any state" || line[0] === "Any" ? ANY : (line[0] ?? "");
    const state = cells.states.find((item) => item.name === name) ?? this.store.state(name);
    return line.slice(1).map((said, at) => {
      const event = heads[at + 1] ?? "";
      if (state && !state.final) return written(cells, cells.cell(state, event), said, known);
      const cell: Cell = { state: name, event, kind: "open", rows: [], wild: [], reason: "", lacking: [] };
      return { cell, before: "", after: said, refused: said === "" ? "" : state ? `${name} is final` : `there is no state ${name}`, add: [], change: [], remove: [] };
    });
  }

  /** One change is made at once, several are shown first. */
  async #offer(changes: Change[]): Promise<void> {
    const real = changes.filter((change) => change.refused || change.add.length || change.change.length || change.remove.length);
    if (!real.length) announce("Nothing changes");
    else if (real.length === 1 && !real[0]?.refused) await this.#apply(real);
    else pastePreview({ text: "", changes: () => real, apply: (list) => this.#apply(list) });
  }
}

/** A cell for those who hear it: what is seen in it, then the whole sentence. */
function named(cells: Cells, cell: Cell): string {
  const [only] = cell.rows;
  const sentence = cellSentence(cell);
  if (cell.kind === "missing") return `missing${cell.lacking.length === 1 && cells.role === "all" ? ` ${cell.lacking[0]}` : ""}. ${sentence}`;
  if (!only || cell.kind === "ignored") return cell.kind === "any" ? `${cell.wild[0]?.next_state ?? "stays"}. ${sentence}` : sentence;
  const one = cell.rows.length === 1;
  const seen = [
    cell.event === "after" ? only.label.replace("after ", "") : "",
    only.next_state ?? "stays",
    only.guards.length && one ? "if" : "",
    cells.role !== "all" ? (only.role === "Both" ? "Both" : "") : only.role !== "Both" && one ? only.role : "",
    one ? "" : String(cell.rows.length),
    cell.kind === "part" ? cell.lacking.join(" ") : "",
  ];
  return `${seen.filter(Boolean).join(" ")}. ${sentence}`;
}

function grouped(columns: Column[]): { name: string; size: number }[] {
  const groups: { name: string; size: number }[] = [];
  for (const column of columns) {
    const last = groups.at(-1);
    if (last?.name === column.group) last.size += 1;
    else groups.push({ name: column.group, size: 1 });
  }
  return groups;
}
