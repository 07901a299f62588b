/** Chips that narrow the rows of a table in the page, and the search box beside them. */
export function filters(): void {
  for (const bar of document.querySelectorAll<HTMLElement>("[data-filters]")) wire(bar);
}

function wire(bar: HTMLElement): void {
  const rows = [...document.querySelectorAll<HTMLElement>(`${bar.dataset["filters"]} [data-keys]`)];
  const chips = [...bar.querySelectorAll<HTMLElement>("[data-filter]")];
  const search = bar.querySelector<HTMLInputElement>("input[type=search]");
  const none = document.querySelector<HTMLElement>("[data-none]");
  let key = "";
  const apply = (): void => {
    const words = (search?.value ?? "").trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const keys = (row.dataset["keys"] ?? "").split(" ");
      row.hidden = (key !== "" && !keys.includes(key)) || !(row.textContent ?? "").toLowerCase().includes(words);
      if (!row.hidden) shown += 1;
    }
    if (none) none.hidden = shown > 0;
  };
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      key = chip.dataset["filter"] ?? "";
      for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
      apply();
    });
  }
  search?.addEventListener("input", apply);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || !search || (event.target as Element).closest("input, textarea, select, dialog")) return;
    event.preventDefault();
    search.focus();
  });
}
