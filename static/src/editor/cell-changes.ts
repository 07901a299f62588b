import type { PictureRow } from "../lib/types";
import type { RowsEdit } from "./both-roles";
import { cellText, type Cell, type Cells } from "./cells";

/** What is to become of one cell, or why it can not. */
export interface Change {
  cell: Cell;
  before: string;
  after: string;
  refused: string;
  add: Record<string, unknown>[];
  change: { row: number; fields: Record<string, unknown> }[];
  remove: number[];
}

/** The states that may be led to, and whom an event reaches. */
export interface Known {
  states: Set<string>;
  rolesOf(event: string): readonly string[];
}

const IGNORE = /^ignore:\s*(.*)$/i;
const STAY = /^(stay|stays|↻)$/i;
const NOTHING = { add: [], change: [], remove: [] };

/** Find out what writing this text into a cell changes. */
export function written(cells: Cells, cell: Cell, text: string, known: Known): Change {
  const said = text.trim();
  const before = cellText(cell);
  const base: Change = { cell, before, after: said, refused: "", ...NOTHING };
  if (said === before) return base;
  const refused = refusal(cells, cell, said, known);
  if (refused) return { ...base, refused };
  if (said === "") return { ...base, remove: cell.rows.map((row) => row.index) };
  const ignore = IGNORE.exec(said);
  const fields: Record<string, unknown> = ignore
    ? { ignore: ignore[1], actions: null, publish_events: null, set: null, next_state: null }
    : { next_state: STAY.test(said) ? null : said, ignore: null };
  const only = cell.rows[0];
  if (only) return { ...base, change: [{ row: only.index, fields }] };
  return { ...base, add: [newRow(cells, cell, known, ignore ? { ignore: ignore[1] } : fields["next_state"] === null ? {} : { next_state: said })] };
}

/** Find out what putting copies of these rows into a cell changes: they come with guards, actions and all. */
export function copied(cells: Cells, cell: Cell, rows: PictureRow[], known: Known): Change {
  const base: Change = { cell, before: cellText(cell), after: rows.map((row) => (row.ignore !== null ? `ignore: ${row.ignore}` : (row.next_state ?? "stay"))).join("; "), refused: "", ...NOTHING };
  if (cell.rows.length && rows.length && cell.rows.every((row, at) => row === rows[at])) return base;
  const roles = known.rolesOf(cell.event);
  if (cells.role !== "all" && !roles.includes(cells.role)) return { ...base, refused: `${cell.event} never reaches ${cells.role}` };
  return { ...base, add: rows.map((row) => ({ ...whole(row), ...newRow(cells, cell, known, {}), ...(row.after !== null ? { event: { after: `${row.after}s` } } : {}) })), remove: cell.rows.map((row) => row.index) };
}

function refusal(cells: Cells, cell: Cell, said: string, known: Known): string {
  const target = !IGNORE.test(said) && !STAY.test(said) && said !== "";
  if (said === "") return cell.rows.length ? "" : cell.kind === "ignored" ? "the state itself ignores it; change that in the state" : "there is nothing to remove";
  if (cell.event === "after") return "a timer needs its time; add it as a row";
  if (cell.rows.length > 1) return `${cell.rows.length} rows are told apart by guards; change them one by one`;
  if (IGNORE.test(said) && !IGNORE.exec(said)?.[1]) return "ignoring needs a reason: ignore: why";
  if (target && !known.states.has(said)) return `there is no state ${said}`;
  if (cells.role !== "all" && !known.rolesOf(cell.event).includes(cells.role)) return `${cell.event} never reaches ${cells.role}`;
  return "";
}

function newRow(cells: Cells, cell: Cell, known: Known, more: Record<string, unknown>): Record<string, unknown> {
  const reached = known.rolesOf(cell.event);
  const role = cells.role !== "all" ? cells.role : reached.length === 1 ? reached[0] : undefined;
  return { from_state: cell.state === "*" ? "Any" : cell.state, event: cell.event, ...(role ? { role } : {}), ...more };
}

/** A row as an edit writes it again. */
export function whole(row: PictureRow): Record<string, unknown> {
  return {
    role: row.role,
    ...(row.guards.length ? { guards: row.guards } : {}),
    ...(row.actions.length ? { actions: row.actions.map((action) => (Object.keys(action.arguments).length ? { [action.name]: action.arguments } : action.name)) } : {}),
    ...(Object.keys(row.set).length ? { set: row.set } : {}),
    ...(row.next_state !== null ? { next_state: row.next_state } : {}),
    ...(row.publish.length ? { publish_events: row.publish } : {}),
    ...(row.ignore !== null ? { ignore: row.ignore } : {}),
  };
}

/** All changes as the arguments of one edit, or null if nothing changes. */
export function edit(changes: Change[]): RowsEdit | null {
  const done = changes.filter((change) => !change.refused);
  const add = done.flatMap((change) => change.add);
  const change = done.flatMap((item) => item.change);
  const remove = [...new Set(done.flatMap((item) => item.remove))];
  return add.length + change.length + remove.length ? { add, change, remove } : null;
}

/** Read what a spreadsheet copied: tabs, or commas or semicolons with quotes. */
export function table(text: string): string[][] {
  const clean = text.replace(/\r\n?/g, "\n").replace(/\n+$/, "");
  const mark = clean.includes("\t") ? "\t" : (clean.match(/;/g)?.length ?? 0) > (clean.match(/,/g)?.length ?? 0) ? ";" : ",";
  const rows: string[][] = [[]];
  let field = "";
  let quoted = false;
  for (let at = 0; at < clean.length; at += 1) {
    const sign = clean[at] as string;
    if (quoted) {
      if (sign === '"' && clean[at + 1] === '"') {
        field += '"';
        at += 1;
      } else if (sign === '"') quoted = false;
      else field += sign;
    } else if (sign === '"' && field === "") quoted = true;
    else if (sign === mark) {
      rows.at(-1)?.push(field);
      field = "";
    } else if (sign === "\n") {
      rows.at(-1)?.push(field);
      rows.push([]);
      field = "";
    } else field += sign;
  }
  rows.at(-1)?.push(field);
  return rows.map((row) => row.map((each) => each.trim()));
}

/** One field of a spreadsheet: quoted where it must be. */
export function field(text: string): string {
  return /[\t\n"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
