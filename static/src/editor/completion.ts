import { snippetCompletion, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { html } from "lit";
import type { Palette, ParameterWord, Picture, Word } from "../lib/types";
import { aboutParameter, aboutWord, card, limits, parametersOf } from "./words";
import { pathAt } from "./yaml-path";

const ROW: [string, string][] = [
  ["from_state", "the state it leaves; Any for every state"],
  ["role", "UAC, UAS or Both"],
  ["event", "what happened"],
  ["guards", "conditions that must all hold"],
  ["actions", "what is done, in this order"],
  ["next_state", "where it leads; without it the state stays"],
  ["publish_events", "what applications are told"],
  ["set", "variables with their new values"],
  ["ignore", "swallow the event, with the reason"],
  ["id", "a name for this row"],
  ["description", "a sentence for people"],
  ["waive", "findings accepted here, with a reason"],
];
const STATE: [string, string][] = [
  ["initial", "sessions begin here"],
  ["final", "the session ends on entering"],
  ["group", "phase it belongs to"],
  ["description", "a sentence for people"],
  ["ignore", "events swallowed here, each with the reason"],
];
const HEAD: [string, string][] = [
  ["callflow", "version of the language"],
  ["name", ""],
  ["description", "a sentence for people"],
  ["features", "what the flow claims to do"],
  ["states", "the states"],
  ["variables", "values of the session with what they are at first"],
  ["properties", "what must always hold"],
  ["transitions", "the rows"],
];
const ROLE: Record<string, string> = { UAC: "the side that called", UAS: "the side that was called", Both: "either side" };
const TIMES = ["500ms", "5s", "20s", "30s", "3m"];

/** Offer what may stand at the cursor: states, words of the vocabulary, their parameters with units and ranges. */
export function completion(palette: Palette, picture: () => Picture | null) {
  return (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(/[\w.*-]*/);
    if (!word) return null;
    const before = context.state.sliceDoc(context.state.doc.lineAt(context.pos).from, word.from);
    if (/(^|\s)#/.test(before)) return null;
    if (word.from === word.to && !context.explicit && !/[:,[{]\s*$|^\s*- $/.test(before)) return null;
    const path = pathAt(context.state.doc, word.from);
    const options = offered(path.keys, path.value, path.beside, palette, picture());
    return options.length ? { from: word.from, options, validFor: /^[\w.*-]*$/ } : null;
  };
}

function offered(all: string[], value: boolean, beside: string[], palette: Palette, picture: Picture | null): Completion[] {
  const keys = all[0] === "transitions" ? all.slice(1) : all;
  if (keys[0] === "states") return ofState(keys.slice(1), value, beside, palette, picture);
  const [field] = keys;
  if (field === undefined) return value ? [] : fields([...(beside.length || all.length ? ROW : [...ROW, ...HEAD])], beside);
  if (!value && keys.length === 1 && HEAD.some(([name]) => name === field)) return [];
  const states = picture?.states.map((state): Completion => ({ label: state.name, type: "class", detail: state.final ? "final" : state.group })) ?? [];
  switch (field) {
    case "event":
      if (keys[1] === "after") return TIMES.map((label) => ({ label, type: "constant" }));
      return keys.length > 1 ? [] : [...words(palette.events, "event", "event"), { label: "{after: 30s}", displayLabel: "after", type: "event", detail: "a time after entering" }];
    case "from_state":
      return [...states, { label: "Any", type: "class", detail: "every state" }];
    case "next_state":
      return states;
    case "role":
      return palette.roles.map((label) => ({ label, type: "enum", detail: ROLE[label] ?? "" }));
    case "guards":
      return [...words(palette.guards, "variable", "condition"), ...variables(picture)];
    case "publish_events":
      return words(palette.published, "event", "published event");
    case "actions":
      return ofAction(keys.slice(1), value, beside, palette, picture);
    case "set":
      return value && keys.length > 1 ? [] : variables(picture).map((option) => ({ ...option, apply: `${option.label}: ` }));
    default:
      return value || keys.length ? [] : fields(ROW, beside);
  }
}

function ofAction(keys: string[], value: boolean, beside: string[], palette: Palette, picture: Picture | null): Completion[] {
  const action = palette.actions.find((word) => word.name === keys[0]);
  if (!action) return keys.length ? [] : palette.actions.map((word) => actionWord(word, value));
  const parameters = parametersOf(action);
  const parameter = parameters.find((item) => item.name === keys[1]);
  if (!parameter) return parameters.filter((item) => !beside.includes(item.name)).map(parameterName);
  return value ? values(parameter, palette, picture) : [];
}

/** A word of an action: with what it needs, where it needs something. */
function actionWord(word: Word, item: boolean): Completion {
  const needed = parametersOf(word).filter((parameter) => parameter.required);
  const plain: Completion = { label: word.name, type: "function", detail: word.group ?? "", info: () => card(aboutWord(word, "action")) };
  if (!item || !needed.length) return item ? plain : { ...plain, apply: `${word.name}: ` };
  const inner = needed.map((parameter) => `${parameter.name}: #{${parameter.default == null ? (parameter.choices?.[0] ?? "") : String(parameter.default)}}`).join(", ");
  return snippetCompletion(`{${word.name}: {${inner}}}`, plain);
}

function parameterName(parameter: ParameterWord): Completion {
  return {
    label: parameter.name,
    type: "property",
    detail: `${limits(parameter)}${parameter.required ? ", needed" : ""}`,
    apply: `${parameter.name}: `,
    boost: parameter.required ? 1 : 0,
    info: () => card(html`${aboutParameter(parameter)}`),
  };
}

function values(parameter: ParameterWord, palette: Palette, picture: Picture | null): Completion[] {
  const info = (): HTMLElement => card(html`${aboutParameter(parameter)}`);
  const list = parameter.choices?.length
    ? parameter.choices
    : parameter.type === "boolean"
      ? ["true", "false"]
      : parameter.type === "event"
        ? palette.events.map((word) => word.name)
        : parameter.type === "condition"
          ? [...palette.guards.filter((word) => word.kind === "condition").map((word) => word.name), ...Object.keys(picture?.variables ?? {})]
          : parameter.default == null
            ? []
            : [String(parameter.default)];
  return list.map((label) => ({ label, type: "constant", detail: label === String(parameter.default) ? "usual" : parameter.unit ?? "", info }));
}

function ofState(keys: string[], value: boolean, beside: string[], palette: Palette, picture: Picture | null): Completion[] {
  if (keys.length < 1) return [];
  if (keys.length === 1) return fields(STATE, beside);
  if (keys[1] === "ignore") return value && keys.length > 2 ? [] : words(palette.events, "event", "event").map((option) => ({ ...option, apply: `${option.label}: ` }));
  if (keys[1] === "group") return [...new Set(picture?.states.map((state) => state.group).filter(Boolean))].map((label) => ({ label, type: "constant" }));
  return keys[1] === "initial" || keys[1] === "final" ? [{ label: "true", type: "constant" }] : [];
}

function fields(list: [string, string][], beside: string[]): Completion[] {
  return list.filter(([name]) => !beside.includes(name)).map(([label, detail]) => ({ label, detail, type: "property", apply: `${label}: ` }));
}

function variables(picture: Picture | null): Completion[] {
  return Object.entries(picture?.variables ?? {}).map(([label, first]) => ({ label, type: "variable", detail: `at first ${String(first)}` }));
}

function words(list: (Word | string)[], type: string, kind: string): Completion[] {
  return list.map((word) =>
    typeof word === "string" ? { label: word, type } : { label: word.name, type, detail: word.performed === false ? "not done yet" : (word.group ?? ""), boost: word.performed === false ? -20 : 0, info: () => card(aboutWord(word, kind)) },
  );
}
