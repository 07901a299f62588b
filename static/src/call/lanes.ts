import type { Column } from "./boot";

const GUTTER = 84;
const NARROW = 520;
const LEAST = 74;
const LEAST_NARROW = 54;
const SIDE = 52;
const SIDE_NARROW = 46;

/** Where the lifelines stand in a window of this width; a wide call is scrolled, not squeezed. */
export interface Lanes {
  /** The middle of each lifeline, in pixels. */
  at: number[];
  /** Width of all. */
  width: number;
  /** Width kept for the times at the left; 0 where there is no room for them. */
  gutter: number;
}

/** Stand the lifelines apart: our own legs near each other, whoever talks with them further away. */
export function lanes(columns: Column[], room: number): Lanes {
  const narrow = room < NARROW;
  const gutter = narrow ? 0 : GUTTER;
  const side = narrow ? SIDE_NARROW : SIDE;
  const shares = columns.slice(1).map((column, at) => (column.own && columns[at]?.own ? 1 : 1.8));
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const free = room - gutter - 2 * side;
  const unit = whole ? Math.max(narrow ? LEAST_NARROW : LEAST, free / whole) : 0;
  const spread = Math.min(unit, 250);
  const slack = Math.max(0, free - spread * whole) / 2;
  const at = [gutter + side + slack];
  for (const share of shares) at.push((at.at(-1) ?? 0) + share * spread);
  if (columns.length === 1) at[0] = gutter + (room - gutter) / 2;
  return { at, width: Math.max(room, (at.at(-1) ?? 0) + side), gutter };
}
