import { html, type TemplateResult } from "lit";
import { openDialog, type OpenDialog } from "../lib/dialog";
import { icon } from "../lib/icon";
import type { Actions, EditPreview } from "./actions";

/** One edit that somebody offers. */
export interface Offer {
  title: string;
  /** What the button says. */
  verb: string;
  operation: string;
  parameters: Record<string, unknown>;
  testid?: string;
}

/** Show what an edit would change, as a difference with the findings that come and go, and do it when asked. */
export function offerEdit(actions: Actions, offer: Offer): void {
  const dialog: OpenDialog = openDialog(() => frame(offer, html`<p class="ink3">Looking at what it changes…</p>`, null), "wide", offer.testid ?? "fix-dialog");
  void actions.preview(offer.operation, offer.parameters).then((answer) => {
    if (typeof answer === "string") {
      dialog.update(frame(offer, html`<p class="banner err small" role="alert">${icon("error")}<span>${answer}</span></p>`, null));
      return;
    }
    const done = async (event: SubmitEvent): Promise<void> => {
      event.preventDefault();
      dialog.close();
      await actions.edit(offer.operation, offer.parameters);
    };
    dialog.update(frame(offer, shown(answer), done));
    document.querySelector<HTMLElement>("dialog[open] [type=submit]")?.focus();
  });
}

function frame(offer: Offer, body: TemplateResult, submit: ((event: SubmitEvent) => void) | null): TemplateResult {
  return html`<form @submit=${submit ?? ((event: Event) => event.preventDefault())}><div class="dialog-head"><h2>${offer.title}</h2></div>
    <div class="dialog-body">${body}</div>
    <div class="dialog-foot"><button class="btn" type="button" data-close data-first>Leave it</button><button class="btn primary" type="submit" aria-disabled=${submit === null} data-testid="fix-confirm">${offer.verb}</button></div></form>`;
}

/** The lines and findings of a preview. */
export function shown(preview: EditPreview): TemplateResult {
  return html`${difference(preview)}
    ${preview.gone.length || preview.come.length
      ? html`<ul class="consequences" aria-label="Findings">${preview.gone.map((finding) => html`<li class="ok">${icon("check", "ok", "goes")}<span>${finding.message}</span></li>`)}
          ${preview.come.map((finding) => html`<li>${icon(finding.severity === "error" ? "error" : finding.severity === "warning" ? "warning" : "info", finding.severity === "error" ? "err" : finding.severity === "warning" ? "warn" : "ink3", "comes")}<span>${finding.message} <span class="mono small ink3">${finding.code}</span></span></li>`)}</ul>`
      : html`<p class="small ink3">No finding comes or goes with it.</p>`}`;
}

function difference(preview: EditPreview): TemplateResult {
  if (!preview.lines.length) return html`<p class="ink2">It changes nothing.</p>`;
  return html`<div class="diff-lines" tabindex="0" role="region" aria-label="What changes" data-testid="fix-diff">${preview.lines.map(
    (line) => html`<div class="dl ${line.kind}"><span class="no">${line.number || ""}</span><span class="sign" aria-label=${line.kind === "new" ? "added" : line.kind === "old" ? "removed" : ""}>${line.kind === "new" ? "+" : line.kind === "old" ? "−" : line.kind === "gap" ? "⋯" : ""}</span><code>${line.text}</code></div>`,
  )}</div>${preview.cut ? html`<p class="small ink3">There is more of it; the first lines are shown.</p>` : ""}`;
}
