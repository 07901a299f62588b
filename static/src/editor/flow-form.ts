import { html, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { ago } from "../lib/times";
import type { Actions } from "./actions";
import { acknowledgements } from "./acknowledgements";
import type { Store } from "./store";

/** What the inspector shows when nothing is selected: the flow, what runs, what was saved. */
export class FlowForm {
  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
  ) {}

  draw(): TemplateResult {
    const { picture, base, latest, deployment, deployed } = this.store;
    const live = deployment ?? null;
    return html`
      <p class="ink2">${picture?.description || "No description yet."}</p>
      <div class="field"><label for="flow-description">Description</label>
        <textarea class="textarea" id="flow-description" rows="3" .value=${picture?.description ?? ""}
          @change=${(event: Event) => void this.actions.edit("set_head", { field: "description", value: (event.target as HTMLTextAreaElement).value })}></textarea></div>
      <dl class="facts"><dt>States</dt><dd>${picture?.states.length ?? 0}</dd><dt>Rows</dt><dd>${picture?.rows.length ?? 0}</dd>
        <dt>Begins in</dt><dd>${picture?.initial ?? ""}</dd><dt>Draft after</dt><dd>${base ? `v${base.number}` : "no version yet"}</dd>
        ${latest ? html`<dt>Newest version</dt><dd>v${latest.number} by ${latest.author}, ${ago(latest.created_at)}</dd>` : ""}</dl>
      <hr><h3>Runs now</h3>
      ${live
        ? html`<p>v${live.version} <span class="mono ink3">${live.digest.slice(0, 12)}</span>${live.forced ? html` <span class="chip warn">by force</span>` : ""}</p>
            ${acknowledgements(live)}`
        : html`<p class="ink3">${deployed ? `v${deployed.number} (${deployed.digest.slice(0, 12)})` : "Nothing is deployed. Calls that lead here get 480."}</p>`}
      ${this.store.changed && base
        ? html`<hr><button class="btn small" type="button" data-testid="discard" @click=${() => void this.actions.discard()}>${icon("undo")}Go back to v${latest?.number ?? base.number}</button>`
        : ""}`;
  }
}
