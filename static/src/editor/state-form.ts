import { html, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import type { PictureState } from "../lib/types";
import type { Actions } from "./actions";
import type { Store } from "./store";

/** The inspector's form of one state. */
export class StateForm {
  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
    private readonly addRow: () => void,
  ) {}

  draw(state: PictureState): TemplateResult {
    const rows = this.store.rowsOf(state.name);
    const into = this.store.picture?.rows.filter((row) => row.next_state === state.name && row.from_state !== state.name) ?? [];
    return html`
      <div class="where"><span class="tag ${(state.role ?? "both").toLowerCase()}">${state.role ?? "Both"}</span>
        ${state.initial ? html`<span class="tag">begins here</span>` : ""}${state.final ? html`<span class="tag">final</span>` : ""}
        ${state.declared ? "" : html`<span class="tag err">not declared</span>`}
        <span class="grow"></span><span class="ink3">line ${state.line}</span></div>
      <div class="field"><label for="state-name">Name</label>
        <input class="input mono" id="state-name" data-testid="state-name" .value=${state.name} spellcheck="false"
          @keydown=${(event: KeyboardEvent) => enter(event)} @change=${(event: Event) => this.#rename(state, event)}>
        <p class="hint small">Rows and properties follow a new name at once, kept tests when the version is saved. Key: F2</p></div>
      <div class="field"><label for="state-group">Group</label>
        <word-combo label="Group" testid="state-group" .value=${state.group} placeholder="none" .choices=${this.#groups()}
          @choose=${(event: CustomEvent<string>) => this.#set(state, "group", event.detail)}></word-combo></div>
      <div class="field"><label for="state-description">Description</label>
        <textarea class="textarea" id="state-description" rows="2" data-testid="state-description" .value=${state.description} @change=${(event: Event) => this.#set(state, "description", (event.target as HTMLTextAreaElement).value)}></textarea></div>
      <label class="check"><input type="checkbox" data-testid="state-final" .checked=${state.final} @change=${(event: Event) => this.#set(state, "final", (event.target as HTMLInputElement).checked)}>
        <span>Final: the session ends on entering</span></label>
      ${state.initial ? "" : html`<button class="btn small" type="button" data-testid="state-initial" @click=${() => this.#set(state, "initial", true)}>${icon("play")}Begin here</button>`}
      <hr>
      <div class="row"><h3 class="grow">Ways out <span class="pill">${rows.length}</span></h3>
        <button class="btn small" type="button" data-testid="state-add-row" @click=${() => this.addRow()}>${icon("plus")}Add row</button></div>
      ${this.#list(rows)}
      ${into.length ? html`<h3>Ways in <span class="pill">${into.length}</span></h3>${this.#list(into, true)}` : ""}
      <hr>
      <button class="btn small danger" type="button" data-testid="state-delete" @click=${() => void this.actions.remove()}>${icon("trash")}Delete state${rows.length ? ` and its ${rows.length === 1 ? "row" : `${rows.length} rows`}` : ""}</button>`;
  }

  #list(rows: { index: number; label: string; from_state: string; next_state: string | null }[], into = false): TemplateResult {
    return html`<div class="tree">${rows.map(
      (row) => html`<button class="tr sub" type="button" @click=${() => this.store.select({ kind: "row", index: row.index }, "inspector")}>
        <span class="clip">${into ? `${row.from_state} · ${row.label}` : row.label}</span><span class="end"><span class="clip">${into ? "" : (row.next_state ?? "stay")}</span></span></button>`,
    )}</div>`;
  }

  #groups(): { name: string }[] {
    const names = new Set(this.store.picture?.states.map((state) => state.group).filter((name) => name !== ""));
    return [...names].map((name) => ({ name }));
  }

  #rename(state: PictureState, event: Event): void {
    const field = event.target as HTMLInputElement;
    const next = field.value.trim();
    if (next === "" || next === state.name) field.value = state.name;
    else void this.actions.edit("rename_state", { name: state.name, new_name: next });
  }

  #set(state: PictureState, field: string, value: unknown): void {
    void this.actions.edit("set_state", { name: state.name, field, value: value === "" || value === false ? null : value });
  }
}

function enter(event: KeyboardEvent): void {
  if (event.key === "Enter") (event.target as HTMLInputElement).blur();
}
