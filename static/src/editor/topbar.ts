import { html, render } from "lit";
import { icon } from "../lib/icon";
import { ago } from "../lib/times";
import type { Store } from "./store";

interface Parts {
  chip: HTMLElement;
  merge: HTMLElement;
  note: HTMLElement;
  saved: HTMLElement;
  undo: HTMLElement;
  redo: HTMLElement;
  people: HTMLElement;
  save: HTMLElement;
  deploy: HTMLElement | null;
}

/** What the bar says of the draft: what it follows, whether it is kept, who else is here, and the one way on. */
export class Topbar {
  constructor(
    private readonly parts: Parts,
    private readonly store: Store,
  ) {
    for (const part of [parts.chip, parts.merge, parts.note, parts.saved, parts.people]) part.replaceChildren();
    store.on(["document", "connection", "pending", "deployment", "people"], () => this.draw());
    window.setInterval(() => this.#saved(), 1000);
    this.draw();
  }

  draw(): void {
    const { store, parts } = this;
    parts.undo.setAttribute("aria-disabled", String(!store.canUndo));
    parts.redo.setAttribute("aria-disabled", String(!store.canRedo));
    const runs = store.deployment?.digest ?? store.deployed?.digest;
    const changed = store.changed !== false;
    const live = !changed && store.base !== null && runs === store.base.digest;
    render(
      changed
        ? html`<span class="chip draft" data-testid="status">${icon("draft")}Draft</span>`
        : live
          ? html`<span class="chip live" data-testid="status">${icon("live")}Live</span>`
          : html`<span class="chip" data-testid="status">${icon("check")}Saved</span>`,
      parts.chip,
    );
    const newer = store.latest && store.base && store.latest.number > store.base.number;
    render(newer && store.can.edit ? html`<button class="btn small" type="button" data-do="merge" data-testid="merge-open" title="v${store.latest?.number} by ${store.latest?.author} is newer than what your draft began with">${icon("swap")}Merge v${store.latest?.number}</button>` : "", parts.merge);
    render(
      html`${store.base ? (changed ? `draft after v${store.base.number}` : `v${store.base.number}`) : "no version yet"}
      ${newer ? html` · <a href=${(store.urls["compare"] ?? "#").replace("{left}", "draft").replace("{right}", String(store.latest?.number))} data-testid="newer">v${store.latest?.number} by ${store.latest?.author} is newer</a>` : ""}`,
      parts.note,
    );
    parts.save.classList.toggle("primary", changed);
    parts.deploy?.classList.toggle("primary", !changed && !live);
    parts.deploy?.toggleAttribute("hidden", store.latest === null);
    const others = store.people.filter((person) => person.name !== store.user);
    render(others.map((person) => html`<span class="avatar" title=${person.name} aria-label=${person.name}>${person.initials}</span>`), parts.people);
    this.#saved();
  }

  #saved(): void {
    const { store, parts } = this;
    const said = !store.connected
      ? html`${icon("warning", "warn")}<span data-testid="offline">Offline; what you type is kept here</span>`
      : store.pending
        ? html`Working…`
        : store.savedAt
          ? html`Draft kept ${ago(store.savedAt)}`
          : html``;
    render(said, parts.saved);
  }
}
