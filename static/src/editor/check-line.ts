import { html, render, type TemplateResult } from "lit";
import { count } from "../lib/count";
import { icon } from "../lib/icon";
import type { Actions } from "./actions";
import type { Verdict, WalkFrame } from "./document";
import type { Store } from "./store";

/** Milliseconds without a word of a check that waits or runs, after which it is asked for. */
const SILENCE = 4000;

/** The deeper looks: at the draft while it changes, at the version once it is saved. */
export class CheckLine {
  #timer = 0;

  constructor(
    private readonly host: HTMLElement,
    private readonly store: Store,
    private readonly actions: Actions,
  ) {
    host.replaceChildren();
    store.on(["check", "document"], () => this.draw());
    this.draw();
  }

  draw(): void {
    const { check, checks, walk, revision, saved, compiles } = this.store;
    const verdict = check ? checks.get(check.version) : undefined;
    const underway = verdict?.state === "running" || verdict?.state === "queued";
    const draft = walk !== null && walk.revision === revision && compiles && !saved && !underway;
    const said = draft ? ofDraft(walk) : check && verdict ? this.#ofVersion(check.version, verdict) : "";
    render(said, this.host);
    this.host.dataset["state"] = check?.state ?? "";
    this.host.dataset["verdict"] = verdict?.state ?? "";
    window.clearTimeout(this.#timer);
    if (underway && check) this.#timer = window.setTimeout(() => this.#ask(check.version), SILENCE);
  }

  #ask(version: number): void {
    if (this.store.connected) this.actions.look(version);
    this.#timer = window.setTimeout(() => this.#ask(version), SILENCE);
  }

  #ofVersion(version: number, verdict: Verdict): TemplateResult {
    const page = (this.store.urls["version"] ?? "").replace("{number}", String(version));
    const link = (kind: string, text: string): TemplateResult => html`<a class=${kind} href=${page} data-testid="check">${text}</a>`;
    const again = this.#button(version, "again", "Check again");
    const found = (verdict.errors ?? 0) + (verdict.warnings ?? 0);
    const searched = `${count(verdict.explored ?? 0)} states searched${verdict.complete === false ? ", not all" : ""} · ${(verdict.seconds ?? 0).toFixed(1)} s`;
    const findings = `${found} ${found === 1 ? "finding" : "findings"}`;
    switch (verdict.state) {
      case "passed":
        return found
          ? html`${icon("warning", "warn")}${link("warn", `v${version}: ${findings} · ${searched}`)}`
          : html`${icon("proved", "ok")}${link("ok", `v${version}: every rule holds · ${searched}`)}`;
      case "errors":
        return html`${icon("error", "err")}${link("err", `v${version}: ${findings} · ${searched}`)}`;
      case "limited":
        return html`${icon("warning", "warn")}${link("warn", `v${version}: no error found, no proof · ${searched}`)}${again}`;
      case "stale":
        return html`${icon("clock", "warn")}${link("warn", `v${version} was checked by an older checker`)}${again}`;
      case "failed":
        return html`${icon("error", "err")}${link("err", `The deeper check of v${version} broke off`)}${again}`;
      case "cancelled":
        return html`${icon("x")}${link("ink2", `The check of v${version} was cancelled${verdict.by ? ` by ${verdict.by}` : ""}`)}${again}`;
      case "unknown":
        return html`${icon("clock")}${link("ink2", `v${version} was never checked`)}${again}`;
      default:
        return html`${icon(verdict.state === "running" ? "spin" : "clock")}<span data-testid="check">${progress(version, verdict)}</span>${this.#button(version, "cancel", "Cancel")}`;
    }
  }

  #button(version: number, act: "cancel" | "again", text: string): TemplateResult | string {
    if (!this.store.can.check) return "";
    return html`<button class="btn small quiet" type="button" data-testid="check-${act}" @click=${() => void this.actions.check(version, act)}>${text}</button>`;
  }
}

/** How far a check is: "Checking v3 · 40 % · 4 096 states · about 3 s". */
export function progress(version: number, verdict: Verdict): string {
  if (verdict.state === "queued") return `v${version} waits to be checked`;
  const parts = [`Checking v${version}`, `${Math.round(verdict.progress * 100)} %`];
  if (verdict.searched) parts.push(`${count(verdict.searched)} states`);
  if (typeof verdict.left === "number") parts.push(`about ${verdict.left} s`);
  return parts.join(" · ");
}

function ofDraft(walk: WalkFrame): TemplateResult {
  if (walk.state === "running") return html`${icon("spin")}<span data-testid="walk">Draft: looking deeper</span>`;
  if (walk.state === "failed") return html`${icon("error", "err")}<span class="err" data-testid="walk">Draft: the deeper look broke off</span>`;
  const searched = `${count(walk.explored ?? 0)} states of one side`;
  const bad = (walk.findings ?? []).filter((finding) => finding.severity === "error").length;
  if (bad) return html`${icon("error", "err")}<span class="err" data-testid="walk">Draft: ${bad} ${bad === 1 ? "error" : "errors"} · ${searched}</span>`;
  if (!walk.complete) return html`${icon("warning", "warn")}<span class="warn" data-testid="walk" title=${(walk.limits ?? []).join(" ")}>Draft: seen in part, no proof · ${searched}</span>`;
  return html`${icon("check", "ok")}<span data-testid="walk" title="Both sides together are walked through when a version is saved">Draft: one side holds · ${searched}</span>`;
}
