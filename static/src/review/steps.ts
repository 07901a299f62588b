import type { RowMark } from "../compare/marks";

/** The changes one after the other: F8 goes through them, and the card on the picture says where one is. */
export class Steps {
  constructor(
    private readonly page: HTMLElement,
    private readonly choose: (hash: string) => void,
  ) {
    page.addEventListener("click", (event) => this.#clicked(event));
    page.querySelector('[data-part="on"]')?.addEventListener("click", () => this.step(1));
    page.querySelector('[data-part="back"]')?.addEventListener("click", () => this.step(-1));
    window.addEventListener("keydown", (event) => {
      if (event.key !== "F8") return;
      event.preventDefault();
      this.step(event.shiftKey ? -1 : 1);
    });
  }

  /** Mark what is said of a row or a state in the list, and put it on the card. */
  show(row: RowMark | null, state: string | null): void {
    let first: HTMLElement | null = null;
    for (const item of this.#items()) {
      const { subject, old, new: now, state: name } = item.dataset;
      const same = (index: number | null | undefined, said: string | undefined): boolean => index != null && said === String(index);
      const chosen = subject === "row" ? same(row?.new, now) || (row?.new == null && same(row?.old, old)) : subject === "state" && state !== null && state === name;
      this.#mark(item, chosen);
      if (chosen) first ??= item;
    }
    this.#tell(first);
  }

  step(by: number): void {
    const shown = this.#items().filter((item) => item.querySelector("a.t") && !item.closest("details:not([open])"));
    const at = shown.findIndex((item) => item.classList.contains("chosen"));
    const next = shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : (at + by + shown.length) % shown.length];
    if (next) this.#go(next);
  }

  #items(): HTMLElement[] {
    return [...this.page.querySelectorAll<HTMLElement>(".changes > .change:not(.none)")];
  }

  #clicked(event: MouseEvent): void {
    const target = event.target as Element;
    const item = target.closest<HTMLElement>(".changes > .change");
    if (!item || target.closest("button") || event.ctrlKey || event.metaKey || !item.querySelector("a.t")) return;
    event.preventDefault();
    this.#go(item);
  }

  #go(item: HTMLElement): void {
    this.choose(item.querySelector("a.t")?.getAttribute("href") ?? "");
    for (const other of this.#items()) if (other !== item) this.#mark(other, false);
    this.#mark(item, true);
    this.#tell(item);
  }

  #mark(item: HTMLElement, chosen: boolean): void {
    item.classList.toggle("chosen", chosen);
    const link = item.querySelector("a.t");
    if (chosen) link?.setAttribute("aria-current", "true");
    else link?.removeAttribute("aria-current");
  }

  /** Put a change on the card: which of how many, and what it says. */
  #tell(item: HTMLElement | null): void {
    const body = this.page.querySelector<HTMLElement>('[data-part="step"]');
    const at = this.page.querySelector<HTMLElement>('[data-part="step-at"]');
    if (!body || !at) return;
    const real = this.#items().filter((each) => !each.closest("details"));
    const number = item ? real.indexOf(item) + 1 : 0;
    at.textContent = number ? `Change ${number} of ${real.length}` : `${real.length} change${real.length === 1 ? "" : "s"}`;
    body.hidden = number === 0;
    if (!item || number === 0) return;
    const copies = [...item.children].filter((part) => !part.matches(".talk")).map((part) => part.cloneNode(true) as HTMLElement);
    for (const copy of copies) for (const link of copy.querySelectorAll("a.t")) link.replaceWith(bold(link.textContent ?? ""));
    body.replaceChildren(...copies);
  }
}

function bold(text: string): HTMLElement {
  const made = document.createElement("b");
  made.className = "t";
  made.textContent = text;
  return made;
}
