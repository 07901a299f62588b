import { html, LitElement, type PropertyValues, type TemplateResult } from "lit";
import { icon } from "./icon";
import { prose } from "./prose";

export interface Choice {
  name: string;
  meaning?: string;
}

let counter = 0;

/**
 * A combobox over the words of the vocabulary that also takes unknown text. Fires `choose` with the text in `detail`.
 * Lives in the light DOM so that the page's styles and labels reach it.
 */
export class Combo extends LitElement {
  static override properties = {
    value: {},
    choices: { attribute: false },
    label: {},
    placeholder: {},
    clears: { type: Boolean },
    testid: {},
    open: { state: true },
    active: { state: true },
    typed: { state: true },
  };

  declare value: string;
  declare choices: Choice[];
  declare label: string;
  declare placeholder: string;
  /** Empty the field after a choice: for adding to a list. */
  declare clears: boolean;
  declare testid: string;
  declare open: boolean;
  declare active: number;
  declare typed: string | null;
  readonly #id = `combo-${++counter}`;

  constructor() {
    super();
    this.value = "";
    this.choices = [];
    this.label = "";
    this.placeholder = "";
    this.clears = false;
    this.testid = "";
    this.open = false;
    this.active = -1;
    this.typed = null;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("value") && !this.open) this.typed = null;
  }

  protected override updated(): void {
    if (!this.open) return;
    const list = this.querySelector<HTMLElement>(".combo-list");
    const field = this.querySelector("input");
    if (!list || !field) return;
    const frame = field.getBoundingClientRect();
    const below = window.innerHeight - frame.bottom;
    list.style.left = `${frame.left}px`;
    list.style.minWidth = `${Math.max(frame.width, 200)}px`;
    list.style.maxWidth = `${Math.max(frame.width, 320)}px`;
    list.style.top = below > 200 ? `${frame.bottom + 2}px` : "";
    list.style.bottom = below > 200 ? "" : `${window.innerHeight - frame.top + 2}px`;
    list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }

  protected override render(): TemplateResult {
    const found = this.open ? this.#found() : [];
    const option = this.active >= 0 ? `${this.#id}-${this.active}` : "";
    return html`<span class="combo">
      <input class="input" role="combobox" autocomplete="off" spellcheck="false" aria-label=${this.label}
        aria-expanded=${this.open} aria-controls=${this.#id} aria-activedescendant=${option} data-testid=${this.testid}
        placeholder=${this.placeholder} .value=${this.typed ?? this.value}
        @focus=${this.#show} @click=${this.#show} @input=${this.#input} @keydown=${this.#key} @blur=${this.#blur}>
      ${icon("down")}
      ${found.length
        ? html`<div class="combo-list" role="listbox" id=${this.#id} aria-label=${this.label}>
            ${found.map((choice, at) => this.#option(choice, at))}
          </div>`
        : ""}
    </span>`;
  }

  #option(choice: Choice, at: number): TemplateResult {
    return html`<div role="option" id="${this.#id}-${at}" aria-selected=${at === this.active}
      @pointerdown=${(event: Event) => event.preventDefault()} @click=${() => this.#choose(choice.name)}>
      <b>${choice.name}</b>${choice.meaning ? html`<span>${prose(choice.meaning)}</span>` : ""}
    </div>`;
  }

  #found(): Choice[] {
    const words = (this.typed ?? "").trim().toLowerCase();
    if (!words) return this.choices;
    const starts = this.choices.filter((choice) => choice.name.toLowerCase().startsWith(words));
    const holds = this.choices.filter(
      (choice) => !starts.includes(choice) && choice.name.toLowerCase().includes(words),
    );
    return [...starts, ...holds];
  }

  #show(): void {
    if (this.open) return;
    this.open = true;
    this.active = -1;
    this.querySelector("input")?.select();
  }

  #input(event: InputEvent): void {
    this.typed = (event.target as HTMLInputElement).value;
    this.open = true;
    this.active = -1;
  }

  #key(event: KeyboardEvent): void {
    const found = this.#found();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      event.stopPropagation();
      this.open = true;
      const by = event.key === "ArrowDown" ? 1 : -1;
      this.active = (this.active + by + found.length) % Math.max(1, found.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#choose(found[this.active]?.name ?? this.typed ?? this.value);
    } else if (event.key === "Escape" && this.open) {
      event.stopPropagation();
      event.preventDefault();
      this.typed = null;
      this.open = false;
    }
  }

  #blur(): void {
    if (this.typed !== null && this.typed !== this.value && this.typed.trim() !== "") this.#choose(this.typed);
    else {
      this.open = false;
      this.typed = null;
    }
  }

  #choose(text: string): void {
    const chosen = text.trim();
    this.open = false;
    const changed = chosen !== this.value;
    this.typed = this.clears ? "" : null;
    if (this.clears && chosen === "") return;
    if (changed || this.clears) {
      if (!this.clears) this.value = chosen;
      this.dispatchEvent(new CustomEvent("choose", { detail: chosen }));
    }
    const field = this.querySelector("input");
    if (field) field.value = this.clears ? "" : chosen;
  }
}

customElements.define("word-combo", Combo);
