type Drawer = typeof import("../phone/drawer");

let loaded: Promise<Drawer> | null = null;

/** Open the phone, loading it on first use, and perhaps fill in whom to call. */
export async function phone(number?: string): Promise<void> {
  loaded ??= import("../phone/drawer");
  const { open } = await loaded;
  open(number);
}

/** Wire every phone button of the page. */
export function phoneButtons(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-phone-toggle]");
    if (button) void phone(button.dataset["phoneNumber"]);
  });
}
