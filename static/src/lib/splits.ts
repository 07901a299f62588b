const STEP = 24;

/** Let the panel edges of the page be dragged and moved by arrow keys; sizes are remembered in this browser. */
export function splits(): void {
  for (const handle of document.querySelectorAll<HTMLElement>("[data-split]")) wire(handle);
}

function wire(handle: HTMLElement): void {
  const name = handle.dataset["split"] ?? "";
  const least = Number(handle.dataset["least"] ?? 120);
  const most = Number(handle.dataset["most"] ?? 900);
  // The panel grows when the handle moves against this sign.
  const sign = Number(handle.dataset["sign"] ?? 1);
  const tall = handle.classList.contains("h");
  const panel = document.querySelector<HTMLElement>(handle.dataset["panel"] ?? "");
  const root = document.documentElement;
  const set = (size: number): void => {
    const limit = tall ? window.innerHeight - 200 : most;
    const next = Math.round(Math.min(Math.max(size, least), Math.max(least, limit)));
    root.style.setProperty(`--${name}`, `${next}px`);
    handle.setAttribute("aria-valuenow", String(next));
    localStorage.setItem(`split-${name}`, String(next));
  };
  handle.setAttribute("aria-valuemin", String(least));
  handle.setAttribute("aria-valuemax", String(most));
  handle.setAttribute("aria-valuenow", String(tall ? (panel?.offsetHeight ?? least) : (panel?.offsetWidth ?? least)));
  const kept = Number(localStorage.getItem(`split-${name}`) ?? 0);
  if (kept) set(kept);
  const size = (): number => (tall ? (panel?.offsetHeight ?? 0) : (panel?.offsetWidth ?? 0));
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    const from = tall ? event.clientY : event.clientX;
    const before = size();
    const move = (now: PointerEvent): void => set(before + sign * ((tall ? now.clientY : now.clientX) - from));
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", move), { once: true });
  });
  handle.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -STEP, ArrowUp: -STEP, ArrowRight: STEP, ArrowDown: STEP }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    set(size() + sign * by);
  });
}
