import { html, nothing, render } from "lit";
import { icon } from "../lib/icon";
import type { Store } from "./store";

/** On a flow that has no row yet: what the drawing is made of, and three ways to begin. */
export class Begin {
  constructor(
    private readonly host: HTMLElement,
    private readonly store: Store,
  ) {
    store.on(["document"], () => this.draw());
    this.draw();
  }

  draw(): void {
    const { store } = this;
    const picture = store.picture;
    const empty = store.can.edit && store.compiles && picture !== null && picture.rows.length === 0;
    this.host.hidden = !empty;
    render(
      empty
        ? html`<svg class="begin-drawing" viewBox="0 0 120 36" aria-hidden="true"><rect x="1" y="6" width="36" height="24" /><rect x="83" y="6" width="36" height="24" /><path d="M37 18h44m-6-5 6 5-6 5" /></svg>
            <h2>A flow is states and the rows between them</h2>
            <p>A row says: in this state, on this event, do this, go there. A call begins in <b>${picture.initial}</b>.</p>
            <ol>
              <li>Double-click an empty place: a new state.</li>
              <li>Pull the handle at the right edge of a state to another one: a new row. Over an empty place it asks where the row goes.</li>
              <li>Open Snippets below the outline for ready parts: hold, transfer, no answer.</li>
            </ol>
            <div class="row wrap"><button class="btn small" type="button" data-do="add-state">${icon("plus")}State</button><button class="btn small" type="button" data-do="add-row">${icon("plus")}Row from ${picture.initial}</button></div>`
        : nothing,
      this.host,
    );
  }
}
