/** Forms that ask first (data-confirm names a dialog), that send on change, and buttons that open a dialog. */
export function forms(): void {
  for (const opener of document.querySelectorAll<HTMLElement>("[data-open]")) {
    opener.addEventListener("click", () => {
      document.querySelector<HTMLDialogElement>(opener.dataset["open"] ?? "")?.showModal();
    });
  }
  for (const closer of document.querySelectorAll<HTMLElement>("[data-close]")) {
    closer.addEventListener("click", () => closer.closest("dialog")?.close());
  }
  for (const field of document.querySelectorAll<HTMLSelectElement>("[data-send-on-change]")) {
    field.addEventListener("change", () => field.form?.requestSubmit());
  }
  for (const file of document.querySelectorAll<HTMLInputElement>("input[type=file][data-into]")) {
    file.addEventListener("change", () => void fill(file));
  }
}

async function fill(file: HTMLInputElement): Promise<void> {
  const chosen = file.files?.[0];
  const name = document.querySelector<HTMLInputElement>("[data-flow-name]");
  const area = document.querySelector<HTMLTextAreaElement>(file.dataset["into"] ?? "");
  if (!chosen || !area) return;
  area.value = await chosen.text();
  if (name && name.value === "") name.value = chosen.name.replace(/\.ya?ml$/i, "").replace(/[^A-Za-z0-9_-]+/g, "_");
}
