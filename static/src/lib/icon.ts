import { html, type TemplateResult } from "lit";

/** One symbol of the icon sheet, decorative unless it gets a label. */
export function icon(name: string, kind = "", label = ""): TemplateResult {
  return label
    ? html`<svg class="i ${kind}" role="img" aria-label=${label}><use href="#i-${name}"></use></svg>`
    : html`<svg class="i ${kind}" aria-hidden="true"><use href="#i-${name}"></use></svg>`;
}
