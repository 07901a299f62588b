import type { Frame } from "../lib/socket";
import type { Summary } from "../lib/types";

/** Seconds for which a fired row keeps its edge warm. */
const WARM = 60;
const LATEST_UNHANDLED = 20;

export interface Unhandled {
  session: string;
  event: string;
  state: string;
}

/** What goes on in a flow now: sessions per state, the newest sessions, what fired lately. */
export class Traffic {
  states = new Map<string, number>();
  sessions = new Map<string, Summary>();
  total = 0;
  /** The server's clock in epoch seconds. */
  now = 0;
  digest = "";
  deployed: { number: number; digest: string } | null = null;
  away = false;
  unhandled: Unhandled[] = [];
  unhandledCount = 0;
  readonly #fired: { at: number; row: number; count: number }[] = [];
  /** When each session began that is not older than a minute, by the page's clock. */
  readonly #begun = new Map<string, number>();
  #received = 0;

  /** Take a frame; returns the rows that fired with it, null if it changed nothing. */
  take(frame: Frame): number[] | null {
    if (frame.type === "snapshot") this.#snapshot(frame);
    else if (frame.type === "delta") return this.#delta(frame);
    else if (frame.type === "deployment") this.deployed = { number: Number(frame["version"]), digest: String(frame["digest"]) };
    else if (frame.type === "away") this.away = true;
    else return null;
    return [];
  }

  /** How often each row fired in the last minute. */
  warm(): Map<number, number> {
    const since = performance.now() - WARM * 1000;
    while (this.#fired[0] && this.#fired[0].at < since) this.#fired.shift();
    const rows = new Map<number, number>();
    for (const { row, count } of this.#fired) rows.set(row, (rows.get(row) ?? 0) + count);
    return rows;
  }

  /** Sessions begun in the last minute. */
  begun(): number {
    const since = performance.now() - WARM * 1000;
    for (const [id, at] of this.#begun) if (at < since) this.#begun.delete(id);
    return this.#begun.size;
  }

  /** The server's clock, carried on since the last frame. */
  clock(): number {
    return this.now ? this.now + (performance.now() - this.#received) / 1000 : Date.now() / 1000;
  }

  #snapshot(frame: Frame): void {
    this.#time(frame);
    this.away = false;
    this.digest = String(frame["digest"] ?? "");
    this.deployed = (frame["deployed"] as Traffic["deployed"]) ?? null;
    this.#count(frame);
    this.sessions = new Map(((frame["sessions"] ?? []) as Summary[]).map((session) => [session.id, session]));
    for (const session of this.sessions.values()) this.#begin(session);
  }

  #begin(session: Summary): void {
    const at = performance.now() - Math.max(0, this.now - session.started) * 1000;
    if (at > performance.now() - WARM * 1000) this.#begun.set(session.id, at);
  }

  #delta(frame: Frame): number[] {
    this.#time(frame);
    this.#count(frame);
    for (const session of (frame["started"] ?? []) as Summary[]) {
      this.#begin(session);
      this.sessions = new Map([[session.id, session], ...this.sessions]);
    }
    for (const session of (frame["changed"] ?? []) as Summary[]) this.sessions.set(session.id, session);
    for (const id of (frame["ended"] ?? []) as string[]) this.sessions.delete(id);
    const unhandled = (frame["unhandled"] ?? []) as Unhandled[];
    this.unhandledCount += unhandled.length;
    this.unhandled = [...unhandled, ...this.unhandled].slice(0, LATEST_UNHANDLED);
    const fired = Object.entries((frame["fired"] ?? {}) as Record<string, number>);
    for (const [row, count] of fired) this.#fired.push({ at: performance.now(), row: Number(row), count });
    return fired.map(([row]) => Number(row));
  }

  #time(frame: Frame): void {
    if (typeof frame["now"] === "number") {
      this.now = frame["now"];
      this.#received = performance.now();
    }
  }

  #count(frame: Frame): void {
    const states = (frame["states"] ?? {}) as Record<string, number | Record<string, number>>;
    this.states = new Map(
      Object.entries(states).map(([name, roles]) => [
        name,
        typeof roles === "number" ? roles : Object.values(roles).reduce((sum, each) => sum + each, 0),
      ]),
    );
    this.total = Number(frame["total"] ?? 0);
  }
}
