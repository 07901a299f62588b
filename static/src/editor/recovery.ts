import { html, render } from "lit";
import { diffLines, type DiffLine } from "../lib/diff-lines";
import { openDialog } from "../lib/dialog";
import { icon } from "../lib/icon";
import { Kept } from "../lib/kept";
import type { Frame } from "../lib/socket";
import { ago } from "../lib/times";
import type { Store } from "./store";

interface Typed {
  text: string;
  at: number;
}

/** What was typed while the server could not be reached is kept in the browser, and offered when the page is opened again. */
export class Recovery {
  readonly #kept: Kept<Typed | null>;
  #offered: Typed | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly store: Store,
    private readonly means: { unsent(): boolean; ask(frame: Frame): Promise<Frame>; put(text: string): void; text(): string },
  ) {
    this.#kept = new Kept<Typed | null>(store.user, `offline:${store.flow}`, null);
    const kept = store.can.edit ? this.#kept.get() : null;
    if (kept && kept.text !== means.text()) this.#offered = kept;
    else this.#kept.set(null);
    store.on(["document", "connection"], () => this.#settled());
    this.#draw();
  }

  /** A text was typed: keep it here for as long as the server does not have it. */
  typed(text: string): void {
    if (this.store.connected) return;
    try {
      this.#kept.set({ text, at: Date.now() / 1000 });
    } catch {
      // The browser's storage is full: the text is still on the screen, and goes out with the line.
      this.#kept.set(null);
    }
  }

  /** What the server took needs no second keeping. */
  #settled(): void {
    if (this.store.connected && !this.means.unsent() && !this.#offered) this.#kept.set(null);
  }

  #draw(): void {
    const offered = this.#offered;
    render(
      offered
        ? html`<div class="banner accent recovery" role="status" data-testid="recovery">${icon("clock")}<span class="grow"><b>What you typed offline ${ago(offered.at)} is still here.</b> It never reached the server. Your draft is as the server has it.</span>
            <button class="btn small" type="button" data-testid="recovery-compare" @click=${() => void this.#compare(offered)}>Compare</button>
            <button class="btn small primary" type="button" data-testid="recovery-restore" @click=${() => this.#restore(offered)}>Restore it</button>
            <button class="btn small quiet" type="button" data-testid="recovery-drop" @click=${() => this.#drop()}>Let it go</button></div>`
        : "",
      this.host,
    );
  }

  async #compare(offered: Typed): Promise<void> {
    const answer = await this.means.ask({ type: "try", ask: "compare", arguments: { text: offered.text } });
    const lines = answer.type === "refused" ? null : (answer["lines"] as DiffLine[]);
    openDialog(
      (dialog) => html`<div class="dialog-head"><h2>Restore what was typed offline?</h2></div>
        <div class="dialog-body"><p class="ink2">Your draft, and what restoring would change in it. It is one edit and can be undone.</p>${lines ? diffLines(lines) : html`<p class="banner err small">${icon("error")}<span>${String(answer["message"])}</span></p>`}</div>
        <div class="dialog-foot"><button class="btn" type="button" data-close data-first>Keep the draft</button>
          <button class="btn primary" type="button" @click=${() => {
            dialog.close();
            this.#restore(offered);
          }}>Restore it</button></div>`,
      "wide",
      "recovery-dialog",
    );
  }

  #restore(offered: Typed): void {
    this.#drop();
    this.means.put(offered.text);
  }

  #drop(): void {
    this.#offered = null;
    this.#kept.set(null);
    this.#draw();
  }
}
