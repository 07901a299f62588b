import { html, render, type TemplateResult } from "lit";
import type { Store } from "../editor/store";
import { announce } from "../lib/announce";
import { count } from "../lib/count";
import { diffLines, type DiffLine } from "../lib/diff-lines";
import { icon } from "../lib/icon";
import type { Frame } from "../lib/socket";
import { ago } from "../lib/times";
import { toast } from "../lib/toast";
import type { Finding, VersionLine } from "../lib/types";

interface Conflict {
  key: string;
  kind: string;
  name: string;
  base: string | null;
  mine: string | null;
  theirs: string | null;
  both: boolean;
}

interface Change {
  kind: string;
  name: string;
  how: string;
}

interface Merge {
  newest: VersionLine;
  base: number | null;
  conflicts: Conflict[];
  taken: Change[];
  kept: Change[];
  findings: Finding[];
  errors: number;
  warnings: number;
  compiles: boolean;
  lines: DiffLine[];
}

const SIGN: Record<string, string> = { added: "+", removed: "−", changed: "~" };

/** A newer version and the draft, put together beside the diagram: the editor goes on, nothing is taken until it is said. */
export class MergePanel {
  readonly #host: HTMLElement;
  #merge: Merge | null = null;
  #choices: Record<string, string> = {};
  #refusal = "";

  constructor(
    main: HTMLElement,
    private readonly store: Store,
    private readonly ask: (frame: Frame) => Promise<Frame>,
    private readonly undo: () => void,
  ) {
    this.#host = document.createElement("section");
    this.#host.className = "merge";
    this.#host.hidden = true;
    this.#host.dataset["testid"] = "merge";
    this.#host.dataset["region"] = "merge";
    this.#host.setAttribute("aria-label", "Merge with the newer version");
    main.append(this.#host);
    store.on(["document"], () => this.#open && void this.#look());
  }

  get #open(): boolean {
    return !this.#host.hidden;
  }

  async open(): Promise<void> {
    this.#choices = {};
    this.#host.hidden = false;
    await this.#look();
    this.#host.querySelector<HTMLElement>("button, [tabindex='0']")?.focus();
  }

  close(): void {
    this.#host.hidden = true;
    this.#merge = null;
  }

  async #look(): Promise<void> {
    const answer = await this.ask({ type: "try", ask: "merge", arguments: { choices: this.#choices } });
    if (!this.#open) return;
    if (answer.type === "refused") {
      this.#merge = null;
      this.#refusal = String(answer["message"]);
    } else {
      this.#merge = answer["merge"] as Merge;
      this.#refusal = "";
    }
    this.#draw();
  }

  get #undecided(): Conflict[] {
    return this.#merge?.conflicts.filter((conflict) => !this.#choices[conflict.key]) ?? [];
  }

  #draw(): void {
    const merge = this.#merge;
    render(
      html`<div class="panel-head"><h2 class="grow clip">${merge ? `Merge with v${merge.newest.number}` : "Merge"}</h2>
          <button class="btn quiet icon small" type="button" aria-label="Close the merge" data-testid="merge-close" @click=${() => this.close()}>${icon("x")}</button></div>
        <div class="scroll" tabindex="0" role="region" aria-label="What the merge takes">${merge ? this.#body(merge) : html`<p class="banner small">${icon("info")}<span>${this.#refusal}</span></p>`}</div>
        ${merge ? this.#foot(merge) : ""}`,
      this.#host,
    );
  }

  #body(merge: Merge): TemplateResult {
    const { newest, conflicts, taken, kept } = merge;
    return html`<p class="merge-said"><b>${newest.author} saved v${newest.number} ${ago(newest.created_at)}${newest.message ? html`: “${newest.message}”` : ""}.</b>
        ${taken.length ? `${several(taken.length, "change")} of it ${taken.length === 1 ? "comes in by itself" : "come in by themselves"}.` : "Nothing of it comes in by itself."}
        ${kept.length ? `${several(kept.length, "change")} of yours ${kept.length === 1 ? "stays" : "stay"}.` : ""}
        ${conflicts.length ? `${several(conflicts.length, "part")} ${conflicts.length === 1 ? "was" : "were"} changed by both: say which side counts.` : "Nothing was changed by both."}</p>
      ${conflicts.map((conflict) => this.#conflict(conflict, newest))}
      ${this.#changes(`What comes from v${newest.number}`, taken)} ${this.#changes("What stays of yours", kept)}
      ${this.#verdict(merge)}
      <details class="merge-list"><summary>${icon("chev")}The result against your draft, line by line</summary>${diffLines(merge.lines)}</details>`;
  }

  #conflict(conflict: Conflict, newest: VersionLine): TemplateResult {
    const chosen = this.#choices[conflict.key];
    const what = conflict.kind === "order" ? `Order of the ${conflict.name}` : `${title(conflict.kind)} ${conflict.name}`;
    const option = (value: string, label: string): TemplateResult =>
      html`<button type="button" role="radio" aria-checked=${chosen === value} data-testid="take-${value}" @click=${() => this.#choose(conflict, value)}>${label}</button>`;
    return html`<section class="conflict ${chosen ? "decided" : ""}" data-testid="merge-conflict" data-key=${conflict.key}>
      <div class="row"><h3 class="grow clip" title=${what}>${chosen ? icon("check", "ok", "decided") : icon("warning", "warn", "not decided yet")} ${what}</h3>
        <div class="seg small" role="radiogroup" aria-label="Which side counts for ${what}">${option("mine", "Mine")}${option("theirs", "Theirs")}${conflict.both ? option("both", "Both") : ""}</div></div>
      ${this.#side("Mine", conflict.mine, conflict.base, chosen === "mine" || chosen === "both")}
      ${this.#side(`Theirs, ${newest.author}`, conflict.theirs, conflict.base, chosen === "theirs" || chosen === "both")}</section>`;
  }

  /** One side's lines; those that the version both began with did not have are marked. */
  #side(name: string, text: string | null, base: string | null, chosen: boolean): TemplateResult {
    const before = new Set((base ?? "").split("\n").map((line) => line.trim()));
    return html`<figure class=${chosen ? "chosen" : ""}><figcaption>${chosen ? icon("check", "ok") : ""}${name}</figcaption>${
      text === null ? html`<p class="small ink2">${base === null ? "is not there" : "was removed"}</p>` : html`<pre>${text.split("\n").map((line) => html`<span class=${before.has(line.trim()) ? "" : "new"}>${line}\n</span>`)}</pre>`
    }</figure>`;
  }

  #changes(name: string, changes: Change[]): TemplateResult | string {
    if (!changes.length) return "";
    return html`<details class="merge-list"><summary>${icon("chev")}${name} <span class="pill">${changes.length}</span></summary>
      <ul>${changes.map((change) => html`<li><span class="sign ${change.how}" aria-label=${change.how}>${SIGN[change.how] ?? ""}</span>${change.kind} <span class="mono">${change.name}</span></li>`)}</ul></details>`;
  }

  #verdict(merge: Merge): TemplateResult {
    if (!merge.errors) return html`<p class="merge-verdict">${icon("proved", "ok")}<span>The result was checked: no errors${merge.warnings ? `, ${several(merge.warnings, "warning")}` : ""}.</span></p>`;
    const errors = merge.findings.filter((finding) => finding.severity === "error");
    return html`<div class="banner err small" data-testid="merge-errors">${icon("error")}<div><b>The result has ${several(merge.errors, "error")}.</b>
      ${errors.slice(0, 4).map((finding) => html`<p>${finding.message} <span class="mono ink3">${finding.code} · line ${finding.line}</span></p>`)}</div></div>`;
  }

  #foot(merge: Merge): TemplateResult {
    const left = this.#undecided.length;
    return html`<div class="dialog-foot"><button class="btn" type="button" @click=${() => this.close()}>Keep my draft</button>
      <button class="btn primary" type="button" aria-disabled=${left > 0} title=${left ? `${several(left, "part")} not decided yet` : "One edit, which can be undone"} data-testid="merge-take" @click=${() => !left && void this.#take(merge)}>Take the merge</button></div>`;
  }

  #choose(conflict: Conflict, value: string): void {
    this.#choices = { ...this.#choices, [conflict.key]: value };
    const row = this.store.picture?.rows.find((item) => item.id && `row ${item.id}` === conflict.key);
    if (row) this.store.select({ kind: "row", index: row.index }, "problems");
    void this.#look();
  }

  async #take(merge: Merge): Promise<void> {
    const parameters = { choices: this.#choices, newest: merge.newest.number };
    this.#host.hidden = true;
    const answer = await this.ask({ type: "try", ask: "take", arguments: parameters });
    if (answer.type === "refused") {
      toast(String(answer["message"]), { kind: "err" });
      await this.open();
      return;
    }
    announce("Merged");
    toast(`v${merge.newest.number} and your draft are one text now. Save it as a version when it is right.`, { action: { label: "Undo", run: this.undo } });
  }
}

function several(amount: number, what: string): string {
  return `${count(amount)} ${what}${amount === 1 ? "" : "s"}`;
}

function title(kind: string): string {
  return { row: "Row", state: "State", head: "Field" }[kind] ?? kind;
}
