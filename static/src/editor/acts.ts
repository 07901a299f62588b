/** Where the keys of an act count: everywhere, outside of text fields, or on the canvas and on nothing at all. */
export type Scope = "anywhere" | "page" | "canvas";

/** Something a person can do on this page: menus, keys, the palette and the sheet of keys read the same declaration. */
export interface Act {
  id: string;
  /** In the words of a button. */
  title: string;
  /** Heading on the sheet of keys. */
  group: string;
  /** As printed: `Ctrl+Shift+Z`, `N`, `F8`; the first one is shown. Ctrl stands for Command too. */
  keys?: string[];
  scope?: Scope;
  /** Only there to be seen on the sheet: somebody else listens. */
  shown?: boolean;
  run?: () => void;
  /** Whether it can be done now; without it always. */
  can?: () => boolean;
}

/** All acts of the page by id. */
export class Acts {
  readonly #acts = new Map<string, Act>();

  add(...acts: Act[]): void {
    for (const act of acts) this.#acts.set(act.id, act);
  }

  get all(): Act[] {
    return [...this.#acts.values()];
  }

  get(id: string): Act | undefined {
    return this.#acts.get(id);
  }

  /** Do an act; false if there is none of this name or it can not be done now. */
  run(id: string): boolean {
    const act = this.#acts.get(id);
    if (!act?.run || (act.can && !act.can())) return false;
    act.run();
    return true;
  }

  /** Let every element with `data-do` do the act it names, also those drawn later. */
  wire(root: Document | HTMLElement): void {
    root.addEventListener("click", (event) => {
      const button = (event.target as Element).closest<HTMLElement>("[data-do]");
      if (button && button.getAttribute("aria-disabled") !== "true") this.run(button.dataset["do"] ?? "");
    });
  }
}

/** Whether a pressed key is what is printed. Letters compare without case; Shift counts only where it is named or a letter is. */
export function pressed(event: KeyboardEvent, printed: string): boolean {
  const parts = printed === "+" ? ["+"] : printed.endsWith("++") ? [...printed.slice(0, -2).split("+"), "+"] : printed.split("+");
  const key = parts.at(-1) ?? "";
  const wants = (name: string): boolean => parts.length > 1 && parts.slice(0, -1).includes(name);
  if ((event.ctrlKey || event.metaKey) !== wants("Ctrl") || event.altKey !== wants("Alt")) return false;
  if (/^\d$/.test(key)) return event.shiftKey === wants("Shift") && event.code === `Digit${key}`;
  if (wants("Shift") && !event.shiftKey) return false;
  // A sign may need Shift on one keyboard and not on another; a letter or a named key means without it.
  const sign = key.length === 1 && !/[a-z]/i.test(key);
  if (!sign && !wants("Shift") && event.shiftKey) return false;
  return event.key.toLowerCase() === NAMED[key]?.toLowerCase() || event.key.toLowerCase() === key.toLowerCase();
}

const NAMED: Record<string, string> = { Del: "Delete", Esc: "Escape", Space: " ", Left: "ArrowLeft", Right: "ArrowRight", Up: "ArrowUp", Down: "ArrowDown", "−": "-" };

/** Whether it is one sign or letter alone: those can be switched off (WCAG 2.1.4). */
export function single(printed: string): boolean {
  return printed.length === 1 || printed === "Space" || /^Shift\+\d$/.test(printed);
}
