import { showLacks } from "./lacks";

/** Forms that ask first (data-confirm names a dialog), that send on change, and buttons that open a dialog. */
export function forms(): void {
  // On the document, so that parts of a page which came later are heard as well.
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const opener = target?.closest<HTMLElement>("[data-open]");
    if (opener) ask(document.querySelector<HTMLDialogElement>(opener.dataset["open"] ?? ""));
    const closer = target?.closest<HTMLElement>("[data-close]");
    if (closer) closer.closest<HTMLDialogElement>("dialog[id]")?.close();
  });
  document.addEventListener("change", (event) => {
    if (event.target instanceof HTMLSelectElement && event.target.matches("[data-shows]")) fieldsOf(event.target);
  });
  document.addEventListener("htmx:load", () => {
    for (const chooser of document.querySelectorAll<HTMLSelectElement>("select[data-shows]")) fieldsOf(chooser);
  });
  for (const lacks of document.querySelectorAll<HTMLElement>("[data-lacks][data-now]")) void showLacks(lacks);
  for (const field of document.querySelectorAll<HTMLSelectElement>("[data-send-on-change]")) {
    field.addEventListener("change", () => field.form?.requestSubmit());
  }
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-short]")) {
    // What is empty is not sent, so that an address says only what is looked for.
    form.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
    });
  }
  for (const file of document.querySelectorAll<HTMLInputElement>("input[type=file][data-into]")) {
    file.addEventListener("change", () => void fill(file));
  }
}

/** Open a dialog; one that deploys says what is missing. */
function ask(dialog: HTMLDialogElement | null): void {
  dialog?.showModal();
  const lacks = dialog?.querySelector<HTMLElement>("[data-lacks]");
  if (lacks) void showLacks(lacks);
}

/** Show the fields that belong to what is chosen; those of the others are neither seen nor sent. */
function fieldsOf(chooser: HTMLSelectElement): void {
  for (const part of chooser.form?.querySelectorAll<HTMLFieldSetElement>("fieldset[data-of]") ?? []) {
    part.hidden = part.disabled = part.dataset["of"] !== chooser.value;
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
