import type { Picture } from "../lib/types";
import type { Names } from "./build";

/** What a screen reader says of the parts of this picture. */
export function namesOf(picture: () => Picture | null, extra: (state: string) => string = () => ""): Names {
  return {
    state(name) {
      const now = picture();
      const state = now?.states.find((item) => item.name === name);
      const rows = now?.rows.filter((row) => row.from_state === name).length ?? 0;
      const role = state?.role === "Both" ? "both roles" : (state?.role ?? "");
      return [`State ${name}`, role, `${rows} ${rows === 1 ? "row" : "rows"}`, extra(name)].filter((part) => part !== "").join(", ");
    },
    row(index) {
      const row = picture()?.rows.find((item) => item.index === index);
      if (!row) return `Row ${index + 1}`;
      const guards = row.guards.length ? ` if ${row.guards.join(" and ")}` : "";
      const actions = row.actions.map((action) => action.name).join(", then ");
      return `Row ${index + 1}: on ${row.label}${guards}${actions ? `, ${actions}` : ""}, ${row.next_state === null ? "stays" : `goes to ${row.next_state}`}`;
    },
  };
}
