import { html, render, type TemplateResult } from "lit";
import { csrf } from "../lib/csrf";
import { openDialog } from "../lib/dialog";
import { icon } from "../lib/icon";
import { toast } from "../lib/toast";
import type { CallBoot } from "./boot";
import type { CallStore } from "./store";

const FORMS: [string, string][] = [
  ["html", "Page in one file (HTML)"],
  ["text", "Text"],
  ["svg", "Ladder as a picture (SVG)"],
  ["pcap", "Packets (pcap)"],
  ["json", "Data (JSON)"],
];

interface Other {
  id: string;
  caller: string;
  callee: string;
  outcome: string;
  when: string;
}

/** What can be made of the call: compared, handed on, played on the draft, kept as a test. */
export class Copies {
  constructor(
    private readonly host: HTMLElement,
    private readonly store: CallStore,
    private readonly page: CallBoot,
  ) {
    host.replaceChildren();
    store.on(() => this.draw());
    this.draw();
  }

  draw(): void {
    const { can } = this.page;
    render(
      html`<button class="btn" type="button" aria-label="Compare…" title="Compare with another call" data-testid="compare-open" @click=${() => void this.#compare()}>${icon("swap")}<span class="wide-only">Compare…</span></button>
        ${can.export ? html`<details class="menu"><summary class="btn" aria-label="Export" title="Hand this call on" data-testid="export-open">${icon("download")}<span class="wide-only">Export</span></summary><div class="menu-list">
          ${FORMS.map(([form, title]) => html`<a href=${`${this.#url("export")}?form=${form}`} download data-testid="export-${form}">${icon("download")}${title}</a>`)}
          ${can.unmask ? html`<button type="button" data-testid="export-shown" @click=${() => this.#shown()}>${icon("eye")}With the numbers of callers…</button>` : ""}</div></details>` : ""}
        ${can.test ? html`<button class="btn" type="button" aria-label="Make a test…" title="Keep the call as a test of its flow" data-testid="keep-test" @click=${() => this.#keep()}>${icon("check")}<span class="wide-only">Make a test…</span></button>` : ""}
        <button class="btn primary" type="button" data-testid="replay-draft" ?disabled=${!this.store.ended} title=${this.store.ended ? "" : "A call that goes on cannot be played again yet"} @click=${() => void this.#replay()}>${icon("play")}<span>Replay on draft</span></button>`,
      this.host,
    );
  }

  #url(name: string): string {
    return this.page.urls[name] ?? "";
  }

  async #compare(): Promise<void> {
    const answer = await fetch(this.#url("others"), { headers: { Accept: "application/json" } }).catch(() => null);
    const others = answer?.ok ? ((await answer.json()) as { calls: Other[] }).calls : [];
    const go = (event: SubmitEvent): void => {
      event.preventDefault();
      const other = String(new FormData(event.target as HTMLFormElement).get("other") ?? "").trim();
      if (other) location.assign(this.#url("compare").replace("{other}", encodeURIComponent(other)));
    };
    openDialog(
      () => html`<form @submit=${go}><div class="dialog-head"><h2>Compare with which call?</h2></div><div class="dialog-body">
        <a class="btn" href=${this.#url("compare").replace("{other}", "predicted")} data-testid="compare-predicted">${icon("flow")}With what the flow predicts</a>
        ${others.length ? html`<ul class="others">${others.map((other) => html`<li><a href=${this.#url("compare").replace("{other}", encodeURIComponent(other.id))} data-testid="compare-other"><b>${other.caller} with ${other.callee}</b><span class="ink3">${other.when} · ${other.outcome} · <span class="mono">${other.id}</span></span></a></li>`)}</ul>` : html`<p class="ink3">No other call of this flow is recorded.</p>`}
        <div class="field"><label for="other-id">Or a session's id</label><input class="input mono" id="other-id" name="other" autocomplete="off" spellcheck="false" data-testid="compare-id"></div></div>
        <div class="dialog-foot"><button class="btn" type="button" data-close>Cancel</button><button class="btn primary" type="submit" data-testid="compare-go">Compare</button></div></form>`,
      "", "compare-dialog");
  }

  /** Ask why before numbers leave the house. */
  #shown(): void {
    openDialog(
      (dialog) => html`<form method="post" action=${`${this.#url("export")}shown/`} @submit=${() => window.setTimeout(() => dialog.close(), 0)}><input type="hidden" name="csrfmiddlewaretoken" value=${csrf()}>
        <div class="dialog-head"><h2>Export with the numbers of callers?</h2></div><div class="dialog-body"><p class="ink2">The file names the people of this call. Who exported it, and why, is recorded.</p>
        <div class="field"><label for="export-form">Form</label><select class="select" id="export-form" name="form">${FORMS.map(([form, title]) => html`<option value=${form}>${title}</option>`)}</select></div>
        <div class="field"><label for="export-reason">Reason</label><input class="input" id="export-reason" name="reason" required minlength="3" maxlength="500" autocomplete="off" data-first data-testid="export-reason"></div></div>
        <div class="dialog-foot"><button class="btn" type="button" data-close>Cancel</button><button class="btn primary" type="submit" data-testid="export-go">Export</button></div></form>`,
      "", "export-dialog");
  }

  #keep(): void {
    openDialog(
      (dialog) => html`<form @submit=${(event: SubmitEvent) => void this.#kept(event, () => dialog.close())}><div class="dialog-head"><h2>Make a test of this call?</h2></div>
        <div class="dialog-body"><p class="ink2">What happened to the call is done again, and what it did is expected. It is kept with the flow and runs on each saved version.</p>
        <div class="field"><label for="test-name">Name</label><input class="input" id="test-name" name="name" maxlength="100" autocomplete="off" data-first data-testid="test-name" placeholder="made of the call's outcome"></div></div>
        <div class="dialog-foot"><button class="btn" type="button" data-close>Cancel</button><button class="btn primary" type="submit" data-testid="test-keep">Make test</button></div></form>`,
      "", "test-dialog");
  }

  async #kept(event: SubmitEvent, close: () => void): Promise<void> {
    event.preventDefault();
    const name = String(new FormData(event.target as HTMLFormElement).get("name") ?? "");
    const said = await post<{ name: string; notes: string[] }>(this.#url("test"), { name });
    if (typeof said === "string") {
      toast(said, { kind: "err" });
      return;
    }
    close();
    toast(`The test “${said.name}” is kept.${said.notes.length ? ` ${said.notes.join(" ")}` : ""}`);
  }

  /** Play the recorded events on the draft, and say whether the call would go as it went. */
  async #replay(): Promise<void> {
    const answer = await fetch(this.#url("replay"), { headers: { Accept: "application/json" } }).catch(() => null);
    const said = answer ? ((await answer.json().catch(() => ({ error: "The server gave no answer." }))) as Replayed) : { error: "There is no connection to the server now." };
    openDialog(() => this.#verdict(said), "", "replay-dialog");
  }

  #verdict(said: Replayed): TemplateResult {
    const foot = html`<div class="dialog-foot"><button class="btn" type="button" data-close data-first>Close</button>${said.simulate ? html`<a class="btn primary" href=${said.simulate} data-testid="replay-simulate">${icon("play")}Open in the simulator</a>` : ""}</div>`;
    if (said.error) return html`<div class="dialog-head"><h2>The call was not played</h2></div><div class="dialog-body"><p>${said.error}</p></div>${foot}`;
    const verdict = said.same ? html`<p class="banner ok" data-testid="replay-verdict">${icon("check")}<span><b>The same.</b> On ${said.on} this call goes as it went, in all ${said.steps} steps.</span></p>` : html`<p class="banner warn" data-testid="replay-verdict">${icon("warning")}<span><b>Different.</b> ${said.first}</span></p>`;
    return html`<div class="dialog-head"><h2>Replay on ${said.on}</h2></div><div class="dialog-body">${verdict}
      ${said.changes?.length ? html`<ul class="small">${said.changes.map((change) => html`<li>${change}</li>`)}</ul>` : ""}</div>${foot}`;
  }
}

/** Ask why the numbers of callers have to be seen; the page comes again with them. */
export function askUnmask(address: string, flow: string): void {
  openDialog(
    () => html`<form method="post" action=${address}><input type="hidden" name="csrfmiddlewaretoken" value=${csrf()}><input type="hidden" name="next" value=${location.pathname + location.search}><input type="hidden" name="flow" value=${flow}>
      <div class="dialog-head"><h2>Show the numbers of callers?</h2></div><div class="dialog-body"><p class="ink2">For a quarter of an hour calls are shown to you as they were. Who looked, and why, is recorded.</p>
      <div class="field"><label for="unmask-reason">Reason</label><input class="input" id="unmask-reason" name="reason" required minlength="3" maxlength="500" autocomplete="off" data-first data-testid="unmask-reason"></div></div>
      <div class="dialog-foot"><button class="btn" type="button" data-close>Cancel</button><button class="btn primary" type="submit" data-testid="unmask-go">Show</button></div></form>`,
    "", "unmask-dialog");
}

interface Replayed {
  error?: string;
  on?: string;
  same?: boolean;
  steps?: number;
  first?: string;
  changes?: string[];
  simulate?: string;
}

async function post<T>(address: string, form: Record<string, string>): Promise<T | string> {
  const answer = await fetch(address, { method: "POST", headers: { "X-CSRFToken": csrf(), Accept: "application/json" }, body: new URLSearchParams(form) }).catch(() => null);
  if (!answer) return "There is no connection to the server now.";
  const said = (await answer.json().catch(() => ({}))) as T & { error?: string };
  return answer.ok ? said : (said.error ?? "It was refused.");
}
