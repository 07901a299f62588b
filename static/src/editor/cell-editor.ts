import { html, render } from "lit";

export interface CellEditorEvents {
  /** What was chosen or typed; `by` says where to go then: 0 stay, 1 down, 2 right, -2 left. */
  commit(text: string, by: number): void;
  cancel(): void;
}

const MOST_OFFERED = 8;

/** The field over a cell of the matrix: a target by a few letters, as in a spreadsheet. */
export class CellEditor {
  readonly #box = document.createElement("div");
  #words = "";
  #active = 0;
  #cell: HTMLElement | null = null;
  #done = true;

  constructor(
    private readonly choices: () => string[],
    private readonly events: CellEditorEvents,
  ) {
    this.#box.className = "cell-editor";
  }

  get open(): boolean {
    return !this.#done;
  }

  /** Open over a cell; what is there is replaced by `text`, and chosen whole with `whole`. */
  begin(cell: HTMLElement, text: string, whole: boolean): void {
    this.#cell = cell;
    this.#words = text;
    this.#active = 0;
    this.#done = false;
    document.body.append(this.#box);
    this.#draw(whole ? "" : text);
    const field = this.#box.querySelector("input");
    if (!field) return;
    field.value = text;
    field.focus();
    if (whole) field.select();
    else field.setSelectionRange(text.length, text.length);
    this.#place();
  }

  close(): void {
    if (this.#done) return;
    this.#done = true;
    this.#box.remove();
  }

  #found(words: string): string[] {
    const wanted = words.trim().toLowerCase();
    const all = this.choices();
    const starts = all.filter((name) => name.toLowerCase().startsWith(wanted));
    const holds = all.filter((name) => !name.toLowerCase().startsWith(wanted) && name.toLowerCase().includes(wanted));
    return [...starts, ...holds].slice(0, MOST_OFFERED);
  }

  #draw(filter: string): void {
    const found = this.#found(filter);
    this.#active = Math.min(this.#active, Math.max(0, found.length - 1));
    render(
      html`<input class="input mono" role="combobox" aria-label="Where it leads" aria-expanded="true" aria-controls="cell-choices" aria-autocomplete="list" spellcheck="false" autocomplete="off" data-testid="cell-editor"
          aria-activedescendant=${found.length ? `cell-choice-${this.#active}` : ""}
          @input=${(event: InputEvent) => {
            this.#words = (event.target as HTMLInputElement).value;
            this.#active = 0;
            this.#draw(this.#words);
          }}
          @keydown=${(event: KeyboardEvent) => this.#key(event, found, filter)} @blur=${() => this.#leave()}>
        <div role="listbox" id="cell-choices" aria-label="States">${found.map(
          (name, at) => html`<div role="option" id="cell-choice-${at}" aria-selected=${at === this.#active && filter !== ""} @pointerdown=${(event: Event) => {
            event.preventDefault();
            this.#commit(name, 0);
          }}>${name}</div>`,
        )}</div>`,
      this.#box,
    );
  }

  #key(event: KeyboardEvent, found: string[], filter: string): void {
    event.stopPropagation();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.#active = (this.#active + (event.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(1, found.length);
      const name = found[this.#active];
      const field = this.#box.querySelector("input");
      if (name && field) field.value = this.#words = name;
      this.#draw(filter);
    } else if (event.key === "Enter" || event.key === "Tab") {
      event.preventDefault();
      this.#commit(this.#meant(found), event.key === "Enter" ? 1 : event.shiftKey ? -2 : 2);
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.close();
      this.events.cancel();
    }
  }

  /** What was typed; a beginning that only one name has stands for that name. */
  #meant(found: string[]): string {
    const said = this.#words.trim();
    if (said === "" || said.includes(":") || this.choices().includes(said)) return said;
    return found[this.#active] ?? said;
  }

  #leave(): void {
    if (this.#done) return;
    // Going elsewhere takes over what was typed, as a spreadsheet does.
    this.#commit(this.#meant(this.#found(this.#words)), 0);
  }

  #commit(text: string, by: number): void {
    if (this.#done) return;
    this.close();
    this.events.commit(text, by);
  }

  #place(): void {
    const frame = this.#cell?.getBoundingClientRect();
    if (!frame) return;
    const { style } = this.#box;
    style.left = `${Math.min(frame.left, window.innerWidth - 248)}px`;
    style.width = `${Math.max(frame.width, 240)}px`;
    const below = window.innerHeight - frame.top > 280;
    style.top = below ? `${frame.top}px` : "";
    style.bottom = below ? "" : `${window.innerHeight - frame.bottom}px`;
    this.#box.classList.toggle("up", !below);
  }
}
