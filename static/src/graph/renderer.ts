import type { Drawing } from "./drawing";
import type { DrawAnswer, DrawRequest } from "./worker";

/** How a picture was laid out: as the DOT says, or simpler because that took too long. */
export type Form = "full" | "simple";

export interface Drawn {
  drawing: Drawing;
  form: Form;
}

interface Job {
  id: number;
  dot: string;
  form: Form;
  timer: number;
  done: (drawn: Drawn) => void;
  failed: (fault: Error) => void;
}

/** Thrown into a picture that a newer one has overtaken. */
export class Superseded extends Error {}

/** Thrown where even the simplest form takes too long. */
export class TooLarge extends Error {}

const KEPT = 24;
/** Milliseconds a layout may take before a simpler one is begun, and before that one is given up. */
const PATIENCE = { full: 4000, simple: 8000 };

/**
 * Lays DOT out in a worker. A newer picture kills the one in work and takes the warm spare, so typing never waits
 * for a layout nobody wants any more. What takes too long is killed and tried with straight lines and tight limits.
 */
export class Renderer {
  #worker = start();
  #spare: Worker | null = null;
  #job: Job | null = null;
  #next = 1;
  readonly #cache = new Map<string, Drawn>();

  constructor(private readonly patience = PATIENCE) {
    this.#listen(this.#worker);
    this.#warm();
  }

  /** Return the picture of this DOT; rejects with Superseded when a newer one was asked for. */
  draw(dot: string): Promise<Drawn> {
    const known = this.#cache.get(dot);
    if (this.#job) this.#end(new Superseded());
    if (known) {
      // What was asked for again is kept longest.
      this.#cache.delete(dot);
      this.#cache.set(dot, known);
      return Promise.resolve(known);
    }
    return new Promise((done, failed) => this.#begin(dot, "full", done, failed));
  }

  #begin(dot: string, form: Form, done: Job["done"], failed: Job["failed"]): void {
    const timer = window.setTimeout(() => this.#late(), this.patience[form]);
    this.#job = { id: this.#next++, dot, form, timer, done, failed };
    this.#worker.postMessage({ id: this.#job.id, dot: form === "simple" ? simpler(dot) : dot } satisfies DrawRequest);
  }

  /** The time is over: once more, simpler, or not at all. */
  #late(): void {
    const job = this.#job;
    if (!job) return;
    if (job.form === "simple") {
      this.#end(new TooLarge("Even straight lines took too long"));
      return;
    }
    this.#replace();
    this.#begin(job.dot, "simple", job.done, job.failed);
  }

  #end(fault: Error): void {
    const job = this.#job;
    this.#replace();
    job?.failed(fault);
  }

  #replace(): void {
    window.clearTimeout(this.#job?.timer);
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
      window.clearTimeout(this.#job?.timer);
      this.#job?.failed(new Error(event.message || "The drawing worker did not start"));
      this.#job = null;
    };
  }

  #answered(answer: DrawAnswer): void {
    const job = this.#job;
    if ("ready" in answer || !job || answer.id !== job.id) return;
    window.clearTimeout(job.timer);
    this.#job = null;
    if ("error" in answer) {
      job.failed(new Error(answer.error));
      return;
    }
    const drawn = { drawing: answer.drawing, form: job.form };
    this.#remember(job.dot, drawn);
    job.done(drawn);
  }

  #remember(dot: string, drawn: Drawn): void {
    this.#cache.set(dot, drawn);
    if (this.#cache.size <= KEPT) return;
    const oldest = this.#cache.keys().next();
    if (!oldest.done) this.#cache.delete(oldest.value);
  }
}

/** The same picture with straight edges and a layout that looks for crossings only a little. */
export function simpler(dot: string): string {
  const limits = 'splines="line", nslimit="0.1", nslimit1="0.1", mclimit="0.05", maxiter="50"';
  return dot.replace(/splines="\w+"/, limits).replace(/, nslimit="[\d.]+", nslimit1="[\d.]+", mclimit="[\d.]+"(?=\])/, "");
}

/** The same picture with curved edges, for a quiet moment; null where its edges are curved already. */
export function finer(dot: string): string | null {
  return dot.includes('splines="line"') ? dot.replace('splines="line"', 'splines="spline"') : null;
}

function start(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "graphviz" });
}
