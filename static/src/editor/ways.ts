import type { PictureRow } from "../lib/types";

const ANY = "*";

/** The shortest way from one state to another over these rows; null where there is none. */
export function way(rows: PictureRow[], from: string, to: string): PictureRow[] | null {
  const by = new Map<string, PictureRow>();
  const queue = [from];
  const seen = new Set(queue);
  for (let state = queue.shift(); state !== undefined; state = queue.shift()) {
    for (const row of rows) {
      const target = row.next_state;
      if ((row.from_state !== state && row.from_state !== ANY) || target === null || seen.has(target)) continue;
      seen.add(target);
      by.set(target, row.from_state === ANY ? { ...row, from_state: state } : row);
      queue.push(target);
    }
    if (seen.has(to)) break;
  }
  if (!by.has(to)) return null;
  const found: PictureRow[] = [];
  for (let at = to; at !== from; ) {
    const row = by.get(at);
    if (!row) return null;
    found.unshift(row);
    at = row.from_state;
  }
  return found;
}

/** The states at most so many steps from these, along rows in either direction. */
export function around(rows: PictureRow[], from: string[], hops: number): Set<string> {
  let reached = new Set(from);
  for (let hop = 0; hop < hops; hop += 1) {
    const next = new Set(reached);
    for (const row of rows) {
      if (row.next_state === null) continue;
      if (reached.has(row.from_state)) next.add(row.next_state);
      if (reached.has(row.next_state)) next.add(row.from_state);
    }
    reached = next;
  }
  return reached;
}
