import { html, type TemplateResult } from "lit";
import type { Line } from "./traffic";

/** What an operator may do to the followed call: buttons for the dialogs the page holds, if it holds any. */
export function operatorActs(_host: HTMLElement): (session: Line) => TemplateResult | "" {
  return () => html``;
}
