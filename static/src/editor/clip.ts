import { announce } from "../lib/announce";
import { toast } from "../lib/toast";
import type { Actions } from "./actions";
import type { Store } from "./store";

/** Copy, cut and paste rows as YAML: into this flow, into another, into the text or a mail. */
export class Clip {
  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
    private readonly text: () => string,
    inside: () => boolean,
  ) {
    for (const kind of ["copy", "cut"] as const) {
      document.addEventListener(kind, (event) => {
        const copied = inside() && document.getSelection()?.isCollapsed !== false ? this.yaml() : "";
        if (copied === "" || !event.clipboardData) return;
        event.preventDefault();
        event.clipboardData.setData("text/plain", copied);
        this.#said(kind);
      });
    }
    document.addEventListener("paste", (event) => {
      const text = event.clipboardData?.getData("text/plain") ?? "";
      if (!inside() || text.trim() === "") return;
      event.preventDefault();
      void this.paste(text);
    });
  }

  /** The rows that are selected, or that leave the selected states. */
  get rows(): number[] {
    const rows = this.store.chosen.flatMap((item) => (item?.kind === "row" ? [item.index] : this.store.rowsOf(item?.name ?? "").map((row) => row.index)));
    return [...new Set(rows)].sort((a, b) => a - b);
  }

  /** The lines of these rows, as they stand, from the first column on. */
  yaml(rows = this.rows): string {
    const lines = this.text().split(/\r\n|\r|\n/);
    return rows
      .flatMap((index) => {
        const row = this.store.row(index);
        const own = row ? lines.slice(row.line - 1, row.end_line) : [];
        const column = /^\s*/.exec(own[0] ?? "")?.[0].length ?? 0;
        return own.map((line) => `${line.slice(Math.min(column, /^\s*/.exec(line)?.[0].length ?? 0))}\n`);
      })
      .join("");
  }

  /** By button or palette, where the browser asks whether it may. */
  async copy(kind: "copy" | "cut"): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.yaml());
    } catch {
      toast("The browser does not let this page copy here. Press Ctrl C on the diagram instead.", { kind: "err" });
      return;
    }
    this.#said(kind);
  }

  async paste(text: string): Promise<void> {
    if (!this.store.can.edit) return;
    const selected = this.store.selection;
    const parameters: Record<string, unknown> = { text };
    if (selected?.kind === "state" && this.store.state(selected.name)) parameters["from_state"] = selected.name;
    if (selected?.kind === "row") Object.assign(parameters, { after_row: selected.index, from_state: this.store.row(selected.index)?.from_state });
    if (await this.actions.edit("paste_rows", parameters)) announce("Pasted");
  }

  #said(kind: "copy" | "cut"): void {
    const { length } = this.rows;
    const what = length === 1 ? "1 row" : `${length} rows`;
    if (kind === "copy" || !this.store.can.edit) announce(`${what} copied`);
    else void this.actions.edit("delete_rows", { rows: this.rows }).then((done) => done && announce(`${what} cut`));
  }
}
