import { html, render, type TemplateResult } from "lit";
import "../lib/combo";
import { icon } from "../lib/icon";
import type { Finding } from "../lib/types";
import type { Actions } from "./actions";
import type { Fires } from "./fires";
import { FlowForm } from "./flow-form";
import { RowForm } from "./row-form";
import { StateForm } from "./state-form";
import type { Store } from "./store";

/** The form of what is selected. */
export class Inspector {
  readonly #row: RowForm;
  readonly #state: StateForm;
  readonly #flow: FlowForm;
  #title = "";

  constructor(
    private readonly host: HTMLElement,
    private readonly store: Store,
    actions: Actions,
    fires: Fires,
    addRow: () => void,
    offer: (finding: Finding) => void,
    /** Where the keys go that leave the form. */
    leave: () => void,
  ) {
    host.replaceChildren();
    host.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      leave();
    });
    this.#row = new RowForm(store, actions, fires, offer);
    this.#state = new StateForm(store, actions, addRow);
    this.#flow = new FlowForm(store, actions);
    store.on(["document", "selection", "deployment", "pending", "check"], () => this.draw());
    this.draw();
  }

  draw(): void {
    const { selection, store } = { selection: this.store.selection, store: this.store };
    const row = selection?.kind === "row" ? store.row(selection.index) : undefined;
    const state = selection?.kind === "state" ? store.state(selection.name) : undefined;
    const title = row ? `Row ${row.id || row.label}` : state ? `State ${state.name}` : store.flow;
    const open = row !== undefined || state !== undefined;
    this.host.classList.toggle("open", open);
    // A class of its own, not `:has`: that would be asked anew of the whole page at each change in it.
    this.host.closest(".editor")?.classList.toggle("inspecting", open);
    const body = row ? this.#row.draw(row) : state ? this.#state.draw(state) : this.#flow.draw();
    render(this.#frame(title, body), this.host);
    // Another form begins at its top; the same one stays where the reader is.
    if (title !== this.#title) requestAnimationFrame(() => this.host.querySelector(".scroll")?.scrollTo(0, 0));
    this.#title = title;
  }

  /** Put the focus into the first field, or into the name of a state. */
  focus(): void {
    this.host.querySelector<HTMLElement>("#state-name, [aria-checked='true'], input, button")?.focus();
  }

  #frame(title: string, body: TemplateResult): TemplateResult {
    return html`<div class="panel-head"><h2 class="grow clip" data-testid="inspector-title">${title}</h2>
        <button class="btn quiet icon small close" type="button" aria-label="Close the inspector" @click=${() => this.store.select(null, "inspector")}>${icon("x")}</button></div>
      <div class="scroll" tabindex="0" role="region" aria-label="Properties"><fieldset class="form" ?disabled=${!this.store.can.edit || !this.store.compiles || !this.store.connected}>
        ${this.store.can.edit ? "" : html`<p class="banner small">${icon("lock")}<span>Your account may look at this flow, not change it.</span></p>`}
        ${this.store.compiles ? "" : html`<p class="banner warn small">${icon("warning")}<span>The text does not compile. Mend it in the YAML; the forms follow then.</span></p>`}
        ${body}
      </fieldset></div>`;
  }
}
