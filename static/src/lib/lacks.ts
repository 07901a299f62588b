import { html, render } from "lit";
import { icon } from "./icon";

/** One thing that stands in the way of a deployment. */
export interface Lack {
  key: string;
  sentence: string;
  url: string;
}

/** Ask what a version lacks; nothing where its flow asks for nothing, or nobody can tell now. */
export async function lacksOf(address: string): Promise<Lack[]> {
  const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
  return answer?.ok ? ((await answer.json()) as { lacks: Lack[] }).lacks : [];
}

/** Say in a dialog what is missing, and ask for the reason of whoever may pass over it. */
export async function showLacks(host: HTMLElement): Promise<void> {
  const lacks = await lacksOf(host.dataset["lacks"] ?? "");
  const form = host.closest("form");
  const send = form?.querySelector<HTMLButtonElement>('button[type="submit"]');
  const force = host.dataset["force"] === "1";
  const asks = force && !form?.querySelector("input[name=reason]:not([data-over])");
  render(
    lacks.length
      ? html`<div class="banner err small" data-testid="lacks">${icon("half")}<span class="grow"><b>Its flow asks for more before calls take it.</b>
            <ul class="lacks">${lacks.map((lack) => html`<li>${lack.url ? html`<a href=${lack.url}>${lack.sentence}</a>` : lack.sentence}</li>`)}</ul>
            ${force ? "It goes live now only with a reason, which is kept and shown." : "Your account may not pass over it."}</span></div>
          ${asks ? html`<label class="field"><span class="label">Reason for passing over it</span><input class="input" name="reason" data-over required autocomplete="off" data-testid="lacks-reason"></label>` : ""}`
      : "",
    host,
  );
  send?.toggleAttribute("disabled", lacks.length > 0 && !force);
}
