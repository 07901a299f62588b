import { html, render } from "lit";
import { icon } from "./icon";

export interface ToastOptions {
  kind?: "ok" | "err";
  action?: { label: string; run: () => void };
}

const SECONDS = 6;

/** Start the clock of one toast: gone after six seconds, waiting while it is pointed at or focused; errors stay. */
export function arm(toast: HTMLElement): void {
  toast.querySelector("[data-dismiss]")?.addEventListener("click", () => toast.remove());
  if (toast.classList.contains("err")) return;
  let timer = 0;
  const start = (): void => {
    timer = window.setTimeout(() => toast.remove(), SECONDS * 1000);
  };
  const stop = (): void => window.clearTimeout(timer);
  toast.addEventListener("pointerenter", stop);
  toast.addEventListener("pointerleave", start);
  toast.addEventListener("focusin", stop);
  toast.addEventListener("focusout", start);
  start();
}

/** Show one sentence at the bottom left; one at a time. */
export function toast(sentence: string, options: ToastOptions = {}): void {
  const region = document.getElementById("toasts");
  if (!region) return;
  const kind = options.kind ?? "ok";
  const box = document.createElement("div");
  box.className = kind === "err" ? "toast err" : "toast";
  box.dataset["testid"] = "toast";
  box.setAttribute("role", kind === "err" ? "alert" : "status");
  render(
    html`${icon(kind === "err" ? "error" : "check", kind)}<span class="grow">${sentence}</span>
      ${options.action
        ? html`<button class="btn small" type="button" @click=${() => act(box, options)}>${options.action.label}</button>`
        : ""}
      <button class="btn quiet icon small" type="button" data-dismiss aria-label="Dismiss">${icon("x")}</button>`,
    box,
  );
  region.replaceChildren(box);
  arm(box);
}

function act(box: HTMLElement, options: ToastOptions): void {
  box.remove();
  options.action?.run();
}
