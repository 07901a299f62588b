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

/** A call in the list, with why it needs a look. */
export interface Line extends Summary {
  node: string;
  why: string;
  bound: number | null;
}

/** What somebody looks at: all of it, or one version, or one role. */
export interface Part {
  digest: string;
  role: string;
}

export interface Standing {
  calls: number;
  /** Seconds they stand there on average. */
  dwell: number;
  failed: number;
}

type Nested<T> = Record<string, Record<string, Record<string, T>>>;

/** What goes on in a flow now: sessions per state by version and role, what fired lately. */
export class Traffic {
  total = 0;
  unusual = 0;
  /** The server's clock in epoch seconds. */
  now = 0;
  /** Since when failures are counted, if that is less than an hour. */
  counting = 0;
  digest = "";
  deployed: { number: number; digest: string } | null = null;
  numbers: Record<string, number> = {};
  away = false;
  lines: Line[] = [];
  matching = 0;
  nodes: string[] = [];
  unhandled: Unhandled[] = [];
  readonly #cells = new Map<string, [number, number]>();
  #failed: Nested<number> = {};
  #begun: Record<string, number> = {};
  #fired: { at: number; digest: string; row: number; count: number }[] = [];
  #received = 0;

  /** Take a frame; returns how often each row fired with it, null if nothing was said of calls. */
  take(frame: Frame): Map<number, number> | null {
    switch (frame.type) {
      case "snapshot":
        this.#snapshot(frame);
        return new Map();
      case "delta":
        this.#common(frame);
        return this.#hot((frame["fired"] ?? {}) as Record<string, Record<string, number>>);
      case "list":
        this.lines = (frame["lines"] ?? []) as Line[];
        this.matching = Number(frame["matching"] ?? 0);
        this.nodes = (frame["nodes"] ?? []) as string[];
        return new Map();
      case "deployment":
        this.deployed = { number: Number(frame["version"]), digest: String(frame["digest"]) };
        return new Map();
      case "away":
        this.away = true;
        return new Map();
      default:
        return null;
    }
  }

  /** Where calls of this part stand, by state. */
  states(part: Part): Map<string, Standing> {
    const found = new Map<string, Standing>();
    const clock = this.clock();
    const at = (state: string): Standing => {
      const known = found.get(state) ?? { calls: 0, dwell: 0, failed: 0 };
      found.set(state, known);
      return known;
    };
    for (const [key, [calls, since]] of this.#cells) {
      const [digest = "", role = "", state = ""] = key.split(" ");
      if (!takes(part, digest, role)) continue;
      const known = at(state);
      known.dwell += Math.max(0, clock - since) * calls;
      known.calls += calls;
    }
    for (const standing of found.values()) standing.dwell = standing.calls ? standing.dwell / standing.calls : 0;
    for (const [digest, role, state, failed] of entries(this.#failed)) {
      if (takes(part, digest, role)) at(state).failed += failed;
    }
    return found;
  }

  /** Living calls by version, the newest version first. */
  versions(): { digest: string; number: number | null; calls: number }[] {
    const counts = new Map<string, number>();
    for (const [key, [calls]] of this.#cells) {
      const digest = key.slice(0, key.indexOf(" "));
      counts.set(digest, (counts.get(digest) ?? 0) + calls);
    }
    return [...counts]
      .map(([digest, calls]) => ({ digest, number: this.numbers[digest] ?? null, calls }))
      .sort((a, b) => (b.number ?? 0) - (a.number ?? 0));
  }

  /** How often each row fired in the last minute in this part. */
  warm(part: Part): Map<number, number> {
    const since = performance.now() - WARM * 1000;
    let old = 0;
    while (old < this.#fired.length && (this.#fired[old]?.at ?? since) < since) old += 1;
    if (old) this.#fired.splice(0, old);
    const rows = new Map<number, number>();
    for (const { digest, row, count } of this.#fired) {
      if (part.digest === "" || part.digest === digest) rows.set(row, (rows.get(row) ?? 0) + count);
    }
    return rows;
  }

  /** Sessions begun in the last minute. */
  begun(): number {
    return Object.values(this.#begun).reduce((sum, each) => sum + each, 0);
  }

  /** The server's clock, carried on since the last frame. */
  clock(): number {
    return this.now ? this.now + (performance.now() - this.#received) / 1000 : Date.now() / 1000;
  }

  #snapshot(frame: Frame): void {
    this.away = false;
    this.digest = String(frame["digest"] ?? "");
    this.deployed = (frame["deployed"] as Traffic["deployed"]) ?? null;
    this.numbers = (frame["numbers"] ?? {}) as Record<string, number>;
    this.counting = Number(frame["counting"] ?? 0);
    this.#cells.clear();
    this.#fired = [];
    this.#common(frame);
    this.#hot((frame["fired"] ?? {}) as Record<string, Record<string, number>>);
  }

  #common(frame: Frame): void {
    if (typeof frame["now"] === "number") {
      this.now = frame["now"];
      this.#received = performance.now();
    }
    for (const [digest, role, state, count] of entries((frame["cells"] ?? {}) as Nested<[number, number]>)) {
      const key = `${digest} ${role} ${state}`;
      if (count[0] > 0) this.#cells.set(key, count);
      else this.#cells.delete(key);
    }
    this.#failed = (frame["failed"] ?? {}) as Nested<number>;
    this.#begun = (frame["begun"] ?? {}) as Record<string, number>;
    this.total = Number(frame["total"] ?? 0);
    this.unusual = Number(frame["unusual"] ?? 0);
    const unhandled = (frame["unhandled"] ?? []) as Unhandled[];
    this.unhandled = [...unhandled, ...this.unhandled].slice(0, LATEST_UNHANDLED);
  }

  #hot(fired: Record<string, Record<string, number>>): Map<number, number> {
    const at = performance.now();
    const rows = new Map<number, number>();
    for (const [digest, counts] of Object.entries(fired)) {
      for (const [name, count] of Object.entries(counts)) {
        const row = Number(name);
        this.#fired.push({ at, digest, row, count });
        rows.set(row, (rows.get(row) ?? 0) + count);
      }
    }
    return rows;
  }
}

function takes(part: Part, digest: string, role: string): boolean {
  return (part.digest === "" || part.digest === digest) && (part.role === "" || part.role === role);
}

function* entries<T>(nested: Nested<T>): Generator<[string, string, string, T]> {
  for (const [digest, roles] of Object.entries(nested)) {
    for (const [role, states] of Object.entries(roles)) {
      for (const [state, value] of Object.entries(states)) yield [digest, role, state, value];
    }
  }
}
