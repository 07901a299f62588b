/** Close open menus on Escape, on a click elsewhere and when another one opens. */
export function menus(): void {
  const open = (): NodeListOf<HTMLDetailsElement> => document.querySelectorAll<HTMLDetailsElement>("details.menu[open]");
  document.addEventListener("click", (event) => {
    for (const menu of open()) {
      const inside = menu.contains(event.target as Node);
      const chosen = (event.target as Element).closest(".menu-list button, .menu-list a");
      if (!inside || (chosen && !chosen.hasAttribute("data-theme-set"))) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
      event.stopPropagation();
    }
  });
}
