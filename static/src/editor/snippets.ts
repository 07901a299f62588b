import { html, type TemplateResult } from "lit";
import { openDialog, type OpenDialog } from "../lib/dialog";
import { icon } from "../lib/icon";
import type { Snippet, SnippetParameter } from "../lib/types";
import type { Act } from "./acts";
import type { Actions, EditPreview } from "./actions";
import { shown } from "./fix-dialog";
import type { Store } from "./store";

/** The ready parts as acts: the palette and the list beside the outline offer them. */
export function snippetActs(store: Store, actions: Actions): Act[] {
  return (store.palette.snippets ?? []).map((part) => ({
    id: `snippet-${part.name}`,
    title: `Insert: ${part.title}…`,
    group: "Snippets",
    run: () => insertSnippet(store, actions, part),
    can: () => store.can.edit && store.compiles,
  }));
}

/** The list of ready parts at the foot of the outline. */
export function snippetList(store: Store): TemplateResult {
  return html`<details class="snippets" data-testid="snippets"><summary>${icon("chev")}Snippets<span class="pill">${store.palette.snippets?.length ?? 0}</span></summary>
    <div class="snippet-list">${(store.palette.snippets ?? []).map(
      (part) => html`<button type="button" data-do="snippet-${part.name}" data-testid="snippet-${part.name}" title=${part.about}>${icon("plus")}<span class="clip">${part.title}</span>${part.not_performed.length ? html`<span class="small ink3">later</span>` : ""}</button>`,
    )}</div></details>`;
}

/** Ask for the parameters of a part, show what it changes, and insert it as one step. */
export function insertSnippet(store: Store, actions: Actions, part: Snippet): void {
  const given: Record<string, string> = {};
  for (const parameter of part.parameters) given[parameter.name] = usual(store, parameter);
  let preview: EditPreview | string | null = null;
  let asked = 0;
  const look = (dialog: OpenDialog): void => {
    const mine = ++asked;
    void actions.preview("insert_snippet", { snippet: part.name, parameters: given }).then((answer) => {
      if (mine !== asked) return;
      preview = answer;
      dialog.update(view(dialog));
    });
  };
  const view = (dialog: OpenDialog): TemplateResult => {
    const submit = async (event: SubmitEvent): Promise<void> => {
      event.preventDefault();
      if (preview === null || typeof preview === "string") return;
      dialog.close();
      await actions.edit("insert_snippet", { snippet: part.name, parameters: given });
    };
    const refused = typeof preview === "string";
    return html`<form @submit=${submit} autocomplete="off"><div class="dialog-head"><h2>Insert ${part.title.toLowerCase()}?</h2></div><div class="dialog-body">
      <p class="ink2">${part.about}</p>
      ${part.not_performed.length ? html`<p class="banner warn small" data-testid="snippet-later">${icon("warning")}<span><b>This runtime does not do all of it yet:</b> ${part.not_performed.join(", ")}. It can be drawn and checked; a version with it is not deployed (META996).</span></p>` : ""}
      <div class="snippet-form">${part.parameters.map((parameter) => field(store, parameter, given, () => look(dialog)))}</div>
      ${preview === null ? html`<p class="ink3 small">Looking at what it changes…</p>` : typeof preview === "string" ? html`<p class="banner err small" role="alert" data-testid="snippet-refused">${icon("error")}<span>${preview}</span></p>` : shown(preview)}</div>
      <div class="dialog-foot"><button class="btn" type="button" data-close>Leave it</button><button class="btn primary" type="submit" aria-disabled=${refused || preview === null} data-testid="snippet-confirm">Insert</button></div></form>`;
  };
  const dialog = openDialog(view, "wide", "snippet-dialog");
  document.querySelector<HTMLElement>("dialog[open] .snippet-form select, dialog[open] .snippet-form input")?.focus();
  look(dialog);
}

/** What stands in a field at first: the selected state, else the first usual value that fits. */
function usual(store: Store, parameter: SnippetParameter): string {
  const states = store.picture?.states ?? [];
  if (parameter.kind !== "state") return parameter.usual[0] ?? "";
  const { selection } = store;
  const selected = selection?.kind === "state" ? selection.name : selection ? store.row(selection.index)?.from_state : undefined;
  if (parameter.chosen) return states.some((state) => state.name === selected && !state.final) ? (selected ?? "") : (states.find((state) => !state.final)?.name ?? "");
  return parameter.usual.find((name) => states.some((state) => state.name === name)) ?? states.find((state) => state.final)?.name ?? "";
}

function field(store: Store, parameter: SnippetParameter, given: Record<string, string>, changed: () => void): TemplateResult {
  const id = `snippet-${parameter.name}`;
  const set = (event: Event): void => {
    given[parameter.name] = (event.target as HTMLInputElement).value;
    changed();
  };
  const choices =
    parameter.kind === "state" ? (store.picture?.states.map((state) => state.name) ?? []) : parameter.kind === "role" ? store.palette.roles : parameter.choices;
  const note = parameter.kind === "duration" ? "ms, s, m or h" : parameter.kind === "integer" ? `${parameter.low ?? 0} to ${parameter.high ?? 999}` : "";
  return html`<div class="field"><label for=${id}>${parameter.label}${note ? html` <span class="ink3">(${note})</span>` : ""}</label>${
    choices.length
      ? html`<select class="select" id=${id} data-testid=${id} @change=${set}>${choices.map((name) => html`<option ?selected=${name === given[parameter.name]}>${name}</option>`)}</select>`
      : html`<input class="input mono" id=${id} data-testid=${id} .value=${given[parameter.name] ?? ""} spellcheck="false" @change=${set}>`
  }</div>`;
}
