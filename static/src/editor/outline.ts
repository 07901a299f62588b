import { html, render, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { same, type Selection } from "../lib/selection";
import type { PictureRow, PictureState } from "../lib/types";
import type { Store } from "./store";

/** The tree of states by group with their rows: everything the diagram says, for those who do not see it. */
export class Outline {
  readonly #open = new Set<string>();
  #words = "";

  constructor(
    private readonly host: HTMLElement,
    search: HTMLInputElement,
    private readonly store: Store,
  ) {
    host.replaceChildren();
    store.on(["document", "selection", "check"], () => this.draw());
    search.addEventListener("input", () => {
      this.#words = search.value.trim().toLowerCase();
      this.draw();
    });
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "ArrowDown") {
        event.preventDefault();
        this.host.querySelector<HTMLElement>("[role=treeitem]")?.focus();
      }
    });
    host.addEventListener("keydown", (event) => this.#key(event));
    this.draw();
  }

  draw(): void {
    const { picture, selection } = this.store;
    if (!picture) {
      render(html`<p class="hint">No state yet. Add one with N, or write it in the text.</p>`, this.host);
      return;
    }
    const row = selection?.kind === "row" ? this.store.row(selection.index) : undefined;
    if (row) this.#open.add(row.from_state);
    if (selection?.kind === "state") this.#open.add(selection.name);
    const groups = new Map<string, PictureState[]>();
    for (const state of picture.states) groups.set(state.group, [...(groups.get(state.group) ?? []), state]);
    const wild = this.store.rowsOf("*");
    const sum = this.host.parentElement?.querySelector(".sum");
    if (sum) sum.textContent = `${picture.states.length} states · ${picture.rows.length} rows`;
    render(
      html`${[...groups].map(([name, states]) => this.#group(name, states))}
      ${wild.length ? html`<p class="group">Any state</p>${wild.map((item) => this.#row(item))}` : ""}`,
      this.host,
    );
    const selected = this.host.querySelector('[aria-selected="true"]');
    if (this.store.source !== "outline") selected?.scrollIntoView({ block: "nearest" });
    if (!this.host.querySelector('[role="treeitem"][tabindex="0"]')) {
      this.host.querySelector('[role="treeitem"]')?.setAttribute("tabindex", "0");
    }
  }

  #group(name: string, states: PictureState[]): TemplateResult | string {
    const shown = states.filter((state) => this.#matches(state));
    if (!shown.length) return "";
    return html`${name ? html`<p class="group">${icon("down")}${title(name)}</p>` : ""}${shown.map((state) => this.#state(state))}`;
  }

  #state(state: PictureState): TemplateResult {
    const rows = this.store.rowsOf(state.name);
    const mine: Selection = { kind: "state", name: state.name };
    const selected = same(this.store.selection, mine);
    const open = this.#open.has(state.name) || this.#words !== "";
    const role = (state.role ?? "Both").toLowerCase();
    return html`<button class="tr" type="button" role="treeitem" aria-level="1" tabindex=${selected ? 0 : -1}
        aria-selected=${selected} aria-expanded=${open} data-testid="outline-state-${state.name}"
        @click=${() => this.#choose(mine)}>
        <span class="shape ${role}"></span><span class="clip">${state.name}</span>${this.#end(state, rows)}
      </button>
      ${open ? rows.filter((row) => this.#rowMatches(row) || this.#nameMatches(state)).map((row) => this.#row(row)) : ""}`;
  }

  #end(state: PictureState, rows: PictureRow[]): TemplateResult {
    const own = this.store.problems({ state: state.name });
    let { errors, warnings } = own;
    for (const row of rows) {
      const found = this.store.problems({ row: row.index });
      errors += found.errors;
      warnings += found.warnings;
    }
    if (errors) return html`<span class="end f-error">${icon("error", "", "errors")}${errors}</span>`;
    if (warnings) return html`<span class="end f-warning">${icon("warning", "", "warnings")}${warnings}</span>`;
    return html`<span class="end">${state.final ? "final" : rows.length}</span>`;
  }

  #row(row: PictureRow): TemplateResult {
    const mine: Selection = { kind: "row", index: row.index };
    const selected = same(this.store.selection, mine);
    const target = row.next_state === null ? "stay" : this.store.state(row.next_state)?.final ? "end" : row.next_state;
    const found = this.store.problems({ row: row.index });
    const kind = found.errors ? "f-error" : found.warnings ? "f-warning" : "";
    return html`<button class="tr sub" type="button" role="treeitem" aria-level="2" tabindex=${selected ? 0 : -1}
      aria-selected=${selected} data-testid="outline-row-${row.index}" @click=${() => this.#choose(mine)}>
      <span class="clip">${row.label}${row.guards.length ? ` [${row.guards.join(", ")}]` : ""}</span>
      <span class="end ${kind}">${found.errors ? icon("error", "", "error") : found.warnings ? icon("warning", "", "warning") : ""}<span class="clip">${target}</span></span>
    </button>`;
  }

  #choose(selection: Selection): void {
    if (selection?.kind === "state" && same(selection, this.store.selection)) {
      if (this.#open.has(selection.name)) this.#open.delete(selection.name);
      else this.#open.add(selection.name);
    }
    this.store.select(selection, "outline");
  }

  #matches(state: PictureState): boolean {
    return this.#nameMatches(state) || this.store.rowsOf(state.name).some((row) => this.#rowMatches(row));
  }

  #nameMatches(state: PictureState): boolean {
    return state.name.toLowerCase().includes(this.#words);
  }

  #rowMatches(row: PictureRow): boolean {
    const text = [row.label, row.next_state ?? "", row.id, ...row.guards, ...row.actions.map((action) => action.name)].join(" ");
    return text.toLowerCase().includes(this.#words);
  }

  #key(event: KeyboardEvent): void {
    const items = [...this.host.querySelectorAll<HTMLElement>("[role=treeitem]")];
    const at = items.indexOf(event.target as HTMLElement);
    if (at < 0) return;
    const by: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
    const next = by[event.key];
    if (next !== undefined) {
      event.preventDefault();
      items[next]?.focus();
    } else if (event.key.length === 1 && /\w/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const ordered = [...items.slice(at + 1), ...items.slice(0, at + 1)];
      ordered.find((item) => item.textContent?.trim().toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
      event.stopPropagation();
    }
  }
}

function title(group: string): string {
  return group.charAt(0).toUpperCase() + group.slice(1);
}
