import { html, render } from "lit";
import type { Scale } from "./scales";

let drawn = "";

/** The legend: always with the numbers of each step. */
export function legend(host: HTMLElement, scale: Scale, note: string, edges = "fired in the last minute"): void {
  const key = JSON.stringify([scale, note]);
  if (key === drawn) return;
  drawn = key;
  render(
    html`<div class="row wrap"><b class="grow">${scale.title}${note ? html` <span class="ink3">${note}</span>` : ""}</b><span class="row fired-key"><span class="line" aria-hidden="true"></span>${edges}</span></div>
      <div class="bar">${scale.labels.map((label, at) => html`<span class="h${at}">${label}</span>`)}</div>`,
    host,
  );
}
