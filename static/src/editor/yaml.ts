import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, codeFolding, foldGutter, foldKeymap, indentUnit } from "@codemirror/language";
import { forEachDiagnostic, lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { Annotation, Compartment, EditorState, type Extension, type Text } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { nonce } from "../lib/nonce";
import type { Finding, Palette, Picture } from "../lib/types";
import { choose, chosenLines } from "./chosen";
import { completion } from "./completion";
import { guests, seat, type Guest } from "./guests";
import { reading } from "./yaml-reading";
import { yamlTheme } from "./yaml-theme";

const fromServer = Annotation.define<boolean>();

export interface YamlEvents {
  typed(text: string): void;
  moved(line: number, column: number): void;
  /** Somebody wants to see what the fix of a finding would change. */
  fix?(finding: Finding): void;
}

export interface YamlOptions {
  text: string;
  editable: boolean;
  palette?: Palette;
  picture?: () => Picture | null;
  /** How often the row on a line fired. */
  fired?: (line: number) => HTMLElement | null;
}

/** The YAML panel: CodeMirror without a history of its own, since undo belongs to the server. */
export class Yaml {
  readonly view: EditorView;
  readonly #writable = new Compartment();
  /** How lines end in the text outside: CodeMirror itself knows "\n" only. */
  #lineEnd: string;
  #fixes = "";

  constructor(
    host: HTMLElement,
    private readonly options: YamlOptions,
    private readonly events: YamlEvents,
  ) {
    this.#lineEnd = lineEnd(options.text);
    this.view = new EditorView({ parent: host, state: EditorState.create({ doc: options.text, extensions: this.#extensions() }) });
  }

  get text(): string {
    const text = this.view.state.sliceDoc();
    return this.#lineEnd === "\n" ? text : text.replaceAll("\n", this.#lineEnd);
  }

  get focused(): boolean {
    return this.view.hasFocus;
  }

  /** Put another text in, changing only the part that differs so that cursor and scroll stay. */
  replace(given: string): void {
    this.#lineEnd = lineEnd(given);
    const text = given.replace(/\r\n?/g, "\n");
    const old = this.view.state.sliceDoc();
    if (old === text) return;
    let start = 0;
    const least = Math.min(old.length, text.length);
    while (start < least && old[start] === text[start]) start += 1;
    let end = 0;
    while (end < least - start && old[old.length - 1 - end] === text[text.length - 1 - end]) end += 1;
    this.view.dispatch({
      changes: { from: start, to: old.length - end, insert: text.slice(start, text.length - end) },
      annotations: fromServer.of(true),
    });
  }

  lock(locked: boolean): void {
    if (!this.options.editable) return;
    this.view.dispatch({ effects: this.#writable.reconfigure(EditorState.readOnly.of(locked)) });
  }

  /** Mark the lines of the selection, and bring them into the window when asked. */
  mark(lines: { from: number; to: number } | null, reveal: boolean): void {
    const effects = [choose.of(lines)];
    const doc = this.view.state.doc;
    if (lines && reveal && lines.from <= doc.lines) {
      const at = doc.line(lines.from).from;
      this.view.dispatch({ effects: [...effects, EditorView.scrollIntoView(at, { y: "center" })] as never });
    } else this.view.dispatch({ effects });
  }

  /** Show who else is on which line. */
  seat(others: Guest[]): void {
    this.view.dispatch({ effects: seat.of(others) });
  }

  /** Set the cursor on a finding and show it. */
  goto(line: number, column: number): void {
    const at = offset(this.view.state.doc, line, column);
    this.view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }), annotations: fromServer.of(true) });
  }

  findings(findings: Finding[]): void {
    const doc = this.view.state.doc;
    const diagnostics = findings.map((finding): Diagnostic => {
      const from = offset(doc, finding.line, finding.column);
      const to = Math.max(from, offset(doc, finding.end_line, finding.end_column));
      return { from, to: Math.max(to, Math.min(from + 1, doc.length)), severity: finding.severity, message: `${finding.message} (${finding.code})`, ...this.#offers(finding) };
    });
    diagnostics.sort((a, b) => a.from - b.from);
    const fixes = JSON.stringify(findings.map((finding) => finding.fix));
    // Marks move with the text: where they stand already, nothing is drawn again.
    if (fixes === this.#fixes && this.#stand(diagnostics)) return;
    this.#fixes = fixes;
    this.view.dispatch(setDiagnostics(this.view.state, diagnostics));
  }

  #stand(diagnostics: Diagnostic[]): boolean {
    const said = ({ from, to, severity, message }: Diagnostic): string => `${from} ${to} ${severity} ${message}`;
    const now: string[] = [];
    forEachDiagnostic(this.view.state, (known, from, to) => now.push(said({ ...known, from, to })));
    return now.sort().join("\n") === diagnostics.map(said).sort().join("\n");
  }

  /** What a finding offers under the pointer. */
  #offers(finding: Finding): Partial<Diagnostic> {
    if (!finding.fix?.operation || !this.options.editable || !this.events.fix) return {};
    return { actions: [{ name: "See the fix…", apply: () => this.events.fix?.(finding) }] };
  }

  #extensions(): Extension[] {
    const { editable, palette, picture, fired } = this.options;
    return [
      EditorView.cspNonce.of(nonce()),
      lineNumbers(),
      editable ? [highlightActiveLine(), highlightActiveLineGutter(), drawSelection(), closeBrackets(), bracketMatching()] : [],
      yaml(),
      indentUnit.of("  "),
      yamlTheme,
      chosenLines,
      guests,
      lintGutter(),
      // Whoever types fast presses Enter as soon as the word they mean stands first.
      palette && picture ? [autocompletion({ override: [completion(palette, picture)], interactionDelay: 0 }), reading({ palette, picture, ...(fired ? { fired } : {}) })] : [],
      codeFolding(),
      foldGutter({ openText: "▾", closedText: "▸" }),
      keymap.of([...closeBracketsKeymap, ...completionKeymap, ...foldKeymap, ...defaultKeymap.filter((key) => key.key !== "Mod-z"), indentWithTab]),
      this.#writable.of(EditorState.readOnly.of(!editable)),
      EditorView.contentAttributes.of({ "aria-label": "YAML of the flow", "data-testid": "yaml", tabindex: "0" }),
      EditorView.updateListener.of((update) => {
        const own = update.transactions.some((transaction) => transaction.annotation(fromServer));
        if (update.docChanged && !own) this.events.typed(this.text);
        if (update.selectionSet && !own) this.#moved();
      }),
    ];
  }

  #moved(): void {
    const at = this.view.state.selection.main.head;
    const line = this.view.state.doc.lineAt(at);
    this.events.moved(line.number, at - line.from + 1);
  }
}

/** The line end of a text, by its first line. */
function lineEnd(text: string): string {
  return /^[^\n]*\r\n/.test(text) ? "\r\n" : "\n";
}

/** Place of a finding as an offset; places past the end of what is on the screen land at its end. */
function offset(doc: Text, line: number, column: number): number {
  if (line < 1) return 0;
  if (line > doc.lines) return doc.length;
  const found = doc.line(line);
  return Math.min(found.to, found.from + Math.max(0, column - 1));
}
