import { html, type TemplateResult } from "lit";
import { openDialog, type OpenDialog } from "../lib/dialog";
import { icon } from "../lib/icon";
import { edit, type Change } from "./cell-changes";

export interface Paste {
  /** null asks for the block in a field first. */
  text: string | null;
  changes(text: string): Change[];
  apply(changes: Change[]): Promise<boolean>;
}

const MOST_SHOWN = 200;

/** Show what a block changes and what of it is refused, before one edit does it. */
export function pastePreview(paste: Paste): void {
  let text = paste.text ?? "";
  const draw = (dialog: OpenDialog): void => dialog.update(view(dialog));
  const view = (dialog: OpenDialog): TemplateResult => {
    const all = text === "" && paste.text === null ? [] : paste.changes(text);
    const changes = all.filter((change) => change.refused || change.add.length || change.change.length || change.remove.length);
    const refused = changes.filter((change) => change.refused);
    const done = changes.length - refused.length;
    const submit = async (event: SubmitEvent): Promise<void> => {
      event.preventDefault();
      if (!edit(changes)) return;
      dialog.close();
      await paste.apply(changes);
    };
    return html`<form @submit=${submit}><div class="dialog-head"><h2>${done ? `Change ${done} ${done === 1 ? "cell" : "cells"}?` : paste.text === null && text === "" ? "Paste a block of cells?" : "Nothing of it can be done"}</h2></div>
      <div class="dialog-body">
        ${paste.text === null
          ? html`<div class="field"><label for="paste-block">From a spreadsheet, as CSV or with tabs. A first line with events and a first column with states says where it goes; without them it begins at the chosen cell.</label>
              <textarea class="textarea mono" id="paste-block" rows="5" data-first data-testid="paste-block" spellcheck="false" @input=${(event: InputEvent) => {
                text = (event.target as HTMLTextAreaElement).value;
                draw(dialog);
              }}></textarea></div>`
          : ""}
        ${changes.length ? html`<div class="change-list" tabindex="0" role="region" aria-label="What changes">${table(changes)}</div>` : ""}
        ${refused.length ? html`<p class="banner warn small" data-testid="paste-refused">${icon("warning")}<span><b>${refused.length} ${refused.length === 1 ? "cell stays" : "cells stay"} as ${refused.length === 1 ? "it is" : "they are"}.</b> The reason stands beside ${refused.length === 1 ? "it" : "each"}.</span></p>` : ""}
      </div>
      <div class="dialog-foot"><button class="btn" type="button" data-close>Leave it</button>
        <button class="btn primary" type="submit" aria-disabled=${!done} data-testid="paste-apply" data-first>${done ? `Change ${done} ${done === 1 ? "cell" : "cells"}` : "Change"}</button></div></form>`;
  };
  openDialog(view, "wide", "paste-dialog");
}

function table(changes: Change[]): TemplateResult {
  return html`<table class="changes"><thead><tr><th>State</th><th>Event</th><th>Now</th><th>Then</th></tr></thead>
    <tbody>${changes.slice(0, MOST_SHOWN).map(
      (change) => html`<tr class=${change.refused ? "refused" : ""} data-testid="paste-change"><td>${change.cell.state === "*" ? "Any state" : change.cell.state}</td><td>${change.cell.event}</td>
        <td class="mono">${change.before || html`<span class="ink3">no row</span>`}</td>
        <td class="mono">${change.refused ? html`<span class="why">${icon("warning", "warn", "stays as it is")}${change.refused}</span>` : change.after === "" ? html`<span class="gone">${icon("minus", "err")}no row</span>` : html`${change.before ? "" : html`<span class="sign ok">+</span> `}${change.after}`}</td></tr>`,
    )}</tbody></table>${changes.length > MOST_SHOWN ? html`<p class="small ink3">and ${changes.length - MOST_SHOWN} more</p>` : ""}`;
}
