import { html } from "lit";
import { openDialog } from "../lib/dialog";
import { icon } from "../lib/icon";
import type { PictureRow } from "../lib/types";
import { whole } from "./cell-changes";

/** An edit of rows, as `change_rows` takes it. */
export interface RowsEdit {
  add: Record<string, unknown>[];
  change: { row: number; fields: Record<string, unknown> }[];
  remove: number[];
}

type One = "UAC" | "UAS";

/** The rows for both roles that an edit made in the view of one role would change for the other one, too. */
export function shared(edit: RowsEdit, rowOf: (index: number) => PictureRow | undefined): PictureRow[] {
  const touched = [...edit.change.map((change) => change.row), ...edit.remove];
  return [...new Set(touched)].map(rowOf).filter((row): row is PictureRow => row?.role === "Both");
}

/** The same edit for one role only: each shared row stays as it was for the other role, and a row of its own takes the change. */
export function split(edit: RowsEdit, rows: PictureRow[], role: One): RowsEdit {
  const other = role === "UAC" ? "UAS" : "UAC";
  const both = new Set(rows.map((row) => row.index));
  const own = edit.change.flatMap(({ row: index, fields }) => {
    const row = rows.find((item) => item.index === index);
    return row ? [ownRow(row, fields, role)] : [];
  });
  return {
    add: [...edit.add, ...own],
    change: [...edit.change.filter((change) => !both.has(change.row)), ...rows.map((row) => ({ row: row.index, fields: { role: other } }))],
    remove: edit.remove.filter((row) => !both.has(row)),
  };
}

function ownRow(row: PictureRow, fields: Record<string, unknown>, role: One): Record<string, unknown> {
  const place = { from_state: row.from_state === "*" ? "Any" : row.from_state, event: row.after !== null ? { after: `${row.after}s` } : row.event };
  const all = { ...whole(row), ...place, ...fields, role };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null && value !== undefined));
}

/** Ask whom a change is meant for; null leaves everything as it is. */
export function askWhom(rows: PictureRow[], role: One): Promise<"both" | "split" | null> {
  const other = role === "UAC" ? "UAS" : "UAC";
  const one = rows.length === 1;
  return new Promise((resolve) => {
    let answer: "both" | "split" | null = null;
    const choose = (what: "both" | "split", close: () => void): void => {
      answer = what;
      close();
    };
    openDialog(
      (dialog) => html`<div class="dialog-head"><h2>${one ? "Change this row for both roles?" : `Change ${rows.length} rows for both roles?`}</h2></div>
        <div class="dialog-body"><p class="banner warn">${icon("warning")}<span><b>${one ? "One row speaks" : `${rows.length} rows speak`} for UAC and UAS.</b> The matrix shows ${role} alone; the change would count for ${other}, too.</span></p>
          <ul class="both-rows">${rows.slice(0, 6).map((row) => html`<li><span class="tag both">Both</span> <b>${row.from_state === "*" ? "Any state" : row.from_state}</b> · ${row.label}</li>`)}${rows.length > 6 ? html`<li class="ink3">and ${rows.length - 6} more</li>` : ""}</ul>
          <p class="small ink2">Splitting keeps ${one ? "the row" : "each row"} as it is for ${other} and makes one of its own for ${role}. It is one step to undo.</p></div>
        <div class="dialog-foot"><button class="btn" type="button" data-close>Leave it</button>
          <button class="btn" type="button" data-testid="both-change" @click=${() => choose("both", () => dialog.close())}>Change for both</button>
          <button class="btn primary" type="button" data-first data-testid="both-split" @click=${() => choose("split", () => dialog.close())}>${one ? "Split the row" : "Split the rows"}</button></div>`,
      "",
      "both-dialog",
    );
    document.querySelector('[data-testid="both-dialog"]')?.addEventListener("close", () => resolve(answer));
  });
}
