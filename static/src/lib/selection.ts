/** The one cursor of a page: a state or a row of the table. */
export type Selection = { kind: "state"; name: string } | { kind: "row"; index: number } | null;

/** The selection in the address: `#s/Active`, `#t/12`. */
export function toHash(selection: Selection): string {
  if (!selection) return "";
  return selection.kind === "state" ? `#s/${encodeURIComponent(selection.name)}` : `#t/${selection.index}`;
}

/** Read a selection from the address. */
export function fromHash(hash: string): Selection {
  const row = /^#t\/(\d+)$/.exec(hash);
  if (row) return { kind: "row", index: Number(row[1]) };
  const state = /^#s\/(.+)$/.exec(hash);
  return state?.[1] ? { kind: "state", name: decodeURIComponent(state[1]) } : null;
}

/** Say whether two selections are the same thing. */
export function same(a: Selection, b: Selection): boolean {
  return toHash(a) === toHash(b);
}
