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
  review: HTMLAnchorElement;
}

/** The glyph and look of a version that is under review, by how the review stands. */
const REVIEWED: Record<string, { glyph: string; look: string; word: string }> = {
  open: { glyph: "half", look: "accent", word: "In review" },
  approved: { glyph: "check", look: "ok", word: "Approved" },
  changes: { glyph: "comment", look: "warn", word: "Changes requested" },
  stale: { glyph: "clock", look: "warn", word: "Review is stale" },
};

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
    const review = !changed && store.way.review?.digest === store.base?.digest ? store.way.review : null;
    const reviewed = REVIEWED[review?.state ?? ""];
    render(
      changed
        ? html`<span class="chip draft" data-testid="status">${icon("draft")}Draft</span>`
        : live
          ? html`<span class="chip live" data-testid="status">${icon("live")}Live</span>`
          : reviewed
            ? html`<span class="chip ${reviewed.look}" data-testid="status">${icon(reviewed.glyph)}${reviewed.word}</span>`
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
    const asks = store.way.required && review?.state !== "approved";
    parts.deploy?.classList.toggle("primary", !changed && !live && !asks);
    this.#review(!changed && !live && asks);
    // What may not be deployed yet is reached through its review; who may pass over that keeps the button.
    parts.deploy?.toggleAttribute("hidden", store.latest === null || (asks && !changed && !live && !store.can.force));
    const others = store.people.filter((person) => person.name !== store.user && person.name !== store.name);
    render(others.map((person) => html`<span class="avatar" title=${person.name} aria-label=${person.name}>${person.initials}</span>`), parts.people);
    this.#saved();
  }

  /** The way to the review: to ask for one where the flow wants it, or to the one that goes on. */
  #review(primary: boolean): void {
    const { store, parts } = this;
    const open = store.way.review;
    const newest = store.latest?.number;
    const goesOn = open !== null && open.digest === store.latest?.digest;
    const shown = newest !== undefined && (open !== null || (store.way.required && Boolean(store.can.ask)));
    parts.review.hidden = !shown;
    parts.review.classList.toggle("primary", primary);
    const asks = !goesOn && Boolean(store.can.ask);
    parts.review.href = asks ? `${store.urls["reviews"] ?? ""}?version=${newest ?? ""}#new` : (store.urls["review"] ?? "").replace("{number}", String(open?.number ?? ""));
    const word = parts.review.querySelector(".lbl");
    if (word) word.textContent = asks ? "Request review" : "Review";
    parts.review.setAttribute("aria-label", asks ? `Request a review of v${newest}` : `Review ${open?.number ?? ""} of v${open?.version ?? ""}`);
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
