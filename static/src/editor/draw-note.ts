import { html, nothing, render, type TemplateResult } from "lit";
import type { Form } from "../graph/renderer";
import { icon } from "../lib/icon";
import type { Store } from "./store";
import type { Views } from "./views";

/** Says on the canvas what is not drawn, and how to have it drawn. */
export class DrawNote {
  #form: Form | null = "full";

  constructor(
    private readonly host: HTMLElement,
    private readonly store: Store,
    private readonly views: () => Views,
  ) {
    store.on(["document", "view"], () => this.draw());
    this.draw();
  }

  /** The picture was drawn in this form, or not at all. */
  form(form: Form | null): void {
    this.#form = form;
    this.draw();
  }

  draw(): void {
    const said = this.#said();
    this.host.hidden = said === null;
    render(said ?? nothing, this.host);
  }

  #said(): TemplateResult | null {
    const drawn = this.store.drawn;
    if (!drawn) return null;
    const words: string[] = [];
    if (this.#form === null) words.push("This picture takes too long to draw, so the one before stands.");
    if (this.#form === "simple") words.push("Lines are straight: with curves this picture took too long.");
    if (drawn.fold.length) words.push(drawn.fold.length === 1 ? `${drawn.fold[0]} is folded.` : `${drawn.fold.length} groups are folded.`);
    if (!drawn.failures) words.push("Edges of failures are left out.");
    if (!drawn.rows) words.push("Rows are left out.");
    if (!words.length) return null;
    const less = this.#form === null;
    return html`${icon(less ? "warning" : "info")}<span>${words.join(" ")}</span>
      ${less && drawn.rows ? html`<button class="btn small" type="button" @click=${() => this.views().rows()}>Leave the rows out</button>` : ""}
      ${drawn.fold.length ? html`<button class="btn small" type="button" data-testid="unfold-all" @click=${() => this.views().fold([])}>Open all</button>` : ""}
      ${!less && !drawn.rows ? html`<button class="btn small" type="button" data-testid="draw-rows" @click=${() => this.views().rows()}>Draw rows</button>` : ""}
      ${!less && !drawn.failures ? html`<button class="btn small" type="button" @click=${() => this.views().failures()}>Draw them</button>` : ""}`;
  }
}
