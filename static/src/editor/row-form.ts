import { html, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { prose } from "../lib/prose";
import type { Finding, ParameterWord, PictureAction, PictureRow, Word } from "../lib/types";
import type { Actions } from "./actions";
import type { Fires } from "./fires";
import type { Store } from "./store";
import { valueUses } from "./value-uses";
import { limits } from "./words";

/** The inspector's form of one row. Every field sends its own edit; nothing waits for a button. */
export class RowForm {
  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
    private readonly fires: Fires,
    private readonly offer: (finding: Finding) => void,
  ) {}

  draw(row: PictureRow): TemplateResult {
    const states = this.store.picture?.states ?? [];
    const events = [{ name: "after 30s", meaning: "a time after entering the state" }, ...this.store.palette.events];
    return html`
      <div class="where"><button class="tag" type="button" @click=${() => this.#go(row.from_state)}>${row.from_state === "*" ? "any state" : row.from_state}</button>
        ${icon("chev")}<button class="tag" type="button" @click=${() => this.#go(row.next_state ?? row.from_state)}>${row.next_state ?? "stays"}</button>
        <span class="grow"></span><span class="ink3">row ${row.index + 1} of ${this.store.picture?.rows.length ?? 0}</span></div>
      ${row.description ? html`<p class="small ink2">${row.description}</p>` : ""}
      ${this.#findings(row)}
      <div class="field"><span class="label" id="role-label">Role</span>${this.#role(row)}</div>
      <div class="field"><span class="label">Event</span>
        <word-combo label="Event" testid="row-event" .value=${row.label} .choices=${events}
          @choose=${(event: CustomEvent<string>) => this.#event(row, event.detail)}></word-combo>${this.#meaning(row)}</div>
      <div class="field"><span class="label">Guards, all must hold</span>${this.#words(row, "guards", row.guards, this.store.palette.guards, "add a guard")}</div>
      <div class="field"><span class="label">Actions, in this order</span>${this.#actionList(row)}</div>
      <div class="field"><span class="label">Next state</span>
        <word-combo label="Next state" testid="row-next" .value=${row.next_state ?? ""} placeholder="stays in this state"
          .choices=${[{ name: "stay", meaning: "no next state: timers run on" }, ...states.map((state) => ({ name: state.name, meaning: state.final ? "final" : state.group }))]}
          @choose=${(event: CustomEvent<string>) => this.#retarget(row, event.detail)}></word-combo></div>
      <div class="field"><span class="label">Publishes</span>${this.#words(row, "publish_events", row.publish, this.#published(), "add an event")}</div>
      ${Object.keys(row.set).length ? html`<div class="field"><span class="label">Sets</span><dl class="facts mono">${Object.entries(row.set).map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></div>` : ""}
      ${row.ignore !== null ? html`<p class="banner small">${icon("info")}<span>Swallowed on purpose: ${row.ignore || "no reason given"}</span></p>` : ""}
      <div class="field"><label for="row-description">Description</label>
        <input class="input" id="row-description" data-testid="row-description" .value=${row.description} @change=${(event: Event) => this.#field(row, "description", value(event))}></div>
      <div class="field"><label for="row-id">Id</label>
        <input class="input mono" id="row-id" data-testid="row-id" placeholder="none" .value=${row.id} @change=${(event: Event) => this.#field(row, "id", value(event))}></div>
      <hr>
      ${valueUses(this.store, row)}
      ${this.fires.draw(row)}
      <hr>
      <div class="row wrap">
        <button class="btn small" type="button" data-testid="row-up" ?disabled=${row.index === 0} @click=${() => void this.actions.edit("move_row", { row: row.index, before: row.index - 1 })}>${icon("up")}Earlier</button>
        <button class="btn small" type="button" data-testid="row-down" @click=${() => void this.actions.edit("move_row", { row: row.index, before: row.index + 2 })}>${icon("down")}Later</button>
        <button class="btn small" type="button" data-testid="row-duplicate" @click=${() => void this.actions.edit("duplicate_row", { row: row.index })}>${icon("copy")}Duplicate</button>
        <button class="btn small danger" type="button" data-testid="row-delete" @click=${() => void this.actions.remove()}>${icon("trash")}Delete row</button>
      </div>`;
  }

  #role(row: PictureRow): TemplateResult {
    return html`<div class="seg" role="radiogroup" aria-labelledby="role-label">${["UAC", "UAS", "Both"].map(
      (role) => html`<button type="button" role="radio" aria-checked=${row.role === role} data-testid="role-${role}"
        @click=${() => (row.role === role ? undefined : this.#field(row, "role", role))}>${role}</button>`,
    )}</div>`;
  }

  #meaning(row: PictureRow): TemplateResult {
    if (row.after !== null) return html`<p class="hint small">${row.after} s after entering ${row.from_state}, if nothing led out before.</p>`;
    const word = this.store.palette.events.find((item) => item.name === row.event);
    if (!word) return html`<p class="error small err">${icon("error")}The vocabulary does not know this event.</p>`;
    const fields = Object.keys(word.fields ?? {});
    return html`<p class="hint small">${prose(word.meaning)}${word.rfc ? html` <span class="ink3">${word.rfc}</span>` : ""}</p>
      ${fields.length ? html`<p class="hint small">Brings ${fields.map((field, at) => html`${at ? ", " : ""}<code>event.${field}</code>`)}.</p>` : ""}
      ${word.performed === false ? html`<p class="small warn">This runtime never gives it yet (META996).</p>` : ""}`;
  }

  #words(row: PictureRow, field: string, words: string[], choices: { name: string; meaning?: string }[], placeholder: string): TemplateResult {
    const without = (at: number): string[] => words.filter((_, other) => other !== at);
    return html`<div class="chipbox">${words.map(
      (word, at) => html`<span class="tag mono">${word}<button type="button" aria-label="Remove ${word}" data-testid="${field}-remove-${word}"
        @click=${() => this.#field(row, field, without(at))}>${icon("x")}</button></span>`,
    )}<word-combo clears label=${placeholder} testid="${field}-add" placeholder=${placeholder}
      .choices=${choices.filter((choice) => !words.includes(choice.name))}
      @choose=${(event: CustomEvent<string>) => this.#field(row, field, [...words, event.detail])}></word-combo></div>`;
  }

  #actionList(row: PictureRow): TemplateResult {
    return html`<div class="actions-list">${row.actions.length ? html`<div class="actions-list" role="list" aria-label="Actions, in this order">${row.actions.map((action, at) => this.#action(row, action, at))}</div>` : ""}
      <word-combo clears label="Add an action" testid="action-add" placeholder="+ Add action" .choices=${this.store.palette.actions}
        @choose=${(event: CustomEvent<string>) => this.#send(row, [...row.actions, { name: event.detail, arguments: {} }])}></word-combo></div>`;
  }

  #action(row: PictureRow, action: PictureAction, at: number): TemplateResult {
    const word = this.store.palette.actions.find((item) => item.name === action.name);
    const move = (by: number): void => this.#send(row, swapped(row.actions, at, at + by));
    const parameters = parametersOf(word, action);
    return html`<div class="action ${word ? "" : "unknown"}" role="listitem" data-testid="action-${at}"
      @keydown=${(event: KeyboardEvent) => {
        if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
        event.preventDefault();
        event.stopPropagation();
        move(event.key === "ArrowUp" ? -1 : 1);
      }}>
      <div class="line1" title=${word?.meaning ?? "The vocabulary does not know this action."}>${icon("drag")}<span class="nm">${action.name}</span>
        ${word ? "" : icon("error", "err", "unknown action")}
        <button type="button" aria-label="Move ${action.name} up" data-testid="action-up-${at}" ?disabled=${at === 0} @click=${() => move(-1)}>${icon("up")}</button>
        <button type="button" aria-label="Move ${action.name} down" data-testid="action-down-${at}" ?disabled=${at === row.actions.length - 1} @click=${() => move(1)}>${icon("down")}</button>
        <button type="button" aria-label="Remove ${action.name}" data-testid="action-remove-${at}" @click=${() => this.#send(row, row.actions.filter((_, other) => other !== at))}>${icon("x")}</button></div>
      ${word ? html`<details class="contract"><summary class="small ink3">What it does</summary><p class="small ink2">${prose(word.meaning)}${word.rfc ? ` ${word.rfc}.` : ""}${this.#contract(word)}</p></details>` : ""}
      ${parameters.length ? html`<div class="params">${parameters.map((parameter) => this.#parameter(row, action, at, parameter))}</div>` : ""}
    </div>`;
  }

  /** What an action needs and changes, in words. */
  #contract(word: Word): string {
    const said = (literals: Record<string, boolean> | undefined): string =>
      Object.entries(literals ?? {}).map(([name, value]) => (value ? name : `not ${name}`)).join(", ");
    const parts = [said(word.requires) && ` Needs ${said(word.requires)}.`, said(word.sets) && ` Sets ${said(word.sets)}.`, word.sends && ` Sends ${word.sends}.`, word.performed === false && " This runtime does not do it yet."];
    return parts.filter(Boolean).join("");
  }

  /** What the checker says of this row, with a way to mend it. */
  #findings(row: PictureRow): TemplateResult | string {
    const mine = this.store.shown.filter((finding) => finding.row === row.index && finding.severity !== "info");
    if (!mine.length) return "";
    return html`<div class="row-findings">${mine.map(
      (finding) => html`<div class="banner ${finding.severity === "error" ? "err" : "warn"} small" data-testid="row-finding">${icon(finding.severity === "error" ? "error" : "warning")}
        <span class="grow">${finding.message} <span class="mono ink3">${finding.code}</span>${finding.fix?.operation && this.store.can.edit ? html`<br><button class="btn small" type="button" data-testid="row-fix" @click=${() => this.offer(finding)}>${icon("eye")}See the fix…</button>` : ""}</span></div>`,
    )}</div>`;
  }

  #parameter(row: PictureRow, action: PictureAction, at: number, parameter: ParameterWord): TemplateResult {
    const id = `action-${at}-${parameter.name}`;
    const now = action.arguments[parameter.name];
    const set = (text: string): void => {
      const next = { ...action.arguments };
      if (text === "") delete next[parameter.name];
      else next[parameter.name] = typed(text, parameter);
      this.#send(row, row.actions.map((item, other) => (other === at ? { ...item, arguments: next } : item)));
    };
    const choices = parameter.choices?.length ? parameter.choices : parameter.type === "boolean" ? ["true", "false"] : [];
    const shown = now === undefined ? "" : typeof now === "object" ? JSON.stringify(now) : String(now);
    return html`<label for=${id} title=${parameter.meaning ?? ""}>${parameter.name}${parameter.required ? " *" : ""}${parameter.unit ? html` <span class="ink3">${parameter.unit}</span>` : ""}</label>
      ${choices.length
        ? html`<select class="select" id=${id} data-testid=${id} @change=${(event: Event) => set(value(event))}>
            <option value="" ?selected=${shown === ""}>${parameter.default === undefined || parameter.default === null ? "not set" : `${String(parameter.default)} (usual)`}</option>
            ${choices.map((choice) => html`<option value=${choice} ?selected=${choice === shown}>${choice}</option>`)}</select>`
        : html`<input class="input" id=${id} data-testid=${id} .value=${shown} placeholder=${limits(parameter)} title=${limits(parameter)} @change=${(event: Event) => set(value(event))}>`}`;
  }

  #send(row: PictureRow, actions: PictureAction[]): void {
    const list = actions.map((action) => (Object.keys(action.arguments).length ? { [action.name]: action.arguments } : action.name));
    this.#field(row, "actions", list);
  }

  #field(row: PictureRow, field: string, next: unknown): void {
    const empty = next === "" || (Array.isArray(next) && next.length === 0);
    void this.actions.edit("change_row", { row: row.index, field, value: empty ? null : next });
  }

  #event(row: PictureRow, text: string): void {
    const timer = /^after\s+(\S+)$/.exec(text);
    this.#field(row, "event", timer ? { after: timer[1] } : text);
  }

  #retarget(row: PictureRow, text: string): void {
    const stay = text === "" || text === "stay";
    void this.actions.edit("retarget_row", { row: row.index, next_state: stay ? null : text });
  }

  #published(): { name: string; meaning?: string }[] {
    return this.store.palette.published.map((word) => (typeof word === "string" ? { name: word } : word));
  }

  #go(state: string): void {
    if (this.store.state(state)) this.store.select({ kind: "state", name: state }, "inspector");
  }
}

function parametersOf(word: Word | undefined, action: PictureAction): ParameterWord[] {
  const declared = word?.parameters ?? [];
  const list = Array.isArray(declared) ? declared : Object.entries(declared).map(([name, rest]) => ({ ...rest, name }));
  const unknown = Object.keys(action.arguments).filter((name) => !list.some((item) => item.name === name));
  return [...list, ...unknown.map((name) => ({ name, type: "text" }))];
}

function typed(text: string, parameter: ParameterWord): unknown {
  const number = /^(integer|number|int|float|seconds|code|frequency)$/.test(parameter.type) || parameter.low != null || parameter.high != null;
  if (number && text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
  if (parameter.type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

function swapped<T>(list: T[], a: number, b: number): T[] {
  const next = [...list];
  const first = next[a];
  const second = next[b];
  if (first === undefined || second === undefined) return next;
  next[a] = second;
  next[b] = first;
  return next;
}

function value(event: Event): string {
  return (event.target as HTMLInputElement).value;
}
