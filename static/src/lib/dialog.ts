import { render, type TemplateResult } from "lit";

/** An open dialog: draw it again with new content, or close it. */
export interface OpenDialog {
  update(content: TemplateResult): void;
  close(): void;
}

/** Open a native dialog with this content. Escape is the safe choice; focus returns to what opened it. */
export function openDialog(content: (dialog: OpenDialog) => TemplateResult, kind = "", testid = "dialog"): OpenDialog {
  const element = document.createElement("dialog");
  element.className = `dialog ${kind}`;
  element.dataset["testid"] = testid;
  const from = document.activeElement;
  const dialog: OpenDialog = {
    update: (next) => render(next, element),
    close: () => element.close(),
  };
  element.addEventListener("close", () => {
    element.remove();
    if (from instanceof HTMLElement || from instanceof SVGElement) from.focus();
  });
  element.addEventListener("click", (event) => {
    if ((event.target as Element).closest("[data-close]")) element.close();
  });
  document.body.append(element);
  dialog.update(content(dialog));
  element.showModal();
  element.querySelector<HTMLElement>("[data-first]")?.focus();
  return dialog;
}
