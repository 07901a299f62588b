import { html, type TemplateResult } from "lit";
import { openDialog, type OpenDialog } from "../lib/dialog";
import { icon } from "../lib/icon";
import type { Acts } from "./acts";
import { keys } from "./keys-dialog";
import type { Store } from "./store";

/** One thing the palette leads to. */
interface Entry {
  kind: "act" | "state" | "row" | "flow" | "rule";
  title: string;
  note: string;
  keys?: string;
  /** What the words are looked for in, in small letters. */
  text: string;
  go: () => void;
}

const MOST_SHOWN = 60;
const ICON = { act: "play", state: "branch", row: "arrow", flow: "flow", rule: "info" } as const;
const KIND = { act: "do", state: "state", row: "row", flow: "flow", rule: "rule" } as const;

/** Other pages to go to, fetched once. */
let elsewhere: Promise<Entry[]> | null = null;

/** Find anything by a few letters: acts, states, rows, other flows, the pages of the rules. */
export function openPalette(acts: Acts, store: Store): void {
  let words = "";
  let active = 0;
  let others: Entry[] = [];
  const own = [...actEntries(acts), ...stateEntries(store), ...rowEntries(store)];
  const found = (): Entry[] => matching([...own, ...others], words);
  const choose = (dialog: OpenDialog, entry: Entry | undefined): void => {
    if (!entry) return;
    dialog.close();
    // Its own focus has gone back to where it was, which the act may want to know.
    queueMicrotask(entry.go);
  };
  const draw = (dialog: OpenDialog): void => {
    const list = found();
    active = Math.min(active, Math.max(0, list.length - 1));
    dialog.update(view(dialog, list));
    document.querySelector('.palette-list [aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  };
  const view = (dialog: OpenDialog, list: Entry[]): TemplateResult => html`
    <label class="palette-field">${icon("search")}<span class="vh">What to do or where to go</span>
      <input class="input" type="text" role="combobox" data-first data-testid="palette" autocomplete="off" spellcheck="false" aria-expanded="true" aria-controls="palette-list"
        aria-activedescendant=${list.length ? `palette-${active}` : ""} placeholder="What to do, or a state, row, flow or rule"
        @input=${(event: InputEvent) => {
          words = (event.target as HTMLInputElement).value;
          active = 0;
          draw(dialog);
        }}
        @keydown=${(event: KeyboardEvent) => {
          const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
          if (step !== undefined) {
            event.preventDefault();
            active = Math.abs(step) === 1 ? (active + step + list.length) % Math.max(1, list.length) : Math.min(list.length - 1, Math.max(0, active + step));
            draw(dialog);
          } else if (event.key === "Enter") {
            event.preventDefault();
            choose(dialog, found()[active]);
          }
        }}></label>
    <div class="palette-list" role="listbox" id="palette-list" aria-label="Found">${list.map(
      (entry, at) => html`<div class="palette-line" role="option" id="palette-${at}" aria-selected=${at === active} data-testid="palette-option" data-kind=${entry.kind}
        @pointerdown=${(event: Event) => event.preventDefault()} @click=${() => choose(dialog, entry)}>
        ${icon(ICON[entry.kind])}<span class="grow clip"><b>${entry.title}</b>${entry.note ? html` <span class="ink3">${entry.note}</span>` : ""}</span>
        ${entry.keys ? keys(entry.keys) : html`<span class="small ink3">${KIND[entry.kind]}</span>`}</div>`,
    )}</div>
    ${list.length ? "" : html`<p class="palette-none ink2">Nothing here is called “${words}”.</p>`}
    <p class="palette-foot small ink3"><kbd>↑</kbd><kbd>↓</kbd> choose <kbd>Enter</kbd> go <kbd>Esc</kbd> back</p>`;
  const dialog = openDialog((open) => (queueMicrotask(() => draw(open)), view(open, found())), "palette", "palette-dialog");
  elsewhere ??= fetchOthers(store);
  elsewhere.then(
    (entries) => {
      others = entries;
      if (document.querySelector("dialog.palette")) draw(dialog);
    },
    () => {
      // The list of other pages did not come; what is on this page is found all the same.
      elsewhere = null;
    },
  );
}

function actEntries(acts: Acts): Entry[] {
  return acts.all
    .filter((act) => act.run && (!act.can || act.can()))
    .map((act) => ({ kind: "act", title: act.title, note: "", ...(act.keys?.[0] ? { keys: act.keys[0] } : {}), text: `${act.title} ${act.group}`.toLowerCase(), go: () => act.run?.() }));
}

function stateEntries(store: Store): Entry[] {
  return (store.picture?.states ?? []).map((state) => ({
    kind: "state",
    title: state.name,
    note: [state.group, state.final ? "final" : `${state.rows?.length ?? 0} rows`].filter(Boolean).join(" · "),
    text: `${state.name} ${state.group}`.toLowerCase(),
    go: () => store.select({ kind: "state", name: state.name }, "address"),
  }));
}

function rowEntries(store: Store): Entry[] {
  return (store.picture?.rows ?? []).map((row) => ({
    kind: "row",
    title: `${row.from_state} · ${row.label}`,
    note: `${row.guards.length ? `if ${row.guards.join(" and ")}, ` : ""}${row.next_state ? `goes to ${row.next_state}` : "stays"}`,
    text: `${row.from_state} ${row.label} ${row.next_state ?? ""} ${row.id} ${row.guards.join(" ")} ${row.actions.map((action) => action.name).join(" ")}`.toLowerCase(),
    go: () => store.select({ kind: "row", index: row.index }, "address"),
  }));
}

async function fetchOthers(store: Store): Promise<Entry[]> {
  const answer = await fetch(store.urls["find"] ?? "", { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`The list of pages did not come: ${answer.status}`);
  const told = (await answer.json()) as { flows: { name: string; description: string; url: string }[]; rules: { code: string; rule: string; url: string }[] };
  const flows = told.flows
    .filter((flow) => flow.name !== store.flow)
    .map((flow): Entry => ({ kind: "flow", title: flow.name, note: flow.description, text: `${flow.name} ${flow.description}`.toLowerCase(), go: () => location.assign(flow.url) }));
  const rules = told.rules.map((rule): Entry => ({ kind: "rule", title: rule.code, note: rule.rule, text: `${rule.code} ${rule.rule}`.toLowerCase(), go: () => location.assign(rule.url) }));
  return [...flows, ...rules];
}

/** What holds all the words; names that begin with them first, then acts before places. */
function matching(entries: Entry[], words: string): Entry[] {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (!parts.length) return entries.filter((entry) => entry.kind === "act").slice(0, MOST_SHOWN);
  const rank = (entry: Entry): number => {
    const title = entry.title.toLowerCase();
    return title === words.toLowerCase() ? 0 : title.startsWith(parts[0] ?? "") ? 1 : title.includes(parts[0] ?? "") ? 2 : 3;
  };
  return entries
    .filter((entry) => parts.every((part) => entry.text.includes(part)))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, MOST_SHOWN);
}
