import { html, render } from "lit";
import { announce } from "../lib/announce";
import { note, noted } from "../lib/address";
import { icon } from "../lib/icon";
import type { Drawn } from "./document";
import { FORMS, named } from "./export";
import type { Link } from "./link";
import type { Store } from "./store";

const MOST_HOPS = 3;

/** How the table is drawn: role, folded groups, failures, rows, and how far around the selection. All of it is in the address. */
export class Views {
  /** How many steps around the selection stay bright; 0 shows all alike. */
  hops = Math.min(MOST_HOPS, Number(noted("focus") ?? 0) || 0);
  #asked: { role: string | null; fold: string[] | null; failures: boolean; rows: boolean | null };

  constructor(
    private readonly host: HTMLElement,
    private readonly store: Store,
    private readonly link: Link,
    private readonly focused: () => void,
  ) {
    const query = new URL(location.href).searchParams;
    const rows = query.get("rows");
    this.#asked = {
      role: query.get("role"),
      fold: query.has("fold") ? query.getAll("fold").filter((name) => name !== "") : null,
      failures: query.get("failures") !== "0",
      rows: rows === null ? null : rows === "1",
    };
    store.later(["document", "view"], () => this.draw());
    store.on(["role"], () => this.role(store.role === "all" ? null : store.role));
    store.on(["connection"], () => {
      // The line opens with the view of the address as it was when the page came.
      if (store.connected) this.#ask();
    });
    this.draw();
  }

  get drawn(): Drawn | null {
    return this.store.drawn;
  }

  role(role: string | null): void {
    if (role === this.#asked.role) return;
    this.#asked.role = role;
    note("role", role);
    this.#ask();
  }

  fold(names: string[]): void {
    this.#asked.fold = names;
    const address = new URL(location.href);
    address.searchParams.delete("fold");
    for (const name of names.length ? names : [""]) address.searchParams.append("fold", name);
    if (!names.length && !this.drawn?.large) address.searchParams.delete("fold");
    history.replaceState(history.state, "", address);
    this.#ask();
    announce(names.length ? `Folded: ${names.join(", ")}` : "No group is folded");
  }

  /** Fold a group, or open it. */
  toggle(name: string): void {
    const now = this.drawn?.fold ?? [];
    this.fold(now.includes(name) ? now.filter((other) => other !== name) : [...now, name]);
  }

  foldAll(): void {
    const groups = this.drawn?.groups ?? [];
    this.fold(this.drawn?.fold.length === groups.length ? [] : groups);
  }

  failures(): void {
    this.#asked.failures = !(this.drawn?.failures ?? true);
    note("failures", this.#asked.failures ? null : "0");
    this.#ask();
    announce(this.#asked.failures ? "Failures are drawn with their edges" : "Failures are folded");
  }

  rows(): void {
    this.#asked.rows = !(this.drawn?.rows ?? true);
    note("rows", this.#asked.rows ? "1" : "0");
    this.#ask();
    announce(this.#asked.rows ? "Rows are drawn" : "States are drawn without their rows");
  }

  /** One step further around the selection, then all again. */
  focus(hops = (this.hops + 1) % (MOST_HOPS + 1)): void {
    this.hops = hops;
    note("focus", hops ? String(hops) : null);
    this.draw();
    this.focused();
    announce(hops ? `${hops} ${hops === 1 ? "step" : "steps"} around the selection` : "All of it");
  }

  /** All of it as it would be drawn without anybody's wish. */
  reset(): void {
    this.#asked = { role: this.#asked.role, fold: null, failures: true, rows: null };
    for (const name of ["fold", "failures", "rows"]) note(name, null);
    this.#ask();
  }

  #ask(): void {
    void this.link.ask({ type: "view", ...this.#asked });
  }

  draw(): void {
    const drawn = this.drawn;
    if (!drawn) return;
    const check = (on: boolean, title: string, run: () => void, testid: string): unknown =>
      html`<button type="button" role="checkbox" aria-checked=${on} data-testid=${testid} @click=${run}><span class="tick">${on ? icon("check") : ""}</span>${title}</button>`;
    render(
      html`${drawn.groups.length
          ? html`<p class="label">Groups, open or folded</p>
              ${drawn.groups.map((name) => check(!drawn.fold.includes(name), name, () => this.toggle(name), `group-${name}`))}
              ${check(drawn.fold.length === 0, "All groups open", () => this.foldAll(), "fold-all")}<hr />`
          : ""}
        ${check(drawn.failures, "Edges of failures", () => this.failures(), "show-failures")}
        ${check(drawn.rows, "Rows in the states", () => this.rows(), "show-rows")}<hr />
        <p class="label">Bright around the selection</p>
        <div class="seg small hops" role="radiogroup" aria-label="Steps around the selection">
          ${[0, 1, 2, 3].map((hops) => html`<button type="button" role="radio" aria-checked=${hops === this.hops} data-testid="hops-${hops}" @click=${() => this.focus(hops)}>${hops || "All"}</button>`)}
        </div><hr />
        <p class="label">Save as</p>
        <div class="forms">${FORMS.map((form) => html`<button type="button" data-do="export-${form}" data-testid="export-${form}">${named(form)}</button>`)}</div>`,
      this.host,
    );
  }
}
