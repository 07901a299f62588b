import { html, render, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { party } from "../lib/party";
import type { Frame } from "../lib/socket";
import { duration } from "../lib/times";
import { lasting, versionOf } from "./calls";
import type { Line, Traffic } from "./traffic";

interface Chance {
  index: number;
  event: string;
  label: string;
  guards: string[];
  holds: boolean | null;
  to: string | null;
  ends: boolean;
  stays: boolean;
  who: string;
  seconds: number | null;
  due: number | null;
}

interface Detail {
  id: string;
  gone: boolean;
  session?: Line;
  next?: Chance[];
  timers?: { label: string; seconds: number; due: number; to: string | null }[];
  waits?: boolean;
  missing?: { event: string; who: string }[];
}

const SHOWN = 6;
const WHO: Record<string, string> = {
  person: "by a person here",
  answer: "as an answer",
  time: "by time",
  media: "by the media",
  itself: "by itself",
  leg: "by the other leg",
};

/** The call somebody follows: where it stands, what can happen next and by whom, which timers run down. */
export class Followed {
  detail: Detail | null = null;

  constructor(
    private readonly section: HTMLElement,
    private readonly host: HTMLElement,
    private readonly traffic: Traffic,
    private readonly url: (id: string) => string,
    private readonly close: () => void,
    /** What may be done to the call is offered elsewhere. */
    private readonly offer: (session: Line | null) => void,
  ) {}

  get session(): Line | null {
    return this.detail?.session ?? null;
  }

  /** Take what the server says of the followed call. */
  take(frame: Frame): void {
    const told = frame as unknown as Detail;
    // Of a call that is over, the last that was known stays in sight.
    this.detail = told.gone && this.detail?.id === told.id ? { ...this.detail, gone: true } : told;
  }

  draw(): void {
    const { detail } = this;
    this.section.hidden = detail === null;
    this.offer(detail?.gone === false ? (detail.session ?? null) : null);
    render(detail ? (detail.session ? this.#call(detail, detail.session) : this.#unknown(detail)) : "", this.host);
  }

  #unknown(detail: Detail): TemplateResult {
    const elsewhere = this.traffic.lines.find((line) => line.id === detail.id);
    return html`<div class="row">${icon("eye", "ink3")}<h2 class="grow clip mono">${detail.id}</h2>${this.#away()}</div>
      <p class="small ink2">${elsewhere ? html`It lives on <b>${elsewhere.node}</b>, in ${elsewhere.state}. <a href=${this.url(detail.id)}>Open the call</a> to follow it there.` : html`This call lives no more. <a href=${this.url(detail.id)}>Open its record</a>`}</p>`;
  }

  #away(): TemplateResult {
    return html`<button class="btn quiet icon small" type="button" aria-label="Follow no more" data-testid="unfollow" @click=${this.close}>${icon("x")}</button>`;
  }

  #call(detail: Detail, session: Line): TemplateResult {
    return html`<div class="row">${icon("eye", "accent")}<h2 class="grow clip">${party(other(session))} <span class="mono ink3 small">${session.id}</span></h2>
        <a class="btn small" href=${this.url(session.id)} data-testid="open-call">Open call</a>${this.#away()}</div>
      ${detail.gone ? html`<p class="small ink2" data-testid="call-over"><b>The call is over.</b> It stood in ${session.state} last.</p>` : this.#standing(detail, session)}`;
  }

  #standing(detail: Detail, session: Line): TemplateResult {
    const next = detail.next ?? [];
    const leaving = next.filter((row) => !row.stays);
    const shown = leaving.slice(0, SHOWN);
    return html`<p class="small ink2" data-testid="standing">In <b>${session.state}</b> for ${lasting(this.traffic.clock() - session.since)} on ${versionOf(session)}.
        ${this.#timers(detail)} ${leaving.length ? "It can leave by:" : html`<b class="warn">No row leads on from here.</b>`}</p>
      <ul class="chances">${shown.map((row) => this.#chance(row, session))}${(detail.missing ?? []).map((each) => this.#missing(each, session))}</ul>
      ${leaving.length > SHOWN ? html`<p class="small ink3">${leaving.length - SHOWN} more</p>` : ""}
      ${session.why ? html`<p class="small warn">${icon("warning")} ${session.why}${session.bound ? html` <span class="ink3">(usual up to ${duration(session.bound)})</span>` : ""}</p>` : ""}`;
  }

  #timers(detail: Detail): TemplateResult {
    const running = (detail.timers ?? []).filter((timer) => timer.due !== null);
    if (!running.length) return html`<b class="warn">No timer is armed.</b>${detail.waits ? " A message of ours waits for its answer." : ""}`;
    return html`${running.length === 1 ? "A timer runs." : `${running.length} timers run.`}${detail.waits ? " A message of ours waits for its answer." : ""}`;
  }

  #chance(row: Chance, session: Line): TemplateResult {
    const shut = row.holds === false;
    return html`<li class=${shut ? "shut" : ""} data-testid="chance" data-event=${row.event}><b>${row.label}</b>
      <span class="ink3 grow">${row.ends ? "ends" : `to ${row.to ?? session.state}`}${row.guards.length ? ` if ${row.guards.join(" and ")}${shut ? " (not so now)" : ""}` : ""}</span>
      <span class="ink3">${row.due === null ? by(row.who, session) : this.#countdown(row)}</span></li>`;
  }

  #countdown(row: Chance): TemplateResult {
    const left = Math.max(0, (row.due ?? 0) - this.traffic.clock());
    const share = row.seconds ? Math.min(1, left / row.seconds) : 0;
    return html`<span class="countdown" data-testid="countdown"><meter min="0" max="1" .value=${share} aria-hidden="true"></meter>in ${Math.ceil(left)} s</span>`;
  }

  #missing(each: { event: string; who: string }, session: Line): TemplateResult {
    const fixed = this.traffic.deployed ? `fixed in v${this.traffic.deployed.number}` : "fixed since";
    return html`<li class="missing" data-testid="missing">${icon("warning", "warn")}<b class="warn">${each.event}</b><span class="warn grow">no row in ${versionOf(session)}</span><span class="warn">${fixed}</span></li>`;
  }
}

/** Who is on the other side of this session. */
export function other(session: Line): string {
  return session.role === "UAS" ? session.caller : session.callee;
}

function by(who: string, session: Line): string {
  if (who === "peer") return session.role === "UAS" ? "by the caller" : "by the callee";
  return WHO[who] ?? "";
}
