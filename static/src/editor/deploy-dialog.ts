import { html, type TemplateResult } from "lit";
import { announce } from "../lib/announce";
import { count } from "../lib/count";
import { openDialog, type OpenDialog } from "../lib/dialog";
import { icon } from "../lib/icon";
import { lacksOf, type Lack } from "../lib/lacks";
import type { VersionLine } from "../lib/types";
import { acknowledgements } from "./acknowledgements";
import type { Actions } from "./actions";
import { progress } from "./check-line";
import type { Verdict } from "./document";
import type { Store } from "./store";
import { csrf } from "../lib/csrf";

/** Ask before a version goes live, naming what it touches; then show which node runs it. */
export function deployDialog(store: Store, actions: Actions): void {
  const latest = store.latest;
  if (!latest) return;
  let chosen = latest;
  let refusal = "";
  let asking = true;
  let lacks: Lack[] = [];
  const dialog: OpenDialog = openDialog((own) => (queueMicrotask(() => draw()), html`<p class="dialog-body">${own ? "" : ""}</p>`), "", "deploy-dialog");
  const draw = (busy = false): void =>
    dialog.update(
      form(store, chosen, refusal, busy, lacks, {
        choose: (version) => {
          chosen = version;
          refusal = "";
          lacks = [];
          draw();
          void look();
        },
        deploy: (reason, steps) => void (steps ? begin(steps, reason) : deploy(reason)),
      }),
    );
  // What the flow asks for is looked up while the question stands there already.
  const look = async (): Promise<void> => {
    const asked = chosen;
    const found = await lacksOf((store.urls["lacks"] ?? "").replace("{number}", String(asked.number)));
    if (asked !== chosen || !asking) return;
    lacks = found;
    draw();
  };
  void look();
  // The check may end while the question stands here: then it is another question.
  store.on(["check"], () => {
    if (asking) draw();
  });
  // A deployment in steps is looked after on a page of its own.
  const begin = async (steps: string, reason: string): Promise<void> => {
    draw(true);
    const body = new URLSearchParams({ version: String(chosen.number), how: "steps", steps, reason });
    const answer = await fetch(store.urls["deploy"] ?? "", { method: "POST", body, headers: { "X-CSRFToken": csrf(), Accept: "application/json" } });
    const told = (await answer.json().catch(() => ({}))) as { page?: string; error?: string };
    if (answer.ok && told.page) location.assign(told.page);
    else {
      refusal = told.error ?? "The server did not take it. Nothing was deployed.";
      draw();
    }
  };
  const deploy = async (reason: string): Promise<void> => {
    draw(true);
    asking = false;
    const answer = await actions.deploy(chosen.number, reason);
    if (answer.type === "refused") {
      refusal = String(answer["message"]);
      asking = true;
      draw();
      return;
    }
    const show = (): void => dialog.update(done(store, chosen));
    store.on(["deployment"], show);
    show();
    announce(`Version ${chosen.number} is being deployed`);
  };
}

const UNCHECKED: Record<string, string> = {
  running: "is still being checked",
  queued: "waits to be checked",
  failed: "could not be checked",
  cancelled: "was not checked: that was cancelled",
  stale: "was checked by an older checker",
  unknown: "was never checked",
};

function unchecked(verdict: Verdict): boolean {
  return verdict.state in UNCHECKED;
}

/** The first thing the check found, in its own words. */
function first(verdict: Verdict): string {
  const found = verdict.findings?.find((finding) => finding.severity === "error");
  return found ? `Line ${found.line}: ${found.message} ` : "";
}

/** What the deeper check says of a version that has no errors as far as is known. */
function checked(version: VersionLine, verdict: Verdict, page: string): TemplateResult {
  const name = `v${version.number}`;
  if (verdict.state === "passed") return html`<p class="banner ok small" data-testid="deploy-check">${icon("proved")}<span><b>Every rule holds.</b> ${count(verdict.explored ?? 0)} states were searched.</span></p>`;
  if (!unchecked(verdict)) return html`<p class="banner warn small" data-testid="deploy-check">${icon("warning")}<span><b>No error was found, and that is no proof.</b> ${(verdict.limits ?? []).join(" ")}</span></p>`;
  const waits = verdict.state === "running" || verdict.state === "queued";
  return html`<div class="banner warn small" data-testid="deploy-check">${icon("clock")}<span class="grow"><b>${name} ${UNCHECKED[verdict.state]}.</b>
      It can go live now; that is kept and shown as unchecked. If errors are found later, everybody on the pages of this flow is told.
      ${waits
        ? html`Or wait: this question changes when the check is done.<span class="row waiting"><progress max="1" .value=${verdict.progress} aria-label="Progress of the check"></progress><span class="small ink2">${progress(version.number, verdict)}</span></span>`
        : html`Or <a href=${page}>check it first</a>.`}</span></div>`;
}

interface FormEvents {
  choose(version: VersionLine): void;
  /** At once, or with `steps` (a preset) in steps. */
  deploy(reason: string, steps: string): void;
}

function form(store: Store, chosen: VersionLine, refusal: string, busy: boolean, lacks: Lack[], events: FormEvents): TemplateResult {
  const versions = store.versions.some((version) => version.number === store.latest?.number)
    ? store.versions
    : [...(store.latest ? [store.latest] : []), ...store.versions];
  const verdict = store.checks.get(chosen.number) ?? { state: "unknown", progress: 0 };
  const errors = verdict.state === "errors" ? (verdict.errors ?? 0) : (chosen.errors ?? 0);
  const page = (store.urls["version"] ?? "").replace("{number}", String(chosen.number));
  const barred = (errors > 0 || lacks.length > 0) && !store.can.force;
  const live = document.querySelector<HTMLElement>(`[data-live-of="${CSS.escape(store.flow)}"]`)?.textContent?.trim() ?? "0";
  const now = store.deployment?.version ?? store.deployed?.number;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const sent = new FormData(event.target as HTMLFormElement);
    const word = (name: string): string => String(sent.get(name) ?? "").trim();
    if (!barred) events.deploy(word("reason"), word("how") === "steps" ? word("steps") : "");
  };
  return html`<form @submit=${submit}>
    <div class="dialog-head"><h2>Deploy ${store.flow} v${chosen.number}?</h2></div>
    <div class="dialog-body">
      <div class="field"><label for="deploy-version">Version</label><select class="select" id="deploy-version" data-testid="deploy-version"
        @change=${(event: Event) => {
          const number = Number((event.target as HTMLSelectElement).value);
          const version = versions.find((item) => item.number === number);
          if (version) events.choose(version);
        }}>${versions.map((version) => html`<option value=${version.number} ?selected=${version.number === chosen.number}>v${version.number} · ${version.message || "no message"} · ${version.author}</option>`)}</select></div>
      ${now && now !== chosen.number ? ways(chosen.number, now, page) : ""}
      <p>New calls take <b>v${chosen.number}</b> <span class="mono ink3">${chosen.digest.slice(0, 12)}</span>${now ? "" : " at once"}.
        ${now ? html`<b>${live}</b> ${live === "1" ? "call" : "calls"} in progress keep the version they began with. To take it back, deploy v${now} again.` : "Nothing was deployed before."}</p>
      ${store.changed ? html`<p class="banner warn small">${icon("warning")}<span>The draft has changes that no version holds. They are not deployed.</span></p>` : ""}
      ${errors
        ? html`<p class="banner err small" data-testid="deploy-errors">${icon("error")}<span><b>v${chosen.number} has ${errors} ${errors === 1 ? "error" : "errors"}.</b> ${first(verdict)}${barred ? "You may not deploy it; ask somebody who may force a deployment." : "It goes live only with a reason, which is kept and shown."} <a href=${page}>See what was found</a></span></p>
          ${barred ? "" : html`<div class="field"><label for="deploy-reason">Reason for passing over the errors</label><input class="input" id="deploy-reason" name="reason" required data-testid="deploy-reason" data-first autocomplete="off"></div>`}`
        : checked(chosen, verdict, page)}
      ${lacks.length
        ? html`<div class="banner err small" data-testid="lacks">${icon("half")}<span class="grow"><b>${store.flow} asks for more before calls take it.</b>
            <ul class="lacks">${lacks.map((lack) => html`<li>${lack.url ? html`<a href=${lack.url}>${lack.sentence}</a>` : lack.sentence}</li>`)}</ul>
            ${store.can.force ? "It goes live now only with a reason, which is kept and shown." : "Your account may not pass over it."} <a href=${`${store.urls["reviews"] ?? ""}?version=${chosen.number}#new`}>Its reviews</a></span></div>
          ${barred || errors ? "" : html`<div class="field"><label for="deploy-lacks-reason">Reason for passing over it</label><input class="input" id="deploy-lacks-reason" name="reason" required data-testid="lacks-reason" autocomplete="off"></div>`}`
        : ""}
      ${refusal ? html`<p class="banner err small" role="alert" data-testid="deploy-refused">${icon("error")}<span>${refusal}</span></p>` : ""}
    </div>
    <div class="dialog-foot"><button class="btn" type="button" data-close>${now ? `Keep v${now}` : "Not now"}</button>
      <button class="btn primary ${busy ? "busy" : ""}" type="submit" aria-disabled=${barred} data-testid="deploy-confirm">${busy ? icon("spin") : ""}Deploy v${chosen.number}${errors || (lacks.length && !barred) ? " by force" : unchecked(verdict) ? " unchecked" : ""}</button></div></form>`;
}

/** At once or in steps: the choice that the page of versions offers too. */
function ways(number: number, now: number, page: string): TemplateResult {
  return html`<fieldset class="ways" aria-label="How">
    <label class="check"><input type="radio" name="how" value="once" checked data-testid="deploy-once"><span><b>At once</b><span class="hint small">All new calls, on all nodes.</span></span></label>
    <label class="check"><input type="radio" name="how" value="steps" data-testid="deploy-in-steps"><span><b>In steps</b><span class="hint small">A growing share beside v${now}: compared all the time, and taken back by itself if it is worse.</span></span></label>
    <div class="field own"><label for="deploy-preset">Steps</label><select class="select" id="deploy-preset" name="steps" data-testid="deploy-preset">
      <option value="careful">Careful: 1 % 10 min, 5 % 20 min, 25 % 30 min, 50 % 30 min</option>
      <option value="quick">Quick: 5 % 5 min, 25 % 10 min</option></select>
      <a class="small" href="${page}deploy/" data-testid="deploy-plan">Choose steps, callers and limits of v${number}</a></div></fieldset>`;
}

function done(store: Store, chosen: VersionLine): TemplateResult {
  const deployment = store.deployment?.digest === chosen.digest ? store.deployment : { version: chosen.number, digest: chosen.digest, by: "", forced: false, nodes: [] };
  return html`<div data-testid="deploy-done"><div class="dialog-head"><h2>${store.flow} v${chosen.number} is deployed</h2></div>
    <div class="dialog-body">${acknowledgements(deployment)}<p class="ink2">New calls take it. Calls in progress keep their version.</p>
      ${store.deployment?.digest === chosen.digest && store.deployment.unchecked ? html`<p class="banner warn small" data-testid="deployed-unchecked">${icon("clock")}<span><b>It went live unchecked.</b> Its page shows what the check finds.</span></p>` : ""}</div>
    <div class="dialog-foot"><a class="btn" href=${store.urls["live"] ?? "#"}>${icon("live")}Watch live</a>
      <button class="btn primary" type="button" data-close data-testid="deploy-close">Back to the draft</button></div></div>`;
}
