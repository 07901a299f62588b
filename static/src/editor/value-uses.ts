import { html, type TemplateResult } from "lit";
import type { PictureRow } from "../lib/types";
import type { Store } from "./store";

const NAME = /(?<![\w."'])[A-Za-z_]\w*(?![\w"'])/g;

/** For each condition and variable a row speaks of: which rows set it, and which ask for it. */
export function valueUses(store: Store, row: PictureRow): TemplateResult | string {
  const known = new Set([...store.palette.guards.filter((word) => word.kind === "condition").map((word) => word.name), ...Object.keys(store.picture?.variables ?? {})]);
  const spoken = new Set([...row.guards.flatMap(names), ...Object.keys(row.set)].filter((name) => known.has(name)));
  if (!spoken.size) return "";
  const rows = store.picture?.rows ?? [];
  return html`<div class="field"><span class="label">Values it speaks of</span>${[...spoken].map((name) => {
    const sets = rows.filter((item) => writes(store, item, name));
    const asks = rows.filter((item) => item.guards.flatMap(names).includes(name));
    return html`<details class="value-uses" data-testid="value-${name}"><summary><code>${name}</code> <span class="small ink3">set by ${counted(sets.length)}, asked by ${counted(asks.length)}</span></summary>
      ${list(store, "Set by", sets)}${list(store, "Asked by", asks)}</details>`;
  })}</div>`;
}

function names(text: string): string[] {
  return text.match(NAME) ?? [];
}

/** Whether a row gives a value: with `set`, by an action, or by what its actions declare. */
function writes(store: Store, row: PictureRow, name: string): boolean {
  if (name in row.set) return true;
  return row.actions.some((action) => action.arguments["condition"] === name || name in (store.palette.actions.find((word) => word.name === action.name)?.sets ?? {}));
}

function counted(rows: number): string {
  return rows === 1 ? "1 row" : `${rows} rows`;
}

function list(store: Store, title: string, rows: PictureRow[]): TemplateResult | string {
  if (!rows.length) return "";
  return html`<p class="small ink3">${title}</p><div class="tree">${rows.map(
    (row) => html`<button class="tr sub" type="button" @click=${() => store.select({ kind: "row", index: row.index }, "inspector")}><span class="clip">${row.from_state === "*" ? "Any state" : row.from_state} · ${row.label}</span></button>`,
  )}</div>`;
}
