const CHOICES = ["system", "light", "dark", "contrast"];
const YEAR = 365 * 24 * 3600;

/** Wire the colour choice of the user menu; the choice is a cookie so that the server paints the first frame right. */
export function theme(): void {
  const buttons = document.querySelectorAll<HTMLElement>("[data-theme-set]");
  const root = document.documentElement;
  const mark = (): void => {
    const now = root.dataset["theme"] ?? "system";
    for (const button of buttons) button.setAttribute("aria-checked", String(button.dataset["themeSet"] === now));
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const choice = button.dataset["themeSet"] ?? "system";
      if (!CHOICES.includes(choice)) return;
      if (choice === "system") delete root.dataset["theme"];
      else root.dataset["theme"] = choice;
      document.cookie = `theme=${choice}; path=/; max-age=${choice === "system" ? 0 : YEAR}; samesite=lax`;
      mark();
    });
  }
  mark();
}
