import { alarm } from "./alarm";
import { count } from "./count";
import { Socket, type Frame } from "./socket";

/** Keep the fleet line of the top bar and the live-call cells of the flow list up to date. */
export function fleet(): void {
  if (!document.querySelector("[data-fleet]")) return;
  new Socket("/ws/flows", { frame: show });
}

function show(frame: Frame): void {
  if (frame.type === "alarm") void alarm(String(frame["flow"]));
  if (frame.type !== "fleet") return;
  const flows = (frame["flows"] ?? {}) as Record<string, number>;
  const total = Number(frame["total"] ?? 0);
  const node = typeof frame["node"] === "string" ? frame["node"] : "";
  for (const part of document.querySelectorAll("[data-fleet-total]")) {
    part.textContent = `${count(total)} live ${total === 1 ? "call" : "calls"}`;
  }
  const nodes = (frame["nodes"] ?? { well: 1, all: 1 }) as { well: number; all: number };
  const said = nodes.all > 1 ? `${nodes.well} of ${nodes.all} nodes` : node;
  for (const part of document.querySelectorAll("[data-fleet-node]")) part.textContent = said ? `${said} ·` : "";
  for (const part of document.querySelectorAll("[data-fleet]")) part.classList.toggle("warn", nodes.well < nodes.all);
  for (const cell of document.querySelectorAll<HTMLElement>("[data-live-of]")) {
    const name = cell.dataset["liveOf"] ?? "";
    cell.textContent = count(flows[name] ?? 0);
  }
}
