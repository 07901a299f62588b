import { make } from "../graph/build";
import { announce } from "../lib/announce";
import { arm } from "../lib/toast";
import type { Selection } from "../lib/selection";
import type { Stage } from "./stage";

const LOOK_AGAIN = 15_000;

/** What people say: marked in the picture, written beside the change it is about, and read again when others spoke. */
export class Talk {
  constructor(
    private readonly page: HTMLElement,
    private readonly stage: Stage | null,
    private stamp: string,
  ) {
    page.addEventListener("submit", (event) => this.#submitted(event));
    page.addEventListener("click", (event) => this.#clicked(event));
    window.addEventListener("keydown", (event) => this.#key(event));
    window.setInterval(() => void this.#look(), LOOK_AGAIN);
    void stage?.drawn.then(() => this.mark());
  }

  /** Put a numbered mark at the left of everything that was spoken of. */
  mark(): void {
    const canvas = this.stage?.canvas;
    if (!canvas || !this.stage) return;
    for (const old of canvas.overlay.querySelectorAll(".comment-mark")) old.remove();
    const places = new Map<string, HTMLElement[]>();
    for (const thread of this.#threads()) {
      const place = thread.dataset["place"] ?? "";
      if (place && thread.dataset["unresolved"] === "1") places.set(place, [...(places.get(place) ?? []), thread]);
    }
    for (const [place, threads] of places) {
      const selection = this.stage.read(place);
      const box = canvas.boxOf(selection);
      const first = threads[0];
      if (!box || !first) continue;
      const group = make("g", { class: "comment-mark", transform: `translate(${box.x - 10} ${box.y + Math.min(box.height, 26) / 2})` });
      const text = make("text", { y: 4 });
      text.textContent = threads.map((thread) => thread.dataset["number"]).join(" ");
      const width = Math.max(16, 7 * (text.textContent?.length ?? 1) + 8);
      group.append(make("path", { d: `M${-width / 2} -8h${width}v14h${-width / 2 + 4}l-6 5v-5h${-width / 2 + 2}z` }), text);
      group.addEventListener("pointerdown", (event) => event.stopPropagation());
      group.addEventListener("click", (event) => {
        event.stopPropagation();
        this.show(first);
      });
      canvas.overlay.append(group);
    }
  }

  /** Bring a thread into sight, with what it is about. */
  show(thread: HTMLElement): void {
    const place = thread.dataset["place"] ?? "";
    if (place && this.stage) this.stage.choose(this.stage.read(place));
    history.replaceState(history.state, "", `#${thread.id}`);
    thread.scrollIntoView({ block: "center" });
    thread.focus({ preventScroll: true });
  }

  /** Follow an address such as `#c-12`; false if it names no comment. */
  open(hash: string): boolean {
    const found = /^#c-\d+$/.test(hash) ? this.page.querySelector<HTMLElement>(hash) : null;
    const thread = found?.closest<HTMLElement>("[data-thread]");
    if (thread) this.show(thread);
    return Boolean(thread);
  }

  #threads(): HTMLElement[] {
    return [...this.page.querySelectorAll<HTMLElement>("[data-thread]")];
  }

  #composer(): HTMLFormElement | null {
    return this.page.querySelector<HTMLFormElement>('[data-part="composer"]');
  }

  /** Open the field on what is chosen, beside what is said of it. */
  #compose(selection: Selection): void {
    const form = this.#composer();
    if (!form || !this.stage) return;
    const place = this.stage.written(selection);
    (form.elements.namedItem("place") as HTMLInputElement).value = place;
    const on = form.querySelector<HTMLElement>('[data-part="say-on"]');
    const listed = place ? this.page.querySelector(".changes > .change.chosen .t")?.textContent : null;
    if (on) on.textContent = place ? `On ${listed ?? this.stage.name(selection)}` : "Say something of the whole change";
    form.querySelector<HTMLElement>('[data-part="say-whole"]')?.toggleAttribute("hidden", place === "");
    const item = place ? this.page.querySelector(".changes > .change.chosen") : null;
    if (item) item.after(form);
    else this.page.querySelector(".words")?.append(form);
    form.classList.toggle("placed", place !== "");
    form.querySelector("textarea")?.focus();
    form.scrollIntoView({ block: "nearest" });
  }

  #clicked(event: MouseEvent): void {
    const target = event.target as Element;
    const talk = target.closest<HTMLElement>("[data-talk]");
    if (talk && this.stage) {
      const hash = talk.closest(".change")?.querySelector("a.t")?.getAttribute("href") ?? "";
      this.stage.choose(this.stage.read(hash));
      this.#compose(this.stage.selection);
      return;
    }
    if (target.closest('[data-part="say-whole"]')) {
      this.#compose(null);
      return;
    }
    const link = target.closest<HTMLAnchorElement>("a.mark-number, .thread-on a");
    const thread = link?.closest<HTMLElement>("[data-thread]");
    if (thread) {
      event.preventDefault();
      this.show(thread);
    }
  }

  #key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const writes = target.closest("input, textarea, select, dialog") !== null;
    if (event.key === "Escape" && target.closest('[data-part="composer"]')) {
      this.stage?.canvas.focus();
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && target.closest("form[data-say]")) {
      event.preventDefault();
      target.closest<HTMLFormElement>("form[data-say]")?.requestSubmit();
      return;
    }
    if (writes || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "c") {
      event.preventDefault();
      this.#compose(this.stage?.selection ?? null);
    } else if (event.key === "n" || event.key === "N") {
      event.preventDefault();
      this.#next(event.key === "N" ? -1 : 1);
    }
  }

  /** To the next comment that is open. */
  #next(by: number): void {
    const open = this.#threads().filter((thread) => thread.dataset["unresolved"] === "1");
    const at = open.findIndex((thread) => thread === document.activeElement || thread.contains(document.activeElement));
    const next = open[at < 0 ? (by > 0 ? 0 : open.length - 1) : (at + by + open.length) % open.length];
    if (next) this.show(next);
  }

  #submitted(event: SubmitEvent): void {
    const form = event.target as HTMLFormElement;
    if (!form.matches("form[data-say]")) return;
    event.preventDefault();
    void this.#send(form);
  }

  async #send(form: HTMLFormElement): Promise<void> {
    const button = form.querySelector<HTMLButtonElement>('button[type="submit"]');
    const known = new Set(this.#said());
    const within = form.closest<HTMLElement>("[data-thread]")?.id;
    button?.setAttribute("aria-disabled", "true");
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "follow" });
    button?.removeAttribute("aria-disabled");
    const refused = this.#take(await answer.text(), form);
    if (refused) return;
    announce("Kept");
    const at = this.#said().find((id) => !known.has(id)) ?? within;
    if (at) this.open(`#${at}`);
  }

  #said(): string[] {
    return [...this.page.querySelectorAll('[id^="c-"]')].map((said) => said.id);
  }

  /** Take the panels of a page that was read anew; say whether it refuses something. What was typed stays then. */
  #take(html: string, sent: HTMLFormElement | null): boolean {
    const read = new DOMParser().parseFromString(html, "text/html");
    const toasts = document.getElementById("toasts");
    const told = read.getElementById("toasts");
    if (toasts && told) {
      toasts.replaceChildren(...told.children);
      for (const toast of toasts.querySelectorAll<HTMLElement>("[data-toast]")) arm(toast);
    }
    if (sent && toasts?.querySelector(".toast.err")) return true;
    for (const part of ["panels", "head"]) {
      const now = read.querySelector(`[data-part="${part}"]`);
      if (now) this.page.querySelector(`[data-part="${part}"]`)?.replaceWith(now);
    }
    const boot = read.getElementById("boot")?.textContent;
    if (boot) this.stamp = (JSON.parse(boot) as { stamp: string }).stamp;
    this.mark();
    const selection = this.stage?.selection;
    if (selection) this.stage?.choose(selection);
    return false;
  }

  /** Look whether others said or decided something; never while somebody writes here. */
  async #look(): Promise<void> {
    if (document.hidden || this.#writing()) return;
    const answer = await fetch(this.page.dataset["pulse"] ?? "", { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return;
    const { stamp } = (await answer.json()) as { stamp: string };
    if (stamp === this.stamp || this.#writing()) return;
    const page = await fetch(location.pathname).catch(() => null);
    if (!page?.ok || this.#writing()) return;
    this.#take(await page.text(), null);
    announce("The review has changed");
  }

  #writing(): boolean {
    const areas = [...this.page.querySelectorAll<HTMLTextAreaElement | HTMLInputElement>("textarea, input[name=reason]")];
    return areas.some((area) => area.value !== "" && area.value !== area.defaultValue) || document.querySelector("dialog[open]") !== null;
  }
}
