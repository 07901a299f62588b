import { html, type TemplateResult } from "lit";

export interface DiffLine {
  kind: "same" | "added" | "removed" | "gap";
  left: number | null;
  right: number | null;
  text: string;
}

const SIGN = { same: "", added: "+", removed: "−", gap: "" } as const;
const KIND = { same: "", added: "new", removed: "old", gap: "gap" } as const;

/** Two texts line by line: what was added, what was taken away, and how many equal lines lie between. */
export function diffLines(lines: DiffLine[]): TemplateResult {
  return html`<div class="diff-lines" tabindex="0" role="region" aria-label="Differences" data-testid="diff-lines">${lines.map(
    (line) => html`<div class="dl ${KIND[line.kind]}"><span class="no">${line.right ?? line.left ?? ""}</span><span class="sign">${SIGN[line.kind]}</span><code>${line.text}</code></div>`,
  )}</div>`;
}
