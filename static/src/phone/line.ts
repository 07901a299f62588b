import * as JsSIP from "jssip";
import type { RTCSession } from "jssip/lib/RTCSession";
import { microphone, release, type Microphone } from "./microphone";
import type { PhoneSettings } from "./settings";

export type LineState = "away" | "ready" | "calling" | "ringing" | "incoming" | "talking" | "ended";

export interface Heard {
  codec: string;
  packets: number;
  lost: number;
}

interface SessionEvent {
  originator: string;
  session: RTCSession;
}

/** One SIP line of this browser. Calls `changed` whenever there is something new to show. */
export class Line {
  state: LineState = "away";
  /** What is said about the state: why a call ended, who calls. */
  note = "";
  peer = "";
  since = 0;
  muted = false;
  missing = "";
  registered = false;
  readonly #ua: JsSIP.UA;
  #session: RTCSession | null = null;
  #microphone: Microphone | null = null;

  constructor(
    private readonly settings: PhoneSettings,
    private readonly changed: () => void,
    private readonly heard: (stream: MediaStream | null) => void,
  ) {
    this.#ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(settings.ws)],
      uri: settings.uri,
      register: true,
      session_timers: false,
      user_agent: "Callsmith phone",
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 8,
    });
    this.#ua.on("connected", () => this.#to(this.busy ? this.state : "ready"));
    this.#ua.on("disconnected", () => {
      this.registered = false;
      this.#to(this.busy ? this.state : "away");
    });
    this.#ua.on("registered", () => this.#registered(true));
    this.#ua.on("unregistered", () => this.#registered(false));
    this.#ua.on("registrationFailed", () => this.#registered(false));
    this.#ua.on("newRTCSession", (event: SessionEvent) => this.#begun(event));
    this.#ua.start();
  }

  get busy(): boolean {
    return this.#session !== null;
  }

  async call(number: string): Promise<void> {
    if (this.busy || number.trim() === "") return;
    const target = number.includes("@") || /^sips?:/.test(number) ? number.trim() : `sip:${encodeURIComponent(number.trim())}@${this.settings.domain}`;
    this.peer = number.trim();
    this.#to("calling");
    this.#microphone = await microphone();
    this.missing = this.#microphone.missing;
    try {
      this.#ua.call(target, this.#media(this.#microphone));
    } catch (fault) {
      this.#over(`This is no number or address: ${String((fault as Error).message)}`);
    }
  }

  async answer(): Promise<void> {
    if (this.state !== "incoming") return;
    this.#microphone = await microphone();
    this.missing = this.#microphone.missing;
    this.#session?.answer(this.#media(this.#microphone));
  }

  /** Hang up, give up or reject, whichever fits. */
  hangup(): void {
    const session = this.#session;
    if (!session) return;
    if (this.state === "incoming") session.terminate({ status_code: 486, reason_phrase: "Busy Here" });
    else session.terminate();
  }

  mute(on: boolean): void {
    if (on) this.#session?.mute({ audio: true });
    else this.#session?.unmute({ audio: true });
    this.muted = on;
    this.changed();
  }

  key(digit: string): void {
    const connection = this.#session?.connection;
    const sender = connection?.getSenders().find((item) => item.dtmf);
    if (sender?.dtmf?.canInsertDTMF) sender.dtmf.insertDTMF(digit, 160, 70);
    else this.#session?.sendDTMF(digit);
  }

  /** What the browser counted of the incoming audio. */
  async statistics(): Promise<Heard | null> {
    const report = await this.#session?.connection?.getStats().catch(() => null);
    if (!report) return null;
    let heard: Heard | null = null;
    const codecs = new Map<string, string>();
    report.forEach((entry) => {
      if (entry.type === "codec") codecs.set(entry.id, `${String(entry.mimeType).replace("audio/", "")} ${Number(entry.clockRate) / 1000} kHz`);
    });
    report.forEach((entry) => {
      if (entry.type === "inbound-rtp" && entry.kind === "audio") {
        heard = { codec: codecs.get(entry.codecId) ?? "", packets: Number(entry.packetsReceived ?? 0), lost: Number(entry.packetsLost ?? 0) };
      }
    });
    return heard;
  }

  #media(used: Microphone) {
    return {
      mediaStream: used.stream,
      mediaConstraints: { audio: true, video: false },
      pcConfig: { iceServers: [] },
      rtcOfferConstraints: { offerToReceiveAudio: true, offerToReceiveVideo: false },
    };
  }

  #begun({ originator, session }: SessionEvent): void {
    if (this.#session) {
      session.terminate({ status_code: 486, reason_phrase: "Busy Here" });
      return;
    }
    this.#session = session;
    this.muted = false;
    session.on("icecandidate", (event: { ready: () => void }) => event.ready());
    session.on("progress", () => this.#to(originator === "remote" ? "incoming" : "ringing"));
    session.on("accepted", () => this.#talking());
    session.on("confirmed", () => this.#talking());
    session.on("ended", (event: { cause?: string; originator?: string }) => this.#over(event.originator === "remote" ? "The other side hung up." : "You hung up."));
    session.on("failed", (event: { cause?: string; message?: object | null }) => {
      const answer = (event.message ?? {}) as { status_code?: number; reason_phrase?: string };
      this.#over(answer.status_code ? `${answer.status_code} ${answer.reason_phrase ?? ""}`.trim() : (event.cause ?? "The call failed."));
    });
    if (session.connection) this.#hear(session.connection);
    else session.on("peerconnection", (event: { peerconnection: RTCPeerConnection }) => this.#hear(event.peerconnection));
    if (originator === "remote") {
      this.peer = session.remote_identity.display_name || session.remote_identity.uri.user || "unknown";
      this.#to("incoming");
    }
  }

  #hear(connection: RTCPeerConnection): void {
    connection.addEventListener("track", (event) => this.heard(event.streams[0] ?? new MediaStream([event.track])));
  }

  #talking(): void {
    if (this.state !== "talking") this.since = Date.now();
    this.#to("talking");
  }

  #over(note: string): void {
    this.#session = null;
    release(this.#microphone);
    this.#microphone = null;
    this.heard(null);
    this.note = note;
    this.#to("ended", note);
  }

  #registered(on: boolean): void {
    this.registered = on;
    this.changed();
  }

  #to(state: LineState, note = ""): void {
    this.state = state;
    this.note = note;
    this.changed();
  }
}
