import { html, render, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { prose } from "../lib/prose";
import type { Finding, TraceStep } from "../lib/types";
import type { Actions } from "./actions";
import { offerEdit } from "./fix-dialog";
import type { Store } from "./store";
import { TracePlayer } from "./trace-player";

const GLYPH = { error: "error", warning: "warning", info: "info" } as const;
const RANK = { error: 0, warning: 1, info: 2 } as const;
const KIND = { error: "err", warning: "warn", info: "ink3" } as const;

/** The findings: a list, and what the chosen one means. */
export class Problems {
  /** Play the way to a finding in the simulator. */
  follow: ((trace: TraceStep[]) => void) | null = null;
  readonly player: TracePlayer;
  /** The family of rules that is looked at; empty for all. */
  #family = "";

  constructor(
    private readonly list: HTMLElement,
    private readonly detail: HTMLElement,
    private readonly counts: HTMLElement,
    private readonly store: Store,
    private readonly actions: Actions,
    private readonly show: (finding: Finding) => void,
  ) {
    this.player = new TracePlayer(store, () => this.draw());
    list.replaceChildren();
    detail.replaceChildren();
    counts.replaceChildren();
    store.on(["document", "selection", "check"], () => this.draw());
    this.draw();
  }

  /** Go to the next (+1) or previous (-1) problem. */
  step(by: number): void {
    const { finding } = this.store;
    const ordered = this.#ordered();
    if (!ordered.length) return;
    const at = ordered.indexOf(finding);
    this.choose(ordered[(at + by + ordered.length) % ordered.length] ?? 0);
  }

  choose(at: number): void {
    const finding = this.store.shown[at];
    if (!finding) return;
    this.store.finding = at;
    if (finding.row !== null) this.store.select({ kind: "row", index: finding.row }, "problems");
    else if (finding.state !== null && this.store.state(finding.state)) this.store.select({ kind: "state", name: finding.state }, "problems");
    else this.store.select(null, "problems");
    this.show(finding);
    this.draw();
  }

  draw(): void {
    const { shown, deep, errors, warnings } = this.store;
    const deeper = deep.filter((finding) => finding.severity !== "info").length;
    render(
      html`${errors ? html`<span class="pill err" data-testid="count-errors">${errors}</span>` : ""}
      ${warnings ? html`<span class="pill warn" data-testid="count-warnings">${warnings}</span>` : ""}
      ${deeper ? html`<span class="small ink3" data-testid="count-deeper">${deeper === errors + warnings ? "deeper" : `${deeper} deeper`}</span>` : ""}`,
      this.counts,
    );
    const chosen = this.#chosen();
    render(
      shown.length ? html`${this.#families(shown)}<div role="listbox" aria-label="Problems">${this.#lines(shown, chosen)}</div>` : this.#clear(),
      this.list,
    );
    const finding = shown[chosen];
    render(finding ? this.#detail(finding) : "", this.detail);
    this.list.parentElement?.classList.toggle("none", !shown.length);
  }

  /** The families there are, to look at one of them alone. */
  #families(shown: Finding[]): TemplateResult | string {
    const counts = new Map<string, number>();
    for (const finding of shown) counts.set(family(finding), (counts.get(family(finding)) ?? 0) + 1);
    if (this.#family && !counts.has(this.#family)) this.#family = "";
    if (counts.size < 2) return "";
    const choice = (name: string, title: string, count: number): TemplateResult =>
      html`<button type="button" class="fam" aria-pressed=${this.#family === name} data-testid="family-${name || "all"}" @click=${() => {
        this.#family = name;
        this.draw();
      }}>${title}<span class="ink3">${count}</span></button>`;
    return html`<div class="families" role="group" aria-label="Family of rules">${choice("", "All", shown.length)}${[...counts].map(([name, count]) => choice(name, name, count))}</div>`;
  }

  #chosen(): number {
    const { shown, finding, selection } = this.store;
    if (finding >= 0) return finding;
    const at = shown.findIndex((item) =>
      selection?.kind === "row" ? item.row === selection.index : selection?.kind === "state" && item.state === selection.name,
    );
    return at >= 0 ? at : (this.#ordered()[0] ?? 0);
  }

  /** Places in the list of findings: while typing, then deeper; each the worst first, then in the order of the text. */
  #ordered(): number[] {
    const { shown, findings } = this.store;
    const rank = (at: number): number => (at < findings.length ? 0 : 3) + RANK[shown[at]?.severity ?? "info"];
    const mine = shown.map((_, at) => at).filter((at) => !this.#family || family(shown[at]) === this.#family);
    return mine.sort((a, b) => rank(a) - rank(b) || a - b);
  }

  #lines(shown: Finding[], chosen: number): TemplateResult {
    const { findings } = this.store;
    const line = (at: number): TemplateResult => this.#line(shown[at] as Finding, at, at === chosen);
    const ordered = this.#ordered();
    const deeper = ordered.filter((at) => at >= findings.length);
    return html`${ordered.filter((at) => at < findings.length).map(line)}
      ${deeper.length
        ? html`<div role="group" aria-labelledby="deeper"><div class="problem-head" id="deeper" data-testid="deeper">${this.#deeper()} <span class="pill">${deeper.length}</span></div>${deeper.map(line)}</div>`
        : ""}`;
  }

  /** Where the deeper findings come from. */
  #deeper(): string {
    return this.store.proved ? `v${this.store.check?.version}, deeper check` : "Draft, deeper look";
  }

  #clear(): TemplateResult {
    const { proved, walk, revision } = this.store;
    const limits = walk?.revision === revision && !proved ? (walk.limits ?? []) : [];
    const about = proved
      ? "Every rule holds, those of the deeper check too."
      : "Every rule that runs while typing holds. Saving a version has both sides of a call walked through together.";
    return html`<div class="all-clear" data-testid="no-problems">${icon(limits.length ? "check" : "proved")}<b>No problems</b>
      <p class="small">${[about, ...limits].join(" ")}</p></div>`;
  }

  #line(finding: Finding, at: number, chosen: boolean): TemplateResult {
    const where = finding.state ?? (finding.row !== null ? this.store.row(finding.row)?.from_state : "") ?? "";
    return html`<button class="problem" type="button" role="option" aria-selected=${chosen} data-testid=${at < this.store.findings.length ? "problem" : "deep-problem"}
      data-code=${finding.code} @click=${() => this.choose(at)}>
      ${icon(GLYPH[finding.severity], KIND[finding.severity], finding.severity)}
      <span class="grow"><span class="t">${finding.message}</span>
      <span class="row"><span class="code">${finding.code}</span><span class="s">${where ? `${where} · ` : ""}line ${finding.line}</span></span></span>
    </button>`;
  }

  #detail(finding: Finding): TemplateResult {
    return html`<div class="head">${icon(GLYPH[finding.severity], KIND[finding.severity])}<h2 class="grow">${finding.message}</h2>
        <span class="mono ink3">${this.#code(finding.code)} · line ${finding.line}</span></div>
      ${finding.explanation ? html`<p class="ink2">${prose(finding.explanation)}</p>` : ""}
      ${finding.trace?.length ? this.player.draw(finding.trace) : ""}
      <div class="row wrap">
        <button class="btn small" type="button" @click=${() => this.show(finding)}>${icon("arrow")}Show line ${finding.line}</button>
        ${finding.trace?.length ? html`<button class="btn small" type="button" data-testid="try-trace" @click=${() => this.follow?.(finding.trace ?? [])}>${icon("play")}Try this</button>` : ""}
        ${this.#fix(finding)}
      </div>
      ${finding.confidence !== "proved" ? html`<p class="small ink3">Confidence: ${finding.confidence}</p>` : ""}`;
  }

  #code(code: string): TemplateResult | string {
    const page = this.store.pageOf(code);
    return page ? html`<a href=${page} data-testid="rule-link">${code}</a>` : code;
  }

  /** Show what the fix of a finding changes, and do it when asked. */
  offer(finding: Finding): void {
    const { fix } = finding;
    if (!fix?.operation) return;
    offerEdit(this.actions, { title: `${fix.label ?? "Apply the fix"}?`, verb: fix.label ?? "Apply the fix", operation: fix.operation, parameters: fix.arguments ?? {} });
  }

  #fix(finding: Finding): TemplateResult | string {
    const fix = finding.fix;
    if (!fix?.operation || !fix.arguments || !this.store.can.edit) return "";
    return html`<button class="btn small" type="button" data-testid="preview-fix" @click=${() => this.offer(finding)}>${icon("eye")}See the change…</button>
      <button class="btn primary small" type="button" data-testid="apply-fix"
      @click=${() => void this.actions.edit(fix.operation ?? "", fix.arguments ?? {})}>${icon("check")}${fix.label ?? "Apply the fix"}</button>`;
  }
}

/** The letters a code begins with. */
function family(finding: Finding | undefined): string {
  return finding?.code.replace(/\d+$/, "") ?? "";
}
