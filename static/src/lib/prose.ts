import { html, type TemplateResult } from "lit";

/** A sentence of the vocabulary: what stands between backticks is a word of the table. */
export function prose(text: string): TemplateResult {
  return html`${text.split("`").map((part, at) => (at % 2 ? html`<code>${part}</code>` : part))}`;
}
