import type { Text } from "@codemirror/state";

/** Where a place in the text stands: the keys that lead to it, and whether a value or a key is written there. */
export interface YamlPath {
  keys: string[];
  value: boolean;
  /** Keys that the innermost flow mapping has already. */
  beside: string[];
}

const FURTHEST = 300;

interface Level {
  open: "{" | "[";
  keys: string[];
  key: string;
}

/** Read the way to a place from the lines above it, also in a text that is half written. */
export function pathAt(doc: Text, position: number): YamlPath {
  const end = doc.lineAt(position);
  let first = end.number;
  while (first > 1 && end.number - first < FURTHEST && !begins(doc.line(first).text)) first -= 1;
  const blocks: { indent: number; key: string }[] = [];
  const flow: Level[] = [];
  let value = false;
  for (let number = first; number <= end.number; number += 1) {
    const line = doc.line(number);
    const text = number === end.number ? line.text.slice(0, position - line.from) : line.text;
    if (!flow.length && /^\s*(#.*)?$/.test(text) && number < end.number) continue;
    let at = 0;
    if (!flow.length) {
      const lead = /^(\s*)((?:- +)*)/.exec(text);
      const indent = (lead?.[1]?.length ?? 0) + (lead?.[2]?.length ?? 0);
      const outer = lead?.[2] ? (lead[1]?.length ?? 0) : indent;
      while (blocks.length && (blocks.at(-1)?.indent ?? 0) >= (lead?.[2] ? outer + 1 : indent)) blocks.pop();
      value = Boolean(lead?.[2]) && blocks.length > 0;
      at = lead?.[0].length ?? 0;
      const key = /^([\w.*-]+):(\s|$)/.exec(text.slice(at));
      if (key?.[1]) {
        blocks.push({ indent, key: key[1] });
        value = true;
        at += key[0].length;
      }
    }
    value = scan(text.slice(at), flow, value);
  }
  const keys = [...blocks.map((block) => block.key), ...flow.flatMap((level, depth) => (level.key && (depth < flow.length - 1 || value) ? [level.key] : []))];
  return { keys, value: flow.at(-1)?.open === "[" ? true : value, beside: flow.at(-1)?.open === "{" ? (flow.at(-1)?.keys ?? []) : [] };
}

/** A line that the way can be read from: a top key, or a row of the table. */
function begins(text: string): boolean {
  return /^[\w"']/.test(text) || /^ {0,3}- /.test(text);
}

/** Walk over flow style; returns whether a value stands at the end. */
function scan(text: string, flow: Level[], value: boolean): boolean {
  const word = /([\w.*-]+):(?=\s|$)/y;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    const level = flow.at(-1);
    if (sign === "#" && (at === 0 || /\s/.test(text[at - 1] ?? ""))) break;
    if (sign === '"' || sign === "'") {
      const close = text.indexOf(sign, at + 1);
      if (close < 0) return value;
      at = close;
    } else if (sign === "{" || sign === "[") {
      flow.push({ open: sign, keys: [], key: "" });
      value = sign === "[";
    } else if (sign === "}" || sign === "]") {
      flow.pop();
      value = true;
    } else if (sign === "," && level?.open === "{") {
      level.key = "";
      value = false;
    } else if (level?.open === "{" && /[\w*]/.test(sign ?? "") && !/[\w.*-]/.test(text[at - 1] ?? "")) {
      word.lastIndex = at;
      const key = word.exec(text);
      if (key?.[1]) {
        level.key = key[1];
        level.keys.push(key[1]);
        value = true;
        at += key[0].length - 1;
      }
    }
  }
  return value;
}

/** The word around a place, with its ends; null between words. */
export function wordAt(doc: Text, position: number): { text: string; from: number; to: number } | null {
  const line = doc.lineAt(position);
  const sign = /[\w*-]/;
  let from = position - line.from;
  let to = from;
  while (from > 0 && sign.test(line.text[from - 1] ?? "")) from -= 1;
  while (to < line.text.length && sign.test(line.text[to] ?? "")) to += 1;
  const text = line.text.slice(from, to).replace(/^-+|-+$/g, "");
  if (!text) return null;
  const hash = /(^|\s)#/.exec(line.text);
  if (hash && hash.index < from) return null;
  return { text, from: line.from + from, to: line.from + to };
}
