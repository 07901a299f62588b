import { announce } from "./announce";

const EVERY = 1500;

/** Keep `[data-poll]` as the server says it is now: asked for often, drawn only when it changed. A dialog that stands open is left alone. */
export function polls(): void {
  for (const part of document.querySelectorAll<HTMLElement>("[data-poll]")) void follow(part);
}

async function follow(part: HTMLElement): Promise<void> {
  let since = new Date();
  for (;;) {
    await pause();
    if (document.hidden || busy(part)) continue;
    try {
      if (await look(part)) since = new Date();
      stale(null);
    } catch {
      stale(since);
    }
  }
}

const pause = (): Promise<void> => new Promise((done) => setTimeout(done, EVERY));

function busy(part: HTMLElement): boolean {
  return part.querySelector("dialog[open]") !== null || part.contains(document.activeElement?.closest("input, textarea, select") ?? null);
}

/** Ask once; true when the server answered. */
async function look(part: HTMLElement): Promise<boolean> {
  const asked = `${part.dataset["poll"] ?? ""}&seen=${part.dataset["seen"] ?? ""}`;
  const answer = await fetch(asked, { headers: { Accept: "text/html" }, redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  if (answer.status === 204) return true;
  const text = await answer.text();
  if (busy(part)) return true;
  const said = part.querySelector("[data-announce]")?.textContent;
  const focused = part.contains(document.activeElement) ? document.activeElement?.id : "";
  part.innerHTML = text;
  part.dataset["seen"] = answer.headers.get("X-Seen") ?? "";
  if (focused) document.getElementById(focused)?.focus();
  const now = part.querySelector("[data-announce]")?.textContent;
  if (now && now !== said) announce(now);
  return true;
}

function stale(since: Date | null): void {
  const note = document.querySelector<HTMLElement>("[data-stale]");
  if (!note) return;
  note.hidden = since === null;
  const at = note.querySelector("[data-stale-since]");
  if (at && since) at.textContent = since.toLocaleTimeString("en-GB");
}
