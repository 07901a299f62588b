import type { Canvas } from "../graph/canvas";

export interface Commands {
  undo(): void;
  redo(): void;
  save(): void;
  addState(): void;
  addRow(): void;
  rename(): void;
  edit(): void;
  remove(): void;
  find(): void;
  problem(by: number): void;
  panels(): void;
  keys(): void;
  leave(): void;
}

/** The keys of the editor. Undo works everywhere; single letters only while the diagram has the focus. */
export function shortcuts(canvas: Canvas, commands: Commands): void {
  document.addEventListener(
    "keydown",
    (event) => {
      const target = event.target as Element;
      if (target.closest("dialog, .drawer")) return;
      if (withControl(event, commands) || anywhere(event, commands, target) || onCanvas(event, commands, canvas)) {
        event.preventDefault();
        event.stopPropagation();
      }
    },
    true,
  );
}

function withControl(event: KeyboardEvent, commands: Commands): boolean {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return false;
  const key = event.key.toLowerCase();
  if (key === "z" && !event.shiftKey) commands.undo();
  else if (key === "y" || (key === "z" && event.shiftKey)) commands.redo();
  else if (key === "s") commands.save();
  else if (key === ".") commands.panels();
  else return false;
  return true;
}

function anywhere(event: KeyboardEvent, commands: Commands, target: Element): boolean {
  if (event.key === "F8") commands.problem(event.shiftKey ? -1 : 1);
  else if (event.key === "F6") regions(event.shiftKey ? -1 : 1);
  else if (event.key === "F2" && !target.closest(".cm-editor")) commands.rename();
  else if (target.closest("input, textarea, select, .cm-editor")) return false;
  else if (event.key === "/") commands.find();
  else if (event.key === "?") commands.keys();
  else return false;
  return true;
}

function onCanvas(event: KeyboardEvent, commands: Commands, canvas: Canvas): boolean {
  const inside = canvas.svg.contains(document.activeElement) || document.activeElement === document.body;
  if (!inside || event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key === "n" || event.key === "N") commands.addState();
  else if (event.key === "t" || event.key === "T") commands.addRow();
  else if (event.key === "Delete" || event.key === "Backspace") commands.remove();
  else if (event.key === "+" || event.key === "=") canvas.zoom(1.2);
  else if (event.key === "-") canvas.zoom(1 / 1.2);
  else if (event.shiftKey && event.code === "Digit0") canvas.full();
  else if (event.shiftKey && event.code === "Digit1") canvas.fit();
  else if (event.key === "Escape") commands.leave();
  else return false;
  return true;
}

/** F6: walk the regions of the page. */
function regions(by: number): void {
  const all = [...document.querySelectorAll<HTMLElement>("[data-region]")].filter((region) => region.offsetParent !== null);
  const at = all.findIndex((region) => region.contains(document.activeElement));
  const next = all[(at + by + all.length) % all.length];
  next?.querySelector<HTMLElement>('.item[tabindex="0"], [role="treeitem"][tabindex="0"], .cm-content, button:not([disabled]), input, a[href]')?.focus();
}
