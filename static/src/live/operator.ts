import htmx from "htmx.org";
import type { Line } from "./traffic";

/** What an operator may do to the followed call: buttons and dialogs the server gives to whoever may use them. */
export class Operator {
  #shown = "";

  constructor(
    private readonly host: HTMLElement,
    private readonly url: (id: string) => string,
  ) {}

  /** Offer the acts on this call; they are asked for anew when it moved on. */
  offer(session: Line | null): void {
    const key = session ? `${session.id} ${session.state} ${session.digest}` : "";
    // Whoever is asked for a reason is not interrupted.
    if (key === this.#shown || this.host.querySelector("dialog[open]")) return;
    this.#shown = key;
    if (session) void htmx.ajax("get", this.url(session.id), { target: this.host, swap: "innerHTML" });
    else this.host.replaceChildren();
  }
}
