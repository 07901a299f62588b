import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import type { Palette, Word } from "../lib/types";

const FIELDS = ["from_state", "role", "event", "guards", "actions", "next_state", "publish_events", "set", "ignore", "id", "description", "waive"];

/** Offer the words of the vocabulary and the states of the flow, by the field the cursor is in. */
export function completion(palette: Palette, states: () => string[]) {
  const words = (list: (Word | string)[], type: string): Completion[] =>
    list.map((word) => (typeof word === "string" ? { label: word, type } : { label: word.name, detail: word.meaning, type }));
  return (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(/[\w.*-]*/);
    if (!word || (word.from === word.to && !context.explicit && !/[:,[]\s*$/.test(before(context)))) return null;
    const field = fieldAt(context);
    const options =
      field === "event" ? words(palette.events, "event")
      : field === "next_state" || field === "from_state" ? words(states(), "class")
      : field === "role" ? words(palette.roles, "enum")
      : field === "actions" ? words(palette.actions, "function")
      : field === "guards" ? words(palette.guards, "variable")
      : field === "publish_events" ? words(palette.published, "event")
      : field === "" ? FIELDS.map((name) => ({ label: name, type: "property", apply: `${name}: ` }))
      : [];
    return options.length ? { from: word.from, options, validFor: /^[\w.*-]*$/ } : null;
  };
}

function before(context: CompletionContext): string {
  return context.state.doc.lineAt(context.pos).text.slice(0, context.pos - context.state.doc.lineAt(context.pos).from);
}

/** The field whose value is being written: on this line, or above for items of a list. "" at the start of a key. */
function fieldAt(context: CompletionContext): string | null {
  const here = before(context);
  const inline = [...here.matchAll(/(?:^|[{,\s])(\w+):\s/g)].at(-1);
  if (inline?.[1]) {
    const rest = here.slice((inline.index ?? 0) + inline[0].length);
    const closed = /^\[[^\]]*\]/.test(rest.trim());
    if (!closed && !/^[^[{]*,/.test(rest)) return inline[1];
    return closed || /,\s*\w*$/.test(rest) ? "" : null;
  }
  if (/^\s*(- )?\w*$/.test(here) && !/^\s*- \w*$/.test(here)) return "";
  if (!/^\s*- /.test(here)) return null;
  const doc = context.state.doc;
  for (let line = doc.lineAt(context.pos).number - 1; line > 0; line -= 1) {
    const text = doc.line(line).text;
    const key = /^\s*(?:- )?(\w+):\s*$/.exec(text);
    if (key?.[1]) return key[1];
    if (!/^\s*(- |#|$)/.test(text)) return null;
  }
  return null;
}
