import { Socket, type Frame } from "../lib/socket";

export interface LinkEvents {
  frame(frame: Frame): void;
  connection(connected: boolean): void;
  /** The text on the screen is too large to be sent; an undo leads back from it. */
  held(): void;
  /** Put back the last text that the server took. */
  restore(text: string): void;
}

const LONGEST_TEXT = 1 << 20;
const LONGEST_FRAME = (2 << 20) - 256;
const TOO_LONG = "This text is larger than 1 MiB and is not kept. Shorten it, or undo to return to the text before it.";

/** Milliseconds that an act waits for a line that is not there yet. */
const PATIENCE = 4000;

const ANSWER_TYPES = new Set(["tried", "document", "view", "refused", "saved", "conflict", "deploying", "preview", "checking"]);

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
  #tooLong = false;
  /** The last text that was sent or came: what an undo returns to from a text that cannot be sent. */
  #known: string;
  readonly #longing: (() => void)[] = [];
  readonly #asked = new Map<number, (frame: Frame) => void>();

  constructor(
    path: string,
    private readonly current: () => string,
    private readonly events: LinkEvents,
    opened: string,
  ) {
    this.#known = opened;
    this.#socket = new Socket(path, {
      frame: (frame) => this.#frame(frame),
      open: () => {
        events.connection(true);
        for (const go of this.#longing.splice(0)) go();
      },
      lost: () => this.#lost(),
    });
    // A page that goes takes nothing with it: what waits behind a text under way is sent at once.
    // Captured, so that it runs before the socket closes itself.
    const flush = (): void => {
      if (this.#waiting !== null) this.#sendText(this.#waiting);
    };
    window.addEventListener("pagehide", flush, { capture: true });
  }

  /** Text was typed that the server has not confirmed yet. */
  get unsent(): boolean {
    return !this.#acknowledged;
  }

  text(text: string): void {
    this.#acknowledged = false;
    if (!this.#fits(text)) this.#waiting = null;
    else if (this.#underway) this.#waiting = text;
    else this.#sendText(text);
  }

  /** Whether the server would take it: a frame that is too large costs the connection. Said once. */
  #fits(text: string): boolean {
    const before = this.#tooLong;
    this.#tooLong = text.length > LONGEST_TEXT || bytes(text) > LONGEST_TEXT || bytes(JSON.stringify(text)) > LONGEST_FRAME;
    if (this.#tooLong && !before) {
      this.#refuse(TOO_LONG);
      this.events.held();
    }
    return !this.#tooLong;
  }

  #refuse(message: string): void {
    this.events.frame({ type: "refused", seq: null, message });
  }

  /** Send what nobody answers; lost without a line, which harms nothing. */
  tell(frame: Frame): void {
    this.#socket.send(frame);
  }

  /** Send anything but a text; resolves with the frame that answers it. */
  async ask(frame: Frame): Promise<Frame> {
    if (this.#tooLong) return this.#askedTooLong(frame);
    if (!this.#socket.connected) await this.#connection();
    if (this.#waiting !== null) this.#sendText(this.#waiting);
    const seq = ++this.#sequence;
    if (!this.#socket.send({ ...frame, seq })) {
      return { type: "refused", seq, message: "There is no connection to the server now. Nothing was changed; try again when it is back." };
    }
    return new Promise((answer) => this.#asked.set(seq, answer));
  }

  #askedTooLong(frame: Frame): Frame {
    if (frame.type !== "undo") return { type: "refused", seq: null, message: TOO_LONG };
    this.#tooLong = false;
    this.events.restore(this.#known);
    this.text(this.#known);
    return { type: "document", seq: null };
  }

  /** Wait for the line, but not for ever. */
  #connection(): Promise<void> {
    return new Promise((go) => {
      this.#longing.push(go);
      window.setTimeout(go, PATIENCE);
    });
  }

  #sendText(text: string): void {
    this.#waiting = null;
    this.#known = text;
    const seq = ++this.#sequence;
    // Half a character is no text in UTF-8; the server could not even read the frame.
    if (this.#socket.send({ type: "text", seq, text: text.replace(/\p{Surrogate}/gu, "\uFFFD") })) this.#underway = seq;
  }

  #frame(frame: Frame): void {
    const seq = typeof frame["seq"] === "number" ? frame["seq"] : null;
    if (frame.type === "document" && !this.#acknowledged && (frame["origin"] === "open" || frame["origin"] === "merge")) {
      // What is on the screen is newer: the line was cut while typing, or another tab of this person was.
      if (frame["origin"] === "open" && !this.#tooLong) this.#sendText(this.current());
      return;
    }
    if (typeof frame["text"] === "string") this.#known = frame["text"];
    if (seq !== null && seq === this.#underway) {
      this.#underway = 0;
      const refused = frame.type === "refused";
      if (refused) this.#refuse(String(frame["message"]));
      if (this.#waiting !== null) this.#sendText(this.#waiting);
      else this.#acknowledged = !refused && !this.#tooLong;
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

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
