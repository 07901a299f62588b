import type { Picture, PictureRow, PictureState } from "../lib/types";
import type { Names } from "./build";

interface Known {
  states: Map<string, PictureState>;
  rows: Map<number, PictureRow>;
  out: Map<string, number>;
}

const known = new WeakMap<Picture, Known>();

/** What a screen reader says of the parts of this picture: "State Ringing UAS, 8 ways out, 1 problem". */
export function namesOf(picture: () => Picture | null, extra: (state: string) => string = () => ""): Names {
  return {
    state(name) {
      const now = picture();
      if (!now) return `State ${name}`;
      const { states, out } = look(now);
      if (name.startsWith("group:")) return groupName(now, name.slice("group:".length));
      const state = states.get(name);
      const role = state?.role === "Both" ? "both roles" : (state?.role ?? "");
      const ways = out.get(name) ?? 0;
      const initial = state?.initial ? "initial" : "";
      const called = name === "*" ? "Any state" : `State ${name}`;
      return [`${called} ${role}`.trim(), initial, `${ways} ${ways === 1 ? "way" : "ways"} out`, extra(name)].filter((part) => part !== "").join(", ");
    },
    row(index) {
      const now = picture();
      const row = now ? look(now).rows.get(index) : undefined;
      if (!row) return `Row ${index + 1}`;
      const guards = row.guards.length ? ` if ${row.guards.join(" and ")}` : "";
      const actions = row.actions.map((action) => action.name).join(", then ");
      return `Row ${index + 1}: on ${row.label}${guards}${actions ? `, ${actions}` : ""}, ${row.next_state === null ? "stays" : `goes to ${row.next_state}`}`;
    },
  };
}

function groupName(picture: Picture, group: string): string {
  const states = picture.states.filter((state) => state.group === group && !state.final).length;
  return `Group ${group}, folded, ${states} ${states === 1 ? "state" : "states"}`;
}

function look(picture: Picture): Known {
  const found = known.get(picture);
  if (found) return found;
  const out = new Map<string, number>();
  for (const row of picture.rows) out.set(row.from_state, (out.get(row.from_state) ?? 0) + 1);
  const made = { states: new Map(picture.states.map((state) => [state.name, state])), rows: new Map(picture.rows.map((row) => [row.index, row])), out };
  known.set(picture, made);
  return made;
}
