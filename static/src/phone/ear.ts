const SIZE = 2048;

/** What comes from the other end, played and measured. */
export class Ear {
  #context: AudioContext | null = null;
  #analyser: AnalyserNode | null = null;

  constructor(private readonly audio: HTMLAudioElement) {}

  listen(stream: MediaStream): void {
    this.audio.srcObject = stream;
    void this.audio.play().catch(() => undefined);
    this.#context ??= new AudioContext();
    void this.#context.resume();
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = SIZE;
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
  }

  stop(): void {
    this.audio.srcObject = null;
    this.#analyser?.disconnect();
    this.#analyser = null;
  }

  /** Loudness 0 to 100 and the strongest frequency in Hz (0 in silence). */
  measure(): { level: number; hertz: number } {
    const analyser = this.#analyser;
    if (!analyser || !this.#context) return { level: 0, hertz: 0 };
    const wave = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(wave);
    const power = Math.sqrt(wave.reduce((sum, value) => sum + value * value, 0) / wave.length);
    const level = Math.min(100, Math.round(power * 200));
    if (level < 1) return { level, hertz: 0 };
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const strongest = bins.reduce((best, value, at) => (value > (bins[best] ?? -Infinity) ? at : best), 0);
    return { level, hertz: Math.round((strongest * this.#context.sampleRate) / SIZE) };
  }
}
