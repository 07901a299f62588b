import { html, type TemplateResult } from "lit";
import { announce } from "../lib/announce";
import { openDialog, type OpenDialog } from "../lib/dialog";
import { icon } from "../lib/icon";
import type { Frame } from "../lib/socket";
import { ago } from "../lib/times";
import { toast, type ToastOptions } from "../lib/toast";
import type { VersionLine } from "../lib/types";
import type { Actions } from "./actions";
import type { Store } from "./store";

/** Ask for a message and save the draft as a version; a newer version of somebody else is shown, never overwritten. */
export function saveDialog(store: Store, actions: Actions, deploy: () => void): void {
  openDialog((dialog) => form(store, (message) => void save(dialog, store, actions, message, deploy), ""), "", "save-dialog");
}

function form(store: Store, save: (message: string) => void, refusal: string, busy = false): TemplateResult {
  const next = (store.latest?.number ?? 0) + 1;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const message = new FormData(event.target as HTMLFormElement).get("message");
    save(String(message ?? "").trim());
  };
  return html`<form @submit=${submit}>
    <div class="dialog-head"><h2>Save version ${next} of ${store.flow}?</h2></div>
    <div class="dialog-body">
      <p class="ink2">A version never changes again: its text, its hash and who saved it are kept. Nothing runs it until it is deployed.</p>
      ${store.errors ? html`<p class="banner err small">${icon("error")}<span><b>${store.errors} ${store.errors === 1 ? "error" : "errors"}.</b> It can be saved, and deployed only by force with a reason${store.compiles ? "" : "; as it does not compile, not at all"}.</span></p>` : ""}
      <div class="field"><label for="save-message">What changed</label>
        <input class="input" id="save-message" name="message" data-testid="save-message" data-first autocomplete="off" maxlength="500" placeholder="Answer 486 while the line is busy"></div>
      ${refusal ? html`<p class="banner err small" role="alert" data-testid="save-refused">${icon("error")}<span>${refusal}</span></p>` : ""}
    </div>
    <div class="dialog-foot"><button class="btn" type="button" data-close>Keep the draft</button>
      <button class="btn primary ${busy ? "busy" : ""}" type="submit" data-testid="save-confirm">${busy ? icon("spin") : ""}Save version</button></div>
  </form>`;
}

async function save(dialog: OpenDialog, store: Store, actions: Actions, message: string, deploy: () => void, base?: number): Promise<void> {
  const again = (text: string): void => void save(dialog, store, actions, text, deploy);
  dialog.update(form(store, () => undefined, "", true));
  const answer = await actions.save(message, base);
  if (answer.type === "saved") {
    const version = answer["version"] as VersionLine;
    dialog.close();
    announce(`Version ${version.number} saved`);
    toast(`Version ${version.number} saved, ${version.digest.slice(0, 12)}.`, next(store, deploy));
  } else if (answer.type === "conflict") {
    const latest = (answer["latest"] as VersionLine).number;
    dialog.update(conflict(answer, () => void save(dialog, store, actions, message, deploy, latest)));
  } else dialog.update(form(store, again, String(answer["message"] ?? "The version was not saved.")));
}

/** What comes after a save: a review where the flow asks for one, else the deployment. */
function next(store: Store, deploy: () => void): ToastOptions {
  if (store.way.required && store.can.ask) {
    const address = `${store.urls["reviews"] ?? ""}?version=${store.latest?.number ?? ""}#new`;
    return { action: { label: "Request review", run: () => location.assign(address) } };
  }
  return store.can.deploy ? { action: { label: "Deploy…", run: deploy } } : {};
}

function conflict(answer: Frame, anyway: () => void): TemplateResult {
  const latest = answer["latest"] as VersionLine;
  return html`<div data-testid="conflict"><div class="dialog-head"><h2>${latest.author} saved version ${latest.number} meanwhile</h2></div>
    <div class="dialog-body"><p>${latest.author} saved v${latest.number} ${ago(latest.created_at)}${latest.message ? html`: “${latest.message}”` : ""}. Your draft began before it and is kept as it is; nothing was overwritten.</p>
      <p class="ink2">Merging puts both together, row by row, and checks the result. Saved after it, yours becomes the newest and v${latest.number} stays as it is.</p></div>
    <div class="dialog-foot"><button class="btn" type="button" data-close data-first>Keep the draft</button>
      <button class="btn" type="button" data-testid="conflict-save" @click=${anyway}>Save after v${latest.number}</button>
      <a class="btn" href=${String(answer["compare"])} data-testid="conflict-compare">Compare</a>
      <button class="btn primary" type="button" data-close data-do="merge" data-testid="conflict-merge">${icon("swap")}Merge</button></div></div>`;
}
