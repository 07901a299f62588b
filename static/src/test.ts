import "./css/proof.css";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { indentUnit } from "@codemirror/language";
import { lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { html, render, type TemplateResult } from "lit";
import { yamlTheme } from "./editor/yaml-theme";
import { boot } from "./lib/boot";
import { csrf } from "./lib/csrf";
import { element } from "./lib/element";
import { icon } from "./lib/icon";
import { nonce } from "./lib/nonce";

interface Tried {
  problems: [number, string][];
  version: string | null;
  results: { name: string; holds: boolean; steps: number; differences: [number, string][] }[];
}

const PAUSE = 350;
const data = boot<{ text: string; check: string }>("boot");
const area = document.querySelector<HTMLTextAreaElement>('textarea[name="text"]');
if (data && area) write(area, data.check);

/** A text area with line numbers; what is wrong is marked at its line a moment after the last key. */
function write(field: HTMLTextAreaElement, check: string): void {
  const host = element<HTMLElement>('[data-part="yaml"]');
  const said = element<HTMLElement>('[data-part="said"]');
  const verdict = element<HTMLElement>('[data-part="verdict"]');
  let timer = 0;
  let asked = 0;
  const view = new EditorView({
    parent: host,
    state: EditorState.create({
      doc: field.value,
      extensions: [
        lineNumbers(), history(), drawSelection(), highlightActiveLine(), lintGutter(), yaml(), yamlTheme, indentUnit.of("  "),
        EditorState.readOnly.of(field.readOnly),
        EditorView.cspNonce.of(nonce()),
        EditorView.contentAttributes.of({ "aria-label": "Text of the test" }),
        keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          field.value = view.state.sliceDoc();
          window.clearTimeout(timer);
          timer = window.setTimeout(() => void tried(), PAUSE);
        }),
      ],
    }),
  });
  field.hidden = true;
  said.replaceChildren();
  if (!field.readOnly) void tried();

  async function tried(): Promise<void> {
    const mine = ++asked;
    const body = new URLSearchParams({ text: field.value });
    const answer = await fetch(check, { method: "POST", body, headers: { "X-CSRFToken": csrf() } }).catch(() => null);
    if (mine !== asked) return;
    if (!answer?.ok) {
      render(html`${icon("clock")}Not looked at: the server did not answer`, verdict);
      return;
    }
    const found = (await answer.json()) as Tried;
    view.dispatch(setDiagnostics(view.state, found.problems.map(marked)));
    render(summary(found), verdict);
    render(listed(found, (line) => go(line)), said);
  }

  function marked([line, message]: [number, string]): Diagnostic {
    const at = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
    return { from: at.from, to: at.to, severity: "error", message };
  }

  function go(line: number): void {
    const at = view.state.doc.line(Math.min(line, view.state.doc.lines));
    view.dispatch({ selection: { anchor: at.from }, scrollIntoView: true });
    view.focus();
  }
}

function summary(found: Tried): TemplateResult {
  if (found.problems.length) {
    const count = found.problems.length;
    return html`<span class="count err">${icon("error")}${count} ${count === 1 ? "mistake" : "mistakes"}</span>`;
  }
  if (!found.version) return html`<span class="count ok">${icon("check")}can be read</span>`;
  const held = found.results.filter((result) => result.holds).length;
  if (held === found.results.length) return html`<span class="count ok">${icon("check")}holds on ${found.version}</span>`;
  return html`<span class="count err">${icon("error")}${held} of ${found.results.length} hold on ${found.version}</span>`;
}

function listed(found: Tried, go: (line: number) => void): TemplateResult {
  if (found.problems.length) {
    return html`${found.problems.map(
      ([line, message]) => html`<div class="problem" data-testid="test-problem"><span class="err">${icon("error")}</span><span class="grow"><button class="edgeless t" type="button" @click=${() => go(line)}>${message}</button><span class="row"><span class="s">line ${line}</span></span></span></div>`,
    )}`;
  }
  const wrong = found.results.flatMap((result) => result.differences.map((difference) => ({ result, difference })));
  if (wrong.length) {
    return html`${wrong.map(
      ({ result, difference }) => html`<div class="problem" data-testid="test-difference"><span class="err">${icon("error")}</span><span class="grow"><span class="t">${difference[1]}</span><span class="row"><span class="s">${difference[0] ? `step ${difference[0]} of ` : ""}${result.name}</span></span></span></div>`,
    )}`;
  }
  return html`<p class="panel-body ok">${icon("check")} ${found.version ? `It holds on ${found.version}.` : "It can be read."}</p>`;
}
