import type { DrawAnswer, DrawRequest } from "./worker";

interface Job {
  id: number;
  dot: string;
  done: (svg: string) => void;
  failed: (fault: Error) => void;
}

/** Thrown into a picture that a newer one has overtaken. */
export class Superseded extends Error {}

const KEPT = 24;

/**
 * Lays DOT out in a worker. A newer picture kills the one in work and takes the warm spare, so typing never waits
 * for a layout nobody wants any more.
 */
export class Renderer {
  #worker = start();
  #spare: Worker | null = null;
  #job: Job | null = null;
  #next = 1;
  readonly #cache = new Map<string, string>();

  constructor() {
    this.#listen(this.#worker);
    this.#warm();
  }

  /** Return the SVG text of this DOT; rejects with Superseded when a newer one was asked for. */
  draw(dot: string): Promise<string> {
    const known = this.#cache.get(dot);
    if (this.#job) this.#replace();
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((done, failed) => {
      this.#job = { id: this.#next++, dot, done, failed };
      this.#worker.postMessage({ id: this.#job.id, dot } satisfies DrawRequest);
    });
  }

  #replace(): void {
    this.#job?.failed(new Superseded());
    this.#job = null;
    this.#worker.terminate();
    this.#worker = this.#spare ?? start();
    this.#spare = null;
    this.#listen(this.#worker);
    this.#warm();
  }

  #warm(): void {
    const later = window.requestIdleCallback ?? ((run: () => void) => window.setTimeout(run, 500));
    later(() => {
      this.#spare ??= start();
    });
  }

  #listen(worker: Worker): void {
    worker.onmessage = (message: MessageEvent<DrawAnswer>) => this.#answered(message.data);
    worker.onerror = (event) => {
      this.#job?.failed(new Error(event.message || "The drawing worker did not start"));
      this.#job = null;
    };
  }

  #answered(answer: DrawAnswer): void {
    const job = this.#job;
    if ("ready" in answer || !job || answer.id !== job.id) return;
    this.#job = null;
    if ("error" in answer) {
      job.failed(new Error(answer.error));
      return;
    }
    this.#remember(job.dot, answer.svg);
    job.done(answer.svg);
  }

  #remember(dot: string, svg: string): void {
    this.#cache.set(dot, svg);
    if (this.#cache.size <= KEPT) return;
    const oldest = this.#cache.keys().next();
    if (!oldest.done) this.#cache.delete(oldest.value);
  }
}

function start(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "graphviz" });
}
