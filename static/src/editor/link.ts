import { Socket, type Frame } from "../lib/socket";

export interface LinkEvents {
  frame(frame: Frame): void;
  connection(connected: boolean): void;
}

const ANSWER_TYPES = new Set(["document", "refused", "saved", "conflict", "deploying"]);

/**
 * The editor's line to the server. Texts overtake each other: one is on its way, only the newest waits behind it.
 * Everything else is flushed after the text, so the server always edits what the writer sees.
 */
export class Link {
  readonly #socket: Socket;
  #sequence = 0;
  #underway = 0;
  #waiting: string | null = null;
  #acknowledged = true;
  readonly #asked = new Map<number, (frame: Frame) => void>();

  constructor(
    path: string,
    private readonly current: () => string,
    private readonly events: LinkEvents,
  ) {
    this.#socket = new Socket(path, {
      frame: (frame) => this.#frame(frame),
      open: () => events.connection(true),
      lost: () => this.#lost(),
    });
  }

  /** Text was typed that the server has not confirmed yet. */
  get unsent(): boolean {
    return !this.#acknowledged;
  }

  text(text: string): void {
    this.#acknowledged = false;
    if (this.#underway) this.#waiting = text;
    else this.#sendText(text);
  }

  /** Send anything but a text; resolves with the frame that answers it. */
  ask(frame: Frame): Promise<Frame> {
    if (this.#waiting !== null) this.#sendText(this.#waiting);
    const seq = ++this.#sequence;
    if (!this.#socket.send({ ...frame, seq })) {
      return Promise.resolve({ type: "refused", seq, message: "There is no connection to the server now. Nothing was changed; try again when it is back." });
    }
    return new Promise((answer) => this.#asked.set(seq, answer));
  }

  #sendText(text: string): void {
    this.#waiting = null;
    const seq = ++this.#sequence;
    if (this.#socket.send({ type: "text", seq, text })) this.#underway = seq;
  }

  #frame(frame: Frame): void {
    const seq = typeof frame["seq"] === "number" ? frame["seq"] : null;
    if (frame.type === "document" && frame["origin"] === "open" && !this.#acknowledged) {
      // The line was cut while typing: what is on the screen is newer than what the server kept.
      this.#sendText(this.current());
      return;
    }
    if (seq !== null && seq === this.#underway) {
      this.#underway = 0;
      if (this.#waiting !== null) this.#sendText(this.#waiting);
      else this.#acknowledged = true;
    }
    this.events.frame(frame);
    const asked = seq === null ? undefined : this.#asked.get(seq);
    if (seq !== null && asked && ANSWER_TYPES.has(frame.type)) {
      this.#asked.delete(seq);
      asked(frame);
    }
  }

  #lost(): void {
    this.#underway = 0;
    for (const [seq, answer] of this.#asked) {
      answer({ type: "refused", seq, message: "The connection was cut before the server answered. Look whether the change is there, then try again." });
    }
    this.#asked.clear();
    this.events.connection(false);
  }
}
