export type Frame = Record<string, unknown> & { type: string };

export interface SocketEvents {
  frame(frame: Frame): void;
  open?(): void;
  lost?(): void;
}

const FIRST_WAIT = 400;
const LONGEST_WAIT = 8000;

/** A JSON WebSocket that comes back by itself, waiting a little longer after each failure. */
export class Socket {
  #socket: WebSocket | null = null;
  #wait = FIRST_WAIT;
  #closed = false;
  #timer = 0;

  constructor(
    private readonly path: string,
    private readonly events: SocketEvents,
  ) {
    this.#connect();
    window.addEventListener("online", () => this.#soon(0));
    window.addEventListener("pagehide", () => this.close());
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) {
        this.#closed = false;
        this.#soon(0);
      }
    });
  }

  get connected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Send a frame; false when there is no connection now. */
  send(frame: Frame): boolean {
    if (!this.connected) return false;
    this.#socket?.send(JSON.stringify(frame));
    return true;
  }

  close(): void {
    this.#closed = true;
    window.clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #connect(): void {
    const url = new URL(this.path, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#wait = FIRST_WAIT;
      this.events.open?.();
    };
    socket.onmessage = (message) => this.#heard(JSON.parse(String(message.data)) as Frame);
    socket.onclose = () => {
      if (this.#socket !== socket || this.#closed) return;
      this.events.lost?.();
      this.#soon(this.#wait);
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    };
  }

  /** Frames that travelled together are told one by one; the number they came under is the last one's. */
  #heard(frame: Frame): void {
    if (frame.type !== "batch") return this.events.frame(frame);
    const frames = frame["frames"] as Frame[];
    frames.forEach((each, at) => this.events.frame(at === frames.length - 1 ? { ...each, seq: frame["seq"] } : each));
  }

  #soon(wait: number): void {
    window.clearTimeout(this.#timer);
    if (this.#closed || this.connected) return;
    this.#timer = window.setTimeout(() => this.#connect(), wait);
  }
}
