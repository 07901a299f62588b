import { announce } from "../lib/announce";
import { toast } from "../lib/toast";
import type { Frame } from "../lib/socket";
import type { Link } from "./link";
import type { Store } from "./store";

/** What an edit would do: the lines that differ, and the findings that come and go. */
export interface EditPreview {
  lines: { kind: "same" | "old" | "new" | "gap"; number: number; text: string }[];
  cut: boolean;
  gone: { severity: string; code: string; message: string }[];
  come: { severity: string; code: string; message: string }[];
  errors: number;
  warnings: number;
}

/** What a person can do to the draft. Every panel, menu and shortcut goes through here. */
export class Actions {
  constructor(
    private readonly store: Store,
    private readonly link: Link,
  ) {}

  /** One edit of the text by the server; false when it was refused, which is said. */
  async edit(operation: string, parameters: Record<string, unknown>): Promise<boolean> {
    const refusal = await this.attempt(operation, parameters);
    if (refusal === "") return true;
    toast(refusal, { kind: "err" });
    this.store.emit("document");
    return false;
  }

  /** The same for forms that say a refusal themselves: returns its sentence, empty when the edit was done. */
  async attempt(operation: string, parameters: Record<string, unknown>): Promise<string> {
    const answer = await this.#pending({ type: "edit", operation, arguments: parameters });
    return answer.type === "refused" ? String(answer["message"]) : "";
  }

  /** Look at what an edit would do, without doing it: the preview, or the sentence that refuses it. */
  async preview(operation: string, parameters: Record<string, unknown>): Promise<EditPreview | string> {
    const answer = await this.link.ask({ type: "preview", operation, arguments: parameters });
    return answer.type === "preview" ? (answer as unknown as EditPreview) : String(answer["message"]);
  }

  async undo(): Promise<void> {
    if (this.store.canUndo || this.link.unsent) await this.#pending({ type: "undo" });
    announce("Undone");
  }

  async redo(): Promise<void> {
    if (this.store.canRedo) await this.#pending({ type: "redo" });
    announce("Done again");
  }

  /** Save on top of this version; without one, on top of the version the draft began with. */
  save(message: string, base = this.store.base?.number ?? null): Promise<Frame> {
    return this.link.ask({ type: "save", message, base });
  }

  deploy(version: number, reason: string): Promise<Frame> {
    return this.link.ask({ type: "deploy", version, reason });
  }

  /** Cancel the deeper check of a version, or ask for it again; a refusal is said. */
  async check(version: number, act: "cancel" | "again"): Promise<void> {
    const answer = await this.link.ask({ type: "check", version, act });
    if (answer.type === "refused") toast(String(answer["message"]), { kind: "err" });
  }

  /** Ask how a check stands: its last word may have been lost on its way. */
  look(version: number): void {
    void this.link.ask({ type: "check", version, act: "look" });
  }

  async discard(): Promise<void> {
    await this.#pending({ type: "discard" });
  }

  /** Delete what is marked, as one edit; an undo is offered instead of a question. */
  async remove(): Promise<void> {
    const chosen = this.store.chosen;
    const states = chosen.filter((item) => item?.kind === "state").map((item) => item.name);
    const rows = chosen.filter((item) => item?.kind === "row").map((item) => item.index);
    const own = rows.filter((index) => !states.includes(this.store.row(index)?.from_state ?? ""));
    const edits: { operation: string; arguments: Record<string, unknown> }[] = states.length > 1 ? this.#inner(states, own) : own.length ? [{ operation: "delete_rows", arguments: { rows: own } }] : [];
    for (const name of states) edits.push({ operation: "delete_state", arguments: { name, rows: "delete" } });
    const [first] = edits;
    if (!first) return;
    if (!(edits.length === 1 ? await this.edit(first.operation, first.arguments) : await this.edit("several", { edits }))) return;
    const of = (count: number, word: string): string => (count === 1 ? `1 ${word}` : `${count} ${word}s`);
    const said = states.length === 1 && !own.length ? `State ${states[0]} and its rows deleted.` : states.length ? `${of(states.length, "state")} with their rows${own.length ? ` and ${of(own.length, "row")}` : ""} deleted.` : own.length === 1 ? "Row deleted." : `${of(own.length, "row")} deleted.`;
    toast(said, { action: { label: "Undo", run: () => void this.undo() } });
  }

  /** States that go together do not stand in each other's way: the rows between them go first. */
  #inner(states: string[], rows: number[]): { operation: string; arguments: Record<string, unknown> }[] {
    const between = (this.store.picture?.rows ?? []).filter((row) => states.includes(row.from_state) && states.includes(row.next_state ?? ""));
    const all = [...new Set([...rows, ...between.map((row) => row.index)])];
    return all.length ? [{ operation: "delete_rows", arguments: { rows: all } }] : [];
  }

  async #pending(frame: Frame): Promise<Frame> {
    this.store.pending = true;
    this.store.emit("pending");
    const answer = await this.link.ask(frame);
    this.store.pending = false;
    this.store.emit("pending");
    return answer;
  }
}
