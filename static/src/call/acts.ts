import { html, render, type TemplateResult } from "lit";
import { csrf } from "../lib/csrf";
import { openDialog } from "../lib/dialog";
import { icon } from "../lib/icon";
import { toast } from "../lib/toast";
import type { Possible } from "./boot";
import type { CallStore } from "./store";

const GLYPH: Record<string, string> = {
  AcceptCall: "phone", RejectCall: "x", HangupCall: "hangup", HoldCall: "pause", ResumeCall: "play", MuteCall: "mic", UnmuteCall: "mic", PlayAudio: "play", SendDTMF: "keypad",
};

/** Buttons for what a person may send to the session now. */
export class Acts {
  constructor(
    private readonly host: HTMLElement,
    private readonly store: CallStore,
    private readonly url: string,
  ) {
    host.replaceChildren();
    store.on(() => this.draw());
    this.draw();
  }

  draw(): void {
    // Who is asked for a reason when hanging up is not offered to do it without one beside.
    const asked = this.host.dataset["asked"];
    render(this.store.possible.filter((act) => act.event !== asked).map((act) => this.#button(act)), this.host);
  }

  #button(act: Possible): TemplateResult {
    const danger = act.event === "HangupCall" || act.event === "RejectCall";
    const asks = Object.keys(act.fields).length > 0 && act.event !== "RejectCall";
    return html`<button class="btn ${danger ? "danger" : act.event === "AcceptCall" ? "primary" : ""}" type="button" title=${act.meaning}
      data-testid="send-${act.event}" @click=${() => (asks ? this.#ask(act) : void this.#send(act.event, {}))}>${icon(GLYPH[act.event] ?? "arrow")}${words(act.event)}${asks ? "…" : ""}</button>`;
  }

  #ask(act: Possible): void {
    openDialog((dialog) => {
      const submit = (event: SubmitEvent): void => {
        event.preventDefault();
        const form = new FormData(event.target as HTMLFormElement);
        const fields: Record<string, string> = {};
        for (const [name, value] of form) if (String(value) !== "") fields[name] = String(value);
        dialog.close();
        void this.#send(act.event, fields);
      };
      return html`<form @submit=${submit}><div class="dialog-head"><h2>Send ${words(act.event)}?</h2></div><div class="dialog-body"><p class="ink2">${act.meaning}</p>
        ${Object.keys(act.fields).map((name, at) => html`<div class="field"><label for="field-${name}">${name}</label><input class="input" id="field-${name}" name=${name} autocomplete="off" data-testid="field-${name}" ?data-first=${at === 0}></div>`)}</div>
        <div class="dialog-foot"><button class="btn" type="button" data-close>Cancel</button><button class="btn primary" type="submit" data-testid="send-confirm">Send</button></div></form>`;
    });
  }

  async #send(event: string, fields: Record<string, string>): Promise<void> {
    const answer = await fetch(this.url, {
      method: "POST",
      headers: { "X-CSRFToken": csrf(), Accept: "application/json" },
      body: new URLSearchParams({ event, ...fields }),
    }).catch(() => null);
    if (answer?.ok) return;
    const said = answer ? ((await answer.json().catch(() => ({}))) as { error?: string }).error : "There is no connection to the server now.";
    toast(said ?? `${words(event)} was not sent.`, { kind: "err" });
  }
}

/** `HangupCall` as people read it. */
function words(event: string): string {
  if (event === "HangupCall") return "Hang up";
  const short = /^(Accept|Reject|Redirect|Hold|Resume|Mute|Unmute)Call$/.exec(event)?.[1];
  if (short) return short;
  const spaced = event.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase().replace("dtmf", "DTMF");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
