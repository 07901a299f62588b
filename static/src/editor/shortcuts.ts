import type { Kept } from "../lib/kept";
import { pressed, single, type Act, type Acts } from "./acts";

/** Do the acts whose keys are pressed. Undo works everywhere; single letters only while the diagram has the focus. */
export function shortcuts(acts: Acts, canvas: Element, letters: Kept<boolean>): void {
  const does = (event: KeyboardEvent): boolean => {
    const target = event.target as Element;
    const places = placesOf(target, canvas);
    const fits = (act: Act): boolean =>
      places.has(act.scope ?? "page") && (act.keys ?? []).some((key) => pressed(event, key) && (letters.get() || !single(key)));
    // An act of the canvas goes before one of the page with the same key.
    const found = acts.all.filter((act) => act.run && !act.shown && fits(act)).sort((a, b) => Number(b.scope === "canvas") - Number(a.scope === "canvas"));
    return found.some((act) => acts.run(act.id));
  };
  document.addEventListener(
    "keydown",
    (event) => {
      // A grid or a tree may have another meaning for a key.
      const own = (event.target as Element).closest<HTMLElement>("[data-own-keys]")?.dataset["ownKeys"]?.split(" ");
      if (own?.includes(event.key)) return;
      if (event.isComposing || (event.target as Element).closest("dialog, .drawer")) return;
      if (!does(event)) return;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
}

function placesOf(target: Element, canvas: Element): Set<string> {
  const places = new Set<string>(["anywhere"]);
  if (!target.closest("input, textarea, select, .cm-editor, [contenteditable]")) places.add("page");
  if (canvas.contains(document.activeElement) || document.activeElement === document.body) places.add("canvas");
  return places;
}

/** F6: walk the regions of the page. */
export function regions(by: number): void {
  const all = [...document.querySelectorAll<HTMLElement>("[data-region]")].filter((region) => region.checkVisibility({ visibilityProperty: true }));
  const at = all.findIndex((region) => region.contains(document.activeElement));
  const next = all[(at + by + all.length) % all.length];
  next?.querySelector<HTMLElement>('.item[tabindex="0"], [role="treeitem"][tabindex="0"], [role="gridcell"][tabindex="0"], .cm-content, button:not([disabled]), input, a[href]')?.focus();
}
