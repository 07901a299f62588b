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
  for (const part of document.querySelectorAll("[data-fleet-node]")) part.textContent = node ? `${node} ·` : "";
  for (const cell of document.querySelectorAll<HTMLElement>("[data-live-of]")) {
    const name = cell.dataset["liveOf"] ?? "";
    cell.textContent = count(flows[name] ?? 0);
  }
}
