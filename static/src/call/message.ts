import { html, render, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import type { Description, Message, Moment } from "./boot";
import type { CallStore } from "./store";

export type Panel = "message" | "sdp" | "values";

export interface MessagesPage {
  /** Where a message of a leg, and those beside it, are asked for. */
  address(leg: string, message: number): string;
  moment(): Moment | null;
  masked: boolean;
  /** Asks for a reason to show numbers; null for whoever may not see them. */
  unmask: (() => void) | null;
}

/** The panels beside the ladder: the message under the cursor as it stood on the wire, its SDP in facts, and the values. */
export class Messages {
  panel: Panel = "message";
  readonly #known = new Map<number, Message>();
  #asked = new Set<number>();

  constructor(
    private readonly tabs: HTMLElement,
    private readonly host: HTMLElement,
    private readonly store: CallStore,
    private readonly page: MessagesPage,
  ) {
    tabs.replaceChildren();
    host.replaceChildren();
    store.on(() => this.draw());
    this.draw();
  }

  show(panel: Panel): void {
    this.panel = panel;
    this.draw();
  }

  draw(): void {
    const id = this.store.item?.messages[0];
    if (id !== undefined) this.#fetch(id);
    const message = id === undefined ? undefined : this.#known.get(id);
    const names: [Panel, string][] = [["message", "Message"], ["sdp", "SDP"], ["values", "Values"]];
    render(
      html`<div class="tabs" role="tablist" aria-label="About the cursor">${names.map(([name, title]) => html`<button type="button" role="tab" id="tab-${name}" aria-controls="call-panel" aria-selected=${this.panel === name} tabindex=${this.panel === name ? 0 : -1} data-testid="panel-${name}" @click=${() => this.show(name)} @keydown=${(event: KeyboardEvent) => this.#key(event)}>${title}</button>`)}</div>
        <span class="grow"></span>${this.#mask()}`,
      this.tabs,
    );
    this.host.setAttribute("aria-labelledby", `tab-${this.panel}`);
    const content = { message: () => raw(message, id), sdp: () => sdp(message, id), values: () => values(this.page.moment()) };
    render(content[this.panel](), this.host);
  }

  /** Whether numbers are hidden; who may see them can ask for it. */
  #mask(): TemplateResult {
    const said = html`${icon(this.page.masked ? "lock" : "eye")}${this.page.masked ? "numbers masked" : "numbers shown"}`;
    const { unmask } = this.page;
    return this.page.masked && unmask ? html`<button class="masked edgeless" type="button" title="Show them, for a reason" data-testid="unmask" @click=${unmask}>${said}</button>` : html`<span class="masked" data-testid="masked">${said}</span>`;
  }

  #key(event: KeyboardEvent): void {
    const order: Panel[] = ["message", "sdp", "values"];
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.show(order[(order.indexOf(this.panel) + by + order.length) % order.length] ?? "message");
    this.tabs.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
  }

  /** Fetch a message, with those beside it: the next steps of the cursor find theirs here already. */
  #fetch(id: number): void {
    if (this.#known.has(id) || this.#asked.has(id)) return;
    this.#asked.add(id);
    const leg = this.store.item?.leg ?? "";
    void fetch(this.page.address(leg, id), { headers: { Accept: "application/json" } })
      .then(async (answer) => {
        if (!answer.ok) return;
        const told = (await answer.json()) as { messages: Message[] };
        for (const message of told.messages) this.#known.set(message.id, message);
        this.draw();
      })
      .catch(() => this.#asked.delete(id));
  }
}

function nothing(id: number | undefined): TemplateResult {
  return html`<p class="ink3">${id === undefined ? "No message belongs to this row of the ladder." : ""}</p>`;
}

function raw(message: Message | undefined, id: number | undefined): TemplateResult {
  if (!message) return nothing(id);
  const [head = "", ...rest] = message.text.replace(/\r/g, "").trimEnd().split("\n");
  const blank = rest.indexOf("");
  const lines = blank < 0 ? rest : rest.slice(0, blank);
  const body = blank < 0 ? [] : rest.slice(blank + 1);
  const bad = /^SIP\/2\.0 [3-6]/.test(head);
  // prettier-ignore
  return html`<pre class="raw" data-testid="raw" tabindex="0" aria-label="The message"><b class=${bad ? "err" : ""}>${head}</b>\n${lines.map((text) => header(text))}${body.length ? html`<span class="body">${body.map((text) => described(text))}</span>` : ""}</pre>
    <p class="small ink3">${message.direction === "in" ? "from" : "to"} ${message.remote}, over ${message.transport}, at ${message.local}</p>`;
}

function header(text: string): TemplateResult {
  const field = /^([\w-]+)(:.*)$/.exec(text);
  return field ? html`<span class="hdr"><span class="yk">${field[1]}</span>${field[2]}</span>` : html`<span class="hdr">${text}</span>`;
}

function described(text: string): TemplateResult {
  const field = /^([a-z])=(.*)$/.exec(text);
  return field ? html`<span class="hdr"><span class="yk">${field[1]}</span>=${field[2]}</span>` : html`<span class="hdr">${text}</span>`;
}

function sdp(message: Message | undefined, id: number | undefined): TemplateResult {
  if (!message) return nothing(id);
  const found: Description | null = message.sdp;
  if (!found) return html`<p class="ink3" data-testid="no-sdp">This message carries no session description.</p>`;
  return html`${found.media.map(
      (part) => html`<dl class="facts" data-testid="sdp"><dt>${part.kind}</dt><dd><b>${words(part.direction)}</b></dd>
        <dt>Address</dt><dd class="mono">${part.address}:${part.port}</dd><dt>Codecs</dt><dd>${part.codecs.join(", ")}</dd><dt>Protocol</dt><dd>${part.protocol}${part.rtcp_mux ? ", RTCP on the same port" : ""}</dd>
        ${part.ice ? html`<dt>ICE</dt><dd>${part.ice} ${part.ice === 1 ? "candidate" : "candidates"}</dd>` : ""}${part.dtls ? html`<dt>DTLS</dt><dd class="mono clip" title=${part.dtls}>${part.dtls}</dd>` : ""}</dl>`,
    )}<pre class="raw" tabindex="0" aria-label="The session description">${message.body.replace(/\r/g, "").trimEnd().split("\n").map((text) => described(text))}</pre>`;
}

function words(direction: string): string {
  return { sendrecv: "both ways", sendonly: "sends only: the far side is held", recvonly: "receives only", inactive: "no media" }[direction] ?? direction;
}

function values(moment: Moment | null): TemplateResult {
  if (!moment) return html`<p class="ink3">Choose a step to see its values.</p>`;
  if (!moment.values.length) return html`<p class="ink3" data-testid="no-values">${moment.unknown || "This flow has no values."}</p>`;
  const changed = moment.values.filter((value) => value.changed);
  const variables = moment.values.filter((value) => !value.changed && value.variable);
  const others = moment.values.filter((value) => !value.changed && !value.variable);
  return html`<table class="values" data-testid="values"><thead><tr><th scope="col">Value</th><th scope="col">Before</th><th scope="col">After</th></tr></thead><tbody>
    ${[...changed, ...variables, ...others].map((value) => html`<tr class=${value.changed ? "changed" : ""}><th scope="row">${value.name}</th><td class="mono">${plain(value.before)}</td><td class="mono">${value.changed ? html`<b>${plain(value.after)}</b>` : html`<span class="ink3">same</span>`}</td></tr>`)}</tbody></table>`;
}

export function plain(value: unknown): string {
  return value === null || value === undefined ? "nothing" : String(value);
}
