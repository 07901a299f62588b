import { html, render } from "lit";
import { icon } from "../lib/icon";
import { callTime } from "../lib/times";
import { legBox } from "./steps";
import type { CallStore } from "./store";

/** On a phone: what is under the cursor, at the foot of the screen, with the ways to its message and its reason. */
export class Sheet {
  constructor(
    private readonly host: HTMLElement,
    private readonly store: CallStore,
    private readonly go: (tab: "message" | "why") => void,
  ) {
    store.on(() => this.draw());
    this.draw();
  }

  draw(): void {
    const { item, step } = this.store;
    this.host.hidden = !step && !item;
    const title = item?.kind === "sip" ? item.label : (step?.label ?? item?.label ?? "");
    const bad = item?.kind === "sip" ? item.style === "bad" : step?.kind === "unhandled";
    const leg = this.store.legOf(step?.leg ?? item?.leg ?? "");
    const time = item?.time ?? (step ? step.time - this.store.began : 0);
    render(
      html`<p class="sheet-head">${bad ? icon("x", "err") : ""}<b class="clip">${title}</b><span class="grow"></span>${leg ? legBox(leg.letter, leg.role) : ""}<span class="mono">${callTime(time)}</span></p>
        ${step ? html`<p class="ink2">${step.kind === "unhandled" ? html`No row of <b>${step.from_state}</b> took ${step.label}.` : step.from_state === step.to_state ? html`The call stays in <b>${step.to_state}</b>.` : html`<b>${step.from_state}</b> went to <b>${step.to_state}</b>.`}</p>` : ""}
        <div class="sheet-acts"><button class="btn" type="button" data-testid="sheet-message" @click=${() => this.go("message")}>Raw message</button><button class="btn" type="button" data-testid="sheet-why" @click=${() => this.go("why")}>Why this row</button></div>`,
      this.host,
    );
  }
}
