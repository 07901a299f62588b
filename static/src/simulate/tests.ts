import { html, type TemplateResult } from "lit";
import { icon } from "../lib/icon";
import { ago } from "../lib/times";
import type { Trial } from "./trial";

/** The runs that are kept with the flow, each judged on the draft as it stands. */
export class Tests {
  #refusal = "";

  constructor(
    private readonly trial: Trial,
    private readonly flow: string,
    private readonly editable: boolean,
    private readonly redraw: () => void,
  ) {}

  draw(): TemplateResult {
    const { kept, at } = this.trial;
    return html`${this.editable && at > 0 ? this.#form() : ""}
      ${kept === null
        ? html`<p class="panel-body ink3">Looking…</p>`
        : kept.length
          ? html`<p class="sim-sum"><b>${kept.filter((test) => test.holds).length} of ${kept.length}</b> hold on this draft<span class="grow"></span>
                <button class="btn small" type="button" data-testid="tests-file" @click=${() => void this.#download()}>${icon("download")}As a file</button></p>
              ${this.#saved()}
              ${kept.map((test) => this.#test(test))}`
          : html`<div class="sim-empty"><p><b>No test is kept yet.</b></p><p class="small">Play what must always work, then keep it. Every test is played again on each draft, and by <code>callsmith test ${this.flow}</code>.</p></div>`}`;
  }

  /** What the worker found on the newest version, and the page of all tests. */
  #saved(): TemplateResult | string {
    const { saved } = this.trial;
    if (!saved) return "";
    const glyph = { passed: "check", failed: "error", running: "clock", unknown: "clock", none: "info" }[saved.state];
    const kind = { passed: "ok", failed: "err", running: "", unknown: "", none: "" }[saved.state];
    return html`<p class="sim-sum small" data-testid="tests-saved">${icon(glyph, kind)}<a href="/flows/${this.flow}/tests/?version=${saved.version}">${saved.held} of ${saved.total} on v${saved.version}</a><span class="ink3">and who exercised which row</span></p>`;
  }

  #form(): TemplateResult {
    return html`<form class="keep" @submit=${(event: SubmitEvent) => void this.#keep(event)}>
      <div class="field ${this.#refusal ? "bad" : ""}"><label for="test-name">Keep this run as a test</label>
        <div class="row gap4"><input class="input" id="test-name" name="name" maxlength="200" autocomplete="off" placeholder="Busy: the caller hears it at once" .value=${this.trial.name} data-testid="test-name">
        <button class="btn primary" type="submit" data-testid="test-keep">Keep</button></div>
        ${this.#refusal ? html`<p class="error">${icon("error")}${this.#refusal}</p>` : html`<p class="hint small">What happens now is what is expected from here on.</p>`}</div></form>`;
  }

  #test(test: NonNullable<Trial["kept"]>[number]): TemplateResult {
    const said = test.holds === null ? "not played: the text does not compile" : test.holds ? "holds" : "does not hold";
    const glyph = test.holds === null ? "clock" : test.holds ? "check" : "error";
    return html`<div class="test" data-testid="test" data-holds=${String(test.holds)}>
      ${icon(glyph, test.holds ? "ok" : test.holds === null ? "" : "err", said)}
      <div class="grow"><button class="edgeless" type="button" data-testid="test-open" @click=${() => void this.trial.openTest(test.name)}>${test.name}</button>
        <p class="small ink3">${test.inputs} ${test.inputs === 1 ? "step" : "steps"} · ${test.by} ${ago(test.at)}</p>
        ${test.follows ? html`<p class="small ink2" data-testid="test-follows">Names a state that was renamed here: it takes the new name when the version is saved.</p>` : ""}
        ${test.differences.slice(0, 3).map((difference) => html`<p class="small err">Step ${difference.input}: ${difference.message}</p>`)}</div>
      ${this.editable ? html`<button class="btn quiet icon small" type="button" aria-label="Let ${test.name} go" @click=${() => void this.trial.drop(test.name)}>${icon("trash")}</button>` : ""}</div>`;
  }

  async #keep(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const name = String(new FormData(event.target as HTMLFormElement).get("name") ?? "").trim();
    this.#refusal = await this.trial.keep(name, "");
    this.redraw();
  }

  async #download(): Promise<void> {
    const file = await this.trial.file();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([file], { type: "text/yaml" }));
    link.download = `${this.flow}.scenarios.yaml`;
    link.click();
    URL.revokeObjectURL(link.href);
  }
}
