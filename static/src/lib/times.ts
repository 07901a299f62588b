const MINUTE = 60;
const HOUR = 3600;

/** Seconds as people say them: "0.4 s", "41 s", "2 min 13 s", "1 h 12 min". */
export function duration(seconds: number): string {
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < MINUTE) return `${Math.round(seconds)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ${Math.floor(seconds % MINUTE)} s`;
  return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
}

/** Seconds since the call began, as in the step log: "0.312", "2:18.490". */
export function callTime(seconds: number): string {
  const rest = (seconds % MINUTE).toFixed(3);
  return seconds < MINUTE ? rest : `${Math.floor(seconds / MINUTE)}:${rest.padStart(6, "0")}`;
}

/** Epoch seconds as a clock time of the reader: "03:10:42". */
export function clock(epoch: number): string {
  return new Date(epoch * 1000).toTimeString().slice(0, 8);
}

/** Microseconds for people: "180 µs", "2.4 ms", "1.2 s". */
export function micros(value: number): string {
  if (value < 1000) return `${Math.round(value)} µs`;
  if (value < 1_000_000) return `${(value / 1000).toFixed(1)} ms`;
  return `${(value / 1_000_000).toFixed(1)} s`;
}

/** Time since an ISO stamp or epoch seconds: "3 s ago" under an hour, then the clock time. */
export function ago(when: string | number, now = Date.now()): string {
  const then = typeof when === "number" ? when * 1000 : Date.parse(when);
  const seconds = Math.max(0, (now - then) / 1000);
  if (seconds < 2) return "just now";
  if (seconds < MINUTE) return `${Math.floor(seconds)} s ago`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ago`;
  return new Date(then).toTimeString().slice(0, 5);
}
