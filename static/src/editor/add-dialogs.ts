import { html } from "lit";
import { openDialog, type OpenDialog } from "../lib/dialog";
import { icon } from "../lib/icon";
import type { Actions } from "./actions";
import { fittingRole, usualRole } from "./roles";
import type { Store } from "./store";

/** Ask for the name and group of a new state. */
export function addState(store: Store, actions: Actions): void {
  const selected = store.selection;
  const near = selected?.kind === "state" ? selected.name : selected ? store.row(selected.index)?.from_state : undefined;
  const group = near ? (store.state(near)?.group ?? "") : "";
  openDialog((dialog) => {
    const submit = async (event: SubmitEvent): Promise<void> => {
      event.preventDefault();
      const element = event.target as HTMLFormElement;
      const form = new FormData(element);
      const name = text(form, "name");
      if (!name) return;
      const parameters: Record<string, unknown> = { name };
      if (text(form, "group")) parameters["group"] = text(form, "group");
      if (form.get("final")) parameters["final"] = true;
      if (near && store.state(near)?.declared && !form.get("final")) parameters["after"] = near;
      finish(dialog, element, await actions.attempt("add_state", parameters));
    };
    return html`<form @submit=${submit}><div class="dialog-head"><h2>Add a state?</h2></div><div class="dialog-body">
      <div class="field"><label for="new-state">Name</label><input class="input mono" id="new-state" name="name" required data-first autocomplete="off" spellcheck="false" data-testid="new-state-name" placeholder="OnHold"></div>
      <div class="field"><label for="new-group">Group</label><input class="input" id="new-group" name="group" .value=${group} autocomplete="off" data-testid="new-state-group" placeholder="none"></div>
      <label class="check"><input type="checkbox" name="final" data-testid="new-state-final"><span>Final: the session ends on entering</span></label>${refusalLine}</div>
      <div class="dialog-foot"><button class="btn" type="button" data-close>Cancel</button><button class="btn primary" type="submit" data-testid="new-state-confirm">Add state</button></div></form>`;
  }, "", "add-state-dialog");
}

/** What a new row is begun with, as a link says it: `?add=row&state=Active&event=InfoReceived&as=UAS`. */
export interface RowBegun {
  state: string;
  event: string;
  role: string;
}

/** Read such a link; null where the address says nothing of a row. */
export function rowBegun(query: URLSearchParams): RowBegun | null {
  if (query.get("add") !== "row") return null;
  const word = (name: string): string => (query.get(name) ?? "").slice(0, 128);
  return { state: word("state"), event: word("event"), role: word("as") };
}

/** Ask for the event and target of a new row, from the selected state or as somebody began it. */
export function addRow(store: Store, actions: Actions, begun: RowBegun | null = null): void {
  const selected = store.selection;
  const known = begun !== null && store.state(begun.state) !== undefined;
  const from = known ? begun.state : selected?.kind === "state" ? selected.name : selected ? (store.row(selected.index)?.from_state ?? "") : (store.picture?.initial ?? "");
  const role = begun && store.palette.roles.includes(begun.role) ? begun.role : selected?.kind === "row" ? (store.row(selected.index)?.role ?? "Both") : usualRole(store, from);
  const names = store.picture?.states.map((state) => state.name) ?? [];
  openDialog((dialog) => {
    const submit = async (event: SubmitEvent): Promise<void> => {
      event.preventDefault();
      const element = event.target as HTMLFormElement;
      const form = new FormData(element);
      const pick = (id: string): string => element.querySelector<HTMLInputElement>(`[data-testid="${id}"]`)?.value.trim() ?? "";
      const name = pick("new-row-event");
      const next = pick("new-row-next");
      if (!name) return;
      const timer = /^after\s+(\S+)$/.exec(name);
      const parameters: Record<string, unknown> = { from_state: text(form, "from"), role: fittingRole(store, name, text(form, "role")), event: timer ? { after: timer[1] } : name };
      if (next && next !== "stay") parameters["next_state"] = next;
      if (selected?.kind === "row" && store.row(selected.index)?.from_state === parameters["from_state"]) parameters["after_row"] = selected.index;
      finish(dialog, element, await actions.attempt("add_row", parameters));
    };
    return html`<form @submit=${submit}><div class="dialog-head"><h2>Add a row?</h2></div><div class="dialog-body">
      ${begun ? html`<p class="ink2" data-testid="row-begun">${known ? html`A call met ${begun.event} in ${begun.state}, and no row took it.` : html`A call met ${begun.event} in ${begun.state}; your draft has no such state, so choose one.`}</p>` : ""}
      <div class="field"><label for="new-from">In state</label><select class="select" id="new-from" name="from" data-testid="new-row-from">${names.map((name) => html`<option ?selected=${name === from}>${name}</option>`)}</select></div>
      <div class="field"><label for="new-role">Role</label><select class="select" id="new-role" name="role" data-testid="new-row-role">${store.palette.roles.map((name) => html`<option ?selected=${name === role}>${name}</option>`)}</select></div>
      <div class="field"><span class="label">On this event</span><word-combo label="Event" testid="new-row-event" .value=${begun?.event ?? ""} placeholder="HangupCall, after 30s" .choices=${[...store.palette.events, { name: "after 30s", meaning: "a time after entering the state" }]}></word-combo></div>
      <div class="field"><span class="label">Go to</span><word-combo label="Next state" testid="new-row-next" placeholder="stay" .choices=${names.map((name) => ({ name }))}></word-combo></div>${refusalLine}</div>
      <div class="dialog-foot"><button class="btn" type="button" data-close>Cancel</button><button class="btn primary" type="submit" data-testid="new-row-confirm">Add row</button></div></form>`;
  }, "", "add-row-dialog");
}

function text(form: FormData, name: string): string {
  return String(form.get(name) ?? "").trim();
}

/** Where a refusal is said, so that what was typed stays and can be mended. */
const refusalLine = html`<p class="banner err small" role="alert" data-refusal data-testid="dialog-refused" hidden>${icon("error")}<span></span></p>`;

function finish(dialog: OpenDialog, form: HTMLFormElement, refusal: string): void {
  if (refusal === "") {
    dialog.close();
    return;
  }
  const line = form.querySelector<HTMLElement>("[data-refusal]");
  const said = line?.querySelector("span");
  if (said) said.textContent = refusal;
  line?.removeAttribute("hidden");
}
