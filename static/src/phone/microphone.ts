/** What is sent to the other end: the microphone, or silence where there is none. */
export interface Microphone {
  stream: MediaStream;
  /** Why there is only silence; empty when the microphone is on. */
  missing: string;
}

export async function microphone(): Promise<Microphone> {
  try {
    if (!navigator.mediaDevices) throw new Error("this page is not on a secure address");
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: false });
    return { stream, missing: "" };
  } catch (fault) {
    const reason = fault instanceof DOMException ? fault.name : String((fault as Error).message);
    return { stream: silence(), missing: `No microphone (${reason}). You can listen only.` };
  }
}

/** Give the microphone back, so that the browser's sign goes out. */
export function release(used: Microphone | null): void {
  for (const track of used?.stream.getTracks() ?? []) track.stop();
}

function silence(): MediaStream {
  const context = new AudioContext();
  const source = context.createOscillator();
  const gain = context.createGain();
  gain.gain.value = 0;
  const sink = context.createMediaStreamDestination();
  source.connect(gain).connect(sink);
  source.start();
  return sink.stream;
}
