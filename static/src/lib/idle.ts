/** Milliseconds that something may wait for the page to have nothing better to do. */
const PATIENCE = 150;

/** Run when keys, frames and scrolling are served. */
export function idle(run: () => void): void {
  if (window.requestIdleCallback) window.requestIdleCallback(run, { timeout: PATIENCE });
  else window.setTimeout(run, 30);
}
