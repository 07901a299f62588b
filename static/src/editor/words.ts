import { html, render, type TemplateResult } from "lit";
import { prose } from "../lib/prose";
import type { Palette, ParameterWord, Picture, Word } from "../lib/types";

/** Something a text may name. */
export type Meant =
  | { kind: "event" | "action" | "guard" | "published"; word: Word }
  | { kind: "parameter"; word: Word; parameter: ParameterWord }
  | { kind: "state"; name: string }
  | { kind: "variable"; name: string }
  | { kind: "timer" };

const KIND: Record<Meant["kind"], string> = { event: "event", action: "action", guard: "condition", published: "published event", parameter: "parameter", state: "state", variable: "variable", timer: "timer" };

/** The parameters of an action as a list. */
export function parametersOf(word: Word | undefined): ParameterWord[] {
  const declared = word?.parameters ?? [];
  return Array.isArray(declared) ? declared : Object.entries(declared).map(([name, rest]) => ({ ...rest, name }));
}

/** What a word means in its place. */
export function meaning(text: string, keys: string[], palette: Palette, picture: Picture | null): Meant | null {
  const field = keys.find((key) => ["event", "actions", "guards", "publish_events", "set", "from_state", "next_state", "ignore", "states"].includes(key)) ?? "";
  const named = <T extends Word | string>(list: T[]): Word | undefined => list.filter((word): word is T & Word => typeof word !== "string").find((word) => word.name === text);
  const state = picture?.states.some((item) => item.name === text);
  if (text === "after") return { kind: "timer" };
  if (field === "actions") {
    const action = named(palette.actions);
    if (action) return { kind: "action", word: action };
    const owner = palette.actions.find((word) => keys.includes(word.name));
    const parameter = parametersOf(owner).find((item) => item.name === text);
    if (owner && parameter) return { kind: "parameter", word: owner, parameter };
  }
  if ((field === "event" || field === "ignore") && named(palette.events)) return { kind: "event", word: named(palette.events) as Word };
  if (field === "publish_events" && named(palette.published)) return { kind: "published", word: named(palette.published) as Word };
  if ((field === "from_state" || field === "next_state" || field === "states") && state) return { kind: "state", name: text };
  const guard = named(palette.guards);
  if (guard) return { kind: "guard", word: guard };
  if (picture && text in picture.variables) return { kind: "variable", name: text };
  const anywhere = named(palette.events) ?? named(palette.actions);
  if (anywhere) return { kind: palette.events.includes(anywhere) ? "event" : "action", word: anywhere };
  return state ? { kind: "state", name: text } : null;
}

/** What there is to say of a word: meaning, contract, source. */
export function about(meant: Meant, picture: Picture | null): TemplateResult {
  switch (meant.kind) {
    case "state":
      return aboutState(meant.name, picture);
    case "variable":
      return html`${head(meant.name, meant.kind)}<p>A value of the session, at first <code>${String(picture?.variables[meant.name])}</code>. Guards read it, <code>set</code> changes it.</p>`;
    case "timer":
      return html`${head("after", "timer")}<p>This time after entering the state, if nothing led out before: <code>{after: 30s}</code>. Units: ms, s, m, h.</p>`;
    case "parameter":
      return html`${head(meant.parameter.name, `of ${meant.word.name}`)}${aboutParameter(meant.parameter)}`;
    default:
      return aboutWord(meant.word, KIND[meant.kind]);
  }
}

/** A word of the vocabulary. */
export function aboutWord(word: Word, kind: string): TemplateResult {
  const parameters = parametersOf(word);
  const said = (literals: Record<string, boolean> | undefined): string =>
    Object.entries(literals ?? {}).map(([name, value]) => (value ? name : `not ${name}`)).join(", ");
  const facts: [string, string][] = [
    ["needs", said(word.requires)],
    ["sets", said(word.sets)],
    ["sends", word.sends ?? ""],
    ["waits for an answer to", word.owes ?? ""],
    ["brings", Object.entries(word.fields ?? {}).map(([name, type]) => `event.${name} (${type})`).join(", ")],
    ["roles", word.roles && word.roles.length === 1 ? `${word.roles[0]} only` : ""],
    ["ends the call as", word.outcome ?? ""],
  ];
  const shown = facts.filter(([, text]) => text !== "");
  return html`${head(word.name, kind)}<p>${prose(word.meaning)}</p>
    ${word.performed === false ? html`<p class="warn">This runtime does not do it yet (META996).</p>` : ""}
    ${shown.length ? html`<dl>${shown.map(([name, text]) => html`<dt>${name}</dt><dd>${text}</dd>`)}</dl>` : ""}
    ${parameters.length ? html`<ul>${parameters.map((parameter) => html`<li><code>${parameter.name}</code>${parameter.required ? html` <b>needed</b>` : ""} ${aboutParameter(parameter)}</li>`)}</ul>` : ""}
    ${word.rfc ? html`<p class="ink3">${word.rfc}</p>` : ""}`;
}

/** A parameter: meaning, kind, unit, range, choices, and what it is without being said. */
export function aboutParameter(parameter: ParameterWord): TemplateResult {
  return html`<span>${parameter.meaning ? prose(parameter.meaning) : ""} <span class="ink3">${limits(parameter)}</span></span>`;
}

/** What values a parameter takes, in a few words. */
export function limits(parameter: ParameterWord): string {
  const range = parameter.low != null || parameter.high != null ? `${parameter.low ?? "…"} to ${parameter.high ?? "…"}` : "";
  const choices = parameter.choices?.length ? parameter.choices.join(" | ") : "";
  const usual = parameter.default === null || parameter.default === undefined ? "" : `usually ${String(parameter.default)}`;
  const unit = parameter.unit ? ` ${parameter.unit}` : "";
  return [choices || `${parameter.type}${range ? ` ${range}` : ""}${unit}`, usual].filter(Boolean).join(", ");
}

function aboutState(name: string, picture: Picture | null): TemplateResult {
  const state = picture?.states.find((item) => item.name === name);
  const out = picture?.rows.filter((row) => row.from_state === name).length ?? 0;
  const into = picture?.rows.filter((row) => row.next_state === name && row.from_state !== name).length ?? 0;
  return html`${head(name, "state")}<p>${state?.description || (state?.final ? "Final: the session ends on entering." : state?.initial ? "Sessions begin here." : "")}</p>
    <dl>${state?.group ? html`<dt>group</dt><dd>${state.group}</dd>` : ""}<dt>ways out</dt><dd>${out}</dd><dt>ways in</dt><dd>${into}</dd></dl>`;
}

function head(name: string, kind: string): TemplateResult {
  return html`<p class="word-head"><b class="mono">${name}</b> <span class="ink3">${kind}</span></p>`;
}

/** The same as an element for the text editor. */
export function card(content: TemplateResult): HTMLElement {
  const box = document.createElement("div");
  box.className = "word-card";
  render(content, box);
  return box;
}
