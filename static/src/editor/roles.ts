import type { Store } from "./store";

/** The role a new row of a state is offered with: that of its other rows, else that of all rows. */
export function usualRole(store: Store, from: string): string {
  const state = store.state(from);
  if (state?.rows?.length && state.role) return state.role;
  const roles = new Set(store.picture?.rows.filter((row) => row.from_state !== "*").map((row) => row.role));
  const [only = "Both"] = roles;
  return roles.size === 1 ? only : "Both";
}

/** The role that was chosen; for an event that only one side takes, that side. */
export function fittingRole(store: Store, event: string, chosen: string): string {
  const [only, other] = store.palette.events.find((word) => word.name === event)?.roles ?? [];
  return chosen === "Both" && only && !other ? only : chosen;
}
