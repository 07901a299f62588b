import { html, type TemplateResult } from "lit";
import type { Pull } from "../graph/gestures";
import { announce } from "../lib/announce";
import { icon } from "../lib/icon";
import type { Choice } from "../lib/combo";
import { toast } from "../lib/toast";
import type { Actions } from "./actions";
import type { Diagram } from "./diagram";
import { Place, type Spot } from "./place";
import { fittingRole, usualRole } from "./roles";
import type { Store } from "./store";

interface Edit {
  operation: string;
  arguments: Record<string, unknown>;
}

const NEW_TARGET = html`<p class="hint small" data-testid="new-target">A name that is not there yet becomes a new state.</p>`;

/** Drawing by hand: names are asked where the thing stands, every act is one edit of the text. */
export class Pencil {
  readonly place: Place;

  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
    private readonly diagram: Diagram,
    /** The form with everything a new state can have. */
    private readonly more: () => void,
  ) {
    this.place = new Place(diagram.canvas);
  }

  /** A new state: at this place, or beside what is selected. */
  newState(at: Spot = this.#beside(this.diagram.states[0] ?? "")): void {
    const near = this.diagram.states[0];
    const send = (form: HTMLFormElement): Promise<string> => {
      const parameters: Record<string, unknown> = { name: value(form, "new-state-name") };
      const state = near ? this.store.state(near) : undefined;
      if (state?.group && !state.final) parameters["group"] = state.group;
      if (state?.declared && !state.final) parameters["after"] = state.name;
      return this.actions.attempt("add_state", parameters);
    };
    this.#ask(at, "New state", html`<span class="row gap4"><input class="input mono grow" data-first aria-label="Name of the new state" data-testid="new-state-name" placeholder="Name of the state" autocomplete="off" spellcheck="false" required />
      <button class="btn primary" type="submit" data-testid="new-state-confirm">Add</button></span>
      <button class="btn quiet small more" type="button" data-testid="new-state-more" @click=${() => (this.place.close(false), this.more())}>Group, final state…</button>`, send);
  }

  /** A new way out of a state: its event by type-ahead, its target too where none was drawn to. */
  newRow(from = this.#from(), to = "", at: Spot = this.#beside(from), makes = false): void {
    const state = this.store.state(from);
    if (!state && from !== "*") return;
    const selected = this.store.selection;
    const role = selected?.kind === "row" ? (this.store.row(selected.index)?.role ?? "Both") : usualRole(this.store, from);
    const send = (form: HTMLFormElement): Promise<string> => {
      const name = value(form, "new-row-event");
      const timer = /^after\s+(\S+)$/.exec(name);
      const next = value(form, "new-row-next");
      const parameters: Record<string, unknown> = { from_state: from, role: fittingRole(this.store, name, value(form, "new-row-role")), event: timer ? { after: timer[1] } : name };
      if (next && next !== "stay") parameters["next_state"] = next;
      if (selected?.kind === "row" && this.store.row(selected.index)?.from_state === from) parameters["after_row"] = selected.index;
      return this.#all([...(makes ? this.#made(from, next) : []), { operation: "add_row", arguments: parameters }]);
    };
    const events: Choice[] = [...this.store.palette.events, { name: "after 30s", meaning: "a time after entering the state" }];
    this.#ask(at, `New way out of ${from}`, html`<p class="row gap4 small"><b class="clip" data-testid="new-row-from">${from}</b><span class="grow"></span>
        <select class="select tiny" aria-label="Role" data-testid="new-row-role">${this.store.palette.roles.map((name) => html`<option ?selected=${name === role}>${name}</option>`)}</select></p>
      <div class="field" data-first><span class="label">On this event</span><word-combo label="Event" testid="new-row-event" placeholder="HangupCall, after 30s" .choices=${events}></word-combo></div>
      <div class="field"><span class="label">Go to</span><word-combo label="Next state" testid="new-row-next" placeholder="stay" .value=${to} .choices=${this.#targets()}></word-combo>${makes ? NEW_TARGET : ""}</div>
      <button class="btn primary small" type="submit" data-testid="new-row-confirm">Add row</button>`, send);
  }

  /** Lead rows to another state, chosen by type-ahead. */
  retarget(rows = this.#chosenRows(), drop: Spot | null = null): void {
    const row = this.store.row(rows[0] ?? -1);
    if (!row) return;
    const count = rows.length === 1 ? row.label : `${rows.length} rows`;
    this.#ask(drop ?? this.#beside(row.from_state), "Lead elsewhere", html`<div class="field" data-first><span class="label">${count} shall go to</span><word-combo label="Next state" testid="retarget-next" placeholder="stay" .value=${drop ? "" : (row.next_state ?? "")} .choices=${this.#targets()}></word-combo>${drop ? NEW_TARGET : ""}</div>
      <button class="btn primary small" type="submit" data-testid="retarget-confirm">Lead there</button>`, (form) => {
      const next = value(form, "retarget-next");
      return this.#lead(rows, next === "" || next === "stay" ? null : next, drop ? this.#made(row.from_state, next) : []);
    });
  }

  /** Another name for a state, here and everywhere it is named. */
  rename(state = this.diagram.states[0] ?? ""): boolean {
    const node = this.diagram.canvas.node(state);
    if (!this.store.state(state) || !node || !this.store.can.edit || !this.diagram.canvas.host.offsetParent) return false;
    this.#ask(node.box, `Rename ${state}`, html`<span class="row gap4"><input class="input mono grow" data-first aria-label="New name of ${state}" data-testid="rename-state" .value=${state} autocomplete="off" spellcheck="false" required />
      <button class="btn primary" type="submit" data-testid="rename-confirm">Rename</button></span><p class="small ink3">Rows and properties follow at once, kept tests when the version is saved.</p>`, (form) => {
      const name = value(form, "rename-state");
      return name === state ? Promise.resolve("") : this.actions.attempt("rename_state", { name: state, new_name: name });
    });
    return true;
  }

  /** Find a state or a row by the first letters. */
  goTo(): void {
    const rows = this.store.picture?.rows ?? [];
    const states = (this.store.picture?.states ?? []).map((state) => ({ name: state.name, meaning: state.group }));
    const choices = [...states, ...rows.map((row) => ({ name: `${row.from_state}: ${row.label}`, meaning: row.next_state ?? "stays" }))];
    this.#ask(this.#middle(), "Go to", html`<div class="field" data-first><span class="label">Go to</span><word-combo label="State or row" testid="go-to" placeholder="State, or state: event" .choices=${choices}></word-combo></div>`, (form) => {
      const wanted = value(form, "go-to");
      const state = this.#stateLike(wanted);
      const row = rows.find((item) => `${item.from_state}: ${item.label}`.toLowerCase() === wanted.toLowerCase());
      if (row) this.store.select({ kind: "row", index: row.index }, "address");
      else if (state) this.store.select({ kind: "state", name: state }, "address");
      return Promise.resolve(row || state ? "" : `There is no ${wanted} here.`);
    });
  }

  /** Show the way between the two marked states, or ask to which. */
  way(): void {
    const [from, to] = this.diagram.states;
    if (!from) return;
    if (to) {
      if (!this.diagram.show(from, to) && !this.diagram.show(to, from)) toast(`No row leads from ${from} to ${to}, and none back.`);
      return;
    }
    this.#ask(this.#beside(from), `Way from ${from}`, html`<div class="field" data-first><span class="label">Way from ${from} to</span><word-combo label="State" testid="way-to" .choices=${this.#targets()}></word-combo></div>`, (form) => {
      const wanted = this.#stateLike(value(form, "way-to")) ?? "";
      return Promise.resolve(this.diagram.show(from, wanted) ? "" : `No way leads from ${from} to ${wanted || "that"}.`);
    });
  }

  /** A handle was let go over a state, or at a place where nothing stands. */
  pulled(pull: Pull, state: string | null, at: Spot): void {
    if (state === null) {
      // Final states are not drawn, and a state may be wanted here: over nothing the target is asked.
      if (pull.rows.length) this.retarget(pull.rows, at);
      else this.newRow(pull.state, "", at, true);
      return;
    }
    if (state.startsWith("group:")) {
      toast(`Open the group ${state.slice(6)} first: a row leads to a state.`);
      return;
    }
    if (pull.rows.length) void this.#lead(pull.rows, state).then((refusal) => refusal && toast(refusal, { kind: "err" }));
    else this.newRow(pull.state, state, this.#beside(pull.state));
  }

  /** Copies of the marked rows, each below its own. */
  async duplicate(): Promise<void> {
    const rows = this.#chosenRows();
    const edits = rows.sort((a, b) => b - a).map((row) => ({ operation: "duplicate_row", arguments: { row } }));
    if (edits.length && (await this.#all(edits)) === "") announce(rows.length === 1 ? "Row duplicated" : `${rows.length} rows duplicated`);
  }

  /** Move the selected row before or behind its neighbour in the same state. */
  async move(by: number): Promise<void> {
    const selected = this.store.selection;
    const row = selected?.kind === "row" ? this.store.row(selected.index) : undefined;
    if (!row) return;
    const own = this.store.rowsOf(row.from_state).map((item) => item.index);
    const next = own[own.indexOf(row.index) + by];
    if (next === undefined) return;
    if (await this.actions.edit("move_row", { row: row.index, before: by < 0 ? next : next + 1 })) announce(by < 0 ? "Moved up" : "Moved down");
  }

  /** The edit that makes the state a row is to lead to, where there is none of that name yet. */
  #made(from: string, name: string): Edit[] {
    if (name === "" || name === "stay" || this.store.state(name)) return [];
    const near = this.store.state(from);
    const like = near && !near.final && !near.initial ? near : undefined;
    return [{ operation: "add_state", arguments: { name, ...(like?.group ? { group: like.group } : {}), ...(like?.declared ? { after: like.name } : {}) } }];
  }

  async #lead(rows: number[], next: string | null, first: Edit[] = []): Promise<string> {
    const leads = rows.map((row) => ({ operation: "retarget_row", arguments: { row, next_state: next } }));
    const refusal = await this.#all([...first, ...leads]);
    if (!refusal) announce(next === null ? "Stays now" : `Leads to ${next} now`);
    return refusal;
  }

  /** Some edits as one; returns the sentence of a refusal. */
  #all(edits: Edit[]): Promise<string> {
    const [first] = edits;
    if (!first) return Promise.resolve("");
    return edits.length === 1 ? this.actions.attempt(first.operation, first.arguments) : this.actions.attempt("several", { edits });
  }

  #ask(at: Spot, label: string, fields: TemplateResult, send: (form: HTMLFormElement) => Promise<string>): void {
    let sending = false;
    const submit = async (event: Event): Promise<void> => {
      event.preventDefault();
      const form = event.currentTarget as HTMLFormElement;
      if (sending) return;
      sending = true;
      const refusal = await send(form);
      sending = false;
      if (refusal === "") this.place.close();
      else said(form, refusal);
    };
    const key = (event: KeyboardEvent): void => {
      const form = event.currentTarget as HTMLFormElement;
      if (event.key === "Enter" && (event.target as Element).matches("[role=combobox]")) enter(form, event.target as HTMLInputElement);
    };
    this.place.show(at, label, html`<form @submit=${submit} @keydown=${key}>${fields}<p class="banner err small" role="alert" data-refusal data-testid="dialog-refused" hidden>${icon("error")}<span></span></p></form>`);
  }

  #targets(): Choice[] {
    return (this.store.picture?.states ?? []).map((state) => ({ name: state.name, meaning: state.final ? "final" : state.group }));
  }

  #stateLike(words: string): string | undefined {
    const names = (this.store.picture?.states ?? []).map((state) => state.name);
    const wanted = words.toLowerCase();
    return names.find((name) => name.toLowerCase() === wanted) ?? (wanted ? names.find((name) => name.toLowerCase().startsWith(wanted)) : undefined);
  }

  #chosenRows(): number[] {
    return this.store.chosen.filter((item) => item?.kind === "row").map((item) => item.index);
  }

  #from(): string {
    return this.diagram.states[0] ?? this.store.picture?.initial ?? "";
  }

  #beside(state: string): Spot {
    const box = this.diagram.canvas.node(state)?.box;
    return box ?? this.#middle();
  }

  #middle(): Spot {
    const { x, y, width, height } = this.diagram.canvas.camera.window;
    return { x: x + width / 2 - 60, y: y + height / 3 };
  }
}

function value(form: HTMLElement, id: string): string {
  return form.querySelector<HTMLInputElement | HTMLSelectElement>(`[data-testid="${id}"]`)?.value.trim() ?? "";
}

/** Enter goes on to the next field that is empty, and from the last one sends. */
function enter(form: HTMLFormElement, field: HTMLInputElement): void {
  const fields = [...form.querySelectorAll<HTMLInputElement>("[role=combobox]")];
  const next = fields.slice(fields.indexOf(field) + 1).find((other) => other.value === "");
  if (field.value === "" && fields.indexOf(field) === 0) return;
  if (next) next.focus();
  else form.requestSubmit();
}

function said(form: HTMLElement, refusal: string): void {
  const line = form.querySelector<HTMLElement>("[data-refusal]");
  const words = line?.querySelector("span");
  if (words) words.textContent = refusal;
  line?.removeAttribute("hidden");
}
