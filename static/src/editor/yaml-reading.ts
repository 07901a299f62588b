import { StateEffect, StateField, type Extension } from "@codemirror/state";
import { EditorView, hoverTooltip, keymap, showPanel, type Panel } from "@codemirror/view";
import { html, render } from "lit";
import { announce } from "../lib/announce";
import { icon } from "../lib/icon";
import type { Palette, Picture } from "../lib/types";
import { about, card, meaning, type Meant } from "./words";
import { pathAt, wordAt } from "./yaml-path";

/** One place where a word stands. */
interface Use {
  line: number;
  column: number;
  text: string;
}

interface Uses {
  word: string;
  places: Use[];
}

const setUses = StateEffect.define<Uses | null>();

export interface Reading {
  palette: Palette;
  picture(): Picture | null;
  /** How often the row that holds a line fired; it may become known later, in the same place. */
  fired?(line: number): HTMLElement | null;
}

/** Reading the text: help under the pointer, the way to where a word is declared, and to where it is used. */
export function reading(sources: Reading): Extension {
  const meant = (view: EditorView, position: number): { word: string; from: number; to: number; what: Meant } | null => {
    const word = wordAt(view.state.doc, position);
    if (!word) return null;
    const what = meaning(word.text, pathAt(view.state.doc, word.to).keys, sources.palette, sources.picture());
    return what ? { word: word.text, from: word.from, to: word.to, what } : null;
  };
  const define = (view: EditorView, position: number): boolean => {
    const found = meant(view, position);
    const line = found ? declaredAt(view, found.word, found.what, sources.picture()) : 0;
    if (!line) {
      announce(found ? `${found.word} is a word of the language` : "No word here");
      return found !== null && showUses(view, found.word);
    }
    const place = view.state.doc.line(line);
    const column = Math.max(0, place.text.indexOf(found?.word ?? ""));
    view.dispatch({ selection: { anchor: place.from + column }, effects: EditorView.scrollIntoView(place.from, { y: "center" }) });
    view.focus();
    return true;
  };
  const cursor = (view: EditorView): number => view.state.selection.main.head;
  return [
    hoverTooltip((view, position) => {
      const found = meant(view, position);
      if (!found) return null;
      const count = usesOf(view, found.word).length;
      return {
        pos: found.from,
        end: found.to,
        above: true,
        create: () => ({
          dom: card(html`${about(found.what, sources.picture())}${sources.fired?.(view.state.doc.lineAt(position).number) ?? ""}<p class="word-foot"><button class="btn small" type="button" @click=${() => showUses(view, found.word)}>${count} ${count === 1 ? "use" : "uses"} <kbd>Shift F12</kbd></button>
            ${declaredAt(view, found.word, found.what, sources.picture()) ? html`<button class="btn small" type="button" @click=${() => define(view, found.from)}>Go to it <kbd>F12</kbd></button>` : ""}</p>`),
        }),
      };
    }),
    usesField,
    keymap.of([
      { key: "F12", run: (view) => define(view, cursor(view)) },
      { key: "Shift-F12", run: (view) => showUses(view, wordAt(view.state.doc, cursor(view))?.text ?? "") },
      { key: "Escape", run: (view) => view.state.field(usesField) !== null && close(view) },
    ]),
    EditorView.domEventHandlers({
      mousedown: (event, view) => {
        if (!(event.ctrlKey || event.metaKey) || event.button !== 0) return false;
        const position = view.posAtCoords({ x: event.clientX, y: event.clientY });
        return position !== null && define(view, position);
      },
    }),
  ];
}

/** The line where a name is declared; 0 where the language declares it. */
function declaredAt(view: EditorView, word: string, what: Meant, picture: Picture | null): number {
  if (what.kind === "state") {
    const state = picture?.states.find((item) => item.name === word);
    return state?.declared && state.line <= view.state.doc.lines ? state.line : 0;
  }
  if (what.kind !== "variable") return 0;
  let inside = false;
  for (let number = 1; number <= view.state.doc.lines; number += 1) {
    const { text } = view.state.doc.line(number);
    if (/^variables:/.test(text)) inside = true;
    else if (/^\w/.test(text)) inside = false;
    if (inside && new RegExp(`(^|[{,\\s])${word}:`).test(text)) return number;
  }
  return 0;
}

/** Every place where a word stands outside of comments. */
function usesOf(view: EditorView, word: string): Use[] {
  if (!word) return [];
  const pattern = new RegExp(`(?<![\\w.-])${word.replace(/[*.]/g, "\\$&")}(?![\\w-])`, "g");
  const found: Use[] = [];
  for (let number = 1; number <= view.state.doc.lines; number += 1) {
    const { text } = view.state.doc.line(number);
    if (!text.includes(word)) continue;
    const hash = /(^|\s)#/.exec(text);
    for (const match of text.matchAll(pattern)) {
      if (hash && match.index > hash.index) break;
      found.push({ line: number, column: match.index + 1, text: text.trim() });
    }
  }
  return found;
}

function showUses(view: EditorView, word: string): boolean {
  if (!word) return false;
  const places = usesOf(view, word);
  view.dispatch({ effects: setUses.of({ word, places }) });
  announce(`${word}: ${places.length} uses`);
  return true;
}

function close(view: EditorView): boolean {
  view.dispatch({ effects: setUses.of(null) });
  view.focus();
  return true;
}

const usesField: StateField<Uses | null> = StateField.define<Uses | null>({
  create: () => null,
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(setUses)) value = effect.value;
    // Lines move with the text: a list of places is true of the text it was made from.
    return value && transaction.docChanged ? null : value;
  },
  provide: (field) => showPanel.from(field, (uses) => (uses ? (view): Panel => usesPanel(view, uses) : null)),
});

function usesPanel(view: EditorView, uses: Uses): Panel {
  const dom = document.createElement("div");
  dom.className = "uses";
  const go = (use: Use): void => {
    const line = view.state.doc.line(use.line);
    view.dispatch({ selection: { anchor: line.from + use.column - 1 }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
  };
  render(
    html`<div class="uses-head"><b class="mono">${uses.word}</b><span class="pill">${uses.places.length}</span><span class="grow"></span>
      <button class="btn quiet icon small" type="button" aria-label="Close the uses" @click=${() => close(view)}>${icon("x")}</button></div>
      <div class="uses-list" role="list" aria-label="Uses of ${uses.word}" data-testid="uses">${uses.places.map(
        (use) => html`<button type="button" role="listitem" data-testid="use" @click=${() => go(use)}><span class="ink3">${use.line}</span><span class="clip">${use.text}</span></button>`,
      )}</div>`,
    dom,
  );
  return { dom, top: false };
}
