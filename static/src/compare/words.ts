import type { RowMark } from "./marks";

/** The changes in words: what is chosen in the picture is marked here, and F8 goes through them. */
export class Words {
  readonly #items: HTMLElement[];

  constructor(
    private readonly host: HTMLElement,
    private readonly choose: (hash: string) => void,
  ) {
    this.#items = [...host.querySelectorAll<HTMLElement>(".changes > .change:not(.none)")];
    for (const item of this.#items) {
      item.addEventListener("click", (event) => {
        const link = item.querySelector<HTMLAnchorElement>("a.t");
        if (!link || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        this.#go(item);
      });
    }
    host.querySelector('[data-part="on"]')?.addEventListener("click", () => this.#step(1));
    host.querySelector('[data-part="back"]')?.addEventListener("click", () => this.#step(-1));
    window.addEventListener("keydown", (event) => {
      if (event.key !== "F8") return;
      event.preventDefault();
      this.#step(event.shiftKey ? -1 : 1);
    });
  }

  /** Mark what is said of a row or a state. */
  show(row: RowMark | null, state: string | null): void {
    let first: HTMLElement | null = null;
    for (const item of this.#items) {
      const { subject, old, new: now, state: name } = item.dataset;
      const same = (index: number | null | undefined, said: string | undefined): boolean => index != null && said === String(index);
      const chosen = subject === "row" ? same(row?.old, old) || same(row?.new, now) : subject === "state" && state !== null && state === name;
      this.#mark(item, chosen);
      if (chosen) first ??= item;
    }
    if (first && !first.closest("details:not([open])")) this.#reveal(first);
  }

  #step(by: number): void {
    const shown = this.#items.filter((item) => item.querySelector("a.t") && !item.closest("details:not([open])"));
    const at = shown.findIndex((item) => item.classList.contains("chosen"));
    const next = shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : (at + by + shown.length) % shown.length];
    if (next) this.#go(next);
  }

  #go(item: HTMLElement): void {
    this.choose(item.querySelector("a.t")?.getAttribute("href") ?? "");
    for (const other of this.#items) if (other !== item) this.#mark(other, false);
    this.#mark(item, true);
    this.#reveal(item);
  }

  #mark(item: HTMLElement, chosen: boolean): void {
    item.classList.toggle("chosen", chosen);
    const link = item.querySelector("a.t");
    if (chosen) link?.setAttribute("aria-current", "true");
    else link?.removeAttribute("aria-current");
  }

  #reveal(item: HTMLElement): void {
    const list = this.host.querySelector<HTMLElement>(".words-list");
    if (!list) return;
    const top = item.offsetTop - list.offsetTop;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + item.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top + item.offsetHeight - list.clientHeight;
  }
}
