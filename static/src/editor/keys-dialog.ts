import { html, type TemplateResult } from "lit";
import { openDialog } from "../lib/dialog";
import type { Kept } from "../lib/kept";
import type { Act, Acts } from "./acts";

/** Show the keys of this page, made from the acts themselves; the single letters can be switched off. */
export function keysDialog(acts: Acts, letters: Kept<boolean>): void {
  const groups = new Map<string, Act[]>();
  for (const act of acts.all) if (act.keys?.length) groups.set(act.group, [...(groups.get(act.group) ?? []), act]);
  openDialog(
    () => html`<div class="dialog-head"><h2>Keys of this page</h2></div>
      <div class="dialog-body scroll-body" tabindex="0"><div class="key-groups">${[...groups].map(([name, list]) => group(name, list))}</div></div>
      <div class="dialog-foot"><label class="check grow"><input type="checkbox" data-testid="letters" .checked=${letters.get()}
        @change=${(event: Event) => letters.set((event.target as HTMLInputElement).checked)}><span>Single letters and signs are keys, while the diagram or the matrix has the focus</span></label>
        <button class="btn" type="button" data-close data-first>Close</button></div>`,
    "wide keys-wide",
    "keys-dialog",
  );
}

function group(name: string, list: Act[]): TemplateResult {
  return html`<section><h3>${name}</h3><dl class="keys">${list.map(
    (act) => html`<dt>${shortest(act.keys ?? []).map((printed, at) => html`${at ? html`<span class="ink3">or</span>` : ""}${keys(printed)}`)}</dt><dd>${act.title}</dd>`,
  )}</dl></section>`;
}

/** The first key, and the second where both are short. */
function shortest(printed: string[]): string[] {
  return printed.slice(0, 2).join("").length <= 14 ? printed.slice(0, 2) : printed.slice(0, 1);
}

/** A key as it stands on the keyboard. */
export function keys(printed: string): TemplateResult {
  const parts = printed.length === 1 ? [printed] : printed.endsWith("++") ? [...printed.slice(0, -2).split("+"), "+"] : printed.split("+");
  return html`${parts.map((part) => html`<kbd>${part}</kbd>`)}`;
}
